"""A visitor who waits for a person is told its place, as it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from events.log.stream import StreamName
from serve_apps.gateway.hub import Hub
from serve_apps.gateway.visitors.frames import QueueFrame


class QueuePositionNotifier:
    """Tells one client the place of its conversation while a person is waited for."""

    def __init__(self, hub: Hub, stream: StreamName, tell: Callable[[QueueFrame], object]) -> None:
        self._hub, self._stream, self._tell = hub, stream, tell
        self._following: asyncio.Task[None] | None = None
        self._told = 0

    def update(self, waiting: bool) -> None:
        """Called whenever the conversation has moved: begins, goes on or ends."""
        if waiting == (self._following is not None):
            return
        if waiting:
            self._following = self._hub.start(self._follow(), "place-in-queue")
            return
        self.stop()
        if self._told:
            self._told = 0
            self._tell(QueueFrame(place=0))

    def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            self._following = None

    async def _follow(self) -> None:
        async with self._hub.boards.of(self._stream.tenant) as board:
            async for place in board.places(self._stream.id):
                if place != self._told and place:
                    self._told = place
                    self._tell(QueueFrame(place=place))
