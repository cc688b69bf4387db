"""Hybrid search: vectors and words, fused by score, then by the best sentence.

1. Every chunk of the tenant gets the inner product of the question with its vector (exact: no
   index misses one) and a BM25 score of the question's words.
2. Both are made comparable by their z-scores over the tenant's chunks and added, 0.7 to 0.3.
3. Of what says the same, the best is kept. The best twenty are ordered again by the mean of that
   and of their best sentence or heading: late interaction at the grain of sentences, whose
   vectors were computed at ingest.

A tenant with many chunks is searched through an index instead (`search_large`), with the same
fusion; a past version over what was valid then (`search_sql.past`). The weights are round
numbers; `benchmarks/retrieval.py` measures them against the plain methods. BM25: Robertson and
Zaragoza 2009, k1 = 1.2, b = 0.75. Postgres' own `ts_rank` knows no idf, and it would have to read
every matching text vector; the table `chunk_terms` is an inverted index.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import asyncpg
import msgspec
from pgvector import HalfVector

from events.conversation import Place
from projections.engine.database import tenant_transaction
from projections.engine.projection import Connection
from projections.knowledge.language import lexical_text, text_config
from projections.knowledge.search import large as search_large
from projections.knowledge.search import sql as search_sql
from projections.knowledge.search.large import large
from projections.knowledge.search.neighbours import side_by_side, without_overlaps
from projections.knowledge.search.sql import CANDIDATES, FILTERS, exact, past, wanted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "CANDIDATES",
    "Filters",
    "Hit",
    "KnowledgeSearch",
    "SearchResult",
    "SpaceGone",
    "Standing",
]

SEARCH_TIMEOUT_S = 5.0
PAST_TIMEOUT_S = 60.0
"""The past has no index: a person who looks into a large tenant's waits for it."""
EXACT_UP_TO = 10_000
"""Chunks of a tenant that are all looked at; `benchmarks/knowledge_scale.py` measures both ways."""
LANGUAGE_BOOST = 0.5
"""Added to the rank (a mean of two z-scores) of a chunk in the visitor's language."""

STANDING = """
    SELECT g.version AS knowledge, g.space, g.chunks, CASE WHEN g.chunks > $2 THEN ARRAY(
        SELECT s.space FROM read.spaces s
            JOIN pg_class c ON c.relname = ('hnsw_' || md5(s.tenant || '/' || s.space))::name
            JOIN pg_index i ON i.indexrelid = c.oid AND i.indisvalid
        WHERE s.tenant = $1 AND i.indrelid IN (
            SELECT d.refobjid FROM pg_rewrite r JOIN pg_depend d
                ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                AND d.refclassid = 'pg_class'::regclass
            WHERE r.ev_class = 'read.chunk_vectors'::regclass)
    ) ELSE '{}' END AS indexed
    FROM read.generations g WHERE g.tenant = $1
"""
"""The last part asks for the indexes of the table that the view shows now, by their names."""
_SPACE_AT = """
    SELECT s.space, EXISTS (
        SELECT FROM read.spaces WHERE tenant = $1 AND spaces.space = s.space
            AND (state = 'closed' OR opened_at > $2)
    ) AS gone
    FROM (SELECT coalesce(
        (SELECT space FROM read.space_switches WHERE tenant = $1 AND version <= $2
            ORDER BY version DESC LIMIT 1),
        (SELECT previous FROM read.space_switches WHERE tenant = $1 AND version > $2
            ORDER BY version LIMIT 1),
        (SELECT space FROM read.generations WHERE tenant = $1), '') AS space) s
"""
"""What was searched in then was open then: where it opened later, it was closed in between, and
has vectors again only of what answered when it was opened again."""


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What may be found; an empty one allows all. Each is any of its values."""

    documents: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()

    def given(self) -> dict[str, list[str]]:
        """Column of `chunks` → its allowed values, of those that are set."""
        values = (self.documents, self.sources, self.locales, self.media_types)
        return {
            column: list(chosen) for column, chosen in zip(FILTERS, values, strict=True) if chosen
        }


NO_FILTERS = Filters()


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk that was found, best first in a list.

    `score` is the mean cosine of the question with the heading and with heading and text, -1 to
    1 (where there is no heading: with the text). It can be compared between questions and is what
    best tells a question that the corpus answers from one that it does not. `rank` orders one
    result only. `sentences` are verbatim parts of `text` with their cosines, best first. `text`
    is the chunk's, or what of it a better neighbour in the same result does not hold.
    """

    chunk: str
    document: str
    version: int
    ordinal: int
    title: str
    heading: str
    text: str
    url: str
    source: str
    locale: str
    place: Place
    start: int
    end: int
    tokens: int
    hash: str
    media_type: str
    opened_at: int
    closed_at: int | None
    score: float
    rank: float
    parts: dict[str, float]
    """`dense` (the same as `score`), `words` (BM25), `sentence` (the best one's cosine)."""
    sentences: tuple[tuple[str, float], ...]


How = Literal["exact", "index"]


class SearchResult(msgspec.Struct, frozen=True, kw_only=True):
    """`knowledge` is the generation that was searched: the newest version that changed what can
    be found, or the past version that was asked for."""

    hits: tuple[Hit, ...]
    knowledge: int
    space: str
    how: How = "exact"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a tenant's knowledge stands. All empty where nothing was ever indexed.

    `space` is the one that is searched in, `chunks` counts the living, `indexed` are the spaces
    that have an HNSW index which is ready.
    """

    knowledge: int = 0
    space: str = ""
    chunks: int = 0
    indexed: tuple[str, ...] = ()


class SpaceGone(Exception):
    """The space that was searched in at that version was closed since: vectors are gone."""


class KnowledgeSearch:
    """Search in what `KnowledgeIndex` wrote, one tenant at a time."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        timeout: float = SEARCH_TIMEOUT_S,
        exact_up_to: int = EXACT_UP_TO,
    ) -> None:
        """`pool` is from `database.open_pool`; `timeout` is seconds for a search."""
        self._pool, self._timeout, self._exact_up_to = pool, timeout, exact_up_to

    async def standing(self, tenant: str) -> Standing:
        """One cheap query. Raises as `search` does."""
        async with (
            asyncio.timeout(self._timeout),
            tenant_transaction(self._pool, tenant, timeout=self._timeout) as connection,
        ):
            return await self._standing(connection, tenant)

    async def space_at(self, tenant: str, version: int) -> str:
        """The space that was searched in at `version`; empty where there never was one.

        Raises SpaceGone when it is closed, or was since.
        """
        async with (
            asyncio.timeout(self._timeout),
            tenant_transaction(self._pool, tenant, timeout=self._timeout) as connection,
        ):
            row = await connection.fetchrow(_SPACE_AT, tenant, version)
        assert row is not None  # one row without FROM a table
        if row["gone"]:
            raise SpaceGone(f"version {version} was searched in {row['space']}, closed since")
        return row["space"]

    async def search(
        self,
        tenant: str,
        question: str,
        vector: NDArray[np.float32],
        *,
        space: str,
        locale: str = "",
        limit: int = 8,
        filters: Filters = NO_FILTERS,
        as_of: int | None = None,
        standing: Standing | None = None,
    ) -> SearchResult:
        """The best `limit` chunks (20 at most) for `question`, whose vector in `space` is
        `vector` (unit length, the dimensions of the space).

        `locale` is the visitor's language, which is preferred. `as_of` searches what was valid at
        that version; `space` is then `space_at` it. `standing` saves a query where it is known.
        Raises TimeoutError and what asyncpg raises, UndefinedTableError too when nothing was ever
        indexed.
        """
        timeout = self._timeout if as_of is None else max(self._timeout, PAST_TIMEOUT_S)
        async with (
            asyncio.timeout(timeout),
            tenant_transaction(self._pool, tenant, timeout=timeout) as connection,
        ):
            given = filters.given()
            how: How = "exact"
            if as_of is None:
                standing = standing or await self._standing(connection, tenant)
                how = await self._way(connection, tenant, space, standing, given)
            await _set(connection, search_large.SETTINGS if how == "index" else search_sql.SETTINGS)
            if how == "index":
                statement = large(tenant, space, len(vector), tuple(given))
            else:
                statement = (exact if as_of is None else past)(tuple(given))
            rows = await connection.fetch(
                statement,
                tenant,
                HalfVector(vector),
                lexical_text(question),
                text_config(locale) if locale else "",
                LANGUAGE_BOOST,
                space,
                *(() if as_of is None else (as_of,)),
                *given.values(),
                timeout=timeout,
            )
        hits = without_overlaps([_hit(row) for row in rows if row["chunk"] is not None])
        return SearchResult(
            hits=tuple(side_by_side(hits[:limit])),
            knowledge=rows[0]["knowledge"] if as_of is None else as_of,
            space=space,
            how=how,
        )

    async def _standing(self, connection: Connection, tenant: str) -> Standing:
        row = await connection.fetchrow(STANDING, tenant, self._exact_up_to)
        if row is None:
            return Standing()
        return Standing(
            knowledge=row["knowledge"],
            space=row["space"],
            chunks=row["chunks"],
            indexed=tuple(row["indexed"]),
        )

    async def _way(
        self,
        connection: Connection,
        tenant: str,
        space: str,
        standing: Standing,
        given: dict[str, list[str]],
    ) -> How:
        """All are looked at where they are few, or few pass the filters, or no index is ready."""
        if standing.chunks <= self._exact_up_to or space not in standing.indexed:
            return "exact"
        if not given:
            return "index"
        passing = await connection.fetchval(
            "SELECT count(*) FROM (SELECT FROM read.chunks k WHERE k.tenant = $1"
            f" AND k.closed_at IS NULL{wanted(tuple(given), 3)} LIMIT $2 + 1) AS enough",
            tenant,
            self._exact_up_to,
            *given.values(),
        )
        return "index" if passing > self._exact_up_to else "exact"


async def _set(connection: Connection, settings: dict[str, str]) -> None:
    """For the rest of the transaction."""
    await connection.execute(
        "SELECT set_config(name, value, true)"
        " FROM unnest($1::text[], $2::text[]) AS s (name, value)",
        list(settings),
        list(settings.values()),
    )


def _hit(row: Any) -> Hit:
    return Hit(
        chunk=row["chunk"],
        document=row["document"],
        version=row["version"],
        ordinal=row["ordinal"],
        title=row["title"],
        heading=row["heading"],
        text=row["text"],
        url=row["url"],
        source=row["source"],
        locale=row["locale"],
        place=msgspec.json.decode(row["place"], type=Place),
        start=row["start_at"],
        end=row["end_at"],
        tokens=row["tokens"],
        hash=row["text_hash"],
        media_type=row["media_type"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        score=row["closeness"],
        rank=row["rank"],
        parts={"dense": row["closeness"], "words": row["words"], "sentence": row["sentence"]},
        sentences=tuple(zip(row["texts"], row["scores"], strict=True)),
    )
