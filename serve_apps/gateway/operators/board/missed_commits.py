"""Conversations of which a board has missed something, and how it reads them from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from events.log.event_log import EventLog, Head, LogError, LogUnavailable
from events.log.stream import StreamName
from projections.read_models.queue import QueueRow, taken_in

AT_ONCE = 4
"""Conversations read at the same time."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0

_log = structlog.get_logger(__name__)


class Gaps:
    """`add` what was missed; `run` reads it, and gives the rows."""

    def __init__(
        self,
        log: EventLog,
        row_of: Callable[[str], QueueRow | None],
        put: Callable[[QueueRow], None],
    ) -> None:
        self._log, self._row_of, self._put = log, row_of, put
        self._wanted: dict[StreamName, int] = {}
        """Conversations, and the number of the newest commit that is known to be there."""
        self._some = asyncio.Event()

    def add(self, stream: StreamName, number: int) -> None:
        """The commit `number` of `stream` is there, and one before it may be missing."""
        self._wanted[stream] = max(number, self._wanted.get(stream, 0))
        self._some.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        pause = _FIRST_PAUSE_S
        while True:
            await self._some.wait()
            self._some.clear()
            while self._wanted:
                streams = list(self._wanted)[:AT_ONCE]
                read = await asyncio.gather(*(self._fill(stream) for stream in streams))
                if any(read):
                    pause = _FIRST_PAUSE_S
                else:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _fill(self, stream: StreamName) -> bool:
        """Read one conversation. False when it must be tried again: the log is away, or a server
        answered that is behind."""
        row = self._row_of(stream.id)
        try:
            after = Head(version=row.version) if row is not None else Head()
            commits = await self._log.load(stream, after=after)
        except LogUnavailable as error:
            _log.warning("a board cannot fill a gap yet", error=str(error))
            return False
        except LogError as error:
            _log.error("a board cannot read a conversation", error=str(error))
            del self._wanted[stream]
            return True
        for commit in commits:
            row = taken_in(row, commit)
        if row is None or row.commits < self._wanted[stream]:
            self._wanted[stream] = self._wanted.pop(stream)  # to the end: others are not held up
            return False
        self._put(row)
        del self._wanted[stream]
        return True
