"""One reader for the lanes of a process: it fetches and decodes once, each lane has its own pace.

A reader keeps a window of the newest commits that it read, four batches at most, and knows where
each of its lanes stands. It reads on when there is room. For a lane that would lose what it has
not taken yet it waits a while, and for the fastest lane always: so nothing piles up, and one slow
lane holds the others back for a moment only.

For each kind of streams one reader leads: the one whose lanes are furthest. A lane joins it
wherever the window holds its place. A lane that stands before the window reads with a reader of
its own, until it has come to the window. Lanes share nothing else: each has its own checkpoint,
transaction and failure.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from events.log.event_log import Commit
from events.log.stream import Kind
from projections.engine.feed import STOP_TIMEOUT_S, Feed, acknowledge, open_feed
from projections.engine.projection import Projection, ProjectionError
from projections.engine.runner import Batch
from projections.engine.source import Sequencer

if TYPE_CHECKING:
    from nats.aio.msg import Msg

WINDOW_BATCHES = 4
PATIENCE_S = 1.0
"""How long the reader waits for a slow lane before it drops what that lane has not taken."""
GATHER_S = 2.0
"""Nothing is dropped for so long after the start while lanes that may come have not come yet."""
TICK_S = 1.0
STALL_S = 10.0
"""Commits outstanding and nothing delivered for so long, while no batch is in hand: stalled."""

_log = structlog.get_logger(__name__)


class Stalled(ProjectionError):
    """The log has more, and nothing comes."""


class Reader:
    """Reads the log of one kind from `after` on, for the lanes that have joined it.

    It fails once and for good: what it holds is still handed out, then each lane gets the error.
    `awaited` names the lanes that are likely to join soon.
    """

    def __init__(
        self, nats_url: str, projection: Projection, after: int, awaited: Iterable[str] = ()
    ) -> None:
        self._nats_url, self._projection = nats_url, projection
        self._size = WINDOW_BATCHES * projection.batch_size
        self._after = self._head = after
        self._commits: list[Commit] = []
        """All that the log keeps behind `_after` and up to `_head`, oldest first."""
        self._places: dict[str, int] = {}
        self._awaited, self._gathers_until = set(awaited), time.monotonic() + GATHER_S
        self._sequencer = Sequencer(f"the reader of {projection.kind}", after)
        self._outstanding: int | None = None
        self._busy, self._idle_since = False, time.monotonic()
        self._news, self._taken = asyncio.Event(), asyncio.Event()
        self.error: Exception | None = None
        self._task = asyncio.create_task(self._run(), name=f"reader-{projection.kind}")

    @property
    def alive(self) -> bool:
        """Whether a lane may join: it has not failed, and its last lane has not left it."""
        return self.error is None and bool(self._places)

    def holds(self, place: int) -> bool:
        """Whether a lane at `place` can go on from here, perhaps after a short wait."""
        return self.alive and self._after <= place <= self._head + self._size

    def lost(self, place: int) -> bool:
        """Whether what follows `place` was dropped already."""
        return place < self._after

    def is_behind(self, place: int) -> bool:
        return self._head < place

    def outstanding(self, place: int) -> int | None:
        """Commits that a lane at `place` has still to take in; None before the server said so."""
        if self._outstanding is None:
            return None
        return self._outstanding + len(self._commits) - self._index(place)

    def join(self, lane: str, place: int) -> None:
        self._places[lane] = place
        self._awaited.discard(lane)
        self._taken.set()

    async def leave(self, lane: str) -> None:
        """The reader ends with its last lane."""
        del self._places[lane]
        self._taken.set()
        if not self._places:
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=3 * STOP_TIMEOUT_S)

    async def next(self, lane: str, place: int, most: int) -> Batch | None:
        """What follows `place`, `most` commits at most. None when nothing came within a tick, and
        when it was dropped (`lost`). Raises what ended the reader, when nothing is left.
        """
        self._places[lane] = place
        self._taken.set()
        if place >= self._head and self.error is None:
            await _within(self._news, TICK_S)
        if self.lost(place):
            return None
        start = self._index(place)
        commits = tuple(self._commits[start : start + most])
        if commits:
            return Batch(after=place, commits=commits, through=commits[-1].version)
        if self.error is not None:
            raise self.error
        return None

    def _index(self, place: int) -> int:
        return bisect_right(self._commits, place, key=lambda commit: commit.version)

    async def _run(self) -> None:
        try:
            async with open_feed(
                self._nats_url, self._projection, self._take, after=self._after
            ) as feed:
                await self._watch(feed)
        except Exception as error:  # noqa: BLE001 whatever it is, each lane raises it
            self._fail(error)

    async def _watch(self, feed: Feed) -> None:
        """Until something is wrong."""
        while self.error is None:
            self._outstanding = await feed.outstanding()
            idle_s = 0.0 if self._busy else time.monotonic() - self._idle_since
            if self._outstanding and idle_s > STALL_S:
                raise Stalled(f"{self._outstanding} commits are outstanding and none comes")
            _wake(self._news)
            await asyncio.wait((feed.lost,), timeout=TICK_S)
            if feed.lost.done():
                feed.lost.result()

    def _fail(self, error: Exception) -> None:
        if self.error is None:
            self.error = error
            _log.info("reader_ended", kind=self._projection.kind, error=repr(error))
        _wake(self._news)

    async def _take(self, messages: Sequence[Msg]) -> None:
        """Take one batch into the window; after a failure, nothing more is taken."""
        if self.error is not None:
            return
        self._busy = True
        try:
            batch, poison = self._sequencer.batch(messages)
            await self._make_room(len(batch.commits))
            self._commits += batch.commits
            self._head = batch.through
            if poison is not None:
                raise poison
            _wake(self._news)
            await acknowledge(messages)
        except Exception as error:  # noqa: BLE001 FastStream would swallow it
            self._fail(error)
        finally:
            self._busy, self._idle_since = False, time.monotonic()

    async def _make_room(self, coming: int) -> None:
        """Wait until the oldest commits may be dropped, and drop them."""
        excess = len(self._commits) + coming - self._size
        if excess <= 0:
            return
        through = self._commits[excess - 1].version
        patience_ends = time.monotonic() + PATIENCE_S
        if self._awaited:
            patience_ends = max(patience_ends, self._gathers_until)
        while self._places and not self._may_drop(through, patience_ends):
            left_s = patience_ends - time.monotonic()
            self._taken.clear()
            await _within(self._taken, left_s if left_s > 0 else TICK_S)
        del self._commits[:excess]
        self._after = through

    def _may_drop(self, through: int, patience_ends: float) -> bool:
        now = time.monotonic()
        places = [place for place in self._places.values() if not self.lost(place)]
        if not places:
            return False
        gathers = self._awaited and now < self._gathers_until
        if min(places) >= through and not gathers:
            return True
        return now >= patience_ends and max(places) >= self._head


class Readers:
    """The readers of a process whose lanes run `projections`."""

    def __init__(self, nats_url: str, projections: Sequence[Projection]) -> None:
        self._nats_url, self._projections = nats_url, projections
        self._leading: dict[Kind, Reader] = {}

    @asynccontextmanager
    async def reading(self, projection: Projection, place: int) -> AsyncGenerator[Reader]:
        """The reader for a lane at `place`: the leading one where it can be, or one of its own."""
        reader = self._leading.get(projection.kind)
        if reader is None or not reader.holds(place):
            leads = reader is None or not reader.alive or reader.is_behind(place)
            lanes = [each.name for each in self._projections if each.kind == projection.kind]
            reader = Reader(self._nats_url, projection, place, lanes if leads else ())
            if leads:
                self._leading[projection.kind] = reader
        reader.join(projection.name, place)
        try:
            yield reader
        finally:
            await reader.leave(projection.name)

    def fits(self, reader: Reader, projection: Projection, place: int) -> bool:
        """Whether a lane at `place` does best to stay with `reader`."""
        if reader.lost(place):
            return False
        leading = self._leading.get(projection.kind)
        if leading is None or not leading.alive:
            self._leading[projection.kind] = leading = reader
        return leading is reader or not leading.holds(place)


def _wake(event: asyncio.Event) -> None:
    """Wake who waits now, and nobody later."""
    event.set()
    event.clear()


async def _within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
