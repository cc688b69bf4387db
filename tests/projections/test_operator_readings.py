"""The port that operators read the read models by, on Postgres: there, away, and not made yet."""

from __future__ import annotations

import asyncio

import pytest

from serve_apps.gateway.operators.board.readings import (
    BadPlace,
    PostgresReadings,
    ReadingsUnavailable,
    draft_line,
)


@pytest.fixture(scope="module")
async def told(prepared):
    """A database in which acme has had a draft and its operator has a conversation."""
    from decided_talk import ANA, START, Desk
    from projecting import project

    from actors.conversation import commands as c
    from events.log.memory import MemoryLog
    from projections.engine.database import open_pool

    pool = await open_pool(prepared)
    desk = Desk(MemoryLog(), "acme")
    for conversation in ("c1", "c2"):
        await desk.visitor(conversation, "where is my lamp")
        await desk.done(conversation, c.RequestHandoff)
    await desk.done("c1", c.Supervise, **ANA)
    await desk.visitor("c1", "and my bulb?")
    await desk.answers("c1", "On its way.")
    await desk.done("c1", c.ApproveDraft, draft=desk.draft("c1"), text="On its way!", **ANA)
    await project(pool, desk.commits)
    yield pool, START
    await pool.close()


async def everything(readings, tenant="acme", now=1):
    """What each question gives."""
    whole = {"view": "all", "operator": "ana", "search": "", "limit": 10, "before": ""}
    return (
        await readings.queue_page(tenant, **whole),
        await readings.queue_rows(tenant),
        await readings.related(tenant, "c1"),
        await readings.drafts_page(tenant, limit=10, before=""),
        await readings.figures(tenant, now=now, today=now - 1),
    )


async def test_every_question_is_answered(told):
    pool, start = told
    readings = PostgresReadings(pool, clock=lambda: start)
    page, rows, related, drafts, figures = await everything(readings, now=start + 1000)
    assert {row.conversation for row in page.rows} == {"c1", "c2"}
    assert rows.checkpoint >= max(row.version for row in rows.rows)
    assert [row.conversation for row in related] == ["c2"]
    line = draft_line(drafts.rows[0])
    assert (line.outcome, line.final_text, line.proposed_at) == ("edited", "On its way!", start)
    assert (figures.waiting, figures.owned, figures.drafts_by_outcome) == (1, 1, {"edited": 1})


async def test_another_tenant_reads_nothing(told):
    pool, start = told
    page, rows, related, drafts, figures = await everything(PostgresReadings(pool), "globex", start)
    assert (page.rows, rows.rows, list(related), drafts.rows) == ((), (), [], ())
    assert (figures.waiting, figures.owned) == (0, 0)


async def test_a_place_of_no_page_is_told_apart_from_an_outage(told):
    readings = PostgresReadings(told[0])
    with pytest.raises(BadPlace):
        await readings.drafts_page("acme", limit=1, before="x")


async def test_read_models_that_were_never_made_are_away(database, postgres_dsn):
    import asyncpg

    from projections.engine.database import open_pool

    name = "never_projected"
    admin = await asyncpg.connect(postgres_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    pool = await open_pool(postgres_dsn.replace("/postgres?", f"/{name}?"), min_size=0)
    try:
        with pytest.raises(ReadingsUnavailable):
            await PostgresReadings(pool).figures("acme", now=1, today=0)
    finally:
        await pool.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


async def test_a_postgres_that_is_not_there_holds_up_no_start_and_says_so(tmp_path):
    from projections.engine.database import open_pool

    pool = await open_pool(f"postgresql://nobody@/none?host={tmp_path}", min_size=0)
    async with asyncio.timeout(60):
        with pytest.raises(ReadingsUnavailable):
            await PostgresReadings(pool).queue_rows("acme")
    pool.terminate()
