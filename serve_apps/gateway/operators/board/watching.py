"""One conversation that a console watches: its commits from a place on, and who looks on too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from events.live.frames import LiveFrame, Present
from events.log.stream import StreamName
from serve_apps.gateway.hub import Hub
from serve_apps.gateway.operators.frames import (
    CommitFrame,
    OperatorView,
    PresentShown,
    ServerFrame,
    Watched,
)
from serve_apps.gateway.operators.operator_view import WatchView
from serve_apps.gateway.shared.feed import ConversationFeed, Place
from serve_apps.gateway.shared.viewer_presence import ViewerPresence


class Watching:
    """`follow` runs until it is cancelled; `left` says that the operator looks elsewhere."""

    def __init__(
        self,
        hub: Hub,
        stream: StreamName,
        after: int,
        me: OperatorView,
        *,
        put: Callable[[ServerFrame], Awaitable[None]],
        offer: Callable[[ServerFrame], object],
    ) -> None:
        """`put` sends what must arrive, `offer` what may be lost."""
        self._hub, self._stream, self._put, self._offer = hub, stream, put, offer
        here = Present(who="operator", on=True, operator=me.operator, operator_name=me.name)
        self._onlooker = ViewerPresence(hub, stream, here)
        view = WatchView(stream.id, me, self._heard)
        self._feed: ConversationFeed[ServerFrame] = hub.feed(stream, Place(after), view)
        self._visitor_heard_at: float | None = None

    @property
    def exists(self) -> bool:
        """Known once `follow` has read the conversation."""
        return self._feed.version > 0

    async def follow(self) -> None:
        """What came after the place, and then what comes. Returns at once when there is no such
        conversation. Raises what a feed raises, and SlowReader."""
        feed = self._feed
        async with self._hub.ports.live.watch(self._stream) as pushed:
            for frame in await feed.catch_up():
                await self._put(frame)
            if not self.exists:
                return
            await self._put(Watched(conversation=self._stream.id, version=feed.version))
            self._onlooker.came()
            self._onlooker.call_the_roll()
            async with aclosing(feed.live(pushed)) as coming:
                async for frames in coming:
                    for frame in frames:
                        if isinstance(frame, CommitFrame):
                            await self._put(frame)
                        else:
                            self._offer(frame)

    def expect(self, version: int) -> None:
        """A commit of `version` exists."""
        self._feed.expect(version)

    def call_the_roll(self) -> None:
        """Ask again who looks on; a visitor who did not answer for two calls is gone."""
        now, heard_at = asyncio.get_running_loop().time(), self._visitor_heard_at
        if heard_at is not None and now - heard_at > 1.5 * self._hub.limits.roll_call_s:
            self._visitor_heard_at = None
            self._offer(PresentShown(conversation=self._stream.id, who="visitor", on=False))
        self._onlooker.call_the_roll()

    def left(self) -> None:
        self._onlooker.left()

    def _heard(self, frame: LiveFrame) -> None:
        self._onlooker.heard(frame)
        if isinstance(frame, Present) and frame.who == "visitor":
            now = asyncio.get_running_loop().time()
            self._visitor_heard_at = now if frame.on else None
