"""What one watcher has not read yet: bounded, so that a slow reader costs little and no one else.

When it is full, a live frame that comes is dropped; a commit that comes drives out the oldest
live frame, or, when only commits are left, the oldest commit. So the newest commit is always
there, and its `number` shows the reader that commits before it were dropped: they are in the
log.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Self

from events.live import LiveFrame
from events.log import Commit

WATCH_LIMIT = 256
"""Items a watcher may lag behind. A streamed answer is seldom longer."""


class WatchQueue:
    """One producer's side, and an async iterator for one reader."""

    def __init__(self, limit: int = WATCH_LIMIT) -> None:
        self._limit = limit
        self._items: deque[tuple[bool, Callable[[], Commit] | Commit | LiveFrame]] = deque()
        self._reader: asyncio.Future[None] | None = None

    def put_frame(self, frame: LiveFrame) -> None:
        """Dropped when the queue is full."""
        if len(self._items) < self._limit:
            self._put(False, frame)

    def put_commit(self, commit: Callable[[], Commit] | Commit) -> None:
        """Drives out something older when the queue is full.

        A function is called when the commit is read, and what it raises, the reader gets.
        """
        if len(self._items) >= self._limit:
            for place, (is_commit, _) in enumerate(self._items):
                if not is_commit:
                    del self._items[place]
                    break
            else:
                self._items.popleft()
        self._put(True, commit)

    def _put(self, is_commit: bool, item: Callable[[], Commit] | Commit | LiveFrame) -> None:
        self._items.append((is_commit, item))
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def __len__(self) -> int:
        return len(self._items)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Commit | LiveFrame:
        while not self._items:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        _, item = self._items.popleft()
        return item() if callable(item) else item
