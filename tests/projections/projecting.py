"""Commits into read models, without a log to read them from."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncpg

    from events.log.event_log import Commit


async def project(pool: asyncpg.Pool, commits: Sequence[Commit], size: int = 500) -> None:
    """Feed all read models with batches of `size` commits, in log order."""
    from projections.engine.builds import ensure_live
    from projections.engine.runner import Batch, feed_live
    from projections.read_models.catalogue import read_models

    for projection in read_models():
        after = (await ensure_live(pool, projection)).checkpoint
        for start in range(0, len(commits), size):
            batch = tuple(commits[start : start + size])
            through = batch[-1].version
            await feed_live(pool, projection, Batch(after=after, commits=batch, through=through))
            after = through


@asynccontextmanager
async def fresh_pool(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on a new database that is ready for projections, dropped afterwards."""
    import asyncpg

    from projections.engine.database import open_pool
    from projections.engine.schema import ensure_schema

    name = f"test_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(postgres_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        dsn = postgres_dsn.replace("/postgres?", f"/{name}?")
        await ensure_schema(dsn)
        pool = await open_pool(dsn)
        try:
            yield pool
        finally:
            await pool.close()
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


async def all_rows(pool: asyncpg.Pool, table: str) -> list[dict[str, Any]]:
    """Every tenant's rows, ordered by their columns from the first on."""
    from projections.read_models.queries import every_tenant

    async with every_tenant(pool) as connection:
        rows = await connection.fetch(f"SELECT t.* FROM read.{table} t ORDER BY t")
    return [dict(row) for row in rows]


def tables() -> list[str]:
    """The tables of all read models."""
    from projections.read_models.catalogue import read_models

    return [table for projection in read_models() for table in projection.tables]


async def told_once(pool: asyncpg.Pool, nats_url: str, dsn: str, tenant: str, rounds: int) -> None:
    """Every message is there once, and a rebuild from the log finds the same rows."""
    from projections.engine.rebuild import rebuild
    from projections.read_models.catalogue import read_models
    from projections.read_models.queries import counts

    found = await counts(pool, tenant)
    assert (found.messages, found.answered_turns) == (2 * rounds, rounds)
    for projection in read_models():
        report = await rebuild(projection, nats_url, dsn)
        assert report.equal, report
