"""Which documents a space has no vectors of, as the index sees it."""

from __future__ import annotations

import asyncio

import asyncpg
import msgspec

from projections.engine.database import tenant_transaction

LOOK_S = 0.2
_MISSING = """
    SELECT d.document, d.version, d.chunks_hash, d.chunks FROM read.documents d
    WHERE d.tenant = $1 AND d.opened_at IS NOT NULL AND d.closed_at IS NULL AND d.chunks > 0
        AND NOT EXISTS (
            SELECT FROM read.embeddings e
            WHERE e.tenant = d.tenant AND e.document = d.document AND e.version = d.version
                AND e.space = $2 AND e.chunks_hash = d.chunks_hash
        )
    ORDER BY d.chunks DESC, d.document
"""
_ON_THE_WAY = """
    SELECT count(*) FROM read.documents d
    JOIN read.spaces s ON s.tenant = d.tenant AND s.space = $2
    WHERE d.tenant = $1 AND d.newest AND d.state IN ('submitted', 'parsed', 'chunked')
        AND d.version < s.opened_at
"""
_STATE = "SELECT state FROM read.spaces WHERE tenant = $1 AND space = $2"


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A document that answers and cannot be found in the space."""

    document: str
    version: int
    chunks_hash: str
    chunks: int


class Behind(Exception):
    """The index did not take in what was appended in time."""


async def missing(pool: asyncpg.Pool, tenant: str, space: str) -> list[Missing]:
    """The largest first, so that the last to be done is a small one."""
    async with tenant_transaction(pool, tenant) as connection:
        rows = await connection.fetch(_MISSING, tenant, space)
    return [Missing(**dict(row)) for row in rows]


async def wait_for_state(
    pool: asyncpg.Pool, tenant: str, space: str, states: tuple[str, ...], *, timeout: float
) -> None:
    """Until the index has the space in one of `states`. Raises Behind."""
    try:
        async with asyncio.timeout(timeout):
            while True:
                async with tenant_transaction(pool, tenant) as connection:
                    if await connection.fetchval(_STATE, tenant, space) in states:
                        return
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise Behind(f"the index does not know {space} after {timeout:g} s") from None


async def wait_for_the_last(
    pool: asyncpg.Pool, tenant: str, space: str, known: set[tuple[str, int]], *, timeout: float
) -> list[Missing]:
    """Until the index has taken in the vectors of the documents `known` (document, version), and
    nothing is on its way that was handed over before the space was opened: whoever works at that
    may have missed it. Returns what is missing then. Raises Behind."""
    try:
        async with asyncio.timeout(timeout):
            while True:
                left = await missing(pool, tenant, space)
                late = [one for one in left if (one.document, one.version) in known]
                async with tenant_transaction(pool, tenant) as connection:
                    on_the_way = await connection.fetchval(_ON_THE_WAY, tenant, space)
                if not late and (left or not on_the_way):
                    return left
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise Behind(f"the index is behind after {timeout:g} s: run the same again") from None
