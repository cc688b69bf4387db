"""Chunks and their vectors as rows: some hundreds in one statement, column by column."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from pgvector import HalfVector

from events.objects.artifacts import StoredChunk
from projections.engine.projection import Connection
from projections.engine.rows import as_json
from projections.knowledge.language import lexical_text, text_config

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_ONCE = 500
"""Chunks in one statement: what is written of them is bounded, however long the document is."""

MOST_NAME, MOST_SOURCE, MOST_LOCALE = 2000, 500, 100
"""Bytes of what stands in a b-tree, which has no room for a row of 2,704: a longer one, such as a
cell of a table, would keep every document after it out of the index."""

_CHUNKS = """
    WITH found AS MATERIALIZED (
        SELECT * FROM unnest($8::text[], $9::int[], $10::text[], $11::text[], $12::text[],
            $13::text[], $14::text[], $15::text[], $16::text[], $17::int[], $18::int[],
            $19::int[], $20::text[], $21::text[], $22::text[])
        AS c (chunk, ordinal, title, heading, text, url, source, locale, place, start_at, end_at,
            tokens, text_hash, language, body)
    ), terms AS (
        INSERT INTO chunk_terms (tenant, language, lexeme, chunk, occurrences)
        SELECT $1, c.language, l.lexeme, c.chunk, cardinality(l.positions)
        FROM found c, unnest(to_tsvector(c.language::regconfig, c.body)) AS l
        RETURNING language, lexeme, chunk, occurrences
    ), counted AS (
        INSERT INTO term_counts (tenant, language, lexeme, chunks)
        SELECT $1, language, lexeme, count(*) FROM terms GROUP BY language, lexeme
        ON CONFLICT (tenant, language, lexeme)
        DO UPDATE SET chunks = term_counts.chunks + EXCLUDED.chunks
    ), written AS (
        INSERT INTO chunks (tenant, chunk, document, version, ordinal, title, heading, text, url,
            source, locale, place, start_at, end_at, tokens, text_hash, media_type, language,
            length, opened_at, closed_at)
        SELECT $1, chunk, $2, $3, ordinal, coalesce(nullif(c.title, ''), $5), heading, text,
            coalesce(nullif(url, ''), $6), source, locale, place::jsonb, start_at, end_at, tokens,
            text_hash, $7, language, coalesce(l.length, 0), $4, NULL
        FROM found c LEFT JOIN (
            SELECT chunk, sum(occurrences)::int AS length FROM terms GROUP BY chunk
        ) l USING (chunk)
        RETURNING language, length
    )
    INSERT INTO language_counts (tenant, language, chunks, length)
    SELECT $1, language, count(*), sum(length) FROM written GROUP BY language
    ON CONFLICT (tenant, language) DO UPDATE SET
        chunks = language_counts.chunks + EXCLUDED.chunks,
        length = language_counts.length + EXCLUDED.length
"""
_VECTORS = """
    INSERT INTO chunk_vectors (tenant, space, chunk, language, length, embedding)
    SELECT $1, $2, v.chunk, c.language, c.length, v.embedding
    FROM unnest($3::text[], $4::halfvec[]) AS v (chunk, embedding)
    JOIN chunks c ON c.tenant = $1 AND c.chunk = v.chunk
    ON CONFLICT (tenant, space, chunk) DO UPDATE SET embedding = EXCLUDED.embedding
"""
_SENTENCES = """
    INSERT INTO sentences (tenant, space, chunk, n, text, embedding)
    SELECT $1, $2, s.chunk, s.n, s.text, s.embedding
    FROM unnest($3::text[], $4::int[], $5::text[], $6::halfvec[]) AS s (chunk, n, text, embedding)
    ON CONFLICT (tenant, space, chunk, n) DO UPDATE SET embedding = EXCLUDED.embedding
"""


class Answering(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a document that its chunks are written for."""

    tenant: str
    document: str
    version: int
    chunks_hash: str
    title: str
    url: str
    locale: str
    media_type: str


def chunk_id(tenant: str, document: str, version: int, chunks_hash: str, ordinal: int) -> str:
    """The same in every build, and of one version only, so that it is valid once: 32 hex digits."""
    name = "\x00".join((tenant, document, str(version), chunks_hash, str(ordinal)))
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def id_of(one: Answering, chunk: StoredChunk) -> str:
    """The id of `chunk` of the document's version `one`."""
    return chunk_id(one.tenant, one.document, one.version, one.chunks_hash, chunk.ordinal)


def pieces(chunks: Sequence[StoredChunk]) -> Iterator[Sequence[StoredChunk]]:
    """`chunks` in runs that one statement can hold."""
    for start in range(0, len(chunks), AT_ONCE):
        yield chunks[start : start + AT_ONCE]


async def write_chunks(
    connection: Connection, one: Answering, chunks: Sequence[StoredChunk], opened_at: int
) -> None:
    """Text and words of `chunks`, and what is counted of them."""
    rows = [_chunk_row(one, chunk) for chunk in chunks]
    await connection.execute(
        _CHUNKS,
        one.tenant,
        one.document,
        one.version,
        opened_at,
        one.title,
        one.url,
        one.media_type,
        *map(list, zip(*rows, strict=True)),
    )


def _chunk_row(one: Answering, chunk: StoredChunk) -> tuple[object, ...]:
    locale = chunk.locale or one.locale
    return (
        id_of(one, chunk),
        chunk.ordinal,
        kept(chunk.title),
        kept(chunk.heading),
        kept(chunk.text),
        kept(chunk.url),
        bounded(chunk.source, MOST_SOURCE),
        bounded(locale, MOST_LOCALE),
        as_json(chunk.place),
        chunk.start,
        chunk.end,
        chunk.tokens,
        hashlib.sha256(chunk.text.encode()).hexdigest(),
        text_config(locale),
        kept(lexical_text(chunk.passage)),
    )


async def write_vectors(
    connection: Connection,
    one: Answering,
    chunks: Sequence[StoredChunk],
    *,
    space: str,
    vectors: NDArray[np.float16],
    row_of: dict[str, int],
) -> None:
    """The vectors of `chunks` in `space`; `row_of` says which row of `vectors` is a text's."""
    means, spans = _means(chunks, vectors, row_of), list(_spans(one, chunks))
    await connection.execute(
        _VECTORS, one.tenant, space, [id_of(one, chunk) for chunk in chunks], means
    )
    if spans:
        ids, numbers, texts = map(list, zip(*spans, strict=True))
        embedded = [HalfVector(vectors[row_of[text]]) for text in texts]
        quoted = [kept(text) for text in texts]
        await connection.execute(_SENTENCES, one.tenant, space, ids, numbers, quoted, embedded)


def _means(
    chunks: Sequence[StoredChunk], vectors: NDArray[np.float16], row_of: dict[str, int]
) -> list[HalfVector]:
    """The mean of heading and passage, taken in float32: the same bits in every build."""
    passages = vectors[[row_of[chunk.passage] for chunk in chunks]].astype(np.float32)
    headed = [row_of[chunk.heading or chunk.passage] for chunk in chunks]
    means = ((passages + vectors[headed].astype(np.float32)) / 2).astype(np.float16)
    return [HalfVector(mean) for mean in means]


def _spans(one: Answering, chunks: Sequence[StoredChunk]) -> Iterator[tuple[str, int, str]]:
    for chunk in chunks:
        ident = id_of(one, chunk)
        if chunk.heading:
            yield ident, 0, chunk.heading
        for n, text in enumerate(chunk.sentences, start=1):
            yield ident, n, text


def kept(text: str) -> str:
    """`text` as Postgres can keep it: U+0000 becomes U+FFFD."""
    return text.replace("\x00", "\ufffd")


def bounded(text: str, most: int) -> str:
    """`text` as Postgres can keep it, in `most` bytes."""
    return kept(text).encode()[:most].decode(errors="ignore")
