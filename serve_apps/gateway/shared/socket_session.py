"""What every socket's session has in common, a visitor's and an operator's.

A session is some tasks. The reader takes frames and never waits for anything but the next one,
so that what a client sends does not pile up in the web server. The outbox's writer sends. What
else a session does (follow a conversation, wait for an answer) runs beside them. Whoever finds
a reason to end calls `_end`; the first reason holds.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Generic, TypeVar

import msgspec
import structlog
from fastapi import WebSocket, WebSocketDisconnect
from prometheus_client import Gauge

from events.log.event_log import LogUnavailable
from serve_apps.gateway.hub import Hub
from serve_apps.gateway.shared.codec import BadFrame, Codec
from serve_apps.gateway.shared.feed import FeedLost
from serve_apps.gateway.shared.limits import TokenBucket
from serve_apps.gateway.shared.outbox import Outbox, SlowReader

_log = structlog.get_logger(__name__)

Incoming = TypeVar("Incoming")


class Goodbye(msgspec.Struct, frozen=True):
    """Why a session ends. No `code`: the client is gone already."""

    code: int | None
    reason: str = ""
    drop: bool = False
    """Leave unsent what waits to be sent."""


GONE = Goodbye(None)


class Over(Exception):
    """Ends a session, from any of its tasks."""

    def __init__(self, goodbye: Goodbye) -> None:
        super().__init__(goodbye.reason)
        self.goodbye = goodbye


class SocketSession(ABC, Generic[Incoming]):
    """The session of one accepted socket; `Incoming` is the union of what its client sends."""

    def __init__(
        self, hub: Hub, socket: WebSocket, codec: Codec[Incoming], *, address: str, open_now: Gauge
    ) -> None:
        self._hub, self._limits, self._address = hub, hub.limits, address
        self._outbox: Outbox[msgspec.Struct] = Outbox(frames=hub.limits.outbox_frames)
        self._socket, self._codec, self._open_now = socket, codec, open_now
        self._goodbye: asyncio.Future[Goodbye] = asyncio.get_running_loop().create_future()
        self._frames = TokenBucket(hub.limits.frames_burst, hub.limits.frames_per_s, self._now())
        self._strikes = self._floods = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # What differs.

    @abstractmethod
    async def _greet(self) -> None:
        """Read frames until a hello is good. Raises Over."""

    @abstractmethod
    async def _handle(self, frame: Incoming) -> None:
        """Do what a client wants, without waiting for it. Raises Over."""

    @abstractmethod
    def _error_frame(self, code: str, detail: str) -> msgspec.Struct: ...

    def _refuse_flood(self, frame: Incoming, detail: str) -> None:
        """Answer a frame that is one too many."""
        self._error("rate_limited", detail)

    def _parted(self) -> None:
        """The client is gone, or going. Nothing may be awaited here."""

    # Life.

    def leave(self) -> None:
        """The gateway goes down: the client shall come back, to another one."""
        self._end(Goodbye(1012, "the gateway restarts, come back"))

    async def run(self) -> None:
        """Serve the socket until someone leaves; never raises but when it is cancelled."""
        hub = self._hub
        hub.joined(self)
        self._open_now.inc()
        writer = self._beside(self._write())
        self._beside(self._read())
        try:
            await self._part(await self._goodbye, writer)
        finally:
            self._open_now.dec()
            self._end(GONE)
            self._parted()
            hub.left(self)  # before anything is awaited: Serve cancels whoever is disconnected
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    def _beside(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run a task of this session; it is cancelled when the session ends."""
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _end(self, goodbye: Goodbye) -> None:
        if not self._goodbye.done():
            self._goodbye.set_result(goodbye)

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        """Whatever ends `work` badly ends the session with its code."""
        try:
            await work
        except Over as over:
            self._end(over.goodbye)
        except SlowReader as error:
            self._end(Goodbye(1013, f"too slow: {error}", drop=True))
        except (FeedLost, LogUnavailable) as error:
            _log.warning("a session lost its conversation's feed", error=str(error))
            detail = "the conversation cannot be read now, come back"
            self._outbox.offer(self._error_frame("unavailable", detail))
            self._end(Goodbye(1013, detail))
        except (WebSocketDisconnect, OSError):
            self._end(GONE)
        except Exception as error:  # noqa: BLE001  # the last line: logged, and told as 1011
            _log.error("a session failed", exc_info=error)
            self._end(Goodbye(1011, "internal error"))

    async def _part(self, goodbye: Goodbye, writer: asyncio.Task[None]) -> None:
        """Send what is left and close. A client that does not read even that is cut off."""
        self._outbox.finish(drop=goodbye.drop)
        if goodbye.code is None:
            return
        self._hub.metrics.closed.labels(str(goodbye.code)).inc()
        try:
            async with asyncio.timeout(self._limits.close_grace_s):
                await asyncio.wait({writer})
            await self._socket.close(goodbye.code, goodbye.reason[:120])
        except (TimeoutError, WebSocketDisconnect, OSError, RuntimeError) as error:
            _log.debug("a socket was cut off", code=goodbye.code, error=str(error))

    # Out.

    async def _write(self) -> None:
        while (frame := await self._outbox.next()) is not None:
            data = self._codec.encode(frame)
            if isinstance(data, str):
                await self._socket.send_text(data)
            else:
                await self._socket.send_bytes(data)

    async def _put(self, frame: msgspec.Struct) -> None:
        """Send what must arrive, waiting for room. Raises SlowReader."""
        await self._outbox.put(frame, within_s=self._limits.slow_reader_s)

    def _error(self, code: str, detail: str) -> None:
        self._hub.metrics.rejected.labels(code).inc()
        self._outbox.reply(self._error_frame(code, detail))

    # In.

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(self._limits.hello_timeout_s):
                await self._greet()
        except TimeoutError:
            within = f"no hello within {self._limits.hello_timeout_s:g} s"
            self._error("hello_timeout", within)
            raise Over(Goodbye(1008, within)) from None
        while True:
            try:
                async with asyncio.timeout(self._limits.idle_timeout_s):
                    frame = await self._next()
            except TimeoutError:
                raise Over(Goodbye(1001, "idle")) from None
            await self._handle(frame)

    async def _next(self) -> Incoming:
        """The next good frame; bad ones are answered, and too many end the session."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise Over(GONE)
            text: str | None = message.get("text")
            data: str | bytes = text if text is not None else message.get("bytes", b"")
            if self._too_big(data):
                most = f"a frame has {self._limits.frame_bytes} bytes at most"
                self._error("frame_size", most)
                raise Over(Goodbye(1009, most))
            try:
                frame = self._codec.decode(data)
            except BadFrame as bad:
                self._strike(bad.code, bad.detail)
                continue
            if self._frames.take(self._now()):
                return frame
            self._refuse_flood(frame, "too many at once, slow down")
            self._count_flood()

    def _too_big(self, data: str | bytes) -> bool:
        most = self._limits.frame_bytes
        if len(data) > most or isinstance(data, bytes):
            return len(data) > most
        return len(data) * 4 > most and len(data.encode()) > most

    def _strike(self, code: str, detail: str) -> None:
        """Answer what makes no sense; too much of it ends the session."""
        self._error(code, detail)
        self._strikes += 1
        if self._strikes >= self._limits.strikes:
            raise Over(Goodbye(1008, "too many bad frames"))

    def _count_flood(self) -> None:
        self._floods += 1
        if self._floods >= self._limits.flood_strikes:
            raise Over(Goodbye(1008, "rate_limited: too many at once"))

    def _now(self) -> float:
        """Seconds, monotonic."""
        return asyncio.get_running_loop().time()
