"""The one error of all who are not let in."""

from __future__ import annotations


class Refusal(Exception):
    """Somebody may not come in: `code` is stable, `detail` is for a person."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail
