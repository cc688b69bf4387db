"""Numbers as a person says them."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """`1 document`, `2 documents`."""
    return f"{count} {one if count == 1 else many or one + 's'}"
