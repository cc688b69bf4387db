"""Who decides? The conversation, its memory, its owner."""
