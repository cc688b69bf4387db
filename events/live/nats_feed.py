"""The live feed over plain NATS: frames that nobody keeps, and commits as the server stores them.

Commits are republished by the server itself (see `events.jetstream.streams`) with their
sequence in a header; frames are JSON without one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from events.jetstream.connection import Connection
from events.jetstream.log import JetStreamLog
from events.live.frames import LiveFrame, Missed
from events.live.watch_queue import TENANT_WATCH_LIMIT, WATCH_LIMIT, TenantQueue, WatchQueue
from events.log.envelope import decode_commit
from events.log.event_log import Commit, LogError, LogUnavailable
from events.log.stream import StreamName, conversation_stream, live_of_all
from events.log.upcast import LIFTS, Lifts

FLUSH_TIMEOUT_S = 10.0
CATCH_UP_AT_ONCE = 64

_log = structlog.get_logger(__name__)


class NatsLive:
    """A LiveFeed. It may share its connection with a log.

    A watch that lags more than `limit` items behind loses frames first, and then its oldest
    commits (see `events.live.watch_queue`). After a reconnect each watch gets its conversation's
    newest commit once more, since others may have been missed meanwhile. So a reader skips a
    commit whose `number` it has seen, and loads what lies between when one is more than one on.
    A watch of a whole tenant is told `Missed` instead.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        lifts: Lifts = LIFTS,
        limit: int = WATCH_LIMIT,
        tenant_limit: int = TENANT_WATCH_LIMIT,
    ) -> None:
        self.connection = connection
        self._log = JetStreamLog(connection, lifts=lifts)
        self._lifts, self._limit, self._tenant_limit = lifts, limit, tenant_limit
        self._watches: dict[WatchQueue, StreamName] = {}
        self._tenant_watches: set[TenantQueue] = set()
        connection.on_reconnect(self._catch_up)

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        name: str = "tandem-live",
        lifts: Lifts = LIFTS,
        limit: int = WATCH_LIMIT,
        tenant_limit: int = TENANT_WATCH_LIMIT,
    ) -> NatsLive:
        """A feed with a connection of its own; `close` it. Raises LogUnavailable."""
        connection = await Connection.open(url, name=name)
        return cls(connection, lifts=lifts, limit=limit, tenant_limit=tenant_limit)

    async def close(self) -> None:
        """Close the connection, also for others who share it."""
        await self.connection.close()

    async def publish(self, stream: StreamName, frame: LiveFrame) -> None:
        """See LiveFeed.publish. While NATS is away, frames are lost."""
        if self.connection.is_up:
            await self.connection.client.publish(stream.live, msgspec.json.encode(frame))

    @asynccontextmanager
    async def watch(self, stream: StreamName) -> AsyncGenerator[AsyncIterator[Commit | LiveFrame]]:
        """See LiveFeed.watch. Raises LogUnavailable when NATS does not confirm in time."""
        queue = WatchQueue(self._limit)

        async def take(message: Msg) -> None:
            self._take(queue, stream, message)

        async with self._subscribed(stream.live, take):
            self._watches[queue] = stream
            try:
                yield queue
            finally:
                del self._watches[queue]

    @asynccontextmanager
    async def watch_tenant(self, tenant: str) -> AsyncGenerator[AsyncIterator[Commit | Missed]]:
        """See LiveFeed.watch_tenant. Raises LogUnavailable when NATS does not confirm in time.

        Live frames come on the same subjects, and are dropped here: they cost their way to this
        process, and no more.
        """
        queue, lifts = TenantQueue(self._tenant_limit), self._lifts

        async def take(message: Msg) -> None:
            sequence = (message.headers or {}).get("Nats-Sequence")
            if sequence is not None:
                stream = conversation_stream(tenant, message.subject.rpartition(".")[2])
                version, payload = int(sequence), message.data
                queue.put_commit(partial(decode_commit, stream, version, payload, lifts=lifts))

        async with self._subscribed(live_of_all(tenant), take):
            self._tenant_watches.add(queue)
            try:
                yield queue
            finally:
                self._tenant_watches.discard(queue)

    @asynccontextmanager
    async def _subscribed(
        self, subject: str, take: Callable[[Msg], Awaitable[None]]
    ) -> AsyncGenerator[None]:
        """Within it the server has the subscription. Raises LogUnavailable."""
        client = self.connection.client
        await self.connection.wait_until_up(FLUSH_TIMEOUT_S)
        subscription = await client.subscribe(subject, cb=take)
        try:
            await self._flush(subject)
            yield
        finally:
            if not client.is_closed:
                await subscription.unsubscribe()

    async def _flush(self, subject: str) -> None:
        """Return once the server has what was sent before."""
        try:
            await self.connection.client.flush(timeout=int(FLUSH_TIMEOUT_S))
        except NatsError as error:
            raise LogUnavailable(f"{subject}: not subscribed: {error!r}") from error

    def _take(self, queue: WatchQueue, stream: StreamName, message: Msg) -> None:
        sequence = (message.headers or {}).get("Nats-Sequence")
        if sequence is None:
            queue.put_frame(msgspec.json.decode(message.data, type=LiveFrame))
            return
        queue.put_commit(
            partial(decode_commit, stream, int(sequence), message.data, lifts=self._lifts)
        )

    async def _catch_up(self) -> None:
        """Give each watch its conversation's newest commit, read from the leader."""
        for queue in self._tenant_watches:
            queue.put_missed()
        gate = asyncio.Semaphore(CATCH_UP_AT_ONCE)

        async def one(queue: WatchQueue, stream: StreamName) -> None:
            async with gate:
                try:
                    commit = await self._log.last(stream)
                except LogError as error:
                    _log.warning("live_catch_up_failed", live=stream.live, error=str(error))
                    return
            if commit is not None and queue in self._watches:
                queue.put_commit(commit)

        await asyncio.gather(*(one(*watch) for watch in list(self._watches.items())))
