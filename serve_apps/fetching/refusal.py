"""Why something was not fetched."""

from __future__ import annotations

from typing import Literal

FetchCode = Literal[
    "refused_address", "not_found", "robots", "too_large", "fetch_failed", "unsupported"
]


class FetchRefused(Exception):
    """`code` is one of `events.knowledge.FailureCode`, `reason` is for a person. `passing`: it may
    be another time (no answer, a server's fault), so asking again later makes sense."""

    def __init__(self, code: FetchCode, reason: str, *, passing: bool = False) -> None:
        super().__init__(code, reason)
        self.code, self.reason, self.passing = code, reason, passing

    def __str__(self) -> str:
        return self.reason
