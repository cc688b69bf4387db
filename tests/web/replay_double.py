"""A server of the operator API as far as replay needs it: commits in memory, real HTTP and socket.

The pages come under the headers that the gateway sends. It can be slow, refuse, lose the socket,
commit more, and fold a State that is not what it should be.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from actors.conversation.decide import fold, initial
from events.json_lines import commit_lines, state_line
from events.log.event_log import Commit
from serve_apps.gateway.operators.board.history import commit_frame
from serve_apps.gateway.operators.frames import SUBPROTOCOL
from serve_apps.gateway.pages import CONTENT_POLICY

ME = {
    "operator": "ana", "email": "ana@casa-lumen.example", "name": "Ana",
    "role": "manager", "tenant": "demo", "company": "Casa Lumen",
}  # fmt: skip
TOKEN = "token-of-ana"
EXPIRES_AT = 4_000_000_000_000

_encode = msgspec.json.encode


class ReplayDouble:
    """`url` is where it listens once started; `complaints` is what a page did wrong."""

    def __init__(self, dist: Path) -> None:
        self._dist = dist
        self.url = ""
        self.complaints: list[str] = []
        self.conversations: dict[str, list[Commit]] = {}
        self.pages_read = 0
        self.signed_in = True
        self.away = False
        """Every call of the API is answered 503."""
        self.forged = False
        """State comes with an epoch that is not true."""
        self._watching: dict[web.WebSocketResponse, str] = {}

    # What a test does to it.

    def hold(self, commits: Sequence[Commit]) -> str:
        """Keep these as a conversation; its id."""
        name = commits[0].stream.id
        self.conversations[name] = list(commits)
        return name

    async def commit(self, *commits: Commit) -> None:
        """What comes while somebody looks on."""
        for commit in commits:
            name = commit.stream.id
            self.conversations.setdefault(name, []).append(commit)
            for socket, watched in list(self._watching.items()):
                if watched == name:
                    await self._send(socket, commit_frame(commit))

    async def drop_sockets(self) -> None:
        for socket in list(self._watching):
            await socket.close(code=1012)

    @property
    def watched(self) -> list[str]:
        return list(self._watching.values())

    # Serving.

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ReplayDouble]:
        app = web.Application()
        api = "/v1/operator"
        app.router.add_post(f"{api}/session/refresh", self._refresh)
        app.router.add_get(f"{api}/socket", self._socket)
        app.router.add_get(f"{api}/conversations/{{id}}", self._conversation)
        app.router.add_get(f"{api}/conversations/{{id}}/commits", self._commits)
        app.router.add_get(f"{api}/conversations/{{id}}/export", self._export)
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
            await self.drop_sockets()
            await runner.cleanup()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["path"] or "index.html"
        if not (self._dist / name).is_file():
            name = f"{name}.html"
        if not (self._dist / name).is_file():
            raise web.HTTPNotFound
        policy = {"Content-Security-Policy": CONTENT_POLICY}
        return web.FileResponse(self._dist / name, headers=policy)

    async def _refresh(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Tandem-Console") != "1":
            self.complaints.append("a refresh without the console's header")
        if not self.signed_in:
            return _problem(401, "signed_out", "sign in first")
        return _json({"token": TOKEN, "expires_at": EXPIRES_AT, "me": ME})

    def _found(self, request: web.Request) -> list[Commit] | web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.complaints.append(f"{request.path} without the token")
        if self.away:
            return _problem(503, "unavailable", "the log is away")
        commits = self.conversations.get(request.match_info["id"])
        return commits or _problem(404, "unknown_conversation", "there is none of that id")

    async def _commits(self, request: web.Request) -> web.Response:
        commits = self._found(request)
        if isinstance(commits, web.Response):
            return commits
        self.pages_read += 1
        after, limit = int(request.query["after"]), int(request.query.get("limit", 1000))
        page = [commit_frame(one) for one in commits if one.version > after][:limit]
        return _json(page)

    async def _conversation(self, request: web.Request) -> web.Response:
        commits = self._found(request)
        if isinstance(commits, web.Response):
            return commits
        version = int(request.query.get("version", 2**53))
        state = initial(commits[0].stream.tenant, commits[0].stream.id)
        for commit in commits:
            if commit.version <= version:
                state = fold(state, commit.version, commit.facts)
        if self.forged:
            state = msgspec.structs.replace(state, epoch=state.epoch + 7)
        row = {"conversation": commits[0].stream.id, "version": state.version}
        return _json({"row": row, "state": state, "version": state.version})

    async def _export(self, request: web.Request) -> web.Response:
        commits = self._found(request)
        if isinstance(commits, web.Response):
            return commits
        state = initial(commits[0].stream.tenant, commits[0].stream.id)
        lines: list[bytes] = []
        for commit in commits:
            lines += commit_lines(commit)
            state = fold(state, commit.version, commit.facts)
        body = b"\n".join([*lines, state_line(state), b""])
        return web.Response(body=body, content_type="application/x-ndjson")

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=[SUBPROTOCOL])
        await socket.prepare(request)
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await self._take(socket, msgspec.json.decode(message.data))
        except ConnectionError:
            pass  # the other end is gone, as a test wanted
        finally:
            self._watching.pop(socket, None)
        return socket

    async def _take(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "hello":
                if frame["token"] != TOKEN:
                    self.complaints.append("hello with another token")
                welcome = {"type": "welcome", "me": ME, "expires_at": EXPIRES_AT}
                await self._send(socket, welcome)
            case "watch":
                name = frame["conversation"]
                for commit in self.conversations.get(name, []):
                    if commit.version > frame.get("after", 0):
                        await self._send(socket, commit_frame(commit))
                last = self.conversations[name][-1].version
                self._watching[socket] = name
                await self._send(socket, {"type": "watched", "conversation": name, "version": last})
            case "ping":
                await self._send(socket, {"type": "pong", "at": frame["at"]})
            case other:
                self.complaints.append(f"replay sent {other}: it only looks on")

    async def _send(self, socket: web.WebSocketResponse, frame: Any) -> None:
        await asyncio.wait_for(socket.send_str(_encode(frame).decode()), 5)


def _json(body: Any) -> web.Response:
    return web.Response(body=_encode(body), content_type="application/json")


def _problem(status: int, code: str, detail: str) -> web.Response:
    body = {"status": status, "code": code, "detail": detail}
    return web.Response(status=status, body=_encode(body), content_type="application/problem+json")
