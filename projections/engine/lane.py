"""A lane: it keeps one projection going, whatever dies.

An attempt reads the checkpoint and takes in batch after batch of what follows it, from the reader
that the lanes share or from one of its own (`projections.engine.reader`). Anything wrong ends the
attempt: a lost connection, a commit that cannot be read, a batch that cannot be written, a gap, a
feed that stands still although the log has more. It is logged and told in the health, and after a
pause, longer each time up to a bound, the next attempt begins at the checkpoint. What goes wrong
in one lane, the others do not notice.
"""

from __future__ import annotations

import asyncio
from typing import Literal

import asyncpg
import msgspec
import nats
import structlog

from projections.engine.builds import ensure_live, live_build
from projections.engine.database import CONNECT_TIMEOUT_S
from projections.engine.projection import Projection
from projections.engine.reader import Reader, Readers
from projections.engine.rebuild import NATS_TIMEOUT_S, RebuildRunning, rebuild_from
from projections.engine.runner import feed_live
from projections.engine.schema import ensure_schema

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0

LaneState = Literal["starting", "building", "running", "stopped"]
_log = structlog.get_logger(__name__)


class LaneHealth(msgspec.Struct, frozen=True, kw_only=True):
    """`lag` is in commits, as the server counted them last; `error` is empty when all is well."""

    projection: str
    state: LaneState
    checkpoint: int
    lag: int
    error: str
    failures: int
    """How many attempts have failed since the worker started."""


class Lane:
    """Runs one projection. `run` until it is cancelled; `health` at any time, from any thread."""

    def __init__(
        self,
        projection: Projection,
        *,
        nats_url: str,
        dsn: str,
        pool: asyncpg.Pool,
        readers: Readers,
    ) -> None:
        self._projection, self._nats_url, self._dsn, self._pool = projection, nats_url, dsn, pool
        self._readers = readers
        self._log = _log.bind(projection=projection.name)
        self.health = LaneHealth(
            projection=projection.name, state="starting", checkpoint=0, lag=0, error="", failures=0
        )

    async def run(self) -> None:
        """Attempt after attempt, for ever."""
        pause = FIRST_PAUSE_S
        while True:
            begun_at = self.health.checkpoint
            try:
                await self._attempt()
            except Exception as error:  # noqa: BLE001 whatever ends an attempt, the lane outlives it
                self._failed(error)
            moved = self.health.checkpoint > begun_at
            pause = FIRST_PAUSE_S if moved else min(2 * pause, LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    def _failed(self, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        if text != self.health.error:
            self._log.error("lane_stopped", error=text, checkpoint=self.health.checkpoint)
        self._tell(state="stopped", error=text, failures=self.health.failures + 1)

    def _tell(self, **changes: object) -> None:
        self.health = msgspec.structs.replace(self.health, **changes)

    async def _attempt(self) -> None:
        """Reader after reader, until something is wrong, which is raised."""
        place = begun_at = await self._prepare()
        while True:
            async with self._readers.reading(self._projection, place) as reader:
                while self._readers.fits(reader, self._projection, place):
                    place = await self._step(reader, place)
                    self._told(place, reader.outstanding(place), moved=place > begun_at)

    async def _step(self, reader: Reader, place: int) -> int:
        """Take in what comes next, if anything does; the checkpoint behind it."""
        projection = self._projection
        batch = await reader.next(projection.name, place, projection.batch_size)
        return place if batch is None else await feed_live(self._pool, projection, batch)

    def _told(self, checkpoint: int, outstanding: int | None, *, moved: bool) -> None:
        """An error is over when something was taken in since, or nothing is left to take in."""
        self._tell(checkpoint=checkpoint)
        if outstanding is not None:
            self._tell(lag=outstanding)
        if (moved or outstanding == 0) and self.health.state != "running":
            self._log.info("lane_runs", checkpoint=checkpoint)
            self._tell(state="running", error="")

    async def _prepare(self) -> int:
        """The checkpoint of a live build that fits; builds it anew for a new schema version."""
        await ensure_schema(self._dsn)
        live = await ensure_live(self._pool, self._projection)
        if live.version < self._projection.version:
            self._tell(state="building")
            await self._build_anew()
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                live = await live_build(connection, self._projection.name) or live
        self._tell(checkpoint=live.checkpoint)
        return live.checkpoint

    async def _build_anew(self) -> None:
        client = await nats.connect(
            self._nats_url.split(","), allow_reconnect=False, connect_timeout=int(NATS_TIMEOUT_S)
        )
        try:
            await rebuild_from(
                self._projection, client.jetstream(timeout=NATS_TIMEOUT_S), self._pool
            )
        except RebuildRunning as error:
            self._log.info("rebuild_awaited", why=str(error))
            raise
        finally:
            await client.close()
