"""The database is dropped altogether: from the log and the object store all of it comes back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import pytest

OTHER_SPACE = "all-MiniLM-L6-v2.d64.l2.t256"
FAQ = "question,answer\nHow long does delivery take?,It takes two days.\nWho pays?,We do.\n"
CARE = "# Care\n\nWipe it with a cloth. Then dry it.\n\n## Wood\n\nOil it twice a year."
QUESTIONS = ("how long is the delivery?", "oil for wood", "who pays for a cloth")


class Embedder:
    """Words hashed into a vector; `blur` is how much two machines differ in the last digits."""

    def __init__(self) -> None:
        self.blur, self.asked = 0.0, 0

    async def __call__(self, space: str, texts: Sequence[str]) -> Any:
        import hashlib

        import numpy as np

        from events.spaces import parse_space

        self.asked += len(texts)
        dimensions = parse_space(space).dimensions
        rows = np.full((len(texts), dimensions), self.blur, dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[int(hashlib.sha256(word.encode()).hexdigest(), 16) % dimensions] += 1
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


@pytest.fixture
async def filled(house: Any) -> Any:
    """(nats url, dsn, shelf, tenant, last commits, two documents, embedder): documents in versions
    and two spaces, and conversations, in a log that nobody has projected yet."""
    from projection_talk import Talk

    from benchmarks.shelf import Shelf
    from events.jetstream.connection import Connection
    from events.knowledge import SpaceOpened, SpaceSwitched
    from events.log.stream import knowledge_stream
    from events.objects.store import NatsObjectStore
    from events.spaces import DEFAULT_SPACE

    nats, log, dsn, pool = house
    connection = await Connection.open(nats.url, name="test-documents")
    embedder = Embedder()
    shelf = Shelf(pool, embedder, log=log, documents=NatsObjectStore(connection))
    tenant = f"acme-{uuid.uuid4().hex[:6]}"
    await shelf.submit(tenant, "faq.csv", FAQ)
    gone = await shelf.submit(tenant, "gone.md", "# Gone\n\nThis text is taken away.")
    await shelf.say(tenant, SpaceOpened(at=shelf.tick(), tenant=tenant, space=OTHER_SPACE))
    care = await shelf.submit(tenant, "care.md", CARE)
    new = await shelf.submit(tenant, "faq.csv", FAQ.replace("two", "ten"))
    await shelf.submit(tenant, "bad.csv", "question,answer\n")
    await shelf.embed_again(tenant, gone.document, OTHER_SPACE)
    await shelf.say(
        tenant,
        SpaceSwitched(
            at=shelf.tick(),
            tenant=tenant,
            space=OTHER_SPACE,
            previous=DEFAULT_SPACE,
            quality={"hit@5": 0.9},
        ),
    )
    await shelf.remove(tenant, gone.document)
    other = await shelf.submit(f"{tenant}-2", "faq.csv", FAQ)
    known = await log.last(knowledge_stream(other.tenant, other.document))
    said = await Talk(log, tenant).rounds("c1", 0, 3)
    yield nats.url, dsn, shelf, tenant, (said, known), (care, new), embedder
    await connection.close()


async def searched(pool: Any, embed: Any, tenant: str) -> list[Any]:
    """What the questions find now, in both spaces, and what they found at the start."""
    from events.spaces import DEFAULT_SPACE
    from projections.knowledge.search.search import KnowledgeSearch

    search = KnowledgeSearch(pool, timeout=60)
    found = []
    for question in QUESTIONS:
        for space, as_of in ((DEFAULT_SPACE, None), (OTHER_SPACE, None), (DEFAULT_SPACE, 6)):
            vector = (await embed(space, [question]))[0]
            result = await search.search(tenant, question, vector, space=space, as_of=as_of)
            found.append([(hit.chunk, hit.text, hit.version, hit.score) for hit in result.hits])
    assert all(found)
    return found


async def everything(pool: Any, projections: Sequence[Any]) -> dict[str, list[Any]]:
    """Every row of every table."""
    from projecting import all_rows

    tables = [table for projection in projections for table in projection.tables]
    found = {}
    for table in tables:
        rows = [_comparable(row) for row in await all_rows(pool, table)]
        found[table] = sorted(rows, key=repr)
    return found


def _comparable(row: dict[str, Any]) -> dict[str, Any]:
    """With vectors as the numbers in them."""
    return {
        key: value.to_list() if "Vec" in type(value).__name__ else value
        for key, value in row.items()
    }


async def dropped(dsn: str, postgres_dsn: str) -> None:
    import asyncpg

    admin = await asyncpg.connect(postgres_dsn, timeout=60)
    name = dsn.split("?", maxsplit=1)[0].rsplit("/", 1)[1]
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def rebuilt(projections: Sequence[Any], nats_url: str, dsn: str) -> None:
    """As `tandem rebuild` does it where there is no database any more."""
    from projections.engine.rebuild import rebuild
    from projections.engine.schema import ensure_database, ensure_schema

    assert await ensure_database(dsn)
    assert not await ensure_database(dsn)
    await ensure_schema(dsn)
    for projection in projections:
        report = await rebuild(projection, nats_url, dsn, lost=True)
        assert report.equal
        assert report.tables == ()


async def test_a_dropped_database_comes_back_row_for_row_and_finds_the_same(
    filled: Any, postgres_dsn: str, taken_in: Any
) -> None:
    from projections.engine.database import open_pool
    from projections.engine.rebuild import rebuild
    from projections.engine.worker import running_worker
    from projections.knowledge.documents import wait_indexed
    from projections.knowledge.index.projection import KnowledgeIndex
    from projections.read_models.catalogue import read_models

    nats_url, dsn, shelf, tenant, (said, known), _, embedder = filled
    projections = (*read_models(), shelf.index)
    names = [projection.name for projection in read_models()]
    async with running_worker(projections, nats_url, dsn):
        await taken_in(shelf.pool, said.version, *names)
        await taken_in(shelf.pool, known.version, "knowledge")
    rows = await everything(shelf.pool, projections)
    hits = await searched(shelf.pool, embedder, tenant)
    for table in ("documents", "past_chunk_vectors", "space_switches", "citations", "messages"):
        assert rows[table], table

    await dropped(dsn, postgres_dsn)
    embedder.asked = 0
    fresh = (*read_models(), KnowledgeIndex(shelf.documents, embedder, shelf.index._default_space))
    await rebuilt(fresh, nats_url, dsn)
    assert embedder.asked == 0, "no model runs in a rebuild"
    pool = await open_pool(dsn)
    try:
        assert await everything(pool, fresh) == rows
        assert_alike(await searched(pool, embedder, tenant), hits, within=1e-6)
        report = await rebuild(fresh[-1], nats_url, dsn)
        assert report.equal, report
        assert not fresh[-1].inexact
        assert {table.table for table in report.tables} == set(fresh[-1].tables)
        # the lanes go on where the rebuild ended
        async with running_worker(fresh, nats_url, dsn):
            more = await shelf.submit(tenant, "more.md", "# More\n\nA lamp for the garden.")
            assert await wait_indexed(pool, [more], timeout=120) == {more.document: 1}
    finally:
        await pool.close()


async def test_lost_vectors_are_computed_again_and_find_the_same(
    filled: Any, postgres_dsn: str
) -> None:
    from events.knowledge import DocumentEmbedded
    from events.log.stream import knowledge_stream
    from projections.engine.database import open_pool
    from projections.engine.rebuild import rebuild
    from projections.knowledge.index.projection import KnowledgeIndex

    nats_url, dsn, shelf, tenant, _, submitted, embedder = filled
    await rebuild(shelf.index, nats_url, dsn, lost=True)
    hits = await searched(shelf.pool, embedder, tenant)
    rows = await everything(shelf.pool, [shelf.index])
    store = await shelf.documents._open()
    for one in submitted:
        for commit in await shelf.log.load(knowledge_stream(tenant, one.document)):
            for fact in commit.facts:
                if isinstance(fact, DocumentEmbedded):
                    await store.delete(f"{tenant}/{fact.vectors_hash}")

    await dropped(dsn, postgres_dsn)
    embedder.asked, embedder.blur = 0, 0.003
    index = KnowledgeIndex(shelf.documents, embedder, shelf.index._default_space)
    await rebuilt([index], nats_url, dsn)
    assert embedder.asked > 0
    assert index.inexact
    embedder.blur = 0.0
    pool = await open_pool(dsn)
    try:
        for again, wanted in zip(await searched(pool, embedder, tenant), hits, strict=True):
            clear = [hit for hit in wanted if hit[3] > 0.1]  # the rest is as near as chance
            assert_alike([again[: len(clear)]], [clear], within=0.05)
        for table, again in (await everything(pool, [index])).items():
            assert without_vectors(again) == without_vectors(rows[table]), table
    finally:
        await pool.close()


def assert_alike(found: list[Any], before: list[Any], *, within: float) -> None:
    for hits, wanted in zip(found, before, strict=True):
        assert [hit[:3] for hit in hits] == [hit[:3] for hit in wanted]
        assert [hit[3] for hit in hits] == pytest.approx([hit[3] for hit in wanted], abs=within)


def without_vectors(rows: list[Any]) -> list[Any]:
    return sorted(({**row, "embedding": None} for row in rows), key=repr)
