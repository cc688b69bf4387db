"""What operators ask: the queue by view, a search, a visitor's past, the ledger, figures."""

from __future__ import annotations

import pytest

DAY_MS = 24 * 3600 * 1000


async def busy(log):
    """A tenant's conversations, in the order they began; two wait, `w1` for longer."""
    from decided_talk import ANA, BEN, Desk

    from actors.conversation import commands as c

    desk = Desk(log, "acme")
    for name in ("w1", "idle", "w2", "ana1", "ana2", "ben1", "done1", "done2"):
        desk.wait(1)
        await desk.visitor(name, f"hello from {name}", visitor="v1" if name != "idle" else "")
        await desk.answers(name, "We ship the lámparas within days [1].")
    for name in ("w1", "w2"):
        desk.wait(60)
        await desk.done(name, c.RequestHandoff, evidence="pressed the button")
    desk.wait(5)
    await desk.visitor("watched", "¿y la devolución?", supervised=True, visitor="v2")
    await desk.answers("watched", "Treinta días.")
    for name, who in (("ana1", ANA), ("ana2", ANA), ("ben1", BEN), ("done1", ANA), ("done2", BEN)):
        desk.wait(10)
        await desk.done(name, c.TakeOver, **who)
    await desk.visitor("ana1", "a broken LÁMPARA arrived")
    desk.wait(8)
    await desk.done("ana1", c.ReplyAsOperator, text="I am sorry to hear that.", **ANA)
    desk.wait(1)
    await desk.done("ana2", c.AddNote, text="knows the directress", **ANA)
    for name, who in (("done1", ANA), ("done2", BEN)):
        desk.wait(1)
        await desk.done(name, c.Resolve, **who)
        await desk.done(name, c.RateAnswer, score=2 if name == "done1" else 5)
    return desk


@pytest.fixture(scope="module")
async def shop(prepared):
    """(pool, desk of acme); globex has a conversation of the same visitor, and the same words."""
    from decided_talk import Desk
    from projecting import project

    from actors.conversation import commands as c
    from events.log.memory import MemoryLog
    from projections.engine.database import open_pool

    log, pool = MemoryLog(), await open_pool(prepared)
    desk, other = await busy(log), Desk(log, "globex")
    await other.visitor("theirs", "hello, a broken lampara arrived", visitor="v1")
    await other.done("theirs", c.RequestHandoff)
    await other.done("theirs", c.RateAnswer, score=1)
    await project(pool, [*desk.commits, *other.commits])
    yield pool, desk
    await pool.close()


async def seen(pool, view: str, **more) -> list[str]:
    from projections.read_models.operator_queries import queue_page

    page = await queue_page(pool, "acme", view=view, **more)
    return [row.conversation for row in page.rows]


async def test_unassigned_are_those_that_wait_longest_first_then_drafts_of_nobody(shop) -> None:
    assert await seen(shop[0], "unassigned") == ["w1", "w2", "watched"]


async def test_mine_are_the_open_ones_that_the_asker_has_newest_first(shop) -> None:
    pool, _ = shop
    assert await seen(pool, "mine", operator="ana") == ["ana2", "ana1"]
    assert await seen(pool, "mine", operator="ben") == ["ben1"]
    assert await seen(pool, "mine", operator="") == []


async def test_all_are_the_open_ones_and_resolved_the_others_newest_first(shop) -> None:
    pool, desk = shop
    everyone = await seen(pool, "all")
    assert everyone[:2] == ["w1", "w2"]
    assert await seen(pool, "resolved") == ["done2", "done1"]
    assert {*everyone, "done1", "done2"} == set(desk.states)


@pytest.mark.parametrize("view", ["unassigned", "all", "resolved"])
async def test_pages_follow_one_another_without_hole_or_repeat(shop, view) -> None:
    from projections.read_models.operator_queries import queue_page

    whole, pages, before = await seen(shop[0], view), [], ""
    while True:
        page = await queue_page(shop[0], "acme", view=view, limit=2, before=before)
        pages.append([row.conversation for row in page.rows])
        before = page.next
        if not before:
            break
    assert [name for page in pages for name in page] == whole
    assert all(len(page) == 2 for page in pages[:-1])


@pytest.mark.parametrize("before", ["x", "1e3.c1", ".", "-"])
async def test_a_place_that_is_none_is_refused(shop, before) -> None:
    from projections.read_models.operator_queries import BadPlace, drafts_page, queue_page

    with pytest.raises(BadPlace, match="no place in this list"):
        await queue_page(shop[0], "acme", view="all", before=before)
    with pytest.raises(BadPlace, match="no place in this list"):
        await drafts_page(shop[0], "acme", before=before)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("broken", ["ana1"]),  # the visitor
        ("BROKEN lampara", ["ana1"]),  # case and accents do not matter
        ("sorry", ["ana1"]),  # the operator
        ("direct", ["ana2"]),  # a note, by the beginning of a word
        ("devolucion", ["watched"]),
        ("y", ["watched"]),
        ("w", []),  # so short a word must be whole
        ("treinta", []),  # a draft was never said
        ("broken sorry directress", []),  # all words, in one conversation
        ("done1", ["done1"]),  # an id, and the word; resolved ones are searched too
        ("ben1 hello", ["ben1"]),
        ("'; drop table %_ broken--", []),
        ("¿¡!?", []),
    ],
)
async def test_a_search_finds_what_was_said(shop, search, found) -> None:
    assert await seen(shop[0], "all", search=search) == found


async def test_a_search_stays_in_its_view(shop) -> None:
    pool, _ = shop
    assert await seen(pool, "resolved", search="hello") == ["done2", "done1"]
    assert await seen(pool, "mine", operator="ben", search="hello") == ["ben1"]
    assert await seen(pool, "unassigned", search="hello") == ["w1", "w2"]
    assert len(await seen(pool, "all", search="  ")) == len(await seen(pool, "all"))


async def test_related_are_the_same_visitors_others_and_none_where_nobody_is_known(shop) -> None:
    from projections.read_models.operator_queries import related

    pool, _ = shop
    names = [row.conversation for row in await related(pool, "acme", "w2")]
    assert names == ["done2", "done1", "ben1", "ana2", "ana1", "w1"]
    assert await related(pool, "acme", "idle") == []
    assert await related(pool, "acme", "watched") == []
    assert await related(pool, "acme", "theirs") == []


async def test_everyone_who_waits_has_a_place(shop) -> None:
    from projections.read_models.operator_queries import all_places, place_for, place_of

    pool, _ = shop
    assert await all_places(pool, "acme") == {"w1": 1, "w2": 2}
    assert [await place_of(pool, "acme", name) for name in ("w1", "w2", "idle")] == [1, 2, 0]
    assert [await place_for(pool, "acme", name) for name in ("w1", "idle", "new")] == [1, 3, 3]


async def test_a_board_starts_from_open_rows_the_owned_ones_and_the_just_resolved(shop) -> None:
    from projections.read_models.operator_queries import queue_row, queue_rows

    pool, desk = shop
    read = await queue_rows(pool, "acme", limit=10, resolved_after=0)
    assert {row.conversation for row in read.rows} == set(desk.states)
    assert read.checkpoint >= max(commit.version for commit in desk.commits)
    first = (await queue_row(pool, "acme", "done1")).resolved_at
    read = await queue_rows(pool, "acme", limit=2, resolved_after=first)
    names = [row.conversation for row in read.rows]
    assert names == ["w1", "w2", "ana2", "ana1", "watched", "done2"]
    assert await queue_row(pool, "acme", "theirs") is None


async def test_rows_and_checkpoint_of_a_board_are_of_one_moment(shop) -> None:
    """A commit that is taken in between the two reads shows in neither."""
    from decided_talk import BEN
    from projecting import project

    from actors.conversation import commands as c
    from projections.read_models import operator_queries

    pool, desk = shop
    become_reader, commits = operator_queries.become_reader, []

    async def meanwhile(connection, tenant) -> None:
        await become_reader(connection, tenant)
        commits.append(await desk.done("idle", c.AddNote, text="seen", **BEN))
        await project(pool, commits)

    operator_queries.become_reader = meanwhile
    try:
        read = await operator_queries.queue_rows(pool, "acme", resolved_after=0)
    finally:
        operator_queries.become_reader = become_reader
    assert read.checkpoint < commits[0].version
    assert max(row.version for row in read.rows) <= read.checkpoint


async def test_the_ledger_is_read_in_pages_newest_first(shop) -> None:
    from decided_talk import ANA
    from projecting import project

    from actors.conversation import commands as c
    from projections.read_models.operator_queries import drafts_page

    pool, desk = shop
    begun = len(desk.commits)
    for n in range(4):
        desk.wait(1)
        await desk.visitor("ledger", f"question {n}", supervised=True)
        await desk.answers("ledger", f"answer {n} [2].")
    await desk.done("ledger", c.ApproveDraft, draft=desk.draft("ledger"), text="mended", **ANA)
    await project(pool, desk.commits[begun:])
    rows, before = [], ""
    while True:
        page = await drafts_page(pool, "acme", limit=2, before=before)
        rows += page.rows
        before = page.next
        if not before:
            break
    assert [row.text for row in rows] == [
        *(f"answer {n} [2]." for n in (3, 2, 1, 0)),
        "Treinta días.",
    ]
    assert (rows[0].outcome, rows[0].final_text, rows[0].operator) == ("edited", "mended", "ana")
    assert rows[0].sources[1].title == "Refunds"
    assert rows[0].guard == {"supported": 2.0, "clean": True}


async def test_figures_are_the_tenants_own_and_of_their_period(shop) -> None:
    from projections.analytics.figures import figures

    pool, desk = shop
    now = desk.at + 1000
    found = await figures(pool, "acme", now=now, today=now - DAY_MS)
    assert found.waiting == 2
    assert found.longest_wait_ms == now - desk.states["w1"].handoff.at
    assert found.owned == 3
    assert found.first_response_today == found.first_response_week
    assert found.first_response_week.count >= 1
    assert found.first_response_week.median_ms is not None
    assert found.handoffs_by_reason == {"operator_choice": 5, "visitor_asked": 2}
    assert (found.rating, found.ratings) == (3.5, 2)
    later = await figures(pool, "acme", now=now + 8 * DAY_MS, today=now + 8 * DAY_MS)
    assert later.handoffs_by_reason == {}
    assert (later.first_response_week.count, later.first_response_week.median_ms) == (0, None)
    assert later.waiting == 2
    nobody = await figures(pool, "nobody", now=now, today=now)
    assert (nobody.waiting, nobody.longest_wait_ms, nobody.rating) == (0, None, None)


async def test_median_and_ninetieth_percentile_are_over_first_responses_with_a_wait(pool) -> None:
    from decided_talk import ANA, Desk
    from projecting import project

    from actors.conversation import commands as c
    from events.log.memory import MemoryLog
    from projections.analytics.figures import figures
    from projections.read_models.queries import checkpoint

    desk = Desk(MemoryLog(), "percentiles")
    for n in range(1, 11):
        await desk.visitor(f"c{n}", "hello", visitor="")
        await desk.done(f"c{n}", c.TakeOver, **ANA)
        desk.wait(n)
        await desk.done(f"c{n}", c.ReplyAsOperator, text="hi", **ANA)
        await desk.done(f"c{n}", c.ReplyAsOperator, text="again", **ANA)
        await desk.visitor(f"c{n}", "thanks", visitor="")
        desk.wait(100)
        await desk.done(f"c{n}", c.ReplyAsOperator, text="welcome", **ANA)
    await project(pool, moved(desk.commits, await checkpoint(pool, "queue")))
    found = await figures(pool, "percentiles", now=desk.at, today=desk.at - DAY_MS)
    spread = found.first_response_today
    assert (spread.count, spread.median_ms, spread.p90_ms) == (10, 5500, 9100)


async def test_the_lease_keeper_finds_what_operators_of_all_tenants_have(shop) -> None:
    from projections.read_models.queries import owned_conversations

    pool, desk = shop
    owned = {
        each.stream.id: (each.stream.tenant, each.operator, each.epoch, each.mode)
        for each in await owned_conversations(pool)
        if each.stream.tenant == "acme"
    }
    assert owned == {
        name: ("acme", operator, desk.states[name].epoch, "human")
        for name, operator in (("ana1", "ana"), ("ana2", "ana"), ("ben1", "ben"))
    }


async def test_lists_and_searches_are_read_by_an_index(shop) -> None:
    """Behind the wall Postgres may use an index only with operators that leak nothing."""
    import json

    from projections.engine.database import tenant_transaction

    pool, _ = shop
    async with pool.acquire() as connection:
        schemas = await connection.fetch(
            "SELECT nspname FROM pg_namespace WHERE nspname ~ '^(queue|messages)_v'"
        )
        for row in schemas:
            table = f"{row['nspname']}.{row['nspname'].split('_')[0]}"
            await connection.execute(f"ANALYZE {table}")
    plans = {
        "SELECT 1 FROM read.message_words WHERE tenant = 'acme' AND word >= 'lam'"
        " AND word <= 'lam\U0010ffff'": "word",
        "SELECT 1 FROM read.queue WHERE tenant = 'acme' AND status = 'open'"
        " AND (rank, conversation) > (5, 'c') ORDER BY rank, conversation LIMIT 5": "rank",
    }
    async with tenant_transaction(pool, "acme") as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        for query, column in plans.items():
            plan = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT json) {query}"))
            conditions = [text for text in _index_conditions(plan) if column in text]
            assert conditions, plan


def _index_conditions(plan) -> list[str]:
    match plan:
        case dict():
            own = [plan["Index Cond"]] if "Index Cond" in plan else []
            return own + [text for value in plan.values() for text in _index_conditions(value)]
        case list():
            return [text for value in plan for text in _index_conditions(value)]
        case _:
            return []


def moved(commits, after: int):
    """The same commits behind `after`, where a database has read so far."""
    import msgspec

    return [msgspec.structs.replace(c, version=c.version + after) for c in commits]
