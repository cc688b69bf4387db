"""What waits to be sent to one client: bounded, with one reader."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

_RESERVE = 64
"""Room beyond the bound for replies: a client is never refused its acknowledgement because
a long history is still on its way to it."""


Frame = TypeVar("Frame")


class SlowReader(Exception):
    """The client does not read what it is sent."""


class Outbox(Generic[Frame]):
    """Frames on their way to one client. After `finish` it takes no more."""

    def __init__(self, *, frames: int) -> None:
        self._size = frames
        self._waiting: deque[Frame] = deque()
        self._some, self._room = asyncio.Event(), asyncio.Event()
        self._finished = False

    def offer(self, frame: Frame) -> bool:
        """Queue what may be lost (deltas, typing): False when there was no room."""
        return self._take(frame, self._size)

    def reply(self, frame: Frame) -> None:
        """Queue what answers the client's own frame. Raises SlowReader."""
        if not self._take(frame, self._size + _RESERVE):
            raise SlowReader("replies are not read")

    async def put(self, frame: Frame, *, within_s: float) -> None:
        """Queue what must arrive, waiting for room. Raises SlowReader after `within_s`."""
        while not self._take(frame, self._size):
            self._room.clear()
            try:
                async with asyncio.timeout(within_s):
                    await self._room.wait()
            except TimeoutError:
                raise SlowReader(f"nothing was read for {within_s:g} s") from None

    def finish(self, *, drop: bool = False) -> None:
        """Take no more; `next` gives what waits, or nothing at all with `drop`."""
        self._finished = True
        if drop:
            self._waiting.clear()
        self._some.set()
        self._room.set()

    async def next(self) -> Frame | None:
        """The next frame; None when it is finished and nothing waits. Loses none if cancelled."""
        while not self._waiting:
            if self._finished:
                return None
            self._some.clear()
            await self._some.wait()
        self._room.set()
        return self._waiting.popleft()

    def _take(self, frame: Frame, size: int) -> bool:
        if self._finished:
            return True  # the socket is being closed: nobody waits for it any more
        if len(self._waiting) >= size:
            return False
        self._waiting.append(frame)
        self._some.set()
        return True
