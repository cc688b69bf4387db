"""The statements of a search, made of parts: what is read, how it is fused, what comes out.

Every statement takes the tenant ($1), the question's vector ($2), its words ($3), the visitor's
text-search configuration ($4), what a chunk in it gets on top ($5) and the space ($6). A past
version or the filters follow.
"""

from __future__ import annotations

from collections.abc import Sequence

from projections.knowledge.language import TEXT_CONFIGS

CANDIDATES = 20
"""How many are ordered again by their sentences, and so the most that a search finds."""
WITH_DOUBLES = 60
"""How many are read to have that many different ones."""
SHORT = 80
"""A text of fewer characters (`Yes.`) is only a double under the same heading too."""
SETTINGS = {"enable_nestloop": "off"}
"""For the transaction of an exact search: new rows that Postgres has not counted yet look like
few, and it would compare each with each. What is to be looked up one by one is written as a
LATERAL with a limit, which leaves it no choice."""
FILTERS = ("document", "source", "locale", "media_type")
"""Columns of `chunks`, in the order of `Filters`."""


def words_of(table: str, columns: str, *, tenant: str = "$1") -> str:
    """Rows of `table` for the question's words, stemmed as each language stems them."""
    return " UNION ALL ".join(
        f"SELECT {columns} FROM {table} WHERE tenant = {tenant} AND language = '{config}'"
        f" AND lexeme = ANY (tsvector_to_array(to_tsvector('{config}', $3)))"
        for config in TEXT_CONFIGS
    )


def wanted(filters: Sequence[str], first: int) -> str:
    """The conditions on `k` (chunks) for the columns `filters`, whose values are from
    parameter `first` on."""
    return "".join(f" AND k.{column} = ANY (${first + n})" for n, column in enumerate(filters))


def exact(filters: Sequence[str] = ()) -> str:
    """Reads every living vector of the space."""
    chunks = " JOIN read.chunks k ON k.tenant = $1 AND k.chunk = v.chunk" if filters else ""
    dense = f"FROM read.chunk_vectors v{chunks} WHERE v.tenant = $1 AND v.space = $6" + wanted(
        filters, 7
    )
    terms = words_of("read.chunk_terms", "language, lexeme, chunk, occurrences")
    return _over_all(dense, terms) + answer("read.sentences")


def past(filters: Sequence[str] = ()) -> str:
    """The same over what was valid at version $7."""
    dense = (
        f"FROM ({_both('chunk_vectors', '*')}) v"
        " JOIN read.chunks k ON k.tenant = $1 AND k.chunk = v.chunk"
        " WHERE v.tenant = $1 AND v.space = $6"
        " AND k.opened_at <= $7 AND (k.closed_at IS NULL OR k.closed_at > $7)"
    ) + wanted(filters, 8)
    columns = "language, lexeme, chunk, occurrences"
    terms = " UNION ALL ".join(
        words_of(f"read.{table}", columns) for table in ("chunk_terms", "past_chunk_terms")
    )
    return _over_all(dense, terms) + answer(f"({_both('sentences', '*')})")


def _both(table: str, columns: str) -> str:
    """What is living and what was, of the tenant and space."""
    return " UNION ALL ".join(
        f"SELECT {columns} FROM read.{name} WHERE tenant = $1 AND space = $6"
        for name in (table, f"past_{table}")
    )


def _over_all(dense: str, terms: str) -> str:
    """`fused`: both scores of every chunk, comparable by their z-scores over all of them."""
    return f"""
WITH dense AS MATERIALIZED (
    SELECT v.chunk, v.language, v.length, -(v.embedding <#> $2::halfvec) AS closeness {dense}
), corpus AS MATERIALIZED (
    SELECT language, count(*)::float8 AS chunks, greatest(avg(length::float8), 1) AS length,
        sum(closeness) AS closeness, sum(closeness * closeness) AS squares
    FROM dense GROUP BY language
), hits AS (
    SELECT t.chunk, d.length, d.language, t.occurrences::float8 AS times,
        (count(*) OVER (PARTITION BY t.language, t.lexeme))::float8 AS found_in
    FROM ({terms}) t JOIN dense d USING (chunk)
), lexical AS MATERIALIZED (
    SELECT chunk, sum(
        ln(1 + (c.chunks - h.found_in + 0.5) / (h.found_in + 0.5)) * {bm25("h.times", _LENGTH)}
    ) AS words
    FROM hits h JOIN corpus c USING (language) GROUP BY chunk
), about AS MATERIALIZED (
    SELECT d.closeness / d.chunks AS mean,
        sqrt(greatest(d.squares / d.chunks - (d.closeness / d.chunks) ^ 2, 0)) AS spread,
        w.words / d.chunks AS mean_words,
        sqrt(greatest(w.squares / d.chunks - (w.words / d.chunks) ^ 2, 0)) AS spread_words
    FROM (
        SELECT sum(chunks) AS chunks, sum(closeness) AS closeness, sum(squares) AS squares
        FROM corpus
    ) d, (
        SELECT coalesce(sum(words), 0) AS words, coalesce(sum(words * words), 0) AS squares
        FROM lexical
    ) w
), fused AS (
    SELECT d.chunk, d.language, d.closeness, coalesce(l.words, 0) AS words, {FUSED} AS fused
    FROM dense d CROSS JOIN about a LEFT JOIN lexical l USING (chunk)
)"""


_LENGTH = "(0.25::float8 + 0.75::float8 * h.length / c.length)"
FUSED = """0.7::float8 * coalesce((d.closeness - a.mean) / nullif(a.spread, 0), 0)
        + 0.3::float8 * coalesce((coalesce(l.words, 0) - a.mean_words)
            / nullif(a.spread_words, 0), 0)"""
"""Of `d` with a closeness, `l` with the words' score, and `a`: what is usual."""


def bm25(times: str, length: str) -> str:
    """Of a word that occurs `times` in a text, without its idf. `length` is the text's over the
    usual, weighed. All are floats: Postgres would reckon with decimals for each entry, which
    takes longer than reading it."""
    return f"{times} * 2.2::float8 / ({times} + 1.2::float8 * {length})"


def answer(sentences: str) -> str:
    """After `fused (chunk, language, closeness, words, fused)`: each text once, the best of them
    ordered again by their best sentence. A row without a chunk when nothing was found."""
    return f""", best AS MATERIALIZED (
    SELECT * FROM fused ORDER BY fused DESC, chunk LIMIT {WITH_DOUBLES}
), known AS (
    SELECT b.closeness, b.words, b.fused, b.language AS config, k.*, row_number() OVER (
        PARTITION BY k.text_hash, CASE WHEN length(k.text) < {SHORT} THEN k.heading END
        ORDER BY b.fused DESC, b.chunk) AS nth
    FROM best b CROSS JOIN LATERAL (
        SELECT * FROM read.chunks WHERE tenant = $1 AND chunk = b.chunk LIMIT 1
    ) k
), candidates AS MATERIALIZED (
    SELECT * FROM known WHERE nth = 1 ORDER BY fused DESC, chunk LIMIT {CANDIDATES}
), spans AS (
    SELECT s.chunk, max(s.score) AS best,
        array_agg(s.text ORDER BY s.score DESC, s.n) FILTER (WHERE s.n > 0) AS texts,
        array_agg(s.score ORDER BY s.score DESC, s.n) FILTER (WHERE s.n > 0) AS scores
    FROM (
        SELECT s.chunk, s.n, s.text, -(s.embedding <#> $2::halfvec) AS score
        FROM candidates c CROSS JOIN LATERAL (
            SELECT * FROM {sentences} x
            WHERE x.tenant = $1 AND x.space = $6 AND x.chunk = c.chunk OFFSET 0
        ) s
    ) s GROUP BY s.chunk
), ranked AS (
    SELECT c.*, s.texts, s.scores, coalesce(s.best, c.closeness) AS sentence,
        0.5 * coalesce((c.fused - avg(c.fused) OVER every)
            / nullif(stddev_pop(c.fused) OVER every, 0), 0)
        + 0.5 * coalesce((coalesce(s.best, c.closeness) - avg(coalesce(s.best, c.closeness))
            OVER every) / nullif(stddev_pop(coalesce(s.best, c.closeness)) OVER every, 0), 0)
        + CASE WHEN c.config = $4 THEN $5::float8 ELSE 0 END AS rank
    FROM candidates c LEFT JOIN spans s USING (chunk) WINDOW every AS ()
)
SELECT g.knowledge, r.chunk, r.document, r.version, r.ordinal, r.title, r.heading, r.text, r.url,
    r.source, r.locale, r.place, r.start_at, r.end_at, r.tokens, r.text_hash, r.media_type,
    r.opened_at, r.closed_at, r.closeness, r.words, r.sentence, r.rank,
    coalesce(r.texts, '{{}}') AS texts, coalesce(r.scores, '{{}}') AS scores
FROM (
    SELECT coalesce(max(version), 0) AS knowledge FROM read.generations WHERE tenant = $1
) g LEFT JOIN ranked r ON true
ORDER BY r.rank DESC, r.chunk
"""
