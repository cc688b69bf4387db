"""A visitor's side of wire protocol version 1, for the command line, tests and benchmarks.

It keeps the promises of the widget: a message keeps its id until it is accepted, however often
the socket breaks; after a reconnect it asks for what came after the last event it saw.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

SUBPROTOCOL = "tandem.v1.json"
RETRY_S = 0.2
RETRIED = frozenset({"unavailable", "rate_limited", "too_many_unacknowledged"})
"""Codes of `rejected` that mean: the same message again, later."""

FINAL = frozenset({"wrong_key", "foreign_origin", "bad_token", "protocol_version"})
"""Codes of `error` that coming back does not mend."""

Frame = dict[str, Any]


class RefusedByGateway(Exception):
    """The gateway does not want this client: `code` and `detail` say why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


class Visitor:
    """One conversation. Use as `async with Visitor(url, key) as visitor:`.

    `events` holds each event frame once, in order; `accepted` maps message id → version.
    """

    def __init__(
        self,
        url: str,
        key: str = "pk_demo",
        *,
        locale: str = "en",
        token: str = "",
        conversation: str = "",
        fresh: bool = False,
        on_frame: Callable[[Frame], None] | None = None,
    ) -> None:
        """`fresh` with a `token` begins a new conversation of the same visitor."""
        self.url, self.key, self.locale = url, key, locale
        self.token, self.conversation, self._fresh = token, conversation, fresh
        self.place = 0
        """In the queue for a person, from 1; 0 while nobody is waited for, or it is not known."""
        self.events: list[Frame] = []
        self.accepted: dict[str, int] = {}
        self.rejected: dict[str, Frame] = {}
        self.repeats = 0
        """Events that came more than once, or out of order: there should be none."""
        self.connections = 0
        self._on_frame = on_frame
        self._pending: dict[str, str] = {}
        self._changed = asyncio.Condition()
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._refused: Exception | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._reader = asyncio.create_task(self._stay_connected())
        await self.until(lambda: self._socket is not None, timeout_s=30)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._reader:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        if self._socket:
            await self._socket.close()

    async def say(self, text: str, *, ident: str = "", timeout_s: float = 60) -> str:
        """Send a message and wait until it is durable; returns its id.

        Raises RefusedByGateway when it is rejected for good, TimeoutError.
        """
        ident = ident or uuid.uuid4().hex
        self._pending[ident] = text
        await self._send({"type": "message", "id": ident, "text": text})
        await self.until(
            lambda: ident in self.accepted or ident in self.rejected, timeout_s=timeout_s
        )
        if ident in self.rejected:
            frame = self.rejected[ident]
            raise RefusedByGateway(frame["code"], frame.get("detail", ""))
        return ident

    async def reply_to(self, ident: str, *, timeout_s: float = 60) -> Frame:
        """The answer to a message, or the event that says it failed."""

        def found() -> Frame | None:
            for event in self.events:
                if ident in event.get("in_reply_to", ()):
                    return event
            return None

        await self.until(lambda: found() is not None, timeout_s=timeout_s)
        reply = found()
        assert reply is not None
        return reply

    async def ask(self, text: str, *, timeout_s: float = 60) -> Frame:
        return await self.reply_to(await self.say(text, timeout_s=timeout_s), timeout_s=timeout_s)

    async def send(self, frame: Frame) -> None:
        """Any other frame of the protocol: `typing`, `handoff`, `rate`, `seen`, `ping`."""
        await self._send(frame)

    async def drop(self) -> None:
        """Cut the socket, as a bad network does; it reconnects by itself."""
        if self._socket:
            self._socket.transport.abort()

    async def until(self, holds: Callable[[], bool], *, timeout_s: float) -> None:
        def settled() -> bool:
            return self._refused is not None or holds()

        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(settled)
        if self._refused is not None and not holds():
            raise self._refused

    # --- the socket -------------------------------------------------------------------------

    async def _send(self, frame: Frame) -> None:
        if self._socket is None:
            return  # what waits for an acknowledgement is sent again after the next welcome
        try:
            await self._socket.send(msgspec.json.encode(frame).decode())
        except ConnectionClosed:
            return

    async def _stay_connected(self) -> None:
        while self._refused is None:
            try:
                await self._connected()
            except (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage, TimeoutError):
                await self._set_socket(None)
                await asyncio.sleep(RETRY_S)
            except Exception as error:  # noqa: BLE001 whoever waits is told, see `until`
                self._refused = error
                await self._set_socket(None)

    async def _connected(self) -> None:
        async with connect(
            self.url, subprotocols=[Subprotocol(SUBPROTOCOL)], open_timeout=10, compression=None
        ) as socket:
            await socket.send(msgspec.json.encode(self._hello()).decode())
            async for payload in socket:
                await self._take(msgspec.json.decode(payload), socket)
            raise ConnectionClosed(socket.protocol.close_rcvd, None)

    def _hello(self) -> Frame:
        hello: Frame = {"type": "hello", "key": self.key, "locale": self.locale}
        if self.token and self._fresh:
            return hello | {"token": self.token, "fresh": True}
        if self.token:
            hello |= {"token": self.token, "conversation": self.conversation}
        if self.events:
            last = self.events[-1]
            hello |= {"after": last["version"], "after_index": last["index"]}
        return hello

    async def _take(self, frame: Frame, socket: ClientConnection) -> None:
        if self._on_frame:
            self._on_frame(frame)
        match frame["type"]:
            case "welcome":
                self.conversation, self.token = frame["conversation"], frame["token"]
                self._fresh, self.place = False, 0
                self.connections += 1
                await self._set_socket(socket)
                for ident, text in list(self._pending.items()):
                    await self._send({"type": "message", "id": ident, "text": text})
            case "accepted":
                self.accepted[frame["id"]] = frame["version"]
                self._pending.pop(frame["id"], None)
            case "rejected" if frame["code"] in RETRIED:
                asyncio.get_running_loop().call_later(RETRY_S, self._again, frame["id"])
            case "rejected":
                self.rejected[frame["id"]] = frame
                self._pending.pop(frame["id"], None)
            case "event":
                place = (frame["version"], frame["index"])
                if self.events and place <= (self.events[-1]["version"], self.events[-1]["index"]):
                    self.repeats += 1
                self.events.append(frame)
            case "queue":
                self.place = frame["place"]
            case "error" if frame["code"] in FINAL:
                raise RefusedByGateway(frame["code"], frame.get("detail", ""))
            case _:
                return
        async with self._changed:
            self._changed.notify_all()

    def _again(self, ident: str) -> None:
        if ident in self._pending:
            frame = {"type": "message", "id": ident, "text": self._pending[ident]}
            self._keep(self._send(frame))

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _set_socket(self, socket: ClientConnection | None) -> None:
        async with self._changed:
            self._socket = socket
            self._changed.notify_all()
