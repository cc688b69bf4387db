"""Blue/green: build a projection anew from the log beside the live one, compare, swap, drop.

Reads go on all the time, and so does the live lane but for the moments in which the new build
is brought to the very same checkpoint. A rebuild that dies leaves the live build as it was; the
next one drops what it left half-made.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import asyncpg
import msgspec
import nats
import structlog
from nats.js import JetStreamContext

from projections.engine.builds import (
    Build,
    NoSuchBuild,
    create_build,
    discarded_builds,
    drop_build,
    ensure_live,
    live_build,
    lock_live,
    make_live,
)
from projections.engine.comparison import TableComparison, compare
from projections.engine.database import open_pool
from projections.engine.projection import Connection, Projection, ProjectionError
from projections.engine.runner import ACQUIRE_TIMEOUT_S, Batch, take_in
from projections.engine.security import WRITER_ROLE
from projections.engine.source import last_version, read_log

NATS_TIMEOUT_S = 10.0
COMPARE_TIMEOUT_S = 3600.0
CLOSE_ENOUGH = 1000
"""Commits that may be left to catch up with while the live lane waits."""
LOCK_TIMEOUT = "2s"
"""A swap must wait for readers that are in a transaction, and new readers wait behind it."""
LOCK_ATTEMPTS = 30
LOCK_PAUSE_S = 1.0

_log = structlog.get_logger(__name__)


class RebuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild found. `tables` is empty when there was nothing to compare with: the live
    build was of another schema version, or there was none."""

    projection: str
    version: int
    build: int
    checkpoint: int
    """The version up to which both builds had come when they were compared."""
    tables: tuple[TableComparison, ...] = ()

    @property
    def equal(self) -> bool:
        """True when every row of the rebuilt build equals the live one's."""
        return all(table.equal for table in self.tables)


class RebuildRunning(ProjectionError):
    """Another rebuild of this projection is under way."""


async def rebuild(
    projection: Projection, nats_url: str, dsn: str, *, lost: bool = False
) -> RebuildReport:
    """Build `projection` anew from the log, compare, and make the new build live.

    The new build takes the live one's place also when they differ: the log is the truth. The
    report says which rows differed. With `lost` the database is a new one: whatever is live in it
    has only begun, so that the log is read to its end and nothing compared. The schema must
    stand.

    Raises RebuildRunning, NewerBuild, OSError or TimeoutError when NATS or Postgres cannot be
    reached, what `apply`, asyncpg and nats-py raise; then the live build stays as it was.
    """
    pool = await open_pool(dsn, max_size=4, command_timeout=COMPARE_TIMEOUT_S)
    try:
        client = await nats.connect(
            nats_url, allow_reconnect=False, connect_timeout=int(NATS_TIMEOUT_S)
        )
        try:
            jetstream = client.jetstream(timeout=NATS_TIMEOUT_S)
            return await rebuild_from(projection, jetstream, pool, lost=lost)
        finally:
            await client.close()
    finally:
        async with asyncio.timeout(NATS_TIMEOUT_S):
            await pool.close()


async def rebuild_from(
    projection: Projection, jetstream: JetStreamContext, pool: asyncpg.Pool, *, lost: bool = False
) -> RebuildReport:
    """`rebuild` over connections that are there. `pool` must lend four at once."""
    async with _alone(pool, projection.name):
        await ensure_live(pool, projection)
        await _insist(lambda: _drop_discarded(pool, projection.name), what="drop old builds")
        async with (
            pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection,
            connection.transaction(),
        ):
            build = await create_build(connection, projection)
        _log.info("rebuild_begun", projection=projection.name, build=build.schema)
        work = _Rebuild(projection, jetstream, pool, build, compares=not lost)
        await work.catch_up()
        checkpoint, tables = await work.compare_with_live()
        await work.catch_up()
        await _insist(work.swap, what=f"swap {build.schema}")
        await _insist(lambda: _drop_discarded(pool, projection.name), what="drop the old build")
    report = RebuildReport(
        projection=projection.name,
        version=build.version,
        build=build.build,
        checkpoint=checkpoint,
        tables=tables,
    )
    _log.info("rebuild_done", projection=projection.name, build=build.schema, equal=report.equal)
    return report


class _Rebuild:
    """One rebuild under way: the new build and how far it has come."""

    def __init__(
        self,
        projection: Projection,
        jetstream: JetStreamContext,
        pool: asyncpg.Pool,
        build: Build,
        *,
        compares: bool,
    ) -> None:
        self.projection, self.jetstream, self.pool = projection, jetstream, pool
        self.build, self.compares = build, compares

    async def catch_up(self) -> None:
        """Read the log until the new build is close to the live one's checkpoint.

        Never beyond it: both must be comparable at one checkpoint. A live build of an older
        schema version is fed by nobody, and one that is not compared may have only begun, so
        then the log's end is the goal.
        """
        while True:
            goal = await self._goal()
            await self._read_to(goal)
            if await self._goal() - self.build.checkpoint <= CLOSE_ENOUGH:
                return

    async def _goal(self) -> int:
        async with self.pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            return await self._goal_seen_by(connection)

    async def _goal_seen_by(self, connection: Connection) -> int:
        live = await live_build(connection, self.projection.name)
        if live is None:
            raise NoSuchBuild(f"{self.projection.name} has no live build")
        if self.compares and live.version == self.projection.version:
            return live.checkpoint
        return await last_version(self.jetstream, self.projection.kind)

    async def _read_to(self, goal: int) -> None:
        batches = read_log(
            self.jetstream,
            self.projection.kind,
            after=self.build.checkpoint,
            through=goal,
            batch_size=self.projection.batch_size,
        )
        async with aclosing(batches):
            async for batch in batches:
                await self._take_in(batch)

    async def _take_in(self, batch: Batch) -> None:
        async with (
            asyncio.timeout(self.projection.apply_timeout_s),
            self.pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection,
            connection.transaction(),
        ):
            through = await take_in(connection, self.projection, self.build, batch, live=False)
        self.build = msgspec.structs.replace(self.build, checkpoint=through)

    async def compare_with_live(self) -> tuple[int, tuple[TableComparison, ...]]:
        """The checkpoint at which both stood, and the comparison; none with another version.

        The live lane waits only until a snapshot of both at one checkpoint is taken.
        """
        async with (
            self.pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as reader,
            reader.transaction(isolation="repeatable_read", readonly=True),
        ):
            async with self._live_held() as (_, live):
                if not self.compares or live.version != self.build.version:
                    return self.build.checkpoint, ()
                # The first statement takes the transaction's snapshot.
                await reader.execute(f"SET LOCAL ROLE {WRITER_ROLE}; SELECT 1")
            return live.checkpoint, await compare(reader, self.projection, live, self.build)

    async def swap(self) -> None:
        """Make the new build live, at the live one's checkpoint."""
        async with self._live_held() as (connection, live):
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            await make_live(connection, self.projection, self.build, replace=live)

    @asynccontextmanager
    async def _live_held(self) -> AsyncGenerator[tuple[Connection, Build]]:
        """Hold the live build still, with the new one brought to the same checkpoint."""
        async with (
            self.pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection,
            connection.transaction(),
        ):
            live = await lock_live(connection, self.projection.name)
            if live is None:
                raise NoSuchBuild(f"{self.projection.name} has no live build")
            await self._read_to(await self._goal_seen_by(connection))
            yield connection, live


@asynccontextmanager
async def _alone(pool: asyncpg.Pool, name: str) -> AsyncGenerator[None]:
    """Hold the projection's rebuild lock. Raises RebuildRunning when another has it.

    It is held by a session, so Postgres frees it when the process dies.
    """
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
        if not await connection.fetchval(
            "SELECT pg_try_advisory_lock(hashtext('tandem.rebuild'), hashtext($1))", name
        ):
            raise RebuildRunning(f"a rebuild of {name} is running already")
        try:
            yield
        finally:
            await connection.execute(
                "SELECT pg_advisory_unlock(hashtext('tandem.rebuild'), hashtext($1))", name
            )


async def _drop_discarded(pool: asyncpg.Pool, name: str) -> None:
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
        for build in await discarded_builds(connection, name):
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                await drop_build(connection, build)
            _log.info("build_dropped", build=build.schema)


async def _insist(step: Callable[[], Awaitable[None]], *, what: str) -> None:
    """Run `step` until it gets its locks; readers pass between two attempts.

    Raises asyncpg.LockNotAvailableError after LOCK_ATTEMPTS.
    """
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            return await step()
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if attempt == LOCK_ATTEMPTS:
                raise
            _log.info("waiting_for_readers", what=what, attempt=attempt, error=str(error))
            await asyncio.sleep(LOCK_PAUSE_S)
