"""What ends a document's text: it leaves what is searched, and stays for the past."""

from __future__ import annotations

from projections.engine.projection import Connection
from projections.knowledge.index.spaces import open_spaces

AT_ONCE = 1000
"""Chunks whose rows one statement moves."""

_MOVE_IN_SPACES = """
    WITH gone AS (
        DELETE FROM {table} WHERE tenant = $1 AND space = ANY ($3::text[])
            AND chunk = ANY ($2::text[])
        RETURNING *
    )
    INSERT INTO past_{table} SELECT * FROM gone
"""
_MOVE_TERMS = """
    WITH gone AS (
        DELETE FROM chunk_terms WHERE tenant = $1 AND chunk = ANY ($2::text[]) RETURNING *
    ), moved AS (
        INSERT INTO past_chunk_terms SELECT * FROM gone
    ), fewer AS (
        SELECT language, lexeme, count(*) AS chunks FROM gone GROUP BY language, lexeme
    )
    UPDATE term_counts t SET chunks = t.chunks - f.chunks FROM fewer f
    WHERE t.tenant = $1 AND t.language = f.language AND t.lexeme = f.lexeme
    RETURNING t.language, t.lexeme, t.chunks
"""
_FORGET_TERMS = """
    DELETE FROM term_counts t USING unnest($2::text[], $3::text[]) AS e (language, lexeme)
    WHERE t.tenant = $1 AND t.language = e.language AND t.lexeme = e.lexeme
"""
_FEWER_CHUNKS = """
    UPDATE language_counts c SET chunks = c.chunks - f.chunks, length = c.length - f.length
    FROM (
        SELECT language, count(*) AS chunks, sum(length) AS length FROM chunks
        WHERE tenant = $1 AND chunk = ANY ($2::text[]) GROUP BY language
    ) f
    WHERE c.tenant = $1 AND c.language = f.language
"""


async def close_chunks(connection: Connection, tenant: str, document: str, version: int) -> int:
    """Close every living chunk of `document` at `version`; how many there were."""
    rows = await connection.fetch(
        "UPDATE chunks c SET closed_at = $3 FROM documents d"
        " WHERE d.tenant = $1 AND d.document = $2"
        " AND d.opened_at IS NOT NULL AND d.closed_at IS NULL AND c.tenant = $1"
        " AND c.document = $2 AND c.version = d.version AND c.closed_at IS NULL"
        " RETURNING c.chunk",
        tenant,
        document,
        version,
    )
    ids = sorted(row["chunk"] for row in rows)
    spaces = await open_spaces(connection, tenant) if ids else []
    for start in range(0, len(ids), AT_ONCE):
        await _move(connection, tenant, ids[start : start + AT_ONCE], spaces)
    if ids:
        await connection.execute(
            "DELETE FROM language_counts WHERE tenant = $1 AND chunks = 0", tenant
        )
    return len(ids)


async def _move(connection: Connection, tenant: str, ids: list[str], spaces: list[str]) -> None:
    for table in ("chunk_vectors", "sentences"):
        await connection.execute(_MOVE_IN_SPACES.format(table=table), tenant, ids, spaces)
    counted = await connection.fetch(_MOVE_TERMS, tenant, ids)
    spent = [(row["language"], row["lexeme"]) for row in counted if not row["chunks"]]
    if spent:
        await connection.execute(_FORGET_TERMS, tenant, *map(list, zip(*spent, strict=True)))
    await connection.execute(_FEWER_CHUNKS, tenant, ids)
