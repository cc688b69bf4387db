"""The conversations of one tenant as operators see them: a read model, and what is live.

A board begins with the rows of Postgres and goes on with the tenant's live commits, both folded
by the same pure function (`queue.taken_in`) and guarded by version, so it does not
matter which of them is ahead:

- A row is replaced by a newer one only. A commit that is not the next one of its row is a gap,
  and the conversation is read from the log (`Gaps`).
- Postgres may lag. A reading comes with the checkpoint that it stands at. What the board let go
  is not brought back by a reading that stands before it; an open row that the reading should
  name and does not is compared with the log.
- A live commit may be lost, so Postgres is read again now and then, and soon when the live feed
  says that something was missed. While Postgres is away the board goes on with what it has.

It holds a bounded number of rows: those that wait for a person, those that somebody has, and then
the newest. See `readers` for how changes reach consoles and waiting visitors.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Protocol

import msgspec
import structlog

from events.live.frames import LiveFeed, Missed
from events.log.event_log import Commit, EventLog, LogError
from events.log.stream import conversation_stream
from projections.read_models.queue import QueueRow, taken_in
from serve_apps.gateway.operators.board.missed_commits import Gaps
from serve_apps.gateway.operators.board.readers import BoardReader, Places
from serve_apps.gateway.operators.frames import Row
from serve_apps.gateway.shared.limits import GatewayLimits

AT_ONCE = 64
"""Live commits folded before others of this process get their turn."""
READINGS_SOON = 3
"""Readings of Postgres at short distances after something was missed: it may lag."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0

_log = structlog.get_logger(__name__)


class QueueReading(Protocol):
    """Rows of one tenant, and the version up to which their read model had come: one snapshot."""

    @property
    def rows(self) -> Sequence[QueueRow]: ...

    @property
    def checkpoint(self) -> int: ...


class QueueReadings(Protocol):
    """The port to the read model `queue`."""

    async def queue_rows(self, tenant: str) -> QueueReading:
        """The open conversations that come first (see `rank`), and those resolved lately. Raises
        when the read models cannot be asked now."""
        ...


class Board:
    """One tenant's. `run` keeps it; everything else looks at what it holds now."""

    def __init__(
        self,
        tenant: str,
        *,
        log: EventLog,
        live: LiveFeed,
        readings: QueueReadings | None,
        limits: GatewayLimits,
        now_ms: Callable[[], int],
    ) -> None:
        self.tenant = tenant
        self._live, self._readings, self._limits, self._now_ms = live, readings, limits, now_ms
        self._rows: dict[str, QueueRow] = {}
        self._gone: dict[str, int] = {}
        """Rows that were let go, by the version they had: an older reading must not bring them
        back. Forgotten once a reading stands beyond it."""
        self._gaps = Gaps(log, self._row_of, self._put)
        self._read_again = asyncio.Event()
        self._read_once = asyncio.Event()
        self._readers: set[BoardReader] = set()
        self._places = Places(self._in_order, limits.board_every_s)

    # What it shows.

    async def ready(self) -> None:
        """Return once Postgres has been asked, with or without an answer."""
        await self._read_once.wait()

    def rows(self, most: int) -> tuple[Row, ...]:
        """The open conversations in the order of the queue, `most` at most."""
        opened = [row for row in self._rows.values() if row.status == "open"]
        return tuple(shown(row) for row in sorted(opened, key=rank)[:most])

    def row(self, conversation: str) -> Row | None:
        found = self._rows.get(conversation)
        return None if found is None else shown(found)

    def reader(self) -> BoardReader:
        """For one console: which conversations changed. Close it."""
        reader = BoardReader(self._readers, self._limits.board_every_s)
        self._readers.add(reader)
        return reader

    def places(self, conversation: str) -> AsyncIterator[int]:
        """A waiting conversation's place, from 1, now and whenever it changes."""
        return self._places.of(conversation)

    def _in_order(self) -> list[str]:
        """Those that wait for a person, longest first."""
        waiting = [row for row in self._rows.values() if _waits(row)]
        return [row.conversation for row in sorted(waiting, key=rank)]

    # What keeps it.

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._read())
            group.create_task(self._gaps.run())
            group.create_task(self._places.run())

    async def _follow(self) -> None:
        """The live commits; a subscription that ends is opened again, and Postgres read again."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                async with self._live.watch_tenant(self.tenant) as pushed:
                    pause = _FIRST_PAUSE_S
                    self._read_again.set()
                    await self._fold(pushed)
            except LogError as error:
                _log.warning("a board is without its live feed", error=str(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _fold(self, pushed: AsyncIterator[Commit | Missed]) -> None:
        for_others = AT_ONCE
        while True:
            try:
                item = await anext(pushed)
            except StopAsyncIteration:
                return
            except LogError as error:
                _log.error("a board cannot read a live commit", error=str(error))
                continue
            if isinstance(item, Missed):
                self._read_again.set()
            else:
                self._take(item)
            for_others -= 1
            if not for_others:
                for_others = AT_ONCE
                await asyncio.sleep(0)

    def _take(self, commit: Commit) -> None:
        ident = commit.stream.id
        row = self._rows.get(ident)
        if row is not None and commit.version <= row.version:
            return
        if commit.number == (row.commits if row is not None else 0) + 1:
            self._put(taken_in(row, commit))
        else:
            self._gaps.add(conversation_stream(self.tenant, ident), commit.number)

    def _row_of(self, conversation: str) -> QueueRow | None:
        return self._rows.get(conversation)

    def _put(self, row: QueueRow) -> None:
        before = self._rows.get(row.conversation)
        if before is not None and row.version <= before.version:
            return
        self._rows[row.conversation] = row
        for reader in self._readers:
            reader.note(row.conversation)
        waited = before.waiting_since if before is not None and _waits(before) else None
        if waited != (row.waiting_since if _waits(row) else None):
            self._places.note()
        if len(self._rows) > 2 * self._limits.board_rows:
            self._trim()

    # Postgres.

    async def _read(self) -> None:
        """At the start, when something was missed, and every now and then."""
        soon = READINGS_SOON
        while True:
            # Cleared before: what is missed while Postgres answers is asked for once more.
            self._read_again.clear()
            answered = await self._read_rows()
            self._read_once.set()
            self._trim()
            soon = max(0, soon - 1) if answered else soon
            hurry = soon or not answered
            try:
                async with asyncio.timeout(
                    self._limits.board_retry_s if hurry else self._limits.board_reread_s
                ):
                    await self._read_again.wait()
                soon = READINGS_SOON
            except TimeoutError:
                continue

    async def _read_rows(self) -> bool:
        """False when Postgres did not answer."""
        if self._readings is None:
            return True
        try:
            async with asyncio.timeout(self._limits.board_read_timeout_s):
                reading = await self._readings.queue_rows(self.tenant)
        except Exception as error:  # noqa: BLE001  # whatever keeps Postgres away, the board goes on
            _log.warning("a board goes on without Postgres", error=repr(error))
            return False
        for row in reading.rows:
            if row.version > self._gone.get(row.conversation, 0):
                self._put(row)
        self._check_unnamed(reading.rows, reading.checkpoint)
        self._gone = {
            ident: version for ident, version in self._gone.items() if version > reading.checkpoint
        }
        return True

    def _check_unnamed(self, rows: Sequence[QueueRow], checkpoint: int) -> None:
        """An open row that Postgres knows and does not name may be resolved for long; but one
        that ranks behind all that a full reading names has only had no room in it."""
        named = {row.conversation for row in rows}
        opened = [rank(row) for row in rows if row.status == "open"]
        last = max(opened) if len(opened) >= self._limits.board_rows else None
        for ident, row in self._rows.items():
            if last is not None and rank(row) > last:
                continue
            if row.status == "open" and ident not in named and row.version <= checkpoint:
                self._gaps.add(conversation_stream(self.tenant, ident), row.commits)

    def _trim(self) -> None:
        """Let go what was resolved a while ago, and what there is no room for."""
        since = self._now_ms() - int(self._limits.board_resolved_s * 1000)
        self._let_go(
            row for row in self._rows.values() if row.resolved_at and row.resolved_at < since
        )
        most = self._limits.board_rows
        if len(self._rows) > 2 * most:
            self._let_go(sorted(self._rows.values(), key=rank)[most:])

    def _let_go(self, rows: Iterable[QueueRow]) -> None:
        for row in list(rows):
            del self._rows[row.conversation]
            self._gone[row.conversation] = row.version
            if row.waiting_since is not None:
                self._places.note()
        while len(self._gone) > 10 * self._limits.board_rows:
            del self._gone[next(iter(self._gone))]


def _waits(row: QueueRow) -> bool:
    """For a person, and none has it: who is supervised has one already."""
    return row.waiting_since is not None and not row.operator


def rank(row: QueueRow) -> tuple[int, int, str]:
    """Sorts rows: those that wait for a person, longest first; those that somebody has, or whose
    draft waits; then the newest; resolved ones last."""
    if row.waiting_since is not None:
        return 0, row.waiting_since, row.conversation
    if row.status == "resolved":
        return 3, -row.last_at, row.conversation
    return (1 if row.operator or row.draft else 2), -row.last_at, row.conversation


def shown(row: QueueRow) -> Row:
    """`row` as it goes over the wire."""
    return msgspec.convert(row, Row, from_attributes=True)
