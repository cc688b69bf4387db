"""Batch + checkpoint in one transaction: what makes a projection take in each commit once."""

from __future__ import annotations

import asyncio

import asyncpg
import msgspec

from events.log.event_log import Commit
from projections.engine.builds import (
    Build,
    NoSuchBuild,
    check_version,
    enter_build,
    lock_live,
    move_checkpoint,
)
from projections.engine.projection import Connection, Projection, ProjectionError, VersionGap

ACQUIRE_TIMEOUT_S = 10.0


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Commits of one JetStream stream that follow one another in the log.

    `after` is the stream sequence that the batch begins behind: nothing that the log keeps lies
    between it and the first commit. `through` is where the batch ends, the last commit's version
    at least; it is more when the log was read on and holds nothing more up to there.
    """

    after: int
    commits: tuple[Commit, ...]
    through: int


class OutdatedBuild(ProjectionError):
    """The live build has an older schema version: it must be built anew before it is fed."""


async def feed_live(pool: asyncpg.Pool, projection: Projection, batch: Batch) -> int:
    """Take `batch` into the live build of `projection`; returns the checkpoint it then has.

    Which build is live is asked in each transaction, under a lock that a swap needs too, so a
    running lane follows a rebuild without being told. A batch, or the part of one, that was
    taken in before is skipped.

    Raises VersionGap, OutdatedBuild, NewerBuild, NoSuchBuild (`ensure_live` was not called),
    TimeoutError, what `apply` raises and what asyncpg raises.
    """
    async with (
        asyncio.timeout(projection.apply_timeout_s),
        pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection,
        connection.transaction(),
    ):
        live = await lock_live(connection, projection.name)
        if live is None:
            raise NoSuchBuild(f"{projection.name} has no live build")
        check_version(projection, live)
        if live.version < projection.version:
            raise OutdatedBuild(f"{live.schema} is older than version {projection.version}")
        return await take_in(connection, projection, live, batch, live=True)


async def take_in(
    connection: Connection, projection: Projection, build: Build, batch: Batch, *, live: bool
) -> int:
    """Take `batch` into `build`, whose `checkpoint` must be of this transaction, and return the
    new checkpoint. For the rest of the transaction the connection is the writer.

    Raises VersionGap, NoSuchBuild, what `apply` raises and what asyncpg raises.
    """
    if batch.after > build.checkpoint:
        raise VersionGap(projection.name, build.checkpoint, batch.after)
    if batch.through <= build.checkpoint:
        return build.checkpoint
    commits = [commit for commit in batch.commits if commit.version > build.checkpoint]
    await move_checkpoint(connection, build, batch.through, state="live" if live else "building")
    await enter_build(connection, build)
    if commits:
        await projection.apply(connection, commits)
    return batch.through
