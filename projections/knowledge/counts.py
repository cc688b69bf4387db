"""How much a tenant's knowledge is: by state, kind, source and embedding space."""

from __future__ import annotations

from typing import Literal

import asyncpg
import msgspec

from projections.engine.database import tenant_transaction

SOURCES_LIMIT = 200


class SourceCount(msgspec.Struct, frozen=True, kw_only=True):
    """What answers of one source (a column of a FAQ, empty where there is none), and how often
    answers cited it, what was closed meanwhile too."""

    source: str
    documents: int
    chunks: int
    cited: int


class SpaceCount(msgspec.Struct, frozen=True, kw_only=True):
    """`documents` of the `of` documents that answer have vectors in this space."""

    space: str
    state: Literal["open", "active", "closed"]
    documents: int
    of: int


class KnowledgeCounts(msgspec.Struct, frozen=True, kw_only=True):
    """`documents` and `chunks` answer; `by_state` and `by_media_type` count the newest versions.
    `knowledge` and `space` are what is searched now: 0 and empty where nothing ever answered."""

    documents: int
    chunks: int
    by_state: dict[str, int]
    by_media_type: dict[str, int]
    by_source: tuple[SourceCount, ...]
    knowledge: int
    space: str
    spaces: tuple[SpaceCount, ...]


_TOTALS = """
    SELECT count(*) FILTER (WHERE opened_at IS NOT NULL AND closed_at IS NULL) AS documents,
        coalesce((SELECT chunks FROM read.generations WHERE tenant = $1), 0) AS chunks,
        coalesce((SELECT version FROM read.generations WHERE tenant = $1), 0) AS knowledge,
        coalesce((SELECT space FROM read.spaces WHERE tenant = $1 AND state = 'active'), '')
            AS space
    FROM read.documents WHERE tenant = $1
"""
_BY = """
    SELECT {column} AS of, count(*) AS documents FROM read.documents
    WHERE tenant = $1 AND newest GROUP BY 1 ORDER BY 1
"""
_BY_SOURCE = f"""
    WITH cited AS (
        SELECT c.source, count(*) AS cited
        FROM read.citations t JOIN read.chunks c ON c.tenant = $1 AND c.chunk = t.chunk
        WHERE t.tenant = $1 GROUP BY c.source
    ), living AS (
        SELECT source, count(DISTINCT document) AS documents, count(*) AS chunks
        FROM read.chunks WHERE tenant = $1 AND closed_at IS NULL GROUP BY source
    )
    SELECT source, coalesce(documents, 0) AS documents, coalesce(chunks, 0) AS chunks,
        coalesce(cited, 0) AS cited
    FROM living FULL JOIN cited USING (source)
    ORDER BY chunks DESC, cited DESC, source LIMIT {SOURCES_LIMIT}
"""
_SPACES = """
    WITH living AS (
        SELECT document, version, chunks_hash FROM read.documents
        WHERE tenant = $1 AND opened_at IS NOT NULL AND closed_at IS NULL AND chunks > 0
    )
    SELECT s.space, s.state, (SELECT count(*) FROM living) AS of, (
        SELECT count(*) FROM living l JOIN read.embeddings e USING (document, version, chunks_hash)
        WHERE e.tenant = $1 AND e.space = s.space
    ) AS documents
    FROM read.spaces s WHERE s.tenant = $1 ORDER BY s.opened_at, s.space
"""


async def counts(pool: asyncpg.Pool, tenant: str) -> KnowledgeCounts:
    """As the read models have it now; by source the 200 largest."""
    async with tenant_transaction(pool, tenant) as connection:
        totals = await connection.fetchrow(_TOTALS, tenant)
        states = await connection.fetch(_BY.format(column="state"), tenant)
        kinds = await connection.fetch(_BY.format(column="media_type"), tenant)
        sources = await connection.fetch(_BY_SOURCE, tenant)
        spaces = await connection.fetch(_SPACES, tenant)
    assert totals is not None
    return KnowledgeCounts(
        documents=totals["documents"],
        chunks=totals["chunks"],
        by_state={row["of"]: row["documents"] for row in states},
        by_media_type={row["of"]: row["documents"] for row in kinds if row["of"]},
        by_source=tuple(SourceCount(**dict(row)) for row in sources),
        knowledge=totals["knowledge"],
        space=totals["space"],
        spaces=tuple(SpaceCount(**dict(row)) for row in spaces),
    )
