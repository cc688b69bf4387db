"""The log and the live feed in memory, with the semantics of the real ones, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from events.live.frames import LiveFrame, Missed
from events.live.watch_queue import TENANT_WATCH_LIMIT, WATCH_LIMIT, TenantQueue, WatchQueue
from events.log.chain import START, check_chain
from events.log.envelope import decode_commit, encode_commit, stored_commit
from events.log.event_log import Commit, Head, NewCommit, VersionConflict
from events.log.stream import Kind, StreamName
from events.log.upcast import LIFTS, Lifts


class MemoryLog:
    """An EventLog that forgets. It keeps payloads, so every load goes through the envelope."""

    def __init__(self, *, lifts: Lifts = LIFTS) -> None:
        self._lifts = lifts
        self._messages: dict[Kind, list[tuple[StreamName, bytes]]] = {}
        self._versions: dict[StreamName, list[int]] = {}
        self._ids: dict[StreamName, set[str]] = {}
        self._grown = asyncio.Event()
        self._feeds: list[MemoryLive] = []

    async def append(self, stream: StreamName, new: NewCommit, *, expected: Head) -> Commit:
        """See EventLog.append."""
        payload = encode_commit(stream, new, after=expected)
        last = await self.last(stream)
        if last is not None and last.commit_id == new.commit_id:
            return last
        actual = last.version if last is not None else 0
        if actual != expected.version or new.commit_id in self._ids.get(stream, ()):
            raise VersionConflict(stream, expected.version, actual)
        version = self.put(stream, payload)
        self._ids.setdefault(stream, set()).add(new.commit_id)
        commit = stored_commit(stream, new, after=expected, version=version, payload=payload)
        for feed in self._feeds:
            feed.push(stream, commit)
        return commit

    def put(self, stream: StreamName, payload: bytes) -> int:
        """Store bytes as another program, or a fault, might have: nothing is checked.

        Returns their version.
        """
        messages = self._messages.setdefault(stream.kind, [])
        messages.append((stream, payload))
        self._versions.setdefault(stream, []).append(len(messages))
        self._grown.set()
        self._grown = asyncio.Event()
        return len(messages)

    async def load(
        self, stream: StreamName, *, after: Head = START, limit: int | None = None
    ) -> Sequence[Commit]:
        """See EventLog.load."""
        versions = [v for v in self._versions.get(stream, ()) if v > after.version]
        commits = [self._read(stream.kind, version) for version in versions[:limit]]
        check_chain(commits, after=after)
        return commits

    async def last(self, stream: StreamName) -> Commit | None:
        """See EventLog.last."""
        versions = self._versions.get(stream)
        return self._read(stream.kind, versions[-1]) if versions else None

    def newest(self, kind: Kind) -> int:
        """The version of the newest commit of `kind`; 0 when there is none."""
        return len(self._messages.get(kind, ()))

    async def subscribe(self, kind: Kind, *, after: int = 0) -> AsyncGenerator[Commit]:
        """See EventLog.subscribe."""
        version = after
        while True:
            grown = self._grown
            while version < len(self._messages.get(kind, ())):
                version += 1
                yield self._read(kind, version)
            await grown.wait()

    def _read(self, kind: Kind, version: int) -> Commit:
        stream, payload = self._messages[kind][version - 1]
        return decode_commit(stream, version, payload, lifts=self._lifts)

    def feed(self, live: MemoryLive) -> None:
        """From now on push each commit of a conversation to `live`, as the real server does."""
        self._feeds.append(live)


class MemoryLive:
    """A LiveFeed in one process; it also carries what is committed to `log`."""

    def __init__(
        self,
        log: MemoryLog,
        *,
        limit: int = WATCH_LIMIT,
        tenant_limit: int = TENANT_WATCH_LIMIT,
    ) -> None:
        self._limit, self._tenant_limit = limit, tenant_limit
        self._watches: dict[str, list[WatchQueue]] = {}
        self._tenant_watches: dict[str, list[TenantQueue]] = {}
        log.feed(self)

    async def publish(self, stream: StreamName, frame: LiveFrame) -> None:
        """See LiveFeed.publish."""
        for queue in self._watches.get(stream.live, ()):
            queue.put_frame(frame)

    def push(self, stream: StreamName, commit: Commit) -> None:
        """Called by the log for each commit, once it is stored."""
        if stream.kind == "conversation":
            for queue in self._watches.get(stream.live, ()):
                queue.put_commit(commit)
            for watch in self._tenant_watches.get(stream.tenant, ()):
                watch.put_commit(commit)

    @asynccontextmanager
    async def watch(self, stream: StreamName) -> AsyncGenerator[AsyncIterator[Commit | LiveFrame]]:
        """See LiveFeed.watch."""
        queue = WatchQueue(self._limit)
        watches = self._watches.setdefault(stream.live, [])
        watches.append(queue)
        try:
            yield queue
        finally:
            watches.remove(queue)
            if not watches:
                del self._watches[stream.live]

    @asynccontextmanager
    async def watch_tenant(self, tenant: str) -> AsyncGenerator[AsyncIterator[Commit | Missed]]:
        """See LiveFeed.watch_tenant."""
        queue = TenantQueue(self._tenant_limit)
        watches = self._tenant_watches.setdefault(tenant, [])
        watches.append(queue)
        try:
            yield queue
        finally:
            watches.remove(queue)
