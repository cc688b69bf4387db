"""One session a socket: hello, then messages in and events out, until someone leaves.

Three tasks a session. The reader takes frames and never waits for anything but the next one,
so that what a client sends does not pile up in the web server. The follower carries the
conversation's feed to the outbox. The outbox's writer sends. Whoever finds a reason to end
calls `_end`; the first reason holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing

import msgspec
import structlog
from fastapi import WebSocket, WebSocketDisconnect

from actors.commands import (
    Accepted,
    ConversationCommand,
    RateAnswer,
    ReceiveMessage,
    RequestHandoff,
)
from events.live import Typing
from events.log import LogUnavailable
from events.stream import StreamName
from serve_apps.gateway.feed import ConversationFeed, FeedLost, Place
from serve_apps.gateway.frames import (
    AcceptedFrame,
    BadFrame,
    ClientFrame,
    Codec,
    ErrorFrame,
    EventFrame,
    HandoffFrame,
    Hello,
    MessageFrame,
    PingFrame,
    Pong,
    RateFrame,
    RejectedFrame,
    ServerFrame,
    TypingFrame,
    Welcome,
)
from serve_apps.gateway.hub import Hub, Refusal
from serve_apps.gateway.limits import Rejected, TokenBucket, checked_message
from serve_apps.gateway.outbox import Outbox, SlowReader
from serve_apps.gateway.tokens import new_id, now_ms

_log = structlog.get_logger(__name__)


class Goodbye(msgspec.Struct, frozen=True):
    """Why a session ends. No `code`: the client is gone already."""

    code: int | None
    reason: str = ""
    drop: bool = False
    """Leave unsent what waits to be sent."""


GONE = Goodbye(None)


class _Over(Exception):
    """Ends the reader."""

    def __init__(self, goodbye: Goodbye) -> None:
        super().__init__(goodbye.reason)
        self.goodbye = goodbye


class Session:
    """The session of one accepted socket."""

    def __init__(
        self, hub: Hub, socket: WebSocket, codec: Codec, *, origin: str | None, address: str
    ) -> None:
        now = asyncio.get_running_loop().time()
        self._hub, self._limits = hub, hub.limits
        self._socket, self._codec = socket, codec
        self._origin, self._address = origin, address
        self._outbox = Outbox(frames=hub.limits.outbox_frames)
        self._goodbye: asyncio.Future[Goodbye] = asyncio.get_running_loop().create_future()
        self._frames = TokenBucket(hub.limits.frames_burst, hub.limits.frames_per_s, now)
        self._messages = TokenBucket(hub.limits.messages_burst, hub.limits.messages_per_s, now)
        self._strikes = self._floods = self._unacknowledged = 0
        self._feed: ConversationFeed | None = None
        self._follower: asyncio.Task[None] | None = None
        self._locale = ""
        self._stream = StreamName("", "conversation", "")

    def leave(self) -> None:
        """The gateway goes down: the client shall come back, to another one."""
        self._end(Goodbye(1012, "the gateway restarts, come back"))

    async def run(self) -> None:
        """Serve the socket until someone leaves; never raises but when it is cancelled."""
        hub = self._hub
        hub.joined(self)
        hub.metrics.sockets.inc()
        writer = asyncio.create_task(self._guarded(self._write()))
        reader = asyncio.create_task(self._guarded(self._read()))
        try:
            await self._part(await self._goodbye, writer)
        finally:
            hub.metrics.sockets.dec()
            hub.left(self)  # before anything is awaited: Serve cancels whoever is disconnected
            self._end(GONE)
            tasks = [task for task in (reader, writer, self._follower) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    # Ending.

    def _end(self, goodbye: Goodbye) -> None:
        if not self._goodbye.done():
            self._goodbye.set_result(goodbye)

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        """Run a task of this session; whatever ends it badly ends the session with its code."""
        try:
            await work
        except _Over as over:
            self._end(over.goodbye)
        except SlowReader as error:
            self._end(Goodbye(1013, f"too slow: {error}", drop=True))
        except (FeedLost, LogUnavailable) as error:
            _log.warning("a session lost its conversation's feed", error=str(error))
            self._reply_last("unavailable", "the conversation cannot be read now, come back")
            self._end(Goodbye(1013, "the conversation cannot be read now, come back"))
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

    def _reply_last(self, code: str, detail: str) -> None:
        self._outbox.offer(ErrorFrame(code=code, detail=detail))

    async def _write(self) -> None:
        while (frame := await self._outbox.next()) is not None:
            data = self._codec.encode(frame)
            if isinstance(data, str):
                await self._socket.send_text(data)
            else:
                await self._socket.send_bytes(data)

    # Reading.

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(self._limits.hello_timeout_s):
                await self._greet()
        except TimeoutError:
            within = f"no hello within {self._limits.hello_timeout_s:g} s"
            self._error("hello_timeout", within)
            raise _Over(Goodbye(1008, within)) from None
        while True:
            try:
                async with asyncio.timeout(self._limits.idle_timeout_s):
                    frame = await self._next()
            except TimeoutError:
                raise _Over(Goodbye(1001, "idle")) from None
            await self._handle(frame)

    async def _next(self) -> ClientFrame:
        """The next good frame; bad ones are answered, and too many end the session."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise _Over(GONE)
            text: str | None = message.get("text")
            data: str | bytes = text if text is not None else message.get("bytes", b"")
            if self._too_big(data):
                most = f"a frame has {self._limits.frame_bytes} bytes at most"
                self._error("frame_size", most)
                raise _Over(Goodbye(1009, most))
            try:
                frame = self._codec.decode(data)
            except BadFrame as bad:
                self._strike(bad.code, bad.detail)
                continue
            if self._frames.take(asyncio.get_running_loop().time()):
                return frame
            self._flooded(frame)

    def _too_big(self, data: str | bytes) -> bool:
        most = self._limits.frame_bytes
        if len(data) > most or isinstance(data, bytes):
            return len(data) > most
        return len(data) * 4 > most and len(data.encode()) > most

    def _error(self, code: str, detail: str) -> None:
        self._hub.metrics.rejected.labels(code).inc()
        self._outbox.reply(ErrorFrame(code=code, detail=detail))

    def _strike(self, code: str, detail: str) -> None:
        self._error(code, detail)
        self._strikes += 1
        if self._strikes >= self._limits.strikes:
            raise _Over(Goodbye(1008, "too many bad frames"))

    def _flooded(self, frame: ClientFrame) -> None:
        detail = "too many at once, slow down"
        if isinstance(frame, MessageFrame):
            self._reject(frame.id, "rate_limited", detail)
        else:
            self._error("rate_limited", detail)
        self._count_flood()

    def _count_flood(self) -> None:
        self._floods += 1
        if self._floods >= self._limits.flood_strikes:
            raise _Over(Goodbye(1008, "rate_limited: too many at once"))

    # Hello.

    async def _greet(self) -> None:
        """Until a hello is good. A wrong key or origin ends it; after a bad token a client may
        say hello again without one."""
        while self._feed is None:
            frame = await self._next()
            if not isinstance(frame, Hello):
                self._strike("hello_first", "the first frame must be `hello`")
                continue
            try:
                await self._welcome(frame)
            except Refusal as refused:
                if refused.code != "bad_token":
                    self._error(refused.code, refused.detail)
                    raise _Over(Goodbye(1008, refused.code)) from None
                self._strike(refused.code, refused.detail)

    async def _welcome(self, hello: Hello) -> None:
        tenant = await self._hub.admit(hello.key, self._origin)
        if not self._hub.addresses.take(tenant.tenant, self._address):
            raise Refusal("rate_limited", "too many from this address, come back later")
        if hello.token is None:
            if hello.conversation is not None:
                raise Refusal("bad_token", "one comes back to a conversation with its token")
            visitor, token = self._hub.new_pass(tenant.tenant)
        else:
            visitor, token = self._hub.read_token(hello.token), hello.token
            if visitor.tenant != tenant.tenant:
                raise Refusal("bad_token", "the token is not for this key")
            if hello.conversation not in (None, visitor.conversation):
                raise Refusal("bad_token", "the token is for another conversation")
        self._locale = hello.locale or ""
        self._stream = visitor.stream
        place = Place(hello.after or 0, hello.after_index if hello.after else None)
        self._feed = self._hub.feed(visitor.stream, place)
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        follow = self._follow(self._feed, token, tenant.name, ready)
        self._follower = asyncio.create_task(self._guarded(follow))
        await ready

    # Out: the conversation.

    async def _follow(
        self, feed: ConversationFeed, token: str, company: str, ready: asyncio.Future[None]
    ) -> None:
        async with self._hub.ports.live.watch(self._stream) as pushed:
            backlog = await feed.catch_up()
            await self._put(
                Welcome(
                    conversation=self._stream.id,
                    token=token,
                    version=feed.version,
                    mode=feed.mode,
                    limits=self._limits.told,
                    company=company,
                )
            )
            if not ready.done():
                ready.set_result(None)
            for event in backlog:
                await self._put(event)
            async with aclosing(feed.live(pushed)) as coming:
                async for frames in coming:
                    for frame in frames:
                        if isinstance(frame, EventFrame):
                            await self._put(frame)
                        else:
                            self._outbox.offer(frame)

    async def _put(self, frame: ServerFrame) -> None:
        await self._outbox.put(frame, within_s=self._limits.slow_reader_s)

    # In: what the client wants.

    async def _handle(self, frame: ClientFrame) -> None:
        match frame:
            case MessageFrame():
                self._take_message(frame)
            case PingFrame():
                self._outbox.reply(Pong(at=frame.at))
            case TypingFrame():
                await self._hub.ports.live.publish(self._stream, Typing("visitor", frame.on))
            case HandoffFrame():
                command = RequestHandoff(id=new_id(), at=now_ms())
                self._hub.start(self._ask_once("handoff", command), "handoff")
            case RateFrame():
                command = RateAnswer(id=new_id(), at=now_ms(), score=frame.score)
                self._hub.start(self._ask_once("rate", command), "rate")
            case Hello():
                self._strike("greeted", "hello was said already")

    def _take_message(self, frame: MessageFrame) -> None:
        now = asyncio.get_running_loop().time()
        try:
            text = checked_message(frame.id, frame.text, self._limits)
            if self._unacknowledged >= self._limits.unacknowledged:
                most = f"{self._limits.unacknowledged} messages at most may wait for `accepted`"
                raise Rejected("too_many_unacknowledged", most)
            if not (
                self._messages.take(now)
                and self._hub.addresses.take(self._stream.tenant, self._address)
            ):
                raise Rejected("rate_limited", "too many messages at once, slow down")
        except Rejected as no:
            self._reject(frame.id, no.code, no.detail)
            if no.code == "rate_limited":
                self._count_flood()
            return
        self._unacknowledged += 1
        command = ReceiveMessage(id=frame.id, at=now_ms(), text=text, locale=self._locale)
        # Tasks begin in the order they are made, so messages are asked in the order they came.
        self._hub.start(self._guarded(self._ask_message(command, now)), "message")

    async def _ask_message(self, command: ReceiveMessage, arrived: float) -> None:
        try:
            outcome = await self._hub.ask(self._stream, command)
        finally:
            self._unacknowledged -= 1
        if not isinstance(outcome, Accepted):
            self._reject(command.id, outcome.code, outcome.detail)
            return
        metrics = self._hub.metrics
        metrics.accept_seconds.observe(asyncio.get_running_loop().time() - arrived)
        metrics.messages.inc()
        self._outbox.reply(AcceptedFrame(id=command.id, version=outcome.version))
        if self._feed is not None:
            self._feed.expect(outcome.version)

    def _reject(self, ident: str, code: str, detail: str) -> None:
        self._hub.metrics.rejected.labels(code).inc()
        self._outbox.reply(RejectedFrame(id=ident, code=code, detail=detail))

    async def _ask_once(self, what: str, command: ConversationCommand) -> None:
        await self._guarded(self._ask_and_tell(what, command))

    async def _ask_and_tell(self, what: str, command: ConversationCommand) -> None:
        """What has no id of the client's own is answered by its event, or by an error."""
        outcome = await self._hub.ask(self._stream, command)
        if isinstance(outcome, Accepted):
            if self._feed is not None:
                self._feed.expect(outcome.version)
        else:
            self._error(outcome.code, f"{what}: {outcome.detail}")
