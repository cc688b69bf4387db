"""Why a document cannot be read."""

from __future__ import annotations

from events.knowledge import FailureCode


class Unparsable(Exception):
    """`reason` is a sentence for a person, and says what to do; `where` is the place in the
    document, where one is known."""

    def __init__(self, code: FailureCode, reason: str, where: str = "") -> None:
        super().__init__(code, reason, where)  # all of them, so that it can be pickled
        self.code: FailureCode = code
        self.reason = reason
        self.where = where

    def __str__(self) -> str:
        return f"{self.reason} ({self.where})" if self.where else self.reason
