"""A hostile file and its outcome."""

from __future__ import annotations

import msgspec

from events.knowledge import FailureCode, FlagKind


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """`refused`: the code it fails with; empty where it is read all the same, with `flags`.
    `holds` and `lacks` are words that its text has, and has not."""

    name: str
    content: bytes
    refused: FailureCode | None = None
    flags: tuple[FlagKind, ...] = ()
    holds: str = ""
    lacks: str = ""
