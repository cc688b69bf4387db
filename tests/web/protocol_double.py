"""A server of protocol version 1 for the widget's tests: real sockets, scripted answers.

It keeps conversations in memory, is as strict about what a client sends as the gateway, and
does on demand what a gateway does rarely: drops sockets, loses an acknowledgement, rejects,
stalls in mid-answer, stays silent to pings.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

KEY = "pk_demo"
COMPANY = "Casa Lumen"
AT = 1_760_000_000_000
Frame = dict[str, Any]

CLIENT_FIELDS = {
    "hello": ({"key"}, {"token", "conversation", "after", "after_index", "locale", "fresh"}),
    "message": ({"id", "text"}, set[str]()),
    "typing": ({"on"}, set[str]()),
    "handoff": (set[str](), set[str]()),
    "rate": ({"score"}, set[str]()),
    "seen": ({"version"}, set[str]()),
    "ping": ({"at"}, set[str]()),
}


@dataclass
class Answer:
    """What the assistant says to the next message."""

    text: str
    html: str = ""
    sources: list[Frame] = field(default_factory=list[Frame])
    kind: str = "answer"
    fails: bool = False

    @property
    def pieces(self) -> list[str]:
        words = self.text.split(" ")
        return [word + " " for word in words[:-1]] + words[-1:]


@dataclass
class Conversation:
    ident: str
    events: list[Frame] = field(default_factory=list[Frame])
    version: int = 0
    sockets: set[web.WebSocketResponse] = field(default_factory=set[web.WebSocketResponse])
    mode: str = "ai"
    place: int = 0
    """In the queue; 0 when the visitor does not wait."""
    resolved: bool = False
    visitor: str = ""

    @property
    def token(self) -> str:
        return f"token-{self.ident}"

    def message(self, ident: str) -> Frame | None:
        return next((e for e in self.events if e.get("message") == ident), None)


class ProtocolDouble:
    """`url` is where it listens once started; `complaints` is what a client did wrong."""

    def __init__(self, dist: Path) -> None:
        self._dist = dist
        self.url = self.other_url = ""
        self.complaints: list[str] = []
        self.received: list[Frame] = []
        self.conversations: dict[str, Conversation] = {}
        self.answers: list[Answer] = []
        self.limits = {"message_chars": 2000, "frame_bytes": 65536, "unacknowledged": 8}
        self.host_page = ""
        self.host_policy = ""
        self.host_language = "en"
        self.closed = False
        """Refuse every handshake."""
        self.silent = False
        """Answer no ping, and nothing else either."""
        self.rejections: list[str] = []
        """Codes with which the next messages are rejected."""
        self.lost_acknowledgements = 0
        """So many messages are stored, and the socket breaks before the client hears of it."""
        self.flow = asyncio.Event()
        """Cleared: answers stall after their third piece."""
        self.flow.set()
        self.turn = asyncio.Event()
        """Cleared: no turn begins."""
        self.turn.set()
        self.heeds_handoffs = True
        """False: a wish for a person stays without a word."""
        self.away = False
        """Nobody is there: who asks for a person is told so."""
        self._turns: set[asyncio.Task[None]] = set()
        self._count = 0

    # What a test does to it.

    async def drop_sockets(self) -> None:
        """Break every socket, as a gateway that is killed does."""
        for socket in self._sockets():
            # Without a closing handshake: the client sees the line go.
            if socket._req is not None and socket._req.transport is not None:
                socket._req.transport.abort()

    async def say(self, conversation: Conversation, *facts: Frame) -> None:
        """Commit `facts` to the log and push them."""
        conversation.version += 2
        for index, fact in enumerate(facts):
            frame = {"type": "event", "version": conversation.version, "index": index, "at": AT}
            conversation.events.append(frame | fact)
            await self._push(conversation, frame | fact)

    async def push(self, conversation: Conversation, frame: Frame) -> None:
        """A live frame, which is not history."""
        await self._push(conversation, frame)

    async def request(self, conversation: Conversation, *, place: int = 2) -> None:
        """A person is asked for; with a place in the queue where somebody is there."""
        notice, text = "handoff_queued", "I have asked a colleague to join. You can go on writing."
        if self.away:
            notice, text = "handoff_away", "Nobody is here now; we are back on Monday at 9:00."
        wish = {"kind": "mode", "handoff": "requested"}
        await self.say(conversation, wish, self._notice(notice, text, place=place))
        await self.queue(conversation, place)

    async def queue(self, conversation: Conversation, place: int) -> None:
        """The visitor's place, now."""
        conversation.place = place
        await self._push(conversation, {"type": "queue", "place": place})

    async def join(
        self, conversation: Conversation, name: str = "Ana", *, mode: str = "human"
    ) -> None:
        """A person takes over, or (`supervised`) looks over what the assistant writes."""
        conversation.mode = mode
        who = {"operator": "op_1", "operator_name": name}
        notice, text = "operator_joined", f"{name} has joined the conversation."
        if mode == "supervised":
            notice, text = "supervised", f"{name} looks over the answers from here on."
        said = self._notice(notice, text, operator_name=name)
        await self.say(conversation, {"kind": "mode", "mode": mode} | who, said)
        await self.queue(conversation, 0)

    async def release(self, conversation: Conversation) -> None:
        conversation.mode = "ai"
        said = self._notice("assistant_back", "The assistant is back.")
        await self.say(conversation, {"kind": "mode", "mode": "ai"}, said)

    async def resolve(self, conversation: Conversation) -> None:
        conversation.resolved = True
        facts: list[Frame] = [{"kind": "status", "status": "resolved"}]
        if conversation.mode != "ai":
            conversation.mode = "ai"
            facts.append({"kind": "mode", "mode": "ai"})
        said = "This conversation has ended. Write again, and it goes on."
        await self.say(conversation, *facts, self._notice("resolved", said))

    async def reply(self, conversation: Conversation, text: str, **fields: Any) -> None:
        """What an operator writes."""
        said = {"kind": "operator_message", "message": self._new("reply"), "text": text}
        who = {"operator": "op_1", "operator_name": "Ana"}
        await self.say(conversation, said | who | fields)

    def _notice(self, notice: str, text: str, **fields: Any) -> Frame:
        base = {"kind": "notice", "message": self._new("notice"), "notice": notice, "text": text}
        return base | {name: value for name, value in fields.items() if value}

    def _new(self, what: str) -> str:
        self._count += 1
        return f"{what}-{self._count}"

    @property
    def only(self) -> Conversation:
        """The one conversation there is."""
        (conversation,) = self.conversations.values()
        return conversation

    def received_of(self, kind: str) -> list[Frame]:
        return [frame for frame in self.received if frame["type"] == kind]

    # Serving.

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ProtocolDouble]:
        """Listens at two addresses, so that a page can be of another origin than the script."""
        app = web.Application()
        app.router.add_get("/v1/socket", self._socket)
        app.router.add_get("/{path:.*}", self._page)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        urls: list[str] = []
        for _ in range(2):
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            assert site._server is not None
            urls.append(f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}")
        self.url, self.other_url = urls
        try:
            yield self
        finally:
            for task in self._turns:
                task.cancel()
            await asyncio.gather(*self._turns, return_exceptions=True)
            for socket in self._sockets():
                await socket.close()
            await runner.cleanup()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["path"] or "index.html"
        if name == "host":
            headers = {"Content-Security-Policy": self.host_policy} if self.host_policy else {}
            page = (
                f"<!doctype html><html lang={self.host_language}><title>Host</title>"
                f"<body><main><h1>A host page</h1></main>{self.host_page}"
            )
            return web.Response(text=page, content_type="text/html", headers=headers)
        if name == "favicon.ico":
            return web.Response(status=204)
        if name == "openapi.json":
            info = {"title": "Tandem", "version": "1"}
            paths = {"/healthz": {"get": {"responses": {"200": {"description": "alive"}}}}}
            return web.json_response({"openapi": "3.1.0", "info": info, "paths": paths})
        if not (self._dist / name).is_file():
            name = f"{name}.html"
        if not (self._dist / name).is_file():
            raise web.HTTPNotFound
        # The policies under which the gateway serves the same files.
        from serve_apps.gateway.pages import CONTENT_POLICY, DOCS_POLICY

        policy = DOCS_POLICY if name == "docs.html" else CONTENT_POLICY
        return web.FileResponse(self._dist / name, headers={"Content-Security-Policy": policy})

    def _sockets(self) -> list[web.WebSocketResponse]:
        return [s for c in self.conversations.values() for s in c.sockets]

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.closed:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse(protocols=["tandem.v1.json"], max_msg_size=65536)
        await socket.prepare(request)
        if socket.ws_protocol != "tandem.v1.json":
            self.complaints.append("no subprotocol asked for")
        conversation: Conversation | None = None
        try:
            async for message in socket:
                if message.type != WSMsgType.TEXT:
                    continue
                frame = self._checked(json.loads(message.data))
                if self.silent:
                    continue
                if frame["type"] == "hello":
                    conversation = await self._hello(socket, frame)
                elif conversation is None:
                    self.complaints.append(f"{frame['type']} before hello")
                else:
                    await self._take(socket, conversation, frame)
        except ConnectionError:
            pass  # the other end is gone, as a test wanted
        finally:
            if conversation:
                conversation.sockets.discard(socket)
        return socket

    def _checked(self, frame: Frame) -> Frame:
        self.received.append(frame)
        needed, allowed = CLIENT_FIELDS[frame["type"]]
        fields = set(frame) - {"type"}
        if not needed <= fields or fields - needed - allowed:
            self.complaints.append(f"wrong fields in {frame}")
        return frame

    async def _hello(self, socket: web.WebSocketResponse, frame: Frame) -> Conversation | None:
        if frame["key"] != KEY:
            await socket.send_json({"type": "error", "code": "wrong_key", "detail": "no such key"})
            await socket.close(code=1008)
            return None
        token = frame.get("token")
        known = self.conversations.get(str(token).removeprefix("token-"))
        if token is not None and known is None:
            await socket.send_json({"type": "error", "code": "bad_token", "detail": "unknown"})
            return None
        fresh = frame.get("fresh", False)
        if fresh and (known is None or {"conversation", "after"} & set(frame)):
            self.complaints.append(f"a fresh beginning is a token and nothing else: {frame}")
        if known is None or fresh:
            conversation = self._begin(known.visitor if known else "")
        else:
            conversation = known
        welcome = {"conversation": conversation.ident, "token": conversation.token}
        place = {"version": conversation.version, "mode": conversation.mode}
        told = {"limits": self.limits, "company": COMPANY}
        await socket.send_json({"type": "welcome"} | welcome | place | told)
        after = (frame.get("after", 0), frame.get("after_index", 10**6))
        for event in conversation.events:
            if (event["version"], event["index"]) > after:
                await socket.send_json(event)
        if conversation.place:
            await socket.send_json({"type": "queue", "place": conversation.place})
        conversation.sockets.add(socket)
        return conversation

    def _begin(self, visitor: str) -> Conversation:
        ident = self._new("c")
        conversation = Conversation(ident, visitor=visitor or f"visitor of {ident}")
        self.conversations[ident] = conversation
        return conversation

    async def _take(
        self, socket: web.WebSocketResponse, conversation: Conversation, frame: Frame
    ) -> None:
        match frame["type"]:
            case "ping":
                await socket.send_json({"type": "pong", "at": frame["at"]})
            case "message":
                await self._message(socket, conversation, frame)
            case "rate":
                await self.say(conversation, {"kind": "rated", "score": frame["score"]})
            case "handoff":
                if self.heeds_handoffs:
                    await self.request(conversation)
            case "seen":
                if frame["version"] > conversation.version or frame["version"] < 1:
                    self.complaints.append(f"seen what was never sent: {frame}")
            case _:
                pass

    async def _message(
        self, socket: web.WebSocketResponse, conversation: Conversation, frame: Frame
    ) -> None:
        if self.rejections:
            code = self.rejections.pop(0)
            told = {"id": frame["id"], "code": code, "detail": "as the test wanted"}
            await socket.send_json({"type": "rejected"} | told)
            return
        known = conversation.message(frame["id"])
        if known is None:
            lose = self.lost_acknowledgements > 0
            if lose:
                self.lost_acknowledgements -= 1
                conversation.sockets.discard(socket)
            fact = {"kind": "visitor_message", "message": frame["id"], "text": frame["text"]}
            await self.say(conversation, *self._reopened(conversation), fact)
            turn = asyncio.create_task(self._answer(conversation, frame["id"]))
            self._turns.add(turn)
            turn.add_done_callback(self._turns.discard)
            if lose:
                assert socket._req is not None
                assert socket._req.transport is not None
                socket._req.transport.abort()
                return
            known = conversation.message(frame["id"])
        assert known is not None
        await socket.send_json({"type": "accepted", "id": frame["id"], "version": known["version"]})

    def _reopened(self, conversation: Conversation) -> list[Frame]:
        """The facts of a message that opens a resolved conversation again."""
        if not conversation.resolved:
            return []
        conversation.resolved = False
        return [{"kind": "status", "status": "open"}]

    async def _answer(self, conversation: Conversation, message: str) -> None:
        if conversation.mode != "ai":
            return
        await self.turn.wait()
        answer = self.answers.pop(0) if self.answers else Answer("We ship within two days.")
        if answer.fails:
            failed = {"kind": "turn_failed", "in_reply_to": [message], "reason": "model"}
            await self.say(conversation, failed)
            return
        for index, piece in enumerate(answer.pieces):
            if index == 3:
                await self.flow.wait()
            delta = {"type": "delta", "turn": f"turn-{message}", "index": index, "text": piece}
            await self._push(conversation, delta)
        if conversation.mode != "ai":
            return
        said = {"message": f"answer-{message}", "text": answer.text, "html": answer.html}
        drawn = {"sources": answer.sources, "answer": answer.kind, "in_reply_to": [message]}
        await self.say(conversation, {"kind": "assistant_message"} | said | drawn)

    async def _push(self, conversation: Conversation, frame: Frame) -> None:
        for socket in list(conversation.sockets):
            try:
                await socket.send_json(frame)
            except ConnectionError:
                conversation.sockets.discard(socket)
