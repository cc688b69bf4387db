"""A lane: it keeps one projection going, whatever dies.

An attempt reads the checkpoint, opens a feed behind it and takes in batch after batch. Anything
wrong ends the attempt: a lost connection, a commit that cannot be read, a batch that cannot be
written, a gap, a feed that stands still although the log has more. It is logged and told in the
health, and after a pause, longer each time up to a bound, the next attempt begins at the
checkpoint. Other lanes do not notice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import asyncpg
import msgspec
import nats
import structlog

from projections.builds import ensure_live, live_build
from projections.database import CONNECT_TIMEOUT_S
from projections.feed import Feed, acknowledge, open_feed
from projections.projection import Projection, ProjectionError
from projections.rebuild import NATS_TIMEOUT_S, RebuildRunning, rebuild_from
from projections.runner import feed_live
from projections.schema import ensure_schema
from projections.source import Sequencer

if TYPE_CHECKING:
    from nats.aio.msg import Msg

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
TICK_S = 1.0
STALL_S = 10.0
"""Commits outstanding and nothing taken in for so long, while no batch is in hand: stalled."""

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


class Stalled(ProjectionError):
    """The log has more, and nothing comes."""


class Lane:
    """Runs one projection. `run` until it is cancelled; `health` at any time, from any thread."""

    def __init__(
        self, projection: Projection, *, nats_url: str, dsn: str, pool: asyncpg.Pool
    ) -> None:
        self._projection, self._nats_url, self._dsn, self._pool = projection, nats_url, dsn, pool
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
        checkpoint = await self._prepare()
        attempt = _Attempt(self._projection, self._pool, checkpoint)
        async with open_feed(
            self._nats_url, self._projection, attempt.take, after=checkpoint
        ) as feed:
            await self._watch(feed, attempt)

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

    async def _watch(self, feed: Feed, attempt: _Attempt) -> None:
        """Until something is wrong, which is raised."""
        ends = (attempt.failed, feed.lost)
        while True:
            outstanding = await feed.outstanding()
            for end in ends:
                if end.done():
                    end.result()
            self._tell(checkpoint=attempt.checkpoint, lag=outstanding)
            if attempt.moved or not outstanding:
                self._runs()
            if outstanding and attempt.idle_s > STALL_S:
                raise Stalled(f"{outstanding} commits are outstanding and none comes")
            await asyncio.wait(ends, timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)

    def _runs(self) -> None:
        """An error is over when something was taken in since, or nothing is left to take in."""
        if self.health.state != "running":
            self._log.info("lane_runs", checkpoint=self.health.checkpoint)
        self._tell(state="running", error="")


class _Attempt:
    """What one feed has brought. `failed` ends with the error of the batch that failed."""

    def __init__(self, projection: Projection, pool: asyncpg.Pool, checkpoint: int) -> None:
        self._projection, self._pool = projection, pool
        self._begun_at = self.checkpoint = checkpoint
        self._sequencer = Sequencer(projection.name, checkpoint)
        self._busy = False
        self._idle_since = time.monotonic()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def moved(self) -> bool:
        return self.checkpoint > self._begun_at

    @property
    def idle_s(self) -> float:
        return 0.0 if self._busy else time.monotonic() - self._idle_since

    async def take(self, messages: Sequence[Msg]) -> None:
        """Take one batch in and acknowledge it; after a failure, nothing more is taken."""
        if self.failed.done():
            return
        self._busy = True
        try:
            batch, poison = self._sequencer.batch(messages)
            if batch.commits:
                self.checkpoint = await feed_live(self._pool, self._projection, batch)
            if poison is not None:
                raise poison
            await acknowledge(messages)
        except Exception as error:  # noqa: BLE001 the lane raises it; FastStream would swallow it
            self.failed.set_exception(error)
        finally:
            self._busy, self._idle_since = False, time.monotonic()
