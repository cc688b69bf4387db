"""An operator's side of the operators' socket (docs/operator-api.md), for the command line, tests
and benchmarks.

It keeps the promises of the console: an order keeps its id until it is answered, however often
the socket breaks; after a reconnect each watched conversation goes on after the last commit seen.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

from tandem.clients.visitor import Frame, RefusedByGateway

SUBPROTOCOL = "tandem.operator.v1.json"
RETRY_S = 0.2
RETRIED = frozenset({"unavailable", "rate_limited", "too_many_in_flight"})
"""Codes of `rejected` that mean: the same order again, later."""

FINAL = frozenset({"bad_token", "expired", "revoked", "another_operator"})
"""Codes of `error` that need another sign-in."""

FRESH_BEFORE_S = 60.0
"""A fresh token is said hello with so long before the old one ends."""


class OperatorSocket:
    """One console. Use as `async with OperatorSocket(url, token) as console:`.

    `rows` holds the newest row of each conversation, `commits` the commit frames of each watched
    one, each once and in order.
    """

    def __init__(
        self,
        url: str,
        token: str | Callable[[], Awaitable[str]],
        *,
        on_frame: Callable[[Frame], None] | None = None,
    ) -> None:
        """`token` is an access token, or gives a fresh one each time it is asked."""
        self.url = url
        self.me: Frame = {}
        self.rows: dict[str, Frame] = {}
        self.commits: dict[str, list[Frame]] = {}
        self.repeats = 0
        """Commits that came more than once, or out of order: there should be none."""
        self.connections = 0
        self._token, self._on_frame = token, on_frame
        self._pending: dict[str, Frame] = {}
        self._answers: dict[str, Frame] = {}
        self._watched: set[str] = set()
        self._has_board = False
        self._changed = asyncio.Condition()
        self._socket: ClientConnection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._refresher: asyncio.Task[None] | None = None
        self._refused: Exception | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._keeper = asyncio.create_task(self._stay_connected())
        await self.until(lambda: self._has_board, timeout_s=30)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks = [task for task in (self._keeper, self._refresher) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._socket:
            await self._socket.close()

    async def watch(self, conversation: str, *, timeout_s: float = 30) -> list[Frame]:
        """Follow a conversation from its beginning; gives its commits so far.

        Raises RefusedByGateway (`unknown_conversation` and others), TimeoutError.
        """
        self._watched.add(conversation)
        self._answers.pop(f"watch {conversation}", None)
        await self._send(self._watch_frame(conversation))
        answer = await self._answer(f"watch {conversation}", timeout_s)
        if answer["type"] == "error":
            self._watched.discard(conversation)
            raise RefusedByGateway(answer["code"], answer["detail"])
        return self.commits.get(conversation, [])

    async def unwatch(self, conversation: str) -> None:
        self._watched.discard(conversation)
        await self._send({"type": "unwatch", "conversation": conversation})

    async def order(
        self, kind: str, conversation: str, *, ident: str = "", timeout_s: float = 60, **fields: Any
    ) -> Frame:
        """Give an order (`take_over`, `reply`, ...) and wait until it is durable; gives its
        `accepted` frame. It is sent again while that may help.

        Raises RefusedByGateway when it is rejected for good, TimeoutError.
        """
        ident = ident or uuid.uuid4().hex
        frame = {"type": kind, "id": ident, "conversation": conversation, **fields}
        self._pending[ident] = frame
        try:
            await self._send(frame)
            answer = await self._answer(ident, timeout_s)
        finally:
            self._pending.pop(ident, None)
        if answer["type"] == "rejected":
            raise RefusedByGateway(answer["code"], answer["detail"])
        return answer

    async def typing(self, conversation: str, on: bool) -> None:
        """Of a watched conversation."""
        await self._send({"type": "typing", "conversation": conversation, "on": on})

    async def drop(self) -> None:
        """Cut the socket, as a bad network does; it reconnects by itself."""
        if self._socket:
            self._socket.transport.abort()

    async def until(self, holds: Callable[[], bool], *, timeout_s: float) -> None:
        """Raises TimeoutError, and RefusedByGateway once the gateway does not want this client."""

        def settled() -> bool:
            return self._refused is not None or holds()

        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(settled)
        if self._refused is not None and not holds():
            raise self._refused

    # --- the socket -------------------------------------------------------------------------

    async def _answer(self, ident: str, timeout_s: float) -> Frame:
        await self.until(lambda: ident in self._answers, timeout_s=timeout_s)
        return self._answers.pop(ident)

    async def _send(self, frame: Frame) -> None:
        if self._socket is None:
            return  # what waits for an answer is sent again after the next welcome
        try:
            await self._socket.send(msgspec.json.encode(frame).decode())
        except ConnectionClosed:
            return

    def _watch_frame(self, conversation: str) -> Frame:
        seen = self.commits.get(conversation)
        after = seen[-1]["version"] if seen else 0
        return {"type": "watch", "conversation": conversation, "after": after}

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
            self.url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            open_timeout=10,
            compression=None,
            max_size=None,
        ) as socket:
            await self._say_hello(socket)
            async for payload in socket:
                await self._take(msgspec.json.decode(payload), socket)
            raise ConnectionClosed(socket.protocol.close_rcvd, None)

    async def _say_hello(self, socket: ClientConnection) -> None:
        token = self._token if isinstance(self._token, str) else await self._token()
        await socket.send(msgspec.json.encode({"type": "hello", "token": token}).decode())

    async def _take(self, frame: Frame, socket: ClientConnection) -> None:
        if self._on_frame:
            self._on_frame(frame)
        match frame["type"]:
            case "welcome":
                await self._welcomed(frame, socket)
            case "board":
                self._has_board = True
                for row in frame["rows"]:
                    self._take_row(row)
            case "row":
                self._take_row(frame["row"])
            case "commit":
                self._take_commit(frame)
            case "watched":
                self._answers[f"watch {frame['conversation']}"] = frame
            case "accepted":
                self._answers[frame["id"]] = frame
            case "rejected" if frame["code"] in RETRIED and frame["id"] in self._pending:
                asyncio.get_running_loop().call_later(RETRY_S, self._again, frame["id"])
            case "rejected":
                self._answers[frame["id"]] = frame
            case "error" if frame["code"] in FINAL:
                raise RefusedByGateway(frame["code"], frame["detail"])
            case "error" if conversation := frame.get("conversation"):
                self._answers[f"watch {conversation}"] = frame
            case _:
                return
        async with self._changed:
            self._changed.notify_all()

    async def _welcomed(self, frame: Frame, socket: ClientConnection) -> None:
        self.me = frame["me"]
        if self._refresher is not None:
            self._refresher.cancel()
        if not isinstance(self._token, str):
            self._refresher = asyncio.create_task(self._refresh(frame["expires_at"], socket))
        if socket is self._socket:
            return  # a fresh token was taken
        self.connections += 1
        await self._set_socket(socket)
        for conversation in self._watched:
            await self._send(self._watch_frame(conversation))
        for order in list(self._pending.values()):
            await self._send(order)

    async def _refresh(self, expires_at: int, socket: ClientConnection) -> None:
        left_s = expires_at / 1000 - time.time()
        await asyncio.sleep(max(1.0, left_s - FRESH_BEFORE_S))
        await self._say_hello(socket)

    def _take_row(self, row: Frame) -> None:
        known = self.rows.get(row["conversation"])
        if known is None or known["version"] <= row["version"]:
            self.rows[row["conversation"]] = row

    def _take_commit(self, frame: Frame) -> None:
        seen = self.commits.setdefault(frame["conversation"], [])
        if seen and frame["number"] != seen[-1]["number"] + 1:
            self.repeats += 1
        seen.append(frame)

    def _again(self, ident: str) -> None:
        if ident in self._pending:
            task = asyncio.create_task(self._send(self._pending[ident]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _set_socket(self, socket: ClientConnection | None) -> None:
        async with self._changed:
            self._socket = socket
            self._changed.notify_all()
