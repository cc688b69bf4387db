"""What the read models say of a conversation, whatever the batches were."""

from __future__ import annotations

import pytest


async def scripted(log, tenant: str):
    """A conversation with all that can happen in one; its commits in order."""
    from projection_talk import Talk

    from events import conversation as e
    from events.log.stream import conversation_stream

    talk = Talk(log, tenant)
    await talk.ask("c1", 0, "hello\x00 there")
    await talk.answer("c1", 0)
    await talk.ask("c1", 1)
    await talk.commit("c1", e.TurnResumed(at=talk.at + 5, turn="t1", attempt=2))
    await talk.commit(
        "c1",
        e.TurnFailed(
            at=talk.at + 6, turn="t1", epoch=1, in_reply_to=("m1",), reason="timeout", detail="90 s"
        ),
    )
    await talk.ask("c1", 2)
    await talk.commit(
        "c1",
        e.TurnCancelled(at=talk.at + 7, turn="t2", reason="superseded"),
        e.HandoffRequested(at=talk.at + 7, epoch=1, reason="visitor_asked"),
    )
    await talk.commit(
        "c1", e.ModeChanged(at=talk.at + 8, mode="human", epoch=2, reason="choice", operator="ana")
    )
    await talk.commit(
        "c1",
        e.OperatorReplied(at=talk.at + 9, message="o1", operator="ana", epoch=2, text="Ana here"),
    )
    await talk.commit("c1", e.AnswerRated(at=talk.at + 10, score=4))
    await talk.ask("c2", 0)
    first = await log.load(conversation_stream(tenant, "c1"))
    second = await log.load(conversation_stream(tenant, "c2"))
    return sorted([*first, *second], key=lambda commit: commit.version)


@pytest.fixture(scope="module")
async def told(prepared):
    """A pool on a database that holds the scripted conversation, fed in batches of three."""
    from projecting import project

    from events.log.memory import MemoryLog
    from projections.engine.database import open_pool

    pool = await open_pool(prepared)
    await project(pool, await scripted(MemoryLog(), "acme"), 3)
    yield pool
    await pool.close()


async def one(pool, query: str, *args: object):
    from projections.read_models.queries import every_tenant

    async with every_tenant(pool) as connection:
        return dict(await connection.fetchrow(query, *args))


async def test_a_conversation_is_told_as_it_stands_now(told) -> None:
    row = await one(told, "SELECT * FROM read.conversations WHERE conversation = 'c1'")
    assert row["mode"] == "human"
    assert row["operator"] == "ana"
    assert row["epoch"] == 2
    assert row["messages"] == 5
    assert row["turns"] == 3
    assert row["last_text"] == "Ana here"
    assert row["rating"] == 4
    assert row["open_turn"] is None
    assert row["handoff_requested"] is False
    assert row["locale"] == "en"
    assert row["channel"] == "widget"
    assert row["commits"] == 10
    assert row["last_at"] > row["started_at"]


async def test_an_open_turn_stands_in_its_conversation(told) -> None:
    row = await one(told, "SELECT * FROM read.conversations WHERE conversation = 'c2'")
    assert row["open_turn"] == "t0"
    assert row["open_since"] == row["started_at"]


async def test_every_message_has_its_author_place_and_sources(told) -> None:
    from projections.read_models.queries import every_tenant

    async with every_tenant(told) as connection:
        rows = await connection.fetch(
            "SELECT author, message, text, sources -> 0 ->> 'quote' AS quote,"
            " in_reply_to ->> 0 AS reply FROM read.messages"
            " WHERE conversation = 'c1' ORDER BY version, index"
        )
    assert [tuple(row) for row in rows] == [
        ("visitor", "m0", "hello\ufffd there", None, None),
        ("assistant", "a0", "answer 0", "nine to five", "m0"),
        ("visitor", "m1", "question 1", None, None),
        ("visitor", "m2", "question 2", None, None),
        ("operator", "o1", "Ana here", None, None),
    ]


async def test_an_answered_turn_says_what_it_took_and_rests_on(told) -> None:
    row = await one(told, "SELECT * FROM read.turns WHERE (conversation, turn) = ('c1', 't0')")
    assert row["state"] == "answered"
    assert row["message"] == "a0"
    assert row["model"] == "extractive"
    assert row["latency_ms"] == '{"search": 1.5}'
    assert row["guard"] == '{"borne_out": true}'
    assert row["confidence"] == 0.75
    assert row["ended_at"] > row["begun_at"]


async def test_a_failed_turn_says_why_and_how_often_it_was_tried(told) -> None:
    row = await one(told, "SELECT * FROM read.turns WHERE (conversation, turn) = ('c1', 't1')")
    assert (row["state"], row["reason"], row["detail"]) == ("failed", "timeout", "90 s")
    assert row["attempts"] == 2
    assert row["resumed_at"] > row["begun_at"]


async def test_a_cancelled_turn_says_why(told) -> None:
    row = await one(told, "SELECT * FROM read.turns WHERE (conversation, turn) = ('c1', 't2')")
    assert (row["state"], row["reason"]) == ("cancelled", "superseded")


@pytest.mark.parametrize("seed", range(3))
async def test_the_rows_do_not_depend_on_how_commits_were_batched(postgres_dsn, seed) -> None:
    """Of random conversations of two tenants, in which everything happens that may."""
    from decided_talk import Desk, wander
    from projecting import all_rows, fresh_pool, project, tables

    from events.log.memory import MemoryLog

    log = MemoryLog()
    desks = [Desk(log, tenant, seed=seed) for tenant in ("acme", "globex")]
    for desk in desks * 4:
        await wander(desk, steps=60)
    commits = sorted((c for desk in desks for c in desk.commits), key=lambda c: c.version)
    found: list[dict[str, object]] = []
    for size in (1, 7, 10_000):
        async with fresh_pool(postgres_dsn) as pool:
            await project(pool, commits, size)
            found.append({table: await all_rows(pool, table) for table in tables()})
    for table in tables():
        assert found[0][table], table
        for one, other, third in zip(*(rows[table] for rows in found), strict=True):
            assert one == other == third


async def test_a_hole_in_a_conversation_is_refused_and_named(pool) -> None:
    from projection_talk import Talk

    from events.log.event_log import CorruptStream
    from events.log.memory import MemoryLog
    from projections.engine.builds import ensure_live
    from projections.engine.runner import Batch, feed_live
    from projections.read_models.conversations import ConversationsProjection

    projection = ConversationsProjection()
    talk = Talk(MemoryLog(), "holey")
    first, _, third = await talk.ask("c9", 0), await talk.answer("c9", 0), await talk.ask("c9", 1)
    after = (await ensure_live(pool, projection)).checkpoint
    moved = [_at(commit, after + n) for n, commit in enumerate((first, third), 1)]
    with pytest.raises(CorruptStream, match=r"tandem\.holey\.conversation\.c9.*a hole"):
        await feed_live(
            pool, projection, Batch(after=after, commits=tuple(moved), through=after + 2)
        )


async def test_the_end_of_a_turn_that_never_began_is_refused(pool) -> None:
    from projection_talk import Talk

    from events.log.memory import MemoryLog
    from projections.engine.builds import ensure_live
    from projections.engine.projection import OrphanFact
    from projections.engine.runner import Batch, feed_live
    from projections.read_models.turns import TurnsProjection

    projection = TurnsProjection()
    talk = Talk(MemoryLog(), "orphan")
    await talk.ask("c9", 0)
    after = (await ensure_live(pool, projection)).checkpoint
    ended = _at(await talk.answer("c9", 0), after + 1)
    with pytest.raises(OrphanFact, match="orphan/c9/t0: AnswerRecorded"):
        await feed_live(pool, projection, Batch(after=after, commits=(ended,), through=after + 1))


def _at(commit, version: int):
    import msgspec

    return msgspec.structs.replace(commit, version=version)
