"""How far a document has come, for those who watch: often enough for a bar, and no more."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog

from actors.documents.state import Work
from events.live.frames import DocumentProgress, LiveFrame
from events.log.stream import StreamName, documents_live

EVERY_S = 0.2

Stage = Literal["fetch", "parse", "chunk", "embed", "index"]
Publish = Callable[[StreamName, LiveFrame], Awaitable[None]]
_log = structlog.get_logger(__name__)


class Progress:
    """Of one submission. Frames may be lost; the log is the truth."""

    def __init__(
        self, publish: Publish, work: Work, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._publish, self._work, self._clock = publish, work, clock
        self._told_at, self._told = float("-inf"), ("", -1, -1)

    async def tell(self, stage: Stage, done: int = 0, total: int = 0) -> None:
        """A new stage and its end are told at once, what lies between at most each `EVERY_S`."""
        now, asked = self._clock(), self._work.asked
        told = (stage, done, total)
        between = stage == self._told[0] and done < total
        if told == self._told or (between and now - self._told_at < EVERY_S):
            return
        self._told, self._told_at = told, now
        frame = DocumentProgress(
            document=asked.document,
            version=self._work.version,
            stage=stage,
            done=done,
            total=total,
        )
        try:
            await self._publish(documents_live(asked.tenant), frame)
        except Exception as error:  # noqa: BLE001 nobody's work fails because nobody can watch it
            _log.debug("progress not told", error=repr(error))
