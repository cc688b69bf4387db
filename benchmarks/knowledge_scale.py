"""How fast is a search among many chunks, and does it find what looking at each would find?

python -m benchmarks.knowledge_scale --chunks 10000 --tenants 1 [--keep FOLDER] [--json FILE]

A made corpus (`benchmarks/knowledge_corpus.py`) stands in the real tables of an embedded
Postgres; questions are real sentences that are not in it. Times are of whole searches, from the
vector to the hits, by a tenant's reader under row-level security, each question asked once before:
what it needs is in memory. Beside them, in the same run: the plain way, and the exact search for
the recall. From 10,000 chunks a tenant on both ways are measured. `--keep` leaves the database in
a folder and uses it again, for a million chunks take their time to load.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import msgspec
from pgvector import HalfVector

from benchmarks.figures import Figure, Section, percentile, shown
from benchmarks.knowledge_corpus import Seeds, corpus, seeds, tenant_name
from benchmarks.knowledge_load import SPACE, load, shared_index
from events.objects.store import MemoryObjectStore
from projections.engine.builds import ensure_live
from projections.engine.database import open_pool, tenant_transaction
from projections.engine.projection import Connection
from projections.engine.schema import ensure_schema
from projections.knowledge.index.hnsw import renew_indexes
from projections.knowledge.index.projection import KnowledgeIndex
from projections.knowledge.search import large as search_large
from projections.knowledge.search.search import EXACT_UP_TO, KnowledgeSearch, SearchResult
from tandem.embedded.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LIMIT = 5
PATIENCE_S = 600.0
EVERYTHING = 10**9
MEMORY = "2500MB"
"""maintenance_work_mem: the graph of a million chunks fits into it."""
POSTGRES = {"shared_buffers": "4GB"}
"""Index and vectors of a million chunks fit into it; what is not used takes no memory."""
SHARED_UP_TO = 200_000
"""Chunks up to which one index over all tenants is built, to compare: it takes long."""
BOTH_FROM = 10_000
"""Chunks of a tenant from which an index is made here, to compare."""
DIMENSIONS = 384


class Question(msgspec.Struct, frozen=True, kw_only=True):
    tenant: str
    text: str
    locale: str
    vector: NDArray[np.float32]


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure. `truth` questions of the `asked` are looked up exactly too."""

    chunks: int
    tenants: int = 1
    asked: int = 200
    truth: int = 40

    @property
    def title(self) -> str:
        return f"Search in {self.chunks:,} chunks, {self.tenants:,} tenant(s)"


class _House(msgspec.Struct, frozen=True, kw_only=True):
    """An open database with the corpus in it."""

    dsn: str
    pool: asyncpg.Pool
    schema: str


async def section(size: Size, *, home: Path | None = None) -> Section:
    """Load, index, ask. `home` keeps the database; without it it is gone afterwards."""
    found = await asyncio.to_thread(seeds, home / "seeds.npy" if home else None)
    async with _house(home) as house:
        figures = await _filled(house, size, found)
        questions = _questions(found, size)
        figures += await _searches(house, questions, size)
        figures += await _plain(house, questions[: size.truth], size)
    return Section(
        size.title,
        f"{size.asked} questions one after the other, each asked once before; {size.truth} of them"
        " looked up exactly too. Postgres with 4 GB of shared buffers."
        " recall@5 is the share of the exact search's best five that were found. Plain: `ORDER BY"
        " embedding <#> $1 LIMIT 5` without words, sentences or fusion.",
        figures,
    )


@asynccontextmanager
async def _house(home: Path | None) -> AsyncGenerator[_House]:
    with tempfile.TemporaryDirectory(prefix="tb-", ignore_cleanup_errors=True) as folder:
        place = home or Path(folder)
        await asyncio.to_thread(place.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(place.chmod, 0o755)  # Postgres runs under its own user
        postgres = EmbeddedPostgres(place / "pg", sockets=place / "s", settings=POSTGRES)
        dsn = await postgres.start()
        try:
            await ensure_schema(dsn)
            pool = await open_pool(dsn, min_size=0, max_size=2, command_timeout=PATIENCE_S)
            try:
                live = await ensure_live(
                    pool, KnowledgeIndex(MemoryObjectStore(), _no_model, SPACE)
                )
                yield _House(dsn=dsn, pool=pool, schema=live.schema)
            finally:
                await pool.close()
        finally:
            await postgres.stop()


async def _no_model(space: str, texts: Sequence[str]) -> NDArray[np.float32]:
    raise AssertionError("the corpus brings its vectors with it")


async def _filled(house: _House, size: Size, found: Seeds) -> list[Figure]:
    figures: list[Figure] = []
    known = await house.pool.fetchval(f"SELECT sum(chunks) FROM {house.schema}.generations")
    if known is None:
        began = time.perf_counter()
        rows = corpus(found, chunks=size.chunks, tenants=size.tenants)
        await load(house.dsn, house.schema, rows)
        rate = size.chunks / (time.perf_counter() - began)
        figures.append(Figure("loading, straight into the tables", rate, "chunks/s", "higher"))
    elif known != size.chunks:
        raise SystemExit(f"the kept database holds {known} chunks, not {size.chunks}")
    began = time.perf_counter()
    changed = await renew_indexes(house.dsn, above=BOTH_FROM - 1, memory=MEMORY)
    if changed.made:
        figures.append(Figure("building the HNSW index", time.perf_counter() - began, "s"))
    for what, like in (("HNSW index", "hnsw\\_%"), ("vectors", "chunk\\_vectors")):
        megabytes = await house.pool.fetchval(
            "SELECT sum(pg_table_size(c.oid)) / 2^20 FROM pg_class c"
            " WHERE c.relnamespace = $1::text::regnamespace AND c.relname LIKE $2",
            house.schema,
            like,
        )
        if megabytes:
            figures.append(Figure(f"{what}, on disk", megabytes, "MiB"))
    return figures


def _questions(found: Seeds, size: Size) -> list[Question]:
    """Each asks another tenant, and no sentence twice before all were asked."""
    return [
        Question(
            tenant=tenant_name(n * 7 % size.tenants),
            text=found.asked[n % len(found.asked)][0],
            locale=found.asked[n % len(found.asked)][1],
            vector=found.asked_vectors[n % len(found.asked)],
        )
        for n in range(size.asked)
    ]


async def _timed(
    questions: Sequence[Question], ask: Callable[[Question], Awaitable[object]]
) -> list[float]:
    """Milliseconds of each, after all were asked once to warm the caches."""
    for question in questions:
        await ask(question)
    took: list[float] = []
    for question in questions:
        began = time.perf_counter()
        await ask(question)
        took.append((time.perf_counter() - began) * 1000)
    return took


async def _searches(house: _House, questions: list[Question], size: Size) -> list[Figure]:
    """The way that the search takes by itself; where there is an index, both ways."""

    def searching(exact_up_to: int) -> Callable[[Question], Awaitable[SearchResult]]:
        by = KnowledgeSearch(house.pool, timeout=PATIENCE_S, exact_up_to=exact_up_to)
        return lambda one: by.search(
            one.tenant, one.text, one.vector, space=SPACE, locale=one.locale, limit=LIMIT
        )

    chosen = (await searching(EXACT_UP_TO)(questions[0])).how
    exact, indexed = searching(EVERYTHING), searching(BOTH_FROM - 1)
    if (await indexed(questions[0])).how == "exact":
        return _shown("exact", await _timed(questions, exact), chosen)
    figures = _shown("index", await _timed(questions, indexed), chosen)
    figures += _shown("exact", await _timed(questions[: size.truth], exact), chosen)
    shares = [
        _share(_found(await indexed(question)), _found(await exact(question)))
        for question in questions[: size.truth]
    ]
    dense = [await _dense_recall(house, question) for question in questions[: size.truth]]
    return [
        *figures,
        Figure("index: recall@5 of the whole search", sum(shares) / len(shares), "", "higher"),
        Figure("index: recall@5 of its vectors alone", sum(dense) / len(dense), "", "higher"),
    ]


def _shown(how: str, took: list[float], chosen: str) -> list[Figure]:
    what = f"search by {how}{', as chosen by size' if how == chosen else ''}"
    return [
        Figure(f"{what}, p50", percentile(took, 0.5), "ms"),
        Figure(f"{what}, p99", percentile(took, 0.99), "ms"),
    ]


def _found(result: SearchResult) -> set[str]:
    return {hit.chunk for hit in result.hits}


def _share(found: set[str], wanted: set[str]) -> float:
    return len(found & wanted) / len(wanted)


async def _dense_recall(house: _House, question: Question) -> float:
    """Of the index that the search walks through, as the search walks through it."""
    distance = f"embedding::halfvec({DIMENSIONS}) <#> $1::halfvec({DIMENSIONS})"
    statement = (
        f"SELECT chunk FROM read.chunk_vectors WHERE"
        f" {search_large.predicate(question.tenant, SPACE)} ORDER BY {distance} LIMIT {LIMIT}"
    )
    async with tenant_transaction(house.pool, question.tenant) as connection:
        await _set(connection, search_large.SETTINGS)
        near = await connection.fetch(statement, HalfVector(question.vector))
    async with tenant_transaction(house.pool, question.tenant) as connection:
        await _set(connection, {"enable_indexscan": "off"})
        every = await connection.fetch(statement, HalfVector(question.vector))
    return _share({row[0] for row in near}, {row[0] for row in every})


async def _plain(house: _House, questions: list[Question], size: Size) -> list[Figure]:
    """What one writes first: all of the tenant's vectors in order; with many tenants one index
    over all of them, filtered afterwards."""
    every = (
        "SELECT chunk FROM read.chunk_vectors WHERE tenant = $2 AND space = $3"
        f" ORDER BY embedding <#> $1 LIMIT {LIMIT}"
    )

    async def scan(question: Question) -> set[str]:
        return await _asked(house, question, every, {})

    took = await _timed(questions, scan)
    figures = [
        Figure("plain exact scan, p50", percentile(took, 0.5), "ms"),
        Figure("plain exact scan, p99", percentile(took, 0.99), "ms"),
    ]
    if size.tenants == 1 or size.chunks > SHARED_UP_TO:
        return figures
    began = time.perf_counter()
    await shared_index(house.dsn, house.schema, memory=MEMORY)
    built = time.perf_counter() - began
    filtered = every.replace("embedding <#> $1", f"embedding::halfvec({DIMENSIONS}) <#> $1")
    off = {"hnsw.iterative_scan": "off", "enable_seqscan": "off", "enable_sort": "off"}

    async def through_shared(question: Question) -> set[str]:
        return await _asked(house, question, filtered, off)

    took = await _timed(questions, through_shared)
    shares = [_share(await through_shared(one), await scan(one)) for one in questions]
    return [
        *figures,
        Figure("plain shared HNSW index, building", built, "s"),
        Figure("plain shared HNSW index, filtered, p50", percentile(took, 0.5), "ms"),
        Figure("plain shared HNSW index, filtered, p99", percentile(took, 0.99), "ms"),
        Figure("plain shared HNSW index, recall@5", sum(shares) / len(shares), "", "higher"),
    ]


async def _asked(
    house: _House, question: Question, statement: str, settings: dict[str, str]
) -> set[str]:
    async with tenant_transaction(house.pool, question.tenant) as connection:
        await _set(connection, settings)
        rows = await connection.fetch(
            statement, HalfVector(question.vector), question.tenant, SPACE
        )
    return {row[0] for row in rows}


async def _set(connection: Connection, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        await connection.execute("SELECT set_config($1, $2, true)", name, value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--tenants", type=int, default=1)
    parser.add_argument("--asked", type=int, default=200)
    parser.add_argument("--truth", type=int, default=40)
    parser.add_argument("--keep", type=Path, help="leave the database here, use it again")
    parser.add_argument("--json", type=Path, help="write the section here")
    given = parser.parse_args()
    size = Size(chunks=given.chunks, tenants=given.tenants, asked=given.asked, truth=given.truth)
    found = asyncio.run(section(size, home=given.keep))
    if given.json:
        given.json.write_bytes(msgspec.json.encode(found))
    print(found.title)
    for figure in found.figures:
        print(f"  {figure.name:<52} {shown(figure)}", flush=True)


if __name__ == "__main__":
    main()
