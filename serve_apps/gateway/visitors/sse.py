"""Server-sent events: the conversation's feed as a stream that any HTTP client can follow.

An event's id is its place, `version.index`, so a client that comes back with `Last-Event-ID`
gets exactly what it missed. Deltas, typing and places in the queue have no id: they are never
history.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing

import structlog

from events.log.event_log import LogError
from events.log.stream import StreamName
from serve_apps.gateway.hub import Hub
from serve_apps.gateway.shared.feed import FeedLost, Place
from serve_apps.gateway.shared.outbox import Outbox, SlowReader
from serve_apps.gateway.visitors.frames import ErrorFrame, EventFrame, ServerFrame, to_json
from serve_apps.gateway.visitors.queue_position import QueuePositionNotifier
from serve_apps.gateway.visitors.visible import VisitorView

_log = structlog.get_logger(__name__)

_RETRY = b"retry: 2000\n\n"
_HEARTBEAT = b": still here\n\n"


class EventStream:
    """One open stream. It ends after `limits.stream_s`, when the gateway leaves, or when its
    feed fails; the client comes back with the place that it has."""

    def __init__(self, hub: Hub, stream: StreamName, place: Place) -> None:
        self._hub, self._stream, self._place = hub, stream, place
        self._outbox: Outbox[ServerFrame] = Outbox(frames=hub.limits.outbox_frames)

    def leave(self) -> None:
        self._outbox.finish()

    async def chunks(self) -> AsyncIterator[bytes]:
        """What came after the place, then what comes, with a comment in each quiet spell."""
        hub, loop = self._hub, asyncio.get_running_loop()
        until = loop.time() + hub.limits.stream_s
        hub.joined(self)
        hub.metrics.streams.inc()
        follower = hub.start(self._follow(), "event-stream")
        try:
            yield _RETRY
            while loop.time() < until:
                try:
                    async with asyncio.timeout(hub.limits.heartbeat_s):
                        frame = await self._outbox.next()
                except TimeoutError:
                    yield _HEARTBEAT
                    continue
                if frame is None:
                    return
                yield _as_sse(frame)
        finally:
            hub.metrics.streams.dec()
            follower.cancel()
            hub.left(self)  # nothing is awaited here: the request may be cancelled already

    async def _follow(self) -> None:
        try:
            await self._fill()
        except SlowReader:
            self._outbox.finish(drop=True)
        except (FeedLost, LogError) as error:
            _log.warning("an event stream lost its feed", error=str(error))
            detail = "the conversation cannot be read now, come back"
            self._outbox.offer(ErrorFrame(code="unavailable", detail=detail))
            self._outbox.finish()
        except Exception as error:  # noqa: BLE001  # the last line: logged, and the stream ends
            _log.error("an event stream failed", exc_info=error)
            self._outbox.finish()

    async def _fill(self) -> None:
        hub = self._hub
        async with hub.ports.live.watch(self._stream) as pushed:
            feed = hub.feed(self._stream, self._place, VisitorView())
            await self._put(await feed.catch_up())
            teller = QueuePositionNotifier(hub, self._stream, self._outbox.offer)
            try:
                teller.update(feed.waiting)
                async with aclosing(feed.live(pushed)) as coming:
                    async for frames in coming:
                        await self._put(frames)
                        teller.update(feed.waiting)
            finally:
                teller.stop()

    async def _put(self, frames: Iterable[ServerFrame]) -> None:
        for frame in frames:
            if isinstance(frame, EventFrame):
                await self._outbox.put(frame, within_s=self._hub.limits.slow_reader_s)
            else:
                self._outbox.offer(frame)


def _as_sse(frame: ServerFrame) -> bytes:
    name = str(frame.__struct_config__.tag)
    place = f"id: {frame.version}.{frame.index}\n" if isinstance(frame, EventFrame) else ""
    return f"{place}event: {name}\ndata: ".encode() + to_json(frame) + b"\n\n"
