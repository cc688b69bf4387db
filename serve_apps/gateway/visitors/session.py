"""A visitor's session: hello, then messages in and events out, until someone leaves.

Beside the reader and the writer that every socket has (`socket_session`), a follower carries
the conversation's feed to the outbox, and a visitor who waits for a person is told its place.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from fastapi import WebSocket

from actors.conversation.commands import (
    Accepted,
    ConversationCommand,
    RateAnswer,
    ReceiveMessage,
    RequestHandoff,
)
from events.live.frames import Present, Typing
from events.log.stream import StreamName
from serve_apps.gateway.hub import Hub, Refusal
from serve_apps.gateway.shared.codec import Codec
from serve_apps.gateway.shared.feed import ConversationFeed, Place
from serve_apps.gateway.shared.limits import Rejected, TokenBucket, checked_message
from serve_apps.gateway.shared.socket_session import Goodbye, Over, SocketSession
from serve_apps.gateway.shared.tokens import VisitorPass, new_id, now_ms
from serve_apps.gateway.shared.viewer_presence import ViewerPresence
from serve_apps.gateway.visitors.frames import (
    AcceptedFrame,
    ClientFrame,
    ErrorFrame,
    EventFrame,
    HandoffFrame,
    Hello,
    MessageFrame,
    PingFrame,
    Pong,
    RateFrame,
    RejectedFrame,
    SeenFrame,
    ServerFrame,
    TypingFrame,
    Welcome,
)
from serve_apps.gateway.visitors.queue_position import QueuePositionNotifier
from serve_apps.gateway.visitors.visible import VisitorView


class Session(SocketSession[ClientFrame]):
    """The session of one accepted socket."""

    def __init__(
        self,
        hub: Hub,
        socket: WebSocket,
        codec: Codec[ClientFrame],
        *,
        origin: str | None,
        address: str,
    ) -> None:
        super().__init__(hub, socket, codec, address=address, open_now=hub.metrics.sockets)
        limits = hub.limits
        self._origin, self._locale = origin, ""
        self._messages = TokenBucket(limits.messages_burst, limits.messages_per_s, self._now())
        self._unacknowledged = 0
        self._visitor: VisitorPass | None = None
        self._feed: ConversationFeed[ServerFrame] | None = None
        self._onlooker: ViewerPresence | None = None

    def _error_frame(self, code: str, detail: str) -> ErrorFrame:
        return ErrorFrame(code=code, detail=detail)

    def _refuse_flood(self, frame: ClientFrame, detail: str) -> None:
        if isinstance(frame, MessageFrame):
            self._reject(frame.id, "rate_limited", detail)
        else:
            super()._refuse_flood(frame, detail)

    def _parted(self) -> None:
        if self._onlooker is not None:
            self._onlooker.left()

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
                    raise Over(Goodbye(1008, refused.code)) from None
                self._strike(refused.code, refused.detail)

    async def _welcome(self, hello: Hello) -> None:
        hub = self._hub
        tenant = await hub.admit(hello.key, self._origin)
        if not hub.addresses.take(tenant.tenant, self._address):
            raise Refusal("rate_limited", "too many from this address, come back later")
        visitor, token = self._passed(hello, tenant.tenant)
        after = 0 if hello.fresh else hello.after or 0
        place = Place(after, hello.after_index if after else None)
        self._locale, self._visitor = hello.locale or "", visitor
        me = Present(who="visitor", on=True, version=after)
        onlooker = self._onlooker = ViewerPresence(hub, visitor.stream, me)
        self._feed = hub.feed(visitor.stream, place, VisitorView(onlooker.heard))
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._beside(self._follow(self._feed, token, tenant.name, ready))
        await ready
        onlooker.came()

    def _passed(self, hello: Hello, tenant: str) -> tuple[VisitorPass, str]:
        """Whose conversation it is, and the token to come back with. Raises Refusal."""
        if hello.token is None:
            if hello.conversation is not None:
                raise Refusal("bad_token", "one comes back to a conversation with its token")
            return self._hub.new_pass(tenant)
        visitor = self._hub.read_token(hello.token)
        if visitor.tenant != tenant:
            raise Refusal("bad_token", "the token is not for this key")
        if hello.conversation not in (None, visitor.conversation):
            raise Refusal("bad_token", "the token is for another conversation")
        if hello.fresh:
            return self._hub.new_pass(tenant, visitor.visitor)
        return visitor, hello.token

    # Out: the conversation.

    async def _follow(
        self,
        feed: ConversationFeed[ServerFrame],
        token: str,
        company: str,
        ready: asyncio.Future[None],
    ) -> None:
        stream = self._stream
        async with self._hub.ports.live.watch(stream) as pushed:
            backlog = await feed.catch_up()
            await self._put(
                Welcome(
                    conversation=stream.id,
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
            teller = QueuePositionNotifier(self._hub, stream, self._outbox.offer)
            try:
                teller.update(feed.waiting)
                async with aclosing(feed.live(pushed)) as coming:
                    async for frames in coming:
                        await self._send(frames)
                        teller.update(feed.waiting)
            finally:
                teller.stop()

    async def _send(self, frames: tuple[ServerFrame, ...]) -> None:
        for frame in frames:
            if isinstance(frame, EventFrame):
                await self._put(frame)
            else:
                self._outbox.offer(frame)

    @property
    def _stream(self) -> StreamName:
        assert self._visitor is not None, "no hello yet"
        return self._visitor.stream

    # In: what the client wants.

    async def _handle(self, frame: ClientFrame) -> None:
        match frame:
            case MessageFrame():
                self._take_message(frame)
            case PingFrame():
                self._outbox.reply(Pong(at=frame.at))
            case TypingFrame():
                await self._hub.ports.live.publish(self._stream, Typing("visitor", frame.on))
            case HandoffFrame() | RateFrame():
                self._take_wish(frame)
            case SeenFrame():
                self._note_seen(frame.version)
            case Hello():
                self._strike("greeted", "hello was said already")

    def _note_seen(self, version: int) -> None:
        if self._onlooker is not None and self._feed is not None:
            self._onlooker.note_seen(min(version, self._feed.version))

    def _take_wish(self, frame: HandoffFrame | RateFrame) -> None:
        """It is written to the log like a message, so it counts like one."""
        if not self._messages.take(self._now()):
            self._error("rate_limited", "too many at once, slow down")
            self._count_flood()
        elif isinstance(frame, RateFrame):
            rating = RateAnswer(id=new_id(), at=now_ms(), score=frame.score)
            self._hub.start(self._ask_once("rate", rating), "rate")
        else:
            wish = RequestHandoff(id=new_id(), at=now_ms())
            self._hub.start(self._ask_once("handoff", wish), "handoff")

    def _take_message(self, frame: MessageFrame) -> None:
        now, visitor = self._now(), self._visitor
        assert visitor is not None
        try:
            text = checked_message(frame.id, frame.text, self._limits)
            if self._unacknowledged >= self._limits.unacknowledged:
                most = f"{self._limits.unacknowledged} messages at most may wait for `accepted`"
                raise Rejected("too_many_unacknowledged", most)
            if not (
                self._messages.take(now) and self._hub.addresses.take(visitor.tenant, self._address)
            ):
                raise Rejected("rate_limited", "too many messages at once, slow down")
        except Rejected as no:
            self._reject(frame.id, no.code, no.detail)
            if no.code == "rate_limited":
                self._count_flood()
            return
        self._unacknowledged += 1
        command = ReceiveMessage(
            id=frame.id, at=now_ms(), text=text, locale=self._locale, visitor=visitor.visitor
        )
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
        metrics.accept_seconds.observe(self._now() - arrived)
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
