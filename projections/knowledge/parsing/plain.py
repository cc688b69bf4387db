"""Plain text: one block."""

from __future__ import annotations

from events.objects.artifacts import Block, Parsed
from projections.knowledge.parsing.decoding import decoded


def parse_plain(content: bytes, name: str) -> Parsed:
    """Raises Unparsable (`corrupt`)."""
    text = decoded(name, content)
    return Parsed(blocks=(Block(text=text.strip()),), parser="tandem text 1")
