"""What one watcher has not read yet: bounded, so that a slow reader costs little and no one else.

When it is full, a live frame that comes is dropped; a commit that comes drives out the oldest
live frame, or, when only commits are left, the oldest commit. So the newest commit is always
there, and its `number` shows the reader that commits before it were dropped: they are in the
log. Who watches a whole tenant gets commits alone, and is told by `Missed` that some were dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, Self, TypeVar

from events.live.frames import LiveFrame, Missed
from events.log.event_log import Commit

WATCH_LIMIT = 256
"""Items a watcher may lag behind. A streamed answer is seldom longer."""


TENANT_WATCH_LIMIT = 4096
"""The same for who watches a whole tenant."""

Item = TypeVar("Item")
CommitSource = Callable[[], Commit] | Commit
"""A commit, or what gives it when it is read; what that raises, the reader gets."""


class _Waiting(Generic[Item]):
    """Items for one reader, who waits while there are none."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._reader: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def __aiter__(self) -> Self:
        return self

    def _put(self, item: Item) -> None:
        self._items.append(item)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def _take(self) -> Item:
        while not self._items:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._items.popleft()


class WatchQueue(_Waiting[tuple[bool, CommitSource | LiveFrame]]):
    """One producer's side, and an async iterator for one reader."""

    def __init__(self, limit: int = WATCH_LIMIT) -> None:
        super().__init__()
        self._limit = limit

    def put_frame(self, frame: LiveFrame) -> None:
        """Dropped when the queue is full."""
        if len(self._items) < self._limit:
            self._put((False, frame))

    def put_commit(self, commit: CommitSource) -> None:
        """Drives out something older when the queue is full."""
        if len(self._items) >= self._limit:
            for place, (is_commit, _) in enumerate(self._items):
                if not is_commit:
                    del self._items[place]
                    break
            else:
                self._items.popleft()
        self._put((True, commit))

    async def __anext__(self) -> Commit | LiveFrame:
        _, item = await self._take()
        return item() if callable(item) else item


class TenantQueue(_Waiting[CommitSource | Missed]):
    """A tenant's commits that one reader has not read. When it is full, all of it is dropped, and
    the reader is told: reading them again is cheaper than lagging ever further."""

    def __init__(self, limit: int = TENANT_WATCH_LIMIT) -> None:
        super().__init__()
        self._limit = limit

    def put_commit(self, commit: CommitSource) -> None:
        if len(self._items) >= self._limit:
            self.put_missed()
        self._put(commit)

    def put_missed(self) -> None:
        """Something before was lost, so what waits is not worth more than what must be read."""
        self._items.clear()
        self._put(Missed())

    async def __anext__(self) -> Commit | Missed:
        item = await self._take()
        return item() if callable(item) else item
