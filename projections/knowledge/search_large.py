"""Search in a tenant with too many chunks to look at each: candidates first, then the same.

Candidates are the nearest by an HNSW index of that tenant and space alone, and those that hold
the question's rare words. All of them get both scores. What the exact search knows of the whole
corpus is known here otherwise:

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

from projections.knowledge.search_sql import answer, wanted, words_of

NEAREST = 100
"""Candidates by meaning, and as many by words."""
EF_SEARCH = 120
POSTINGS = 5000
"""How many entries of the rarest words are read for candidates. Commoner words make none."""
SAMPLE = 300
MAX_SCAN = 100_000
"""Vectors that a filtered search walks through at most."""

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
    chunks = " JOIN read.chunks k ON k.tenant = $1 AND k.chunk = v.chunk" if filters else ""
    passing = wanted(filters, 7)
    distance = f"v.embedding::halfvec({dimensions}) <#> $2::halfvec({dimensions})"
    return f"""
WITH near AS MATERIALIZED (
    SELECT v.chunk, v.language, v.length, -({distance}) AS closeness
    FROM (SELECT * FROM read.chunk_vectors WHERE {predicate(tenant, space)}) v{chunks}
    WHERE true{passing} ORDER BY {distance} LIMIT {NEAREST}
), corpus AS MATERIALIZED (
    SELECT language, chunks::float8 AS chunks,
        greatest(length::float8 / nullif(chunks, 0), 1) AS length,
        sum(chunks) OVER ()::float8 AS every
    FROM read.language_counts WHERE tenant = $1
), asked AS MATERIALIZED (
    SELECT t.language, t.lexeme, t.chunks / c.every AS share,
        ln(1 + (c.chunks - t.chunks + 0.5) / (t.chunks + 0.5)) AS idf,
        sum(t.chunks) OVER (ORDER BY t.chunks, t.language, t.lexeme) AS postings
    FROM ({words_of("read.term_counts", "language, lexeme, chunks")}) t
        JOIN corpus c USING (language)
), worded AS MATERIALIZED (
    SELECT p.chunk, sum(a.idf * p.occurrences * 2.2 / (p.occurrences + 1.2)) AS words
    FROM asked a JOIN read.chunk_terms p
        ON p.tenant = $1 AND p.language = a.language AND p.lexeme = a.lexeme{
        " JOIN read.chunks k ON k.tenant = $1 AND k.chunk = p.chunk" if filters else ""
    }
    WHERE a.postings <= {POSTINGS}{passing}
    GROUP BY p.chunk ORDER BY words DESC, p.chunk LIMIT {NEAREST}
), dense AS MATERIALIZED (
    SELECT chunk, language, length, closeness FROM near
    UNION ALL
    SELECT v.chunk, v.language, v.length, -(v.embedding <#> $2::halfvec)
    FROM worded w JOIN read.chunk_vectors v
        ON v.tenant = $1 AND v.space = $6 AND v.chunk = w.chunk
    WHERE w.chunk NOT IN (SELECT chunk FROM near)
), lexical AS (
    SELECT d.chunk, sum(a.idf * p.occurrences * 2.2
        / (p.occurrences + 1.2 * (0.25 + 0.75 * d.length / c.length))) AS words
    FROM dense d JOIN corpus c ON c.language = d.language
        JOIN asked a ON a.language = d.language
        JOIN read.chunk_terms p ON p.tenant = $1 AND p.language = a.language
            AND p.lexeme = a.lexeme AND p.chunk = d.chunk
    GROUP BY d.chunk
), about AS MATERIALIZED (
    SELECT avg(s.closeness) AS mean, stddev_pop(s.closeness) AS spread FROM (
        SELECT -(embedding <#> $2::halfvec) AS closeness FROM read.chunk_vectors
        WHERE tenant = $1 AND space = $6 ORDER BY chunk LIMIT {SAMPLE}
    ) s
), about_words AS MATERIALIZED (
    SELECT coalesce(sum(share * idf), 0) AS mean,
        sqrt(sum(share * greatest(1 - share, 0) * idf * idf)) AS spread
    FROM asked
), fused AS (
    SELECT d.chunk, d.language, d.closeness, coalesce(l.words, 0) AS words,
        0.7 * coalesce((d.closeness - n.mean) / nullif(n.spread, 0), 0)
        + 0.3 * coalesce((coalesce(l.words, 0) - w.mean) / nullif(w.spread, 0), 0) AS fused
    FROM dense d LEFT JOIN lexical l USING (chunk), about n, about_words w
)""" + answer("read.sentences")
