"""Rows and checkpoint are one: whoever dies in between, each commit counts once."""

from __future__ import annotations

import asyncio

import pytest


async def begin(pool, tenant: str, rounds: int):
    """(projection, checkpoint, batch): `rounds` rounds that follow what the database has."""
    import msgspec
    from projection_talk import Talk

    from events.log.memory import MemoryLog
    from events.log.stream import conversation_stream
    from projections.engine.builds import ensure_live
    from projections.engine.runner import Batch
    from projections.read_models.messages import MessagesProjection

    projection, log = MessagesProjection(), MemoryLog()
    after = (await ensure_live(pool, projection)).checkpoint
    await Talk(log, tenant).rounds("c1", 0, rounds - 1)
    commits = tuple(
        msgspec.structs.replace(commit, version=commit.version + after)
        for commit in await log.load(conversation_stream(tenant, "c1"))
    )
    return projection, after, Batch(after=after, commits=commits, through=commits[-1].version)


async def messages(pool, tenant: str) -> list[str]:
    from projections.engine.database import tenant_transaction

    async with tenant_transaction(pool, tenant) as connection:
        rows = await connection.fetch("SELECT message FROM read.messages ORDER BY version, index")
    return [row["message"] for row in rows]


async def test_a_batch_that_comes_again_changes_nothing(pool) -> None:
    from projections.engine.runner import feed_live

    projection, _, batch = await begin(pool, "again", 2)
    assert await feed_live(pool, projection, batch) == batch.through
    assert await feed_live(pool, projection, batch) == batch.through
    assert await messages(pool, "again") == ["m0", "a0", "m1", "a1"]


async def test_of_a_batch_that_overlaps_only_the_new_part_is_taken_in(pool) -> None:
    import msgspec

    from projections.engine.runner import feed_live

    projection, after, batch = await begin(pool, "overlap", 2)
    begun = msgspec.structs.replace(batch, commits=batch.commits[:3], through=after + 3)
    await feed_live(pool, projection, begun)
    await feed_live(pool, projection, batch)
    assert await messages(pool, "overlap") == ["m0", "a0", "m1", "a1"]


async def test_a_batch_that_leaves_a_gap_is_refused_and_leaves_nothing(pool) -> None:
    import msgspec

    from projections.engine.projection import VersionGap
    from projections.engine.runner import feed_live
    from projections.read_models.queries import checkpoint

    projection, after, batch = await begin(pool, "gap", 2)
    late = msgspec.structs.replace(batch, after=after + 1, commits=batch.commits[1:])
    with pytest.raises(VersionGap, match=f"checkpoint is {after}, but the batch begins after"):
        await feed_live(pool, projection, late)
    assert await checkpoint(pool, "messages") == after
    assert await messages(pool, "gap") == []


async def test_what_the_log_does_not_keep_any_more_is_no_gap(pool) -> None:
    import msgspec

    from projections.engine.runner import feed_live

    projection, after, batch = await begin(pool, "purged", 2)
    sparse = msgspec.structs.replace(batch, commits=batch.commits[2:])
    assert await feed_live(pool, projection, sparse) == after + 4
    assert await messages(pool, "purged") == ["m1", "a1"]


async def test_a_batch_that_fails_in_the_middle_leaves_neither_rows_nor_checkpoint(pool) -> None:
    from projections.engine.runner import feed_live
    from projections.read_models.queries import checkpoint

    projection, after, batch = await begin(pool, "half", 2)
    with pytest.raises(RuntimeError, match="half-way"):
        await feed_live(pool, _after_apply(projection, _fail), batch)
    assert await checkpoint(pool, "messages") == after
    assert await messages(pool, "half") == []
    await feed_live(pool, projection, batch)
    assert await messages(pool, "half") == ["m0", "a0", "m1", "a1"]


async def test_a_connection_killed_in_mid_batch_costs_nothing(pool) -> None:
    import asyncpg

    from projections.engine.runner import feed_live
    from projections.read_models.queries import checkpoint

    projection, after, batch = await begin(pool, "killed", 2)

    async def killed(connection) -> None:
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        async with pool.acquire() as other:
            await other.execute("SELECT pg_terminate_backend($1)", pid)
        await connection.execute("SELECT 1")

    with pytest.raises((asyncpg.InterfaceError, asyncpg.PostgresError)):
        await feed_live(pool, _after_apply(projection, killed), batch)
    assert await checkpoint(pool, "messages") == after
    await feed_live(pool, projection, batch)
    assert await messages(pool, "killed") == ["m0", "a0", "m1", "a1"]


async def test_two_workers_with_the_same_batch_write_it_once(pool) -> None:
    from projections.engine.runner import feed_live

    projection, _, batch = await begin(pool, "both", 3)
    await asyncio.gather(*(feed_live(pool, projection, batch) for _ in range(4)))
    assert await messages(pool, "both") == ["m0", "a0", "m1", "a1", "m2", "a2"]


async def test_a_projection_that_takes_too_long_is_cut_off_and_keeps_nothing(pool) -> None:
    from projections.engine.runner import feed_live

    projection, _, batch = await begin(pool, "slow", 1)

    async def never(_connection) -> None:
        await asyncio.Event().wait()

    slow = _after_apply(projection, never)
    slow.apply_timeout_s = 0.2
    with pytest.raises(TimeoutError):
        await feed_live(pool, slow, batch)
    assert await messages(pool, "slow") == []


async def test_an_older_program_does_not_write_into_a_newer_build(prepared) -> None:
    from projections.engine.builds import NewerBuild, ensure_live
    from projections.engine.database import open_pool
    from projections.read_models.turns import TurnsProjection

    newer, older = TurnsProjection(), TurnsProjection()
    newer.version = older.version + 1
    pool = await open_pool(prepared)
    await ensure_live(pool, newer)
    with pytest.raises(NewerBuild, match="schema version 3, this program knows 2"):
        await ensure_live(pool, older)
    await pool.close()


async def _fail(_connection) -> None:
    raise RuntimeError("half-way")


def _after_apply(projection, step):
    """The same projection, but `step` runs at the end of each batch, in its transaction."""

    class Stepping(type(projection)):
        async def apply(self, connection, commits) -> None:
            await super().apply(connection, commits)
            await step(connection)

    return Stepping()
