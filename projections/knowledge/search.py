"""Hybrid search in one statement: vectors and words, fused by score, then by the best sentence.

1. Every chunk of the tenant gets the inner product of the question with its vector (exact: no
   index misses one) and a BM25 score of the question's words.
2. Both are made comparable by their z-scores over the tenant's chunks and added, 0.7 to 0.3.
3. The best twenty are ordered again by the mean of that and of their best sentence or heading:
   late interaction at the grain of sentences, whose vectors were computed at ingest.

The weights are round numbers; `benchmarks/retrieval.py` measures them against the plain methods.
BM25: Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75. Postgres' own `ts_rank` knows no idf, and
it would have to read every matching text vector; the table `chunk_terms` is an inverted index.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg
import msgspec
from pgvector import HalfVector

from projections.database import tenant_transaction
from projections.knowledge.language import TEXT_CONFIGS, lexical_text, text_config

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CANDIDATES = 20
SEARCH_TIMEOUT_S = 5.0

_HITS = " UNION ALL ".join(
    f"""
        SELECT chunk, language, lexeme, occurrences FROM read.chunk_terms
        WHERE tenant = $1 AND language = '{config}'
            AND lexeme = ANY (tsvector_to_array(to_tsvector('{config}', $3)))
    """
    for config in TEXT_CONFIGS
)
_SEARCH = f"""
WITH dense AS MATERIALIZED (
    SELECT chunk, language, length, -(embedding <#> $2::halfvec) AS closeness
    FROM read.chunk_vectors WHERE tenant = $1
), corpus AS (
    SELECT language, count(*)::float8 AS chunks, greatest(avg(length), 1)::float8 AS length
    FROM dense GROUP BY language
), hits AS (
    SELECT chunk, occurrences::float8 AS times,
        (count(*) OVER (PARTITION BY language, lexeme))::float8 AS found_in
    FROM ({_HITS}) t
), lexical AS (
    SELECT chunk, sum(
        ln(1 + (c.chunks - h.found_in + 0.5) / (h.found_in + 0.5))
        * h.times * 2.2 / (h.times + 1.2 * (0.25 + 0.75 * d.length / c.length))
    ) AS words
    FROM hits h JOIN dense d USING (chunk) JOIN corpus c USING (language) GROUP BY chunk
), scored AS (
    SELECT chunk, language, closeness, coalesce(words, 0) AS words
    FROM dense LEFT JOIN lexical USING (chunk)
), fused AS (
    SELECT chunk, language, closeness,
        0.7 * coalesce((closeness - avg(closeness) OVER every)
            / nullif(stddev_pop(closeness) OVER every, 0), 0)
        + 0.3 * coalesce((words - avg(words) OVER every)
            / nullif(stddev_pop(words) OVER every, 0), 0) AS fused
    FROM scored WINDOW every AS ()
), candidates AS (
    SELECT * FROM fused ORDER BY fused DESC, chunk LIMIT {CANDIDATES}
), spans AS (
    SELECT s.chunk, max(s.score) AS best,
        array_agg(s.text ORDER BY s.score DESC, s.n) FILTER (WHERE s.n > 0) AS texts,
        array_agg(s.score ORDER BY s.score DESC, s.n) FILTER (WHERE s.n > 0) AS scores
    FROM (
        SELECT chunk, n, text, -(embedding <#> $2::halfvec) AS score
        FROM read.sentences WHERE tenant = $1 AND chunk IN (SELECT chunk FROM candidates)
    ) s GROUP BY s.chunk
), ranked AS (
    SELECT c.chunk, c.closeness, s.texts, s.scores,
        0.5 * coalesce((c.fused - avg(c.fused) OVER every)
            / nullif(stddev_pop(c.fused) OVER every, 0), 0)
        + 0.5 * coalesce((coalesce(s.best, c.closeness) - avg(coalesce(s.best, c.closeness))
            OVER every) / nullif(stddev_pop(coalesce(s.best, c.closeness)) OVER every, 0), 0)
        + CASE WHEN c.language = $4 THEN $5::float8 ELSE 0 END AS rank
    FROM candidates c LEFT JOIN spans s USING (chunk) WINDOW every AS ()
)
SELECT k.chunk, k.document, k.title, k.text, k.url, k.source, k.locale,
    r.closeness, r.rank, coalesce(r.texts, '{{}}') AS texts, coalesce(r.scores, '{{}}') AS scores
FROM ranked r JOIN read.chunks k ON k.tenant = $1 AND k.chunk = r.chunk
ORDER BY r.rank DESC, k.chunk LIMIT $6
"""

LANGUAGE_BOOST = 0.5
"""Added to the rank (a mean of two z-scores) of a chunk in the visitor's language."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk that was found, best first in a list.

    `score` is the mean cosine of the question with the heading and with heading and text, -1 to
    1 (where there is no heading: with the text). It can be compared between questions and is what
    best tells a question that the corpus answers from one that it does not. `rank` orders one
    result only. `sentences` are verbatim parts of `text` with their cosines, best first.
    """

    chunk: str
    document: str
    title: str
    text: str
    url: str
    source: str
    locale: str
    score: float
    rank: float
    sentences: tuple[tuple[str, float], ...]


class KnowledgeSearch:
    """Search in what `KnowledgeIndex` wrote, one tenant at a time."""

    def __init__(self, pool: asyncpg.Pool, *, timeout: float = SEARCH_TIMEOUT_S) -> None:
        """`pool` is from `projections.database.open_pool`; `timeout` is seconds for a search."""
        self._pool, self._timeout = pool, timeout

    async def search(
        self,
        tenant: str,
        question: str,
        vector: NDArray[np.float32],
        *,
        locale: str = "",
        limit: int = 8,
    ) -> Sequence[Hit]:
        """The best `limit` chunks (20 at most) for `question`, whose unit vector is `vector`.

        `locale` is the visitor's language, which is preferred. Raises TimeoutError and what
        asyncpg raises, UndefinedTableError too when nothing was ever indexed.
        """
        async with (
            asyncio.timeout(self._timeout),
            tenant_transaction(self._pool, tenant, timeout=self._timeout) as connection,
        ):
            rows = await connection.fetch(
                _SEARCH,
                tenant,
                HalfVector(vector),
                lexical_text(question),
                text_config(locale) if locale else "",
                LANGUAGE_BOOST,
                limit,
            )
        return [
            Hit(
                chunk=row["chunk"],
                document=row["document"],
                title=row["title"],
                text=row["text"],
                url=row["url"],
                source=row["source"],
                locale=row["locale"],
                score=row["closeness"],
                rank=row["rank"],
                sentences=tuple(zip(row["texts"], row["scores"], strict=True)),
            )
            for row in rows
        ]
