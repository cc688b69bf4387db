"""Puts a made corpus straight into the tables of the live knowledge build, as their owner.

By way of the log it would be the ingest that is measured, not the search.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

import asyncpg
from pgvector import HalfVector
from pgvector.asyncpg import register_vector

from benchmarks.knowledge_corpus import Row
from projections.knowledge.language import text_config

SPACE = "bench-space"
VERSION = 1
TABLES = ("chunks", "chunk_vectors", "chunk_terms", "sentences", "term_counts")
_CHUNKS = [
    *("tenant", "chunk", "document", "version", "ordinal", "title", "heading", "text", "url"),
    *("source", "locale", "place", "start_at", "end_at", "tokens", "text_hash", "media_type"),
    *("language", "length", "opened_at", "closed_at"),
]
_TERMS = """
    INSERT INTO chunk_terms (tenant, language, lexeme, chunk, occurrences)
    SELECT c.tenant, c.language, l.lexeme, c.chunk, cardinality(l.positions)
    FROM (SELECT *, heading || E'\\n' || text AS body FROM chunks) c,
        unnest(to_tsvector(c.language::regconfig, c.body)) AS l
"""
_COUNTS = f"""
    INSERT INTO term_counts (tenant, language, lexeme, chunks)
    SELECT tenant, language, lexeme, count(*) FROM chunk_terms GROUP BY 1, 2, 3;
    INSERT INTO language_counts (tenant, language, chunks, length)
    SELECT tenant, language, count(*), sum(length) FROM chunk_vectors GROUP BY 1, 2;
    INSERT INTO generations (tenant, version, space, chunks)
    SELECT tenant, 1, '{SPACE}', count(*) FROM chunks GROUP BY 1;
    INSERT INTO spaces (tenant, space, state, opened_at, active_at)
    SELECT tenant, space, 'active', 0, 0 FROM generations;
"""


async def load(dsn: str, schema: str, batches: Iterable[list[Row]]) -> None:
    """Fill the empty tables of `schema`; their indexes are made last, which is quicker."""
    async with _owner(dsn, schema) as connection:
        remade = await _drop_indexes(connection, schema)
        await load_rows(connection, batches)
        await load_words(connection)
        for statement in remade:
            await connection.execute(statement)
        await connection.execute(_COUNTS)
        for table in TABLES:
            await connection.execute(f"VACUUM ANALYZE {table}")


@asynccontextmanager
async def _owner(dsn: str, schema: str) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn, command_timeout=None)
    try:
        public = await connection.fetchval(
            "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'"
        )
        await register_vector(connection, schema=public)
        await connection.execute(
            f"SET search_path TO {schema}, {public}; SET synchronous_commit TO off;"
            " SET maintenance_work_mem TO '1GB'; SET work_mem TO '256MB'"
        )
        yield connection
    finally:
        await connection.close()


async def load_rows(connection: asyncpg.Connection, batches: Iterable[list[Row]]) -> None:
    """Texts, vectors and sentences."""
    lengths = _Lengths(connection)
    for batch in batches:
        await lengths.learn(batch)
        await _copy(connection, batch, lengths)


async def load_words(connection: asyncpg.Connection) -> None:
    """The words of all texts, stemmed by Postgres."""
    await connection.execute(_TERMS)


class _Lengths:
    """How many words a text has is the sum over its sentences, of which there are few."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], int] = {}

    async def learn(self, batch: list[Row]) -> None:
        """Ask Postgres about the sentences that are new in `batch`."""
        parts = {(part, text_config(row.locale)) for row in batch for part in row.parts}
        new = sorted(parts - self._known.keys())
        counts = await self._connection.fetch(
            "SELECT coalesce((SELECT sum(cardinality(l.positions)) FROM"
            " unnest(to_tsvector(p.config::regconfig, p.part)) l), 0)::int AS length"
            " FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS p (part, config, n)"
            " ORDER BY n",
            [part for part, _ in new],
            [config for _, config in new],
        )
        self._known.update(zip(new, (count["length"] for count in counts), strict=True))

    def of(self, row: Row) -> int:
        """Two words of the heading, and those of the sentences."""
        return 2 + sum(self._known[part, text_config(row.locale)] for part in row.parts)


async def _copy(connection: asyncpg.Connection, batch: list[Row], lengths: _Lengths) -> None:
    await connection.copy_records_to_table(
        "chunks", columns=_CHUNKS, records=[_chunk(row, lengths) for row in batch]
    )
    await connection.copy_records_to_table(
        "chunk_vectors",
        columns=["tenant", "space", "chunk", "language", "length", "embedding"],
        records=[
            (
                row.tenant,
                SPACE,
                row.chunk,
                text_config(row.locale),
                lengths.of(row),
                HalfVector(row.vector),
            )
            for row in batch
        ],
    )
    await connection.copy_records_to_table(
        "sentences",
        columns=["tenant", "space", "chunk", "n", "text", "embedding"],
        records=[
            (row.tenant, SPACE, row.chunk, 1, row.sentence, HalfVector(row.sentence_vector))
            for row in batch
        ],
    )


def _chunk(row: Row, lengths: _Lengths) -> tuple[object, ...]:
    start = 100 * row.ordinal
    return (
        row.tenant,
        row.chunk,
        row.document,
        VERSION,
        row.ordinal,
        row.heading,
        row.heading,
        row.text,
        "",
        "",
        row.locale,
        "{}",
        start,
        start + len(row.text),
        len(row.text) // 4,
        row.chunk,
        "text/plain",
        text_config(row.locale),
        lengths.of(row),
        VERSION,
        None,
    )


async def _drop_indexes(connection: asyncpg.Connection, schema: str) -> list[str]:
    """Drop every key and index of `schema`; the statements that make them again."""
    keys = await connection.fetch(
        "SELECT conrelid::regclass::text AS table, conname, pg_get_constraintdef(oid) AS is"
        " FROM pg_constraint WHERE contype = 'p' AND connamespace = $1::text::regnamespace",
        schema,
    )
    for key in keys:
        await connection.execute(f"ALTER TABLE {key['table']} DROP CONSTRAINT {key['conname']}")
    indexes = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = $1", schema
    )
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['indexname']}")
    return [
        *(f"ALTER TABLE {k['table']} ADD CONSTRAINT {k['conname']} {k['is']}" for k in keys),
        *(index["indexdef"] for index in indexes),
    ]


async def shared_index(dsn: str, schema: str, *, memory: str) -> None:
    """One HNSW index over every tenant's vectors: what the search does not use."""
    async with _owner(dsn, schema) as connection:
        await connection.execute("SELECT set_config('maintenance_work_mem', $1, false)", memory)
        await connection.execute(
            "CREATE INDEX IF NOT EXISTS shared_hnsw ON chunk_vectors"
            " USING hnsw ((embedding::halfvec(384)) halfvec_ip_ops)"
        )
