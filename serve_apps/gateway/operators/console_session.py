"""An operator's session: who they are, the board, watched conversations, and orders.

Beside the reader and the writer that every socket has (`socket_session`): one task carries the
board's changes, one each watched conversation, and one looks now and then whether the operator
still is who they were. An order that was taken goes on when its console is gone.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import msgspec
import structlog
from fastapi import WebSocket

from actors.conversation.commands import Accepted, ConversationCommand
from events.live.frames import Typing
from events.log.event_log import CorruptStream, UnknownFact
from events.log.stream import StreamName, conversation_stream, is_token
from serve_apps.gateway.hub import Hub
from serve_apps.gateway.operators import frames as f
from serve_apps.gateway.operators.accounts.http_access import may
from serve_apps.gateway.operators.accounts.identity import SignedIn
from serve_apps.gateway.operators.board.watching import Watching
from serve_apps.gateway.operators.orders.orders import to_command
from serve_apps.gateway.shared.codec import Codec
from serve_apps.gateway.shared.limits import Rejected
from serve_apps.gateway.shared.refusal import Refusal
from serve_apps.gateway.shared.socket_session import Goodbye, Over, SocketSession

_log = structlog.get_logger(__name__)


class ConsoleSession(SocketSession[f.ConsoleFrame]):
    """The session of one accepted socket of an operator."""

    def __init__(
        self, hub: Hub, socket: WebSocket, codec: Codec[f.ConsoleFrame], *, address: str
    ) -> None:
        super().__init__(hub, socket, codec, address=address, open_now=hub.metrics.consoles)
        self._signed: SignedIn | None = None
        self._token = ""
        self._watched: dict[str, tuple[Watching, asyncio.Task[None]]] = {}
        self._in_flight = 0

    def _error_frame(self, code: str, detail: str) -> f.OperatorError:
        return f.OperatorError(code=code, detail=detail)

    def _refuse_flood(self, frame: f.ConsoleFrame, detail: str) -> None:
        if isinstance(frame, f.OrderStruct):
            self._reject(frame, "rate_limited", detail)
        else:
            super()._refuse_flood(frame, detail)

    def _parted(self) -> None:
        for watching, _ in self._watched.values():
            watching.left()

    @property
    def _me(self) -> f.OperatorView:
        assert self._signed is not None, "no hello yet"
        return self._signed.me

    # Who it is.

    async def _greet(self) -> None:
        while self._signed is None:
            frame = await self._next()
            if isinstance(frame, f.Hello):
                await self._sign_in(frame.token)
            else:
                self._strike("hello_first", "the first frame must be `hello`")
        self._beside(self._show_board())
        self._beside(self._keep())

    async def _sign_in(self, token: str) -> None:
        """For the first time, or with a fresh token. Raises Over for one that is not good."""
        try:
            signed = await self._hub.identity.of(token)
        except Refusal as refused:
            self._error(refused.code, refused.detail)
            if refused.code == "unavailable" and self._signed is not None:
                return  # the old token is good for a while: say hello again
            raise Over(_goodbye(refused)) from None
        before = self._signed
        if before is not None and _person(before) != _person(signed):
            self._error("another_operator", "this socket is another operator's")
            raise Over(Goodbye(1008, "another_operator"))
        self._signed, self._token = signed, token
        await self._put(f.OperatorWelcome(me=signed.me, expires_at=signed.expires_at))

    async def _keep(self) -> None:
        """Says that the operator is there, and ends the session when it is over: its token too
        old, or the operator signed out, changed or removed, wherever that was done."""
        hub, limits = self._hub, self._limits
        touched = rolled = self._now() - limits.presence_s
        while True:
            now = self._now()
            if now - touched >= limits.presence_s:
                touched = now
                await hub.presence.touch(self._me.tenant, self._me.operator, hub.ports.clock())
            if now - rolled >= limits.roll_call_s:
                rolled = now
                for watching, _ in self._watched.values():
                    watching.call_the_roll()
            assert self._signed is not None
            left_s = (self._signed.expires_at - hub.ports.clock()) / 1000
            await asyncio.sleep(max(0.01, min(limits.session_check_s, left_s)))
            await self._check()

    async def _check(self) -> None:
        token = self._token
        try:
            signed = await self._hub.identity.of(token)
        except Refusal as refused:
            # Whether it still holds may not be known for a while: what holds it up is no offence.
            if refused.code == "unavailable" or token != self._token:
                return
            self._error(refused.code, refused.detail)
            raise Over(_goodbye(refused)) from None
        if token == self._token and signed.me != self._me:
            self._signed = signed
            await self._put(f.OperatorWelcome(me=signed.me, expires_at=signed.expires_at))

    # Out: the board.

    async def _show_board(self) -> None:
        async with self._hub.boards.of(self._me.tenant) as board:
            await board.ready()
            reader = board.reader()
            try:
                await self._put(f.Board(rows=board.rows(self._limits.board_shown)))
                async with aclosing(reader.changes()) as changes:
                    async for changed in changes:
                        for conversation in changed:
                            if row := board.row(conversation):
                                await self._put(f.RowChanged(row=row))
            finally:
                reader.close()

    # In: what the operator wants.

    async def _handle(self, frame: f.ConsoleFrame) -> None:
        match frame:
            case f.OrderStruct():
                self._take_order(frame)
            case f.Watch():
                self._watch(frame)
            case f.Unwatch():
                self._unwatch(frame.conversation)
            case f.OperatorTyping():
                await self._pass_typing(frame)
            case f.Ping():
                self._outbox.reply(f.Pong(at=frame.at))
            case f.Hello():
                self._beside(self._sign_in(frame.token))

    def _watch(self, frame: f.Watch) -> None:
        ident = frame.conversation
        if not is_token(ident):
            self._unknown(ident)
            return
        self._unwatch(ident)
        if len(self._watched) >= self._limits.watched:
            most = f"a console watches {self._limits.watched} conversations at most"
            self._about("too_many_watched", most, ident)
            return
        watching = Watching(
            self._hub,
            self._stream(ident),
            frame.after,
            self._me,
            put=self._put,
            offer=self._outbox.offer,
        )
        self._watched[ident] = watching, self._beside(self._follow(ident, watching))

    async def _follow(self, ident: str, watching: Watching) -> None:
        try:
            await watching.follow()
        except (CorruptStream, UnknownFact) as error:
            _log.error("a watched conversation cannot be read", error=str(error))
            self._forget(ident, watching)
            self._about("unreadable", "this conversation cannot be read", ident)
            return
        self._forget(ident, watching)
        self._unknown(ident)

    def _forget(self, ident: str, watching: Watching) -> None:
        if ident in self._watched and self._watched[ident][0] is watching:
            del self._watched[ident]

    def _unwatch(self, ident: str) -> None:
        watching, task = self._watched.pop(ident, (None, None))
        if watching is not None and task is not None:
            task.cancel()
            watching.left()

    async def _pass_typing(self, frame: f.OperatorTyping) -> None:
        me = self._me
        if not may(me.role, "manager"):
            self._about("forbidden", f"a {me.role} may not write", frame.conversation)
        elif frame.conversation not in self._watched:
            self._about("not_watched", "watch a conversation to write in it", frame.conversation)
        else:
            typing = Typing("operator", frame.on, me.operator, me.name)
            await self._hub.ports.live.publish(self._stream(frame.conversation), typing)

    def _take_order(self, order: f.Order) -> None:
        me, arrived = self._me, self._now()
        try:
            if not may(me.role, "manager"):
                raise Rejected("forbidden", f"a {me.role} may not do this, a manager may")
            if self._in_flight >= self._limits.orders_in_flight:
                most = f"{self._limits.orders_in_flight} orders at most may wait for their answer"
                raise Rejected("too_many_in_flight", most)
            if not self._hub.operator_orders.take(me.tenant, me.operator):
                raise Rejected("rate_limited", "too many orders at once, slow down")
            if not is_token(order.conversation):
                raise Rejected("unknown_conversation", "there is no conversation of this id")
            command = to_command(order, me, self._hub.ports.clock())
        except Rejected as no:
            self._reject(order, no.code, no.detail)
            return
        self._in_flight += 1
        # Tasks begin in the order they are made, so orders are asked in the order they came.
        self._hub.start(self._guarded(self._ask(order, command, arrived)), "order")

    async def _ask(self, order: f.Order, command: ConversationCommand, arrived: float) -> None:
        try:
            outcome = await self._hub.ask(self._stream(order.conversation), command)
        finally:
            self._in_flight -= 1
        if not isinstance(outcome, Accepted):
            self._reject(order, outcome.code, outcome.detail)
            return
        metrics = self._hub.metrics
        metrics.order_seconds.observe(self._now() - arrived)
        metrics.orders.labels(_type(order), "accepted").inc()
        self._outbox.reply(
            f.OrderAccepted(id=order.id, version=outcome.version, duplicate=outcome.duplicate)
        )
        if watched := self._watched.get(order.conversation):
            watched[0].expect(outcome.version)

    def _reject(self, order: f.OrderStruct, code: str, detail: str) -> None:
        self._hub.metrics.orders.labels(_type(order), code).inc()
        self._outbox.reply(f.OrderRejected(id=order.id, code=code, detail=detail))

    # Small things.

    def _stream(self, conversation: str) -> StreamName:
        return conversation_stream(self._me.tenant, conversation)

    def _unknown(self, ident: str) -> None:
        self._about("unknown_conversation", "there is no conversation of this id", ident)

    def _about(self, code: str, detail: str, conversation: str) -> None:
        """Tell of an error that concerns one conversation."""
        self._hub.metrics.rejected.labels(code).inc()
        error = f.OperatorError(code=code, detail=detail, conversation=conversation)
        self._outbox.reply(error)


def _goodbye(refused: Refusal) -> Goodbye:
    if refused.code == "unavailable":
        return Goodbye(1013, "who this is cannot be known now, come back")
    return Goodbye(1008, refused.code)


def _person(signed: SignedIn) -> tuple[str, str]:
    return signed.me.tenant, signed.me.operator


def _type(order: msgspec.Struct) -> str:
    return str(order.__struct_config__.tag)
