"""Logs to project, databases to project into, and conditions to wait for."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import asyncpg

    from events.jetstream.log import JetStreamLog

PATIENCE_S = 45.0


@pytest.fixture(scope="module")
async def own_nats(start_nats: Callable[..., object]) -> str:
    """The url of a NATS of this module's own: its log holds nothing of other tests."""
    from events.jetstream.log import JetStreamLog

    url: str = start_nats().url  # type: ignore[attr-defined]  # NatsProcess of tests/conftest.py
    log = await JetStreamLog.connect(url)
    await log.ensure_streams()
    await log.close()
    return url


@pytest.fixture
async def log(own_nats: str) -> AsyncIterator[JetStreamLog]:
    from events.jetstream.log import JetStreamLog

    opened = await JetStreamLog.connect(own_nats)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def prepared(database: str) -> str:
    """The DSN of a database with all that projections need."""
    from projections.engine.schema import ensure_schema

    await ensure_schema(database)
    return database


@pytest.fixture
async def pool(prepared: str) -> AsyncIterator[asyncpg.Pool]:
    from projections.engine.database import open_pool

    opened = await open_pool(prepared)
    yield opened
    await opened.close()


@pytest.fixture
async def house(start_nats, postgres_dsn: str) -> AsyncIterator[tuple[Any, ...]]:
    """(nats process, log, dsn, pool): a NATS and a database of the test's own."""
    import asyncpg

    from events.jetstream.log import JetStreamLog
    from projections.engine.database import open_pool
    from projections.engine.schema import ensure_schema

    nats = start_nats()
    log = await JetStreamLog.connect(nats.url)
    await log.ensure_streams()
    name = f"test_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(postgres_dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    dsn = postgres_dsn.replace("/postgres?", f"/{name}?")
    await ensure_schema(dsn)
    pool = await open_pool(dsn)
    yield nats, log, dsn, pool
    await pool.close()
    await log.close()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until `condition` holds. Raises AssertionError after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while not await condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s in vain: {what}"
        await asyncio.sleep(0.02)


async def until_taken_in(pool: asyncpg.Pool, version: int, *names: str) -> None:
    """Wait until the checkpoint of each of `names`, or of all, has reached `version`."""
    from projections.read_models.catalogue import read_models
    from projections.read_models.queries import checkpoint

    names = names or tuple(projection.name for projection in read_models())

    async def reached() -> bool:
        return all([await checkpoint(pool, name) >= version for name in names])

    await until(reached, f"{names} at {version}")


@pytest.fixture
def eventually() -> Callable[[Callable[[], Awaitable[bool]], str], Awaitable[None]]:
    return until


@pytest.fixture
def taken_in() -> Callable[..., Awaitable[None]]:
    return until_taken_in
