"""A server of the operator API (docs/operator-api.md) for the console's tests.

Real sockets and HTTP, conversations in memory (`console_world`). It is as strict about what a
console sends as the gateway, and does on demand what a gateway does rarely: drops sockets, loses
an acknowledgement, refuses, locks an account, is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import WSMsgType, web
from console_accounts import Accounts, Refusal
from console_world import Talk, World

from actors.conversation import commands as c
from events.log.event_log import Commit
from projections.read_models.queue import needs_a_person
from serve_apps.gateway.operators import frames as f
from serve_apps.gateway.operators.board.board import shown
from serve_apps.gateway.operators.board.history import commit_frame
from serve_apps.gateway.operators.orders.orders import to_command

_decode = msgspec.json.Decoder(f.ConsoleFrame).decode
_encode = msgspec.json.encode


@dataclass(eq=False)
class Console:
    """One socket."""

    socket: web.WebSocketResponse
    me: f.OperatorView
    watched: set[str] = field(default_factory=set)

    async def send(self, *frames: Any) -> None:
        for frame in frames:
            await self.socket.send_str(_encode(frame).decode())


class ConsoleDouble:
    """`url` is where it listens once started; `complaints` is what a console did wrong."""

    def __init__(self, dist: Path) -> None:
        self._dist = dist
        self.url = ""
        self.complaints: list[str] = []
        self.world = World()
        self.world.heard.append(self._committed)
        self.accounts = Accounts(self.world.now, self.complaints)
        self.canned = {"hello": "Hello, I am Ana. How may I help?"}
        self.consoles: list[Console] = []
        self.received: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str]] = []
        self.closed = False
        """Refuse every handshake."""
        self.away = False
        """Answer every call over HTTP with 503."""
        self.silent = False
        """Take frames and answer none, pings neither."""
        self.rejections: list[tuple[str, str]] = []
        """Codes and details with which the next orders are refused."""
        self.lost_acknowledgements = 0
        """So many orders are done, and the socket breaks before the console hears of it."""
        self.board_rows = 500
        self._sending: set[asyncio.Task[None]] = set()

    # What a test does to it.

    async def drop_sockets(self) -> None:
        """Break every socket, as a gateway that is killed does."""
        for console in self.consoles:
            request = console.socket._req
            if request is not None and request.transport is not None:
                request.transport.abort()

    async def push(self, conversation: str, *frames: Any) -> None:
        """Live frames to all who watch `conversation`."""
        for console in list(self.consoles):
            if conversation in console.watched:
                await console.send(*frames)

    async def push_all(self, *frames: Any) -> None:
        for console in list(self.consoles):
            await console.send(*frames)

    def received_of(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.received if frame["type"] == kind]

    # Serving.

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ConsoleDouble]:
        app = web.Application(middlewares=[self._problems])
        at = "/v1/operator"
        self.accounts.add_routes(app, at)
        app.router.add_get(f"{at}/conversations", self._list)
        app.router.add_get(f"{at}/conversations/{{id}}", self._one)
        app.router.add_get(f"{at}/conversations/{{id}}/commits", self._commits)
        app.router.add_get(f"{at}/conversations/{{id}}/related", self._related)
        app.router.add_get(f"{at}/canned", self._canned)
        app.router.add_get(f"{at}/socket", self._socket)
        app.router.add_get("/{path:.*}", self._page)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)
            for console in list(self.consoles):
                await console.socket.close()
            await runner.cleanup()

    @web.middleware
    async def _problems(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append((request.method, request.path_qs))
        try:
            if self.away and request.path.startswith("/v1/"):
                raise Refusal(503, "unavailable", "not now")
            return await handler(request)
        except Refusal as no:
            return web.json_response(
                no.body,
                status=no.status,
                headers=no.headers,
                content_type="application/problem+json",
            )

    async def _page(self, request: web.Request) -> web.StreamResponse:
        from serve_apps.gateway.pages import CONTENT_POLICY

        name = request.match_info["path"]
        if name == "favicon.ico":
            return web.Response(status=204)
        file = next(
            (p for p in (self._dist / name, self._dist / f"{name}.html") if p.is_file()), None
        )
        if file is None:
            raise web.HTTPNotFound
        return web.FileResponse(file, headers={"Content-Security-Policy": CONTENT_POLICY})

    # Conversations.

    def _talk(self, request: web.Request) -> Talk:
        talk = self.world.talks.get(request.match_info["id"])
        if talk is None:
            raise Refusal(404, "unknown_conversation", "there is no such conversation")
        return talk

    async def _list(self, request: web.Request) -> web.Response:
        me = self.accounts.caller(request)
        view, search = request.query["view"], request.query.get("search", "").lower()
        limit, before = int(request.query.get("limit", 50)), int(request.query.get("before", 0))
        rows = [talk.row for talk in self.world.talks.values() if talk.row]
        if view == "resolved":
            rows = [row for row in rows if row.status == "resolved"]
            rows.sort(key=lambda row: -(row.resolved_at or 0))
        elif not search:
            rows = [row for row in rows if row.status == "open"]
        if view == "mine":
            rows = [row for row in rows if row.operator == me.operator]
        if view == "unassigned":
            rows = [row for row in rows if needs_a_person(row)]
        rows = [row for row in rows if search in f"{row.last_text} {row.conversation}".lower()]
        body: dict[str, Any] = {"rows": [shown(row) for row in rows[before : before + limit]]}
        if len(rows) > before + limit:
            body["next"] = str(before + limit)
        return _json(body)

    async def _one(self, request: web.Request) -> web.Response:
        self.accounts.caller(request)
        talk = self._talk(request)
        assert talk.row is not None
        return _json({"row": shown(talk.row), "state": talk.state, "version": talk.state.version})

    async def _commits(self, request: web.Request) -> web.Response:
        self.accounts.caller(request)
        after = int(request.query.get("after", 0))
        commits = [commit for commit in self._talk(request).commits if commit.version > after]
        return _json([commit_frame(commit) for commit in commits[:1000]])

    async def _related(self, request: web.Request) -> web.Response:
        self.accounts.caller(request)
        row = self._talk(request).row
        others = [
            talk.row
            for talk in self.world.talks.values()
            if row and talk.row and talk.row.visitor == row.visitor and talk.row is not row
        ]
        return _json({"rows": [shown(other) for other in others]})

    async def _canned(self, request: web.Request) -> web.Response:
        self.accounts.caller(request)
        return _json([{"name": name, "text": text} for name, text in sorted(self.canned.items())])

    # The socket.

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.closed:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse(protocols=[f.SUBPROTOCOL], max_msg_size=65536)
        await socket.prepare(request)
        if socket.ws_protocol != f.SUBPROTOCOL:
            self.complaints.append("no subprotocol asked for")
        console: Console | None = None
        try:
            async for message in socket:
                if message.type != WSMsgType.TEXT:
                    continue
                frame = self._checked(message.data)
                if frame is None or self.silent:
                    continue
                if isinstance(frame, f.Hello):
                    console = await self._hello(socket, console, frame)
                elif console is None:
                    self.complaints.append(f"{type(frame).__name__} before hello")
                else:
                    await self._take(console, frame)
        except ConnectionError:
            pass  # the other end is gone, as a test wanted
        finally:
            if console in self.consoles:
                self.consoles.remove(console)
        return socket

    def _checked(self, data: str) -> Any:
        raw = msgspec.json.decode(data)
        self.received.append(raw)
        try:
            frame = _decode(data)
        except msgspec.ValidationError as error:
            self.complaints.append(f"{error} in {raw}")
            return None
        if unknown := set(raw) - {"type"} - set(frame.__struct_fields__):
            self.complaints.append(f"unknown fields {sorted(unknown)} in {raw}")
        return frame

    async def _hello(
        self, socket: web.WebSocketResponse, known: Console | None, frame: f.Hello
    ) -> Console | None:
        me = self.accounts.whose(frame.token)
        if me is None:
            await socket.send_str(_encode(f.OperatorError(code="expired", detail="")).decode())
            await socket.close(code=1008, message=b"expired")
            return None
        expires_at = self.accounts.ends(frame.token)
        console = known or Console(socket, me)
        await console.send(f.OperatorWelcome(me=me, expires_at=expires_at))
        if known is None:
            rows = [talk.row for talk in self.world.talks.values() if talk.row]
            board = [shown(row) for row in rows if row.status == "open"][: self.board_rows]
            await console.send(f.Board(rows=tuple(board)))
            self.consoles.append(console)
        return console

    async def _take(self, console: Console, frame: Any) -> None:
        match frame:
            case f.Ping():
                await console.send(f.Pong(at=frame.at))
            case f.Watch():
                await self._watch(console, frame)
            case f.Unwatch():
                console.watched.discard(frame.conversation)
            case f.OrderStruct():
                await self._order(console, frame)
            case _:
                pass

    async def _watch(self, console: Console, frame: f.Watch) -> None:
        talk = self.world.talks.get(frame.conversation)
        if talk is None:
            code = "unknown_conversation"
            error = f.OperatorError(code=code, detail="", conversation=frame.conversation)
            await console.send(error)
            return
        missed = [commit_frame(one) for one in talk.commits if one.version > frame.after]
        console.watched.add(talk.ident)
        await console.send(*missed)
        await console.send(f.Watched(conversation=talk.ident, version=talk.state.version))

    async def _order(self, console: Console, order: Any) -> None:
        if self.rejections:
            code, detail = self.rejections.pop(0)
            await console.send(f.OrderRejected(id=order.id, code=code, detail=detail))
            return
        if console.me.role == "viewer":
            no = f.OrderRejected(id=order.id, code="forbidden", detail="viewers read")
            await console.send(no)
            return
        lose = self.lost_acknowledgements > 0
        if lose:
            self.lost_acknowledgements -= 1
            self.consoles.remove(console)
        done = self.world.do(order.conversation, to_command(order, console.me, self.world.now()))
        if lose:
            assert console.socket._req is not None
            assert console.socket._req.transport is not None
            console.socket._req.transport.abort()
            return
        await self._drained()
        if isinstance(done, c.Refused):
            await console.send(f.OrderRejected(id=order.id, code=done.code, detail=done.detail))
        else:
            duplicate = isinstance(done, c.Accepted) and done.duplicate
            accepted = f.OrderAccepted(id=order.id, version=done.version, duplicate=duplicate)
            await console.send(accepted)

    def _committed(self, talk: Talk, commit: Commit) -> None:
        """Push it to all who look; in order, since each socket's sends queue up."""
        assert talk.row is not None
        row, frame = f.RowChanged(row=shown(talk.row)), commit_frame(commit)
        for console in list(self.consoles):
            frames = (frame, row) if talk.ident in console.watched else (row,)
            task = asyncio.ensure_future(self._send(console, *frames))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, console: Console, *frames: Any) -> None:
        try:
            await console.send(*frames)
        except ConnectionError:
            if console in self.consoles:
                self.consoles.remove(console)

    async def _drained(self) -> None:
        await asyncio.gather(*self._sending, return_exceptions=True)


def _json(body: Any) -> web.Response:
    return web.Response(body=_encode(body), content_type="application/json")
