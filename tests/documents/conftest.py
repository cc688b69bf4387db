"""What the tests of the pipeline stand on: a log, originals, and an embedder without a model."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from ingest_bench import Bench

from events.jetstream.log import JetStreamLog
from events.log.memory import MemoryLog
from events.objects.store import MemoryObjectStore, NatsObjectStore


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    """A traceback with all that stands in the variables takes seconds to be drawn on a terminal,
    and the event loop waits for it."""
    processors = [structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
    structlog.configure(processors=processors)
    yield
    structlog.reset_defaults()


@pytest.fixture
def tenant() -> str:
    return f"shop-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def bench(tenant: str) -> Bench:
    """All of it in memory."""
    return Bench(tenant, MemoryLog(), MemoryObjectStore())


@pytest.fixture
async def nats_bench(tenant: str, start_nats) -> AsyncIterator[Bench]:
    """On a NATS of its own, which may be killed."""
    server = start_nats()
    log = await JetStreamLog.connect(server.url)
    await log.ensure_streams()
    bench = Bench(tenant, log, NatsObjectStore(log.connection))
    bench.server = server
    yield bench
    await log.close()
