"""Search in a tenant with too many chunks to look at each: candidates first, then the same.

Candidates are the nearest by an HNSW index of that tenant and space alone, and those that hold
the question's rare words. Closeness and rare words choose the FIRST of them, which get both scores
in full. What the exact search knows of the whole corpus is known here otherwise:

- how many chunks hold a word, and how long chunks are: counted at ingest (`term_counts`,
  `language_counts`), so it is exact;
- mean and deviation of the closeness: over SAMPLE chunks, the first by their ids, which are
  hashes and so in no order. Off by some 4 %, alike for every candidate;
- mean and deviation of the words' scores: each word of a chunk of mean length counts its idf, in
  the share of chunks that hold it, each word for itself.

With filters the index is walked on until enough pass (`hnsw.iterative_scan`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from projections.knowledge.search.sql import FUSED, answer, bm25, wanted, words_of

NEAREST = 1000
"""Candidates by meaning."""
EF_SEARCH = 1000
WORDED = 200
"""Candidates by words."""
FIRST = 150
"""How many of all candidates get the score of all their words."""
POSTINGS = 20_000
"""How many entries of the rarest words are read for candidates. Commoner words make none."""
POSTINGS_FILTERED = 5000
"""The same where each entry's chunk is looked up for the filters."""
SAMPLE = 300
MAX_SCAN = 100_000
"""Vectors that a filtered search walks through at most."""

_LENGTH = "(0.25::float8 + 0.75::float8 * d.length / a.length)"

SETTINGS = {
    "hnsw.ef_search": str(EF_SEARCH),
    "hnsw.iterative_scan": "strict_order",
    "hnsw.max_scan_tuples": str(MAX_SCAN),
    # A few hundred rows are looked up one by one; a wrong guess would read millions instead.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
}
"""For the transaction of such a search."""


def index_name(tenant: str, space: str) -> str:
    """Of the HNSW index over a tenant's vectors in a space. `search.STANDING` makes it in SQL."""
    return "hnsw_" + hashlib.md5(f"{tenant}/{space}".encode(), usedforsecurity=False).hexdigest()


def literal(text: str) -> str:
    """`text` as it may stand in SQL. Raises ValueError for what no name has."""
    if not text or "\\" in text or not text.isprintable():
        raise ValueError(f"{text!r} cannot name a tenant or a space")
    return "'" + text.replace("'", "''") + "'"


def predicate(tenant: str, space: str) -> str:
    """What an index of one tenant and space holds. A query must say it in these very words for
    Postgres to take the index: the wall is then the index itself."""
    return f"tenant = {literal(tenant)} AND space = {literal(space)}"


def large(tenant: str, space: str, dimensions: int, filters: Sequence[str] = ()) -> str:
    """The statement for one tenant and space; filters' values are from parameter 7 on."""
    distance = f"v.embedding::halfvec({dimensions}) <#> $2::halfvec({dimensions})"
    passing = wanted(filters, 7)
    return f"""
WITH near AS MATERIALIZED (
    SELECT v.chunk, v.language, v.length, -({distance}) AS closeness
    FROM (SELECT * FROM read.chunk_vectors WHERE {predicate(tenant, space)}) v{
        _chunks("v", filters)
    }
    WHERE true{passing} ORDER BY {distance} LIMIT {NEAREST}
), corpus AS MATERIALIZED (
    SELECT language, chunks::float8 AS chunks,
        greatest(length::float8 / nullif(chunks, 0), 1) AS length,
        sum(chunks) OVER ()::float8 AS every
    FROM read.language_counts WHERE tenant = $1
), asked AS MATERIALIZED (
    SELECT t.language, t.lexeme, c.length, t.chunks / c.every AS share,
        ln(1 + (c.chunks - t.chunks + 0.5) / (t.chunks + 0.5)) AS idf,
        sum(t.chunks) OVER (ORDER BY t.chunks, t.language, t.lexeme) AS postings
    FROM ({words_of("read.term_counts", "language, lexeme, chunks")}) t
        JOIN corpus c USING (language)
), posted AS MATERIALIZED (
    SELECT chunk, max(closeness) AS closeness, max(language) AS language, max(length) AS length,
        sum(words) AS words
    FROM (
        SELECT p.chunk, NULL::float8 AS closeness, NULL AS language, NULL::int AS length,
            a.idf * {bm25("p.occurrences::float8", "1")} AS words
        FROM asked a JOIN read.chunk_terms p
            ON p.tenant = $1 AND p.language = a.language AND p.lexeme = a.lexeme{
        _chunks("p", filters)
    }
        WHERE a.postings <= {POSTINGS_FILTERED if filters else POSTINGS}{passing}
        UNION ALL SELECT chunk, closeness, language, length, 0 FROM near
    ) p GROUP BY chunk
), about AS MATERIALIZED (
    SELECT n.*, w.* FROM (
        SELECT avg(s.closeness) AS mean, stddev_pop(s.closeness) AS spread FROM (
            SELECT -(embedding <#> $2::halfvec) AS closeness FROM read.chunk_vectors
            WHERE tenant = $1 AND space = $6 ORDER BY chunk LIMIT {SAMPLE}
        ) s
    ) n, (
        SELECT coalesce(sum(share * idf), 0) AS mean_words,
            sqrt(sum(share * greatest(1 - share, 0) * idf * idf)) AS spread_words
        FROM asked
    ) w
), worded AS MATERIALIZED (
    SELECT chunk, words FROM posted WHERE closeness IS NULL
    ORDER BY words DESC, chunk LIMIT {WORDED}
), first AS MATERIALIZED (
    SELECT d.chunk, d.language, d.length, d.closeness FROM (
        SELECT chunk, language, length, closeness, words FROM posted WHERE closeness IS NOT NULL
        UNION ALL
        SELECT v.chunk, v.language, v.length, -(v.embedding <#> $2::halfvec), w.words
        FROM worded w JOIN read.chunk_vectors v
            ON v.tenant = $1 AND v.space = $6 AND v.chunk = w.chunk
    ) d CROSS JOIN LATERAL (SELECT d.words) l, about a
    ORDER BY {FUSED} DESC, d.chunk LIMIT {FIRST}
), weighed AS MATERIALIZED (
    SELECT d.chunk, d.language, d.closeness, coalesce((
        SELECT sum(a.idf * {bm25("p.occurrences::float8", _LENGTH)})
        FROM read.chunk_terms p JOIN asked a ON a.language = p.language AND a.lexeme = p.lexeme
        WHERE p.tenant = $1 AND p.chunk = d.chunk AND p.language = d.language
    ), 0) AS words
    FROM first d
), fused AS (
    SELECT d.chunk, d.language, d.closeness, d.words, {FUSED} AS fused
    FROM weighed d CROSS JOIN LATERAL (SELECT d.words) l, about a
)""" + answer("read.sentences")


def _chunks(table: str, filters: Sequence[str]) -> str:
    """What has to be looked up for the filters."""
    return f" JOIN read.chunks k ON k.tenant = $1 AND k.chunk = {table}.chunk" if filters else ""
