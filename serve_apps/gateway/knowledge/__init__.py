"""The knowledge API (docs/knowledge-api.md): documents in, search, who was told what."""
