"""Blue/green: built anew beside the live one, compared, swapped, while all goes on."""

from __future__ import annotations

import asyncio
import uuid

import pytest


@pytest.fixture
async def house(own_nats, log, postgres_dsn):
    """(log, nats url, dsn, pool) with a database of the test's own."""
    import asyncpg

    from projections.engine.database import open_pool
    from projections.engine.schema import ensure_schema

    name = f"test_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(postgres_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    dsn = postgres_dsn.replace("/postgres?", f"/{name}?")
    await ensure_schema(dsn)
    pool = await open_pool(dsn)
    yield log, own_nats, dsn, pool
    await pool.close()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def schemas(pool) -> list[str]:
    async with pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT nspname FROM pg_namespace WHERE nspname ~ '_v[0-9]+_b[0-9]+$' ORDER BY 1"
        )
    return [row["nspname"] for row in rows]


async def test_a_rebuild_equals_the_live_build_while_writes_go_on(house, taken_in) -> None:
    """Handoffs, drafts and all: whatever the real decider lets happen, by chance."""
    from decided_talk import Desk, wander
    from projection_talk import Talk

    from projections.engine.rebuild import rebuild
    from projections.engine.worker import running_worker
    from projections.read_models.catalogue import read_models

    log, nats_url, dsn, pool = house
    tenant = f"busy-{uuid.uuid4().hex[:8]}"
    talk, desk, done = Talk(log, tenant), Desk(log, f"{tenant}-desk"), asyncio.Event()

    async def write() -> int:
        n = 0
        while not done.is_set():
            last = await talk.rounds(f"c{n % 7}", n // 7, n // 7)
            await wander(desk, steps=3, conversations=5)
            n += 1
            await taken_in(pool, last.version - 200, "messages")  # no faster than it is read
        return n

    async with running_worker(read_models(), nats_url, dsn):
        await talk.rounds("first", 0, 20)
        await wander(desk, steps=150, conversations=5)
        await taken_in(pool, desk.commits[-1].version)
        writing = asyncio.create_task(write())
        for projection in read_models():
            report = await rebuild(projection, nats_url, dsn)
            assert report.equal, report
            assert report.tables
            for table in report.tables:
                assert table.live_rows == table.rebuilt_rows > 0, table
        done.set()
        rounds = await writing + 21
        last = await talk.rounds("last", 0, 0)
        await taken_in(pool, last.version)
        # the worker followed the new builds, and lost nothing over the swaps
        for projection in read_models():
            assert (await rebuild(projection, nats_url, dsn)).equal
    from projections.read_models.queries import counts

    found = await counts(pool, tenant)
    assert found.messages == 2 * (rounds + 1)
    assert found.answered_turns == rounds + 1
    assert await schemas(pool) == sorted(f"{p.name}_v{p.version}_b3" for p in read_models())


async def test_a_rebuild_names_the_rows_that_were_tampered_with_and_mends_them(
    house, taken_in
) -> None:
    from projection_talk import Talk

    from projections.engine.database import tenant_transaction
    from projections.engine.rebuild import rebuild
    from projections.engine.worker import running_worker
    from projections.read_models.messages import MessagesProjection

    log, nats_url, dsn, pool = house
    tenant = f"tampered-{uuid.uuid4().hex[:8]}"
    async with running_worker([MessagesProjection()], nats_url, dsn):
        last = await Talk(log, tenant).rounds("c1", 0, 4)
        await taken_in(pool, last.version, "messages")
        async with pool.acquire() as connection:
            await connection.execute(
                "UPDATE messages_v2_b1.messages SET text = 'forged' WHERE tenant = $1"
                " AND message = 'a2'",
                tenant,
            )
            await connection.execute(
                "DELETE FROM messages_v2_b1.messages WHERE tenant = $1 AND message = 'm3'", tenant
            )
        report = await rebuild(MessagesProjection(), nats_url, dsn)
    table, words = report.tables
    assert words.equal
    assert not report.equal
    assert (table.only_live, table.only_rebuilt) == (1, 2)
    assert '"forged"' in table.live_examples[0]
    assert any('"answer 2"' in example for example in table.rebuilt_examples)
    async with tenant_transaction(pool, tenant) as connection:
        texts = [row["text"] for row in await connection.fetch("SELECT text FROM read.messages")]
    assert "forged" not in texts
    assert len(texts) == 10


async def test_reads_never_fail_while_builds_are_swapped(house, taken_in) -> None:
    from projection_talk import Talk

    from projections.engine.rebuild import rebuild
    from projections.engine.worker import running_worker
    from projections.read_models.catalogue import read_models
    from projections.read_models.queries import counts, list_conversations

    log, nats_url, dsn, pool = house
    tenant, done, reads = f"read-{uuid.uuid4().hex[:8]}", asyncio.Event(), 0

    async def read() -> None:
        nonlocal reads
        while not done.is_set():
            found = await counts(pool, tenant)
            assert (found.conversations, found.messages, found.answered_turns) == (1, 10, 5)
            assert len(await list_conversations(pool, tenant)) == 1
            reads += 1

    async with running_worker(read_models(), nats_url, dsn):
        last = await Talk(log, tenant).rounds("c1", 0, 4)
        await taken_in(pool, last.version)
        readers = [asyncio.create_task(read()) for _ in range(3)]
        for projection in (*read_models(), *read_models()):
            before = reads
            assert (await rebuild(projection, nats_url, dsn)).equal
            assert reads > before
        done.set()
        await asyncio.gather(*readers)


async def test_what_a_killed_rebuild_left_is_dropped_by_the_next(house) -> None:
    from projections.engine.builds import create_build, ensure_live
    from projections.engine.rebuild import rebuild
    from projections.read_models.turns import TurnsProjection

    _, nats_url, dsn, pool = house
    await ensure_live(pool, TurnsProjection())
    async with pool.acquire() as connection, connection.transaction():
        await create_build(connection, TurnsProjection())
    assert await schemas(pool) == ["turns_v2_b1", "turns_v2_b2"]
    report = await rebuild(TurnsProjection(), nats_url, dsn)
    assert report.build == 3
    assert await schemas(pool) == ["turns_v2_b3"]


async def test_a_rebuild_that_fails_leaves_the_live_build_alone(house, taken_in) -> None:
    from projection_talk import Talk

    from projections.engine.builds import live_build
    from projections.engine.rebuild import rebuild
    from projections.engine.worker import running_worker
    from projections.read_models.messages import MessagesProjection

    class Failing(MessagesProjection):
        async def apply(self, connection, commits) -> None:
            raise RuntimeError("no more")

    log, nats_url, dsn, pool = house
    async with running_worker([MessagesProjection()], nats_url, dsn):
        last = await Talk(log, f"fails-{uuid.uuid4().hex[:8]}").rounds("c1", 0, 1)
        await taken_in(pool, last.version, "messages")
    with pytest.raises(RuntimeError, match="no more"):
        await rebuild(Failing(), nats_url, dsn)
    async with pool.acquire() as connection:
        live = await live_build(connection, "messages")
    assert live is not None
    assert (live.build, live.checkpoint) == (1, last.version)
    assert (await rebuild(MessagesProjection(), nats_url, dsn)).equal


async def test_only_one_rebuild_of_a_projection_runs_at_a_time(house) -> None:
    from projections.engine.rebuild import RebuildRunning, rebuild
    from projections.read_models.turns import TurnsProjection

    _, nats_url, dsn, pool = house
    async with pool.acquire() as connection:
        await connection.execute(
            "SELECT pg_advisory_lock(hashtext('tandem.rebuild'), hashtext('turns'))"
        )
        with pytest.raises(RebuildRunning, match="turns"):
            await rebuild(TurnsProjection(), nats_url, dsn)
        await connection.execute("SELECT pg_advisory_unlock_all()")


async def test_a_new_schema_version_is_built_beside_the_old_one_and_takes_its_place(
    house, taken_in, eventually
) -> None:
    from projection_talk import Talk

    from projections.engine.database import tenant_transaction
    from projections.engine.worker import running_worker
    from projections.read_models.messages import MessagesProjection

    class WithLength(MessagesProjection):
        version = MessagesProjection.version + 1

        def ddl(self) -> str:
            return (
                super()
                .ddl()
                .replace(
                    "text text NOT NULL,",
                    "length int GENERATED ALWAYS AS (length(text)) STORED, text text NOT NULL,",
                )
            )

    log, nats_url, dsn, pool = house
    tenant = f"newer-{uuid.uuid4().hex[:8]}"
    talk = Talk(log, tenant)
    async with running_worker([MessagesProjection()], nats_url, dsn):
        await taken_in(pool, (await talk.rounds("c1", 0, 2)).version, "messages")
    async with running_worker([WithLength()], nats_url, dsn):
        await taken_in(pool, (await talk.rounds("c2", 0, 0)).version, "messages")

        async def swapped() -> bool:
            return await schemas(pool) == ["messages_v3_b2"]

        await eventually(swapped, "the new version is live and the old one is gone")
        last = await talk.rounds("c3", 0, 0)
        await taken_in(pool, last.version, "messages")
    async with tenant_transaction(pool, tenant) as connection:
        assert await connection.fetchval("SELECT count(length) FROM read.messages") == 10
