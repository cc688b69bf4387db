"""Both logs, and both live feeds, behind one face, so that one suite holds for all."""

from __future__ import annotations

import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from events.jetstream.log import JetStreamLog
from events.live.frames import LiveFeed
from events.live.nats_feed import NatsLive
from events.log.event_log import EventLog
from events.log.memory import MemoryLive, MemoryLog
from events.log.stream import StreamName, conversation_stream
from events.log.upcast import Lifts


@dataclass
class LogUnderTest:
    """A log, and the ways around it that only a test may take."""

    log: EventLog
    put: Callable[[StreamName, bytes], Awaitable[int]]
    """Stores bytes unchecked, as another program or a fault might have; gives their version."""
    with_lifts: Callable[[Lifts], EventLog]


@pytest.fixture(scope="session")
def log_nats(start_nats) -> str:
    """A NATS of this folder's own: these tests put broken commits into its streams."""
    return start_nats().url


@pytest.fixture(scope="session")
def free_ports() -> Callable[[int], list[int]]:
    """Gives so many ports that were free a moment ago, all different."""

    def find(count: int) -> list[int]:
        with ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
            for found in sockets:
                found.bind(("127.0.0.1", 0))
            return [found.getsockname()[1] for found in sockets]

    return find


@pytest.fixture
def tenant() -> str:
    return f"t{uuid.uuid4().hex}"


@pytest.fixture
def stream(tenant: str) -> StreamName:
    return conversation_stream(tenant, "c1")


@asynccontextmanager
async def open_jetstream(url: str) -> AsyncIterator[JetStreamLog]:
    log = await JetStreamLog.connect(url)
    await log.ensure_streams()
    yield log
    await log.close()


@pytest.fixture
async def jetstream_log(log_nats: str) -> AsyncIterator[JetStreamLog]:
    async with open_jetstream(log_nats) as log:
        yield log


@pytest.fixture(params=["memory", "jetstream"])
async def under_test(request: pytest.FixtureRequest, log_nats: str) -> AsyncIterator[LogUnderTest]:
    if request.param == "memory":
        memory = MemoryLog()

        async def put_in_memory(stream: StreamName, payload: bytes) -> int:
            return memory.put(stream, payload)

        def lifted(lifts: Lifts) -> EventLog:
            memory._lifts = lifts
            return memory

        yield LogUnderTest(memory, put_in_memory, lifted)
        return
    async with open_jetstream(log_nats) as log:

        async def put(stream: StreamName, payload: bytes) -> int:
            js = log.connection.client.jetstream()
            return (await js.publish(stream.subject, payload)).seq

        yield LogUnderTest(log, put, lambda lifts: JetStreamLog(log.connection, lifts=lifts))


@pytest.fixture
def log(under_test: LogUnderTest) -> EventLog:
    return under_test.log


@dataclass
class LiveUnderTest:
    feed: LiveFeed
    log: EventLog


@pytest.fixture(params=["memory", "nats"])
async def live(request: pytest.FixtureRequest, log_nats: str) -> AsyncIterator[LiveUnderTest]:
    """A feed whose watches may lag four items behind (a tenant's six), and the log it carries."""
    if request.param == "memory":
        memory = MemoryLog()
        yield LiveUnderTest(MemoryLive(memory, limit=4, tenant_limit=6), memory)
        return
    async with open_jetstream(log_nats) as log:
        feed = await NatsLive.connect(log_nats, limit=4, tenant_limit=6)
        yield LiveUnderTest(feed, log)
        await feed.close()
