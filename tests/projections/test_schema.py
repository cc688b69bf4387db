"""Preparing a database: again, at once, and where it cannot be done."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager

import pytest


@asynccontextmanager
async def fresh_database(postgres_dsn: str):
    """(dsn, admin connection) of a new, empty database."""
    import asyncpg

    name = f"test_{uuid.uuid4().hex}"
    server = await asyncpg.connect(postgres_dsn)
    await server.execute(f"CREATE DATABASE {name}")
    dsn = postgres_dsn.replace("/postgres?", f"/{name}?")
    admin = await asyncpg.connect(dsn)
    try:
        yield dsn, admin
    finally:
        await admin.close()
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


async def test_many_may_prepare_at_once_and_again(postgres_dsn: str) -> None:
    from projections.engine.schema import ensure_schema

    async with fresh_database(postgres_dsn) as (dsn, admin):
        await asyncio.gather(*(ensure_schema(dsn) for _ in range(6)))
        await ensure_schema(dsn)
        assert await admin.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'vector'")
        assert await admin.fetchval("SELECT to_regclass('tandem.builds') IS NOT NULL")


async def test_two_workers_make_the_first_build_once(postgres_dsn: str) -> None:
    from projections.engine.builds import ensure_live
    from projections.engine.database import open_pool
    from projections.engine.schema import ensure_schema
    from projections.read_models.catalogue import read_models

    async with fresh_database(postgres_dsn) as (dsn, _):
        await ensure_schema(dsn)
        pool = await open_pool(dsn)
        projection = read_models()[0]
        builds = await asyncio.gather(*(ensure_live(pool, projection) for _ in range(6)))
        assert {build.schema for build in builds} == {f"{projection.name}_v{projection.version}_b1"}
        await pool.close()


async def test_a_reader_role_that_could_bypass_the_wall_is_refused(postgres_dsn: str) -> None:
    from projections.engine.schema import DatabaseUnfit, ensure_schema

    async with fresh_database(postgres_dsn) as (dsn, admin):
        await ensure_schema(dsn)
        await admin.execute("ALTER ROLE tandem_reader BYPASSRLS")
        try:
            with pytest.raises(DatabaseUnfit, match="tandem_reader may bypass row-level security"):
                await ensure_schema(dsn)
        finally:
            await admin.execute("ALTER ROLE tandem_reader NOBYPASSRLS")


async def test_a_plain_user_is_told_what_the_administrator_must_do_and_then_gets_on(
    postgres_dsn: str,
) -> None:
    from projection_talk import Talk

    from events.log.memory import MemoryLog
    from projections.engine.builds import ensure_live
    from projections.engine.database import open_pool, tenant_transaction
    from projections.engine.runner import Batch, feed_live
    from projections.engine.schema import DatabaseUnfit, ensure_schema
    from projections.read_models.catalogue import read_models

    user = f"plain_{uuid.uuid4().hex[:12]}"
    async with fresh_database(postgres_dsn) as (dsn, admin):
        await ensure_schema(postgres_dsn)  # the roles are there
        await admin.execute(f"CREATE ROLE {user} LOGIN NOSUPERUSER PASSWORD 'x'")
        try:
            await admin.execute(
                f"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO {user}',"
                " current_database()); END $$"
            )
            own = dsn.replace("//postgres:@", f"//{user}:x@")
            assert user in own
            with pytest.raises(DatabaseUnfit, match="CREATE EXTENSION vector"):
                await ensure_schema(own)
            await admin.execute("CREATE EXTENSION vector")
            with pytest.raises(DatabaseUnfit, match="GRANT tandem_reader TO"):
                await ensure_schema(own)
            await admin.execute(f"GRANT tandem_reader, tandem_writer TO {user}")
            await ensure_schema(own)
            pool = await open_pool(own)
            projection = read_models()[1]
            await ensure_live(pool, projection)
            commit = await Talk(MemoryLog(), "acme").ask("c1", 0)
            await feed_live(pool, projection, Batch(after=0, commits=(commit,), through=1))
            async with tenant_transaction(pool, "acme") as connection:
                assert await connection.fetchval("SELECT count(*) FROM read.messages") == 1
            async with tenant_transaction(pool, "globex") as connection:
                assert await connection.fetchval("SELECT count(*) FROM read.messages") == 0
            await pool.close()
        finally:
            await admin.execute(
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO postgres',"
                " current_database()); END $$"
            )
            await admin.execute(f"DROP OWNED BY {user} CASCADE")
            await admin.execute(f"DROP ROLE {user}")
