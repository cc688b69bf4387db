"""The way to Postgres: pools, and the transactions that one tenant reads in."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
from pgvector.asyncpg import register_vector

from projections.engine.security import READER_ROLE, TENANT_SETTING

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

CONNECT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 60.0


async def _learn_vectors(connection: asyncpg.Connection) -> None:
    """Teach a new connection the type `vector`, where the database has it."""
    schema = await connection.fetchval(
        "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
        " WHERE e.extname = 'vector'"
    )
    if schema is not None:
        await register_vector(connection, schema=schema)


async def _leave_as_it_is(connection: asyncpg.Connection) -> None:
    """Every use is one transaction with local settings, so there is nothing to reset.

    asyncpg's own reset would double the number of transactions.
    """


async def open_pool(
    dsn: str,
    *,
    min_size: int = 1,
    max_size: int = 8,
    command_timeout: float = COMMAND_TIMEOUT_S,
) -> asyncpg.Pool:
    """A pool whose connections know vectors. Use it in transactions only: it is never reset.

    Raises OSError, TimeoutError or asyncpg.PostgresError when Postgres cannot be reached.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=command_timeout,
        init=_learn_vectors,
        reset=_leave_as_it_is,
        server_settings={"application_name": "tandem"},
    )


@asynccontextmanager
async def tenant_transaction(
    pool: asyncpg.Pool, tenant: str, *, timeout: float = CONNECT_TIMEOUT_S
) -> AsyncGenerator[PoolConnectionProxy, None]:
    """A read-only transaction as `tandem_reader` that sees rows of `tenant` and no others.

    Query the views of the schema `read`. `timeout` is the wait for a free connection, in seconds.
    """
    async with (
        pool.acquire(timeout=timeout) as connection,
        connection.transaction(readonly=True),
    ):
        await become_reader(connection, tenant)
        yield connection


async def become_reader(connection: asyncpg.Connection | PoolConnectionProxy, tenant: str) -> None:
    """For the rest of the transaction: be `tandem_reader`, and see rows of `tenant` only."""
    await connection.execute(
        f"SELECT set_config('role', '{READER_ROLE}', true),"
        f" set_config('{TENANT_SETTING}', $1, true)",
        tenant,
    )
