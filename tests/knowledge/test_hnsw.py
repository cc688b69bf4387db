"""Large tenants are searched through an index of their own, with the wall inside it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from knowledge_shelf import OTHER_SPACE

from events.spaces import DEFAULT_SPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from knowledge_shelf import Shelf

ABOVE = 200
"""Chunks, so that a few hundred are many."""
ROWS = 300
WORDS = (
    *("lamp", "bulb", "shade", "cable", "socket", "parcel", "order"),
    *("refund", "price", "colour", "size", "weight", "glass", "wood"),
)


def rows(count: int, *, seed: int = 1) -> str:
    """A FAQ whose entries share words, each with a word of its own; the last few in Spanish."""
    luck = random.Random(seed)
    lines = ["question,answer,locale"]
    for n in range(count):
        words = luck.choices(WORDS, k=6)
        spoken = "es" if n >= count - 10 else "en"
        lines.append(f"{' '.join(words[:3])} code{n}?,{' '.join(words)} item{n}.,{spoken}")
    return "\n".join(lines)


def large(shelf: Shelf) -> Any:
    from projections.knowledge.search.search import KnowledgeSearch

    return KnowledgeSearch(shelf.pool, exact_up_to=ABOVE, timeout=60)


async def renewed(dsn: str, above: int = ABOVE) -> Any:
    from projections.knowledge.index.hnsw import renew_indexes

    return await renew_indexes(dsn, above=above, memory="32MB")


@pytest.fixture(scope="module")
async def grown(shelf: Shelf, database: str) -> Shelf:
    await shelf.submit("big", "big.csv", rows(ROWS))
    await shelf.submit("small", "small.csv", rows(20, seed=2))
    assert len((await renewed(database)).made) == 1, "of the large one only"
    return shelf


async def both(shelf: Shelf, question: str, **more: Any) -> tuple[Any, Any]:
    """What the index finds and what looking at everything finds."""
    vector = (await shelf.embed(DEFAULT_SPACE, [question]))[0]
    more = {"space": DEFAULT_SPACE, "limit": 5, **more}
    return (
        await large(shelf).search("big", question, vector, **more),
        await shelf.knowledge.search("big", question, vector, **more),
    )


def shared(found: Sequence[Any], exact: Sequence[Any]) -> int:
    return len({hit.chunk for hit in found} & {hit.chunk for hit in exact})


async def test_the_index_finds_what_looking_at_everything_finds(grown: Shelf) -> None:
    luck = random.Random(3)
    questions = [" ".join(luck.choices(WORDS, k=3)) for _ in range(30)]
    questions += [f"lamp code{luck.randrange(ROWS)}" for _ in range(10)]
    same = total = 0
    for question in questions:
        found, exact = await both(grown, question, locale="en")
        assert (found.how, exact.how) == ("index", "exact")
        same += shared(found.hits, exact.hits)
        total += len(exact.hits)
    assert same >= 0.9 * total, f"{same} of {total}"


async def test_a_rare_word_finds_its_chunk_though_no_vector_is_near(grown: Shelf) -> None:
    vector = (await grown.embed(DEFAULT_SPACE, ["unheard"]))[0]
    found = await large(grown).search("big", "code77", vector, space=DEFAULT_SPACE)
    (hit,) = [hit for hit in found.hits if "code77?" in hit.title]
    assert hit.parts["words"] == max(other.parts["words"] for other in found.hits) > 0


async def test_filters_are_kept_in_the_walk_through_the_index(grown: Shelf) -> None:
    from projections.knowledge.search.search import Filters

    found, exact = await both(grown, "lamp bulb", filters=Filters(locales=("en",)))
    assert found.how == "index"
    assert shared(found.hits, exact.hits) >= 4
    few, exact = await both(grown, "lamp bulb", filters=Filters(locales=("es",)))
    assert few.how == "exact", "where few pass all of them are looked at"
    assert few.hits == exact.hits
    assert {hit.locale for hit in few.hits} == {"es"}


async def test_a_small_tenant_is_searched_exactly(grown: Shelf) -> None:
    vector = (await grown.embed(DEFAULT_SPACE, ["lamp"]))[0]
    found = await large(grown).search("small", "lamp", vector, space=DEFAULT_SPACE)
    assert found.how == "exact"
    assert found.hits


async def test_the_reader_walks_through_the_tenants_own_index_and_no_other(grown: Shelf) -> None:
    """Under row-level security, as the role that searches: Postgres takes the index whose
    predicate is the wall."""
    from pgvector import HalfVector

    from projections.engine.database import tenant_transaction
    from projections.knowledge.search import large as search_large
    from projections.knowledge.search.search import _set

    vector = HalfVector((await grown.embed(DEFAULT_SPACE, ["lamp"]))[0])
    statement = search_large.large("big", DEFAULT_SPACE, 384)
    for tenant, rows_seen in (("big", True), ("small", False)):
        async with tenant_transaction(grown.pool, tenant) as connection:
            await _set(connection, search_large.SETTINGS)
            given = (tenant, vector, "lamp", "english", 0.5, DEFAULT_SPACE)
            plan = await connection.fetch(f"EXPLAIN {statement}", *given)
            hits = await connection.fetch(statement, *given)
        lines = "\n".join(row[0] for row in plan)
        assert f"Index Scan using {search_large.index_name('big', DEFAULT_SPACE)}" in lines
        assert "Seq Scan on chunk_vectors" not in lines
        named = {row["chunk"] for row in hits}
        own = {row["chunk"] for row in await grown.rows("chunks", tenant)}
        assert named <= own | {None}
        assert (
            bool(named & {row["chunk"] for row in await grown.rows("chunks", "big")}) == rows_seen
        )


async def test_nothing_is_done_twice_and_what_was_broken_off_is_made_again(
    grown: Shelf, database: str
) -> None:
    from projections.knowledge.search.large import index_name

    assert (await renewed(database)).made == ()
    name = index_name("big", DEFAULT_SPACE)
    await grown.pool.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid ="
        " (SELECT oid FROM pg_class WHERE relname = $1)",
        name,
    )
    assert (await large(grown).standing("big")).indexed == ()
    found, _ = await both(grown, "lamp bulb")
    assert found.how == "exact", "until it is whole again"
    changed = await renewed(database)
    assert (changed.dropped, changed.made) == ((name,), (name,))
    assert (await large(grown).standing("big")).indexed == (DEFAULT_SPACE,)


@pytest.mark.parametrize("named", ["'big' AND nowhere", "no\\name"])
async def test_an_index_that_cannot_be_made_keeps_no_other_tenant_from_theirs(
    grown: Shelf, database: str, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    from projections.knowledge.index import hnsw
    from projections.knowledge.search.large import index_name, literal, predicate

    def broken(tenant: str, space: str) -> str:
        if tenant != "big":
            return predicate(tenant, space)
        return f"tenant = {named}" if named.startswith("'") else literal(named)

    big, small = index_name("big", DEFAULT_SPACE), index_name("small", DEFAULT_SPACE)
    await grown.pool.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid ="
        " (SELECT oid FROM pg_class WHERE relname = $1)",
        big,
    )
    with monkeypatch.context() as patch:
        patch.setattr(hnsw, "predicate", broken)
        assert (await renewed(database, above=15)).made == (small,), "the large one comes first"
    changed = await renewed(database)
    assert (changed.made, changed.dropped) == ((big,), (small,))


async def test_a_space_that_is_being_filled_has_its_index_before_the_switch(
    grown: Shelf, database: str
) -> None:
    from events.knowledge import SpaceClosed, SpaceOpened

    await grown.say("moving", SpaceOpened(at=1, tenant="moving", space=OTHER_SPACE))
    submitted = await grown.submit("moving", "big.csv", rows(ABOVE + 20, seed=4))
    assert len((await renewed(database)).made) == 2
    vector = (await grown.embed(OTHER_SPACE, ["lamp bulb"]))[0]
    found = await large(grown).search("moving", "lamp bulb", vector, space=OTHER_SPACE)
    assert (found.how, len(found.hits)) == ("index", 8)

    await grown.say("moving", SpaceClosed(at=2, tenant="moving", space=OTHER_SPACE))
    assert len((await renewed(database)).dropped) == 1
    await grown.submit("moving", "big.csv", rows(ABOVE - 20, seed=4))
    assert (await renewed(database)).dropped == (), "about that size it keeps its index"
    await grown.remove("moving", submitted.document)
    assert len((await renewed(database)).dropped) == 1


async def test_after_a_rebuild_the_new_tables_get_their_indexes(
    grown: Shelf, database: str
) -> None:
    from projections.engine.builds import create_build, live_build, make_live

    async with grown.pool.acquire() as connection, connection.transaction():
        old = await live_build(connection, "knowledge")
        assert old is not None
        fresh = await create_build(connection, grown.index)
        for table in grown.index.tables:
            await connection.execute(
                f"INSERT INTO {fresh.schema}.{table} SELECT * FROM {old.schema}.{table}"
            )
        await make_live(connection, grown.index, fresh, replace=old)
    found, exact = await both(grown, "lamp bulb")
    assert found.how == "exact", "the old table's index is no index of the new one"
    assert found.hits == exact.hits
    assert await renewed(database)
    found, exact = await both(grown, "lamp bulb")
    assert found.how == "index"
    assert shared(found.hits, exact.hits) >= 4


async def test_the_keeper_outlives_a_database_that_is_not_there(
    grown: Shelf, database: str
) -> None:
    import asyncio

    from projections.knowledge.index.hnsw import keep_indexes

    lost = asyncio.create_task(keep_indexes("postgresql:///nowhere?host=/nowhere", every_s=0.01))
    keeping = asyncio.create_task(keep_indexes(database, above=15, every_s=0.01))
    async with asyncio.timeout(120):
        while not (await large_standing(grown, "small")).indexed:
            assert not keeping.done()
    assert not lost.done()
    assert not keeping.done()
    for task in (lost, keeping):
        task.cancel()
    await asyncio.wait((lost, keeping), timeout=60)


async def large_standing(shelf: Shelf, tenant: str) -> Any:
    from projections.knowledge.search.search import KnowledgeSearch

    return await KnowledgeSearch(shelf.pool, exact_up_to=15, timeout=60).standing(tenant)
