"""A tenant is a wall that Postgres keeps, also where a query forgets its predicate."""

from __future__ import annotations

import pytest

TABLES = {
    "conversations": (2, 1),
    "messages": (18, 10),
    "message_words": (33, 17),
    "turns": (7, 4),
    "queue": (2, 1),
    "handoffs": (2, 1),
    "response_times": (2, 1),
    "reply_clocks": (2, 1),
    "drafts": (1, 1),
    "citations": (6, 3),
    "gaps": (2, 1),
}
"""How many rows acme and globex have in each."""


async def at_work(desk, conversation: str, *, drafts: int) -> None:
    from decided_talk import ANA

    from actors.conversation import commands as c
    from events.conversation import Source

    await desk.visitor(conversation, f"what of {desk.tenant}?")
    page = Source(n=1, chunk="c", document="d", title="t", quote="of a page")
    await desk.answers(conversation, "of a page [1]", sources=(page,))
    await desk.visitor(conversation, f"and of others than {desk.tenant}?")
    await desk.answers(conversation, "I do not know", kind="unknown")
    await desk.visitor(conversation, f"hello {desk.tenant}")
    await desk.done(conversation, c.RequestHandoff)
    await desk.done(conversation, c.TakeOver, **ANA)
    await desk.done(conversation, c.ReplyAsOperator, text="I am Ana", **ANA)
    for _ in range(drafts):
        await desk.done(conversation, c.Supervise, **ANA)
        await desk.visitor(conversation, "hello again")
        await desk.answers(conversation, "a draft")


@pytest.fixture(scope="module")
async def walled(prepared):
    """A pool on a database in which `acme` has two conversations and `globex` has one."""
    from decided_talk import Desk
    from projecting import project

    from events.log.memory import MemoryLog
    from projections.engine.database import open_pool

    log, pool = MemoryLog(), await open_pool(prepared)
    acme, globex = Desk(log, "acme"), Desk(log, "globex")
    await at_work(acme, "c1", drafts=1)
    await at_work(globex, "c1", drafts=1)
    await at_work(acme, "c2", drafts=0)
    await project(pool, sorted((*acme.commits, *globex.commits), key=lambda c: c.version))
    yield pool
    await pool.close()


def test_every_table_of_the_read_models_is_walled_here() -> None:
    from projecting import tables

    assert sorted(TABLES) == sorted(tables())


@pytest.mark.parametrize("table", TABLES)
async def test_a_reader_sees_only_its_tenant_without_a_predicate(walled, table: str) -> None:
    from projections.engine.database import tenant_transaction

    for tenant, rows in zip(("acme", "globex", "nobody"), (*TABLES[table], 0), strict=True):
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
    from projections.engine.database import tenant_transaction

    for name in ("*", "%", "", "acme,globex", "' OR true --"):
        async with tenant_transaction(walled, name) as connection:
            assert await connection.fetchval("SELECT count(*) FROM read.messages") == 0


async def test_a_reader_cannot_go_round_the_view(walled) -> None:
    from projections.engine.builds import live_build
    from projections.engine.database import tenant_transaction

    async with walled.acquire() as connection:
        build = await live_build(connection, "messages")
    assert build is not None
    async with tenant_transaction(walled, "globex") as connection:
        assert await connection.fetchval(f"SELECT count(*) FROM {build.schema}.messages") == 10


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM read.messages",
        "UPDATE read.messages SET text = 'mine'",
        "INSERT INTO read.turns (tenant) VALUES ('acme')",
        "UPDATE read.queue SET operator = 'me'",
        "DELETE FROM read.drafts",
        "SELECT * FROM tandem.builds",
        "ALTER TABLE messages_v2_b1.messages DISABLE ROW LEVEL SECURITY",
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
            assert await connection.fetchval("SELECT count(*) FROM read.messages") == 28
            await connection.execute("DROP POLICY projector_writes ON messages_v2_b1.messages")
            assert await connection.fetchval("SELECT count(*) FROM read.messages") == 0
        finally:
            await transaction.rollback()


async def test_a_transaction_leaves_neither_role_nor_tenant_behind(walled) -> None:
    from projections.engine.database import tenant_transaction

    async with tenant_transaction(walled, "acme") as connection:
        pid = await connection.fetchval("SELECT pg_backend_pid()")
    async with walled.acquire() as connection:
        assert await connection.fetchval("SELECT pg_backend_pid()") == pid
        assert await connection.fetchval("SELECT current_user") != "tandem_reader"
        assert not await connection.fetchval("SELECT current_setting('tandem.tenant', true)")


async def test_lists_and_counts_are_one_tenants(walled) -> None:
    from projections.read_models.queries import counts, list_conversations

    newest = await list_conversations(walled, "acme", limit=1)
    rest = await list_conversations(
        walled, "acme", before=(newest[0].last_at, newest[0].conversation)
    )
    assert sorted(row.conversation for row in (*newest, *rest)) == ["c1", "c2"]
    found = await counts(walled, "globex")
    assert (found.conversations, found.messages, found.open_turns) == (1, 7, 0)


async def test_the_watchdog_finds_open_turns_of_all_tenants(walled) -> None:
    from decided_talk import Desk
    from projecting import project

    from events.log.memory import MemoryLog
    from projections.read_models.queries import checkpoint, open_turns

    late = 4_000_000_000_000
    assert await open_turns(walled, before=late) == []
    log = MemoryLog()
    for tenant in ("acme", "globex"):
        await Desk(log, tenant).visitor("c9", "hello")
    after = await checkpoint(walled, "turns")
    await project(walled, [moved(await log.last(stream(t)), after) for t in ("acme", "globex")])
    found = [(turn.tenant, turn.conversation) for turn in await open_turns(walled, before=late)]
    assert sorted(found) == [("acme", "c9"), ("globex", "c9")]
    assert await open_turns(walled, before=1) == []


def stream(tenant: str):
    from events.log.stream import conversation_stream

    return conversation_stream(tenant, "c9")


def moved(commit, after: int):
    """The commit behind `after`, where the database has read so far."""
    import msgspec

    return msgspec.structs.replace(commit, version=commit.version + after)
