"""A tenant is a wall that Postgres keeps, also where a query forgets its predicate."""

from __future__ import annotations

import pytest

TABLES = ("conversations", "messages", "turns")


@pytest.fixture(scope="module")
async def walled(prepared):
    """A pool on a database in which `acme` has two conversations and `globex` has one."""
    from projection_talk import Talk

    from events.memory import MemoryLog
    from projections.builds import ensure_live
    from projections.catalogue import read_models
    from projections.database import open_pool
    from projections.runner import Batch, feed_live

    log, pool = MemoryLog(), await open_pool(prepared)
    commits = [
        await Talk(log, "acme").ask("c1", 0),
        await Talk(log, "globex").ask("c1", 0),
        await Talk(log, "acme").ask("c2", 0),
    ]
    for projection in read_models():
        await ensure_live(pool, projection)
        await feed_live(pool, projection, Batch(after=0, commits=tuple(commits), through=3))
    yield pool
    await pool.close()


@pytest.mark.parametrize("table", TABLES)
async def test_a_reader_sees_only_its_tenant_without_a_predicate(walled, table: str) -> None:
    from projections.database import tenant_transaction

    for tenant, rows in (("acme", 2), ("globex", 1), ("nobody", 0)):
        async with tenant_transaction(walled, tenant) as connection:
            seen = await connection.fetch(f"SELECT tenant FROM read.{table}")
        assert [row["tenant"] for row in seen] == [tenant] * rows


@pytest.mark.parametrize("table", TABLES)
async def test_a_reader_with_no_tenant_set_sees_nothing(walled, table: str) -> None:
    async with walled.acquire() as connection:
        # never set in this session, then empty, as it is after a transaction that had set it
        for setting in (None, ""):
            async with connection.transaction():
                await connection.execute("SET LOCAL ROLE tandem_reader")
                if setting is not None:
                    await connection.execute(
                        "SELECT set_config('tandem.tenant', $1, true)", setting
                    )
                assert await connection.fetchval(f"SELECT count(*) FROM read.{table}") == 0


async def test_no_tenant_name_opens_all(walled) -> None:
    from projections.database import tenant_transaction

    for name in ("*", "%", "", "acme,globex", "' OR true --"):
        async with tenant_transaction(walled, name) as connection:
            assert await connection.fetchval("SELECT count(*) FROM read.messages") == 0


async def test_a_reader_cannot_go_round_the_view(walled) -> None:
    from projections.builds import live_build
    from projections.database import tenant_transaction

    async with walled.acquire() as connection:
        build = await live_build(connection, "messages")
    assert build is not None
    async with tenant_transaction(walled, "globex") as connection:
        assert await connection.fetchval(f"SELECT count(*) FROM {build.schema}.messages") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM read.messages",
        "UPDATE read.messages SET text = 'mine'",
        "INSERT INTO read.turns (tenant) VALUES ('acme')",
        "SELECT * FROM tandem.builds",
        "ALTER TABLE messages_v1_b1.messages DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE read.mine (tenant text)",
    ],
)
async def test_a_reader_may_only_read(walled, statement: str) -> None:
    """As the reader's role itself, with its read-only transaction left."""
    import asyncpg

    async with walled.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute("SET LOCAL ROLE tandem_reader")
            await connection.execute("SELECT set_config('tandem.tenant', 'acme', true)")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        finally:
            await transaction.rollback()


async def test_the_owner_of_the_tables_is_bound_too(walled) -> None:
    """FORCE: were its own policy gone, the owner would see nothing."""
    async with walled.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute("SET LOCAL ROLE tandem_writer")
            assert await connection.fetchval("SELECT count(*) FROM read.messages") == 3
            await connection.execute("DROP POLICY projector_writes ON messages_v1_b1.messages")
            assert await connection.fetchval("SELECT count(*) FROM read.messages") == 0
        finally:
            await transaction.rollback()


async def test_a_transaction_leaves_neither_role_nor_tenant_behind(walled) -> None:
    from projections.database import tenant_transaction

    async with tenant_transaction(walled, "acme") as connection:
        pid = await connection.fetchval("SELECT pg_backend_pid()")
    async with walled.acquire() as connection:
        assert await connection.fetchval("SELECT pg_backend_pid()") == pid
        assert await connection.fetchval("SELECT current_user") != "tandem_reader"
        assert not await connection.fetchval("SELECT current_setting('tandem.tenant', true)")


async def test_lists_and_counts_are_one_tenants(walled) -> None:
    from projections.queries import counts, list_conversations

    newest = await list_conversations(walled, "acme", limit=1)
    rest = await list_conversations(
        walled, "acme", before=(newest[0].last_at, newest[0].conversation)
    )
    assert sorted(row.conversation for row in (*newest, *rest)) == ["c1", "c2"]
    found = await counts(walled, "globex")
    assert (found.conversations, found.messages, found.open_turns) == (1, 1, 1)


async def test_the_watchdog_finds_open_turns_of_all_tenants(walled) -> None:
    from projections.queries import open_turns

    late = 4_000_000_000_000
    found = [
        (turn.tenant, turn.conversation, turn.turn)
        for turn in await open_turns(walled, before=late)
    ]
    assert sorted(found) == [("acme", "c1", "t0"), ("acme", "c2", "t0"), ("globex", "c1", "t0")]
    assert await open_turns(walled, before=1) == []
