"""A real gateway under uvicorn on a free port, over a log in memory and the real decider."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any

SECRET = "a secret of the tests that is long enough"
KEY, OTHER_KEY = "pk_demo", "pk_other"
WAIT_S = 10.0


class DeciderConversations:
    """Conversations in this process: load, decide, append, one at a time for each stream."""

    def __init__(self, log: Any) -> None:
        self.log = log
        self.answering = asyncio.Event()
        """Cleared: nobody answers, as when all shards are slow."""
        self.answering.set()
        self.down = False
        self.asked: list[Any] = []
        self._locks: dict[Any, asyncio.Lock] = {}
        self._count = itertools.count(1)

    async def ask(self, stream: Any, command: Any) -> Any:
        from actors.ports import Unavailable

        self.asked.append(command)
        if self.down:
            raise Unavailable("no shard answers")
        async with self._locks.setdefault(stream, asyncio.Lock()):
            await self.answering.wait()
            return await self._decide(stream, command)

    async def _decide(self, stream: Any, command: Any) -> Any:
        from actors.conversation import decide as conversation
        from actors.conversation.commands import Accepted
        from events.log.event_log import Head, NewCommit

        commits = await self.log.load(stream)
        state = conversation.initial(stream.tenant, stream.id)
        for commit in commits:
            state = conversation.fold(state, commit.version, commit.facts)
        decision = conversation.decide(state, command)
        if not isinstance(decision, tuple):
            return decision
        new = NewCommit(commit_id=f"commit-{next(self._count)}", facts=decision)
        head = commits[-1].head if commits else Head()
        commit = await self.log.append(stream, new, expected=head)
        return Accepted(version=commit.version)

    async def answer(self, stream: Any, text: str, **more: Any) -> Any:
        """The AI answers the open turn."""
        from actors.conversation import decide as conversation
        from actors.conversation.commands import RecordAnswer

        state = conversation.initial(stream.tenant, stream.id)
        for commit in await self.log.load(stream):
            state = conversation.fold(state, commit.version, commit.facts)
        assert state.turn is not None, "no turn is open"
        command = RecordAnswer(
            id=f"r{next(self._count)}",
            at=more.pop("at", 1),
            turn=state.turn.turn,
            epoch=state.epoch,
            text=text,
            **more,
        )
        return await self.ask(stream, command)


class House:
    """One running gateway and what stands behind it."""

    def __init__(self, log: Any, live: Any, conversations: DeciderConversations) -> None:
        self.log, self.live, self.conversations = log, live, conversations
        self.hub: Any = None
        self.server: Any = None
        self.port = 0

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/socket"

    def stream(self, conversation: str, tenant: str = "demo") -> Any:
        from events.log.stream import conversation_stream

        return conversation_stream(tenant, conversation)

    def visitor(self, **options: Any) -> Visitor:
        return Visitor(self, **options)

    async def configure(self, tenant: str, key: str, origins: tuple[str, ...]) -> None:
        from events.log.event_log import Head, NewCommit
        from events.log.stream import tenancy_stream
        from events.tenancy import TenantConfigured

        stream = tenancy_stream(tenant)
        last = await self.log.last(stream)
        fact = TenantConfigured(
            at=1, tenant=tenant, name=f"{tenant} ltd", keys=(key,), origins=origins
        )
        new = NewCommit(commit_id=f"{tenant}-{last.version if last else 0}", facts=(fact,))
        await self.log.append(stream, new, expected=last.head if last else Head())


class Visitor:
    """A WebSocket client that speaks the protocol, frame by frame."""

    def __init__(self, house: House, *, codec: str = "json", **connect: Any) -> None:
        self.house, self.codec, self._connect = house, codec, connect
        self.socket: Any = None
        self.frames: list[dict[str, Any]] = []

    async def __aenter__(self) -> Visitor:
        from websockets.asyncio.client import connect

        options = {"subprotocols": [f"tandem.v1.{self.codec}"], "open_timeout": WAIT_S}
        self.socket = await connect(self.house.ws, **(options | self._connect))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()

    async def send(self, type: str, **fields: Any) -> None:
        import msgspec

        frame = {"type": type, **fields}
        if self.codec == "json":
            await self.socket.send(msgspec.json.encode(frame).decode())
        else:
            await self.socket.send(msgspec.msgpack.encode(frame))

    async def raw(self, data: str | bytes) -> None:
        await self.socket.send(data)

    async def next(self) -> dict[str, Any]:
        """The next frame, whatever it is."""
        import msgspec

        async with asyncio.timeout(WAIT_S):
            data = await self.socket.recv()
        kind = msgspec.json if isinstance(data, str) else msgspec.msgpack
        frame: dict[str, Any] = kind.decode(data)
        self.frames.append(frame)
        return frame

    async def until(self, type: str, **fields: Any) -> dict[str, Any]:
        """The next frame of this type with these fields; others before it are kept in `frames`."""
        while True:
            frame = await self.next()
            if frame["type"] == type and all(frame.get(k) == v for k, v in fields.items()):
                return frame

    async def hello(self, key: str = KEY, **fields: Any) -> dict[str, Any]:
        await self.send("hello", key=key, **fields)
        return await self.until("welcome")

    async def say(self, ident: str, text: str) -> int:
        """Send a message, and the version it was accepted with."""
        await self.send("message", id=ident, text=text)
        return int((await self.until("accepted", id=ident))["version"])

    async def until_answered(self, ident: str) -> dict[str, Any]:
        """The `accepted` or `rejected` of a message."""
        while True:
            frame = await self.next()
            if frame["type"] in ("accepted", "rejected") and frame["id"] == ident:
                return frame

    async def until_event(self, message: str) -> None:
        """Return once the event of this message has come, now or before."""
        if all(event.get("message") != message for event in self.events):
            await self.until("event", message=message)

    async def settle(self) -> None:
        """Read all that was on its way: a frame that is pushed now comes after it."""
        from events.live.frames import Typing

        welcome = next(frame for frame in self.frames if frame["type"] == "welcome")
        stream = self.house.stream(welcome["conversation"])
        await self.house.live.publish(stream, Typing("operator", False))
        await self.until("typing", who="operator", on=False)

    async def closed(self) -> tuple[int, str]:
        """Read to the end: close code and reason."""
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                await self.next()
        except ConnectionClosed:
            return self.socket.close_code, self.socket.close_reason

    @property
    def events(self) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["type"] == "event"]


@asynccontextmanager
async def serving(*, as_serve: bool = False, **ports: Any) -> AsyncIterator[House]:
    """A gateway on a free port; `as_serve` treats its sockets the way Ray Serve does."""
    import uvicorn

    from events.log.memory import MemoryLive, MemoryLog
    from serve_apps.gateway.app import create_app
    from serve_apps.gateway.hub import GatewayPorts

    log = ports.pop("log", None) or MemoryLog()
    live = ports.pop("live", None) or MemoryLive(log)
    house = House(log, live, DeciderConversations(log))
    await house.configure("demo", KEY, ("loopback", "https://shop.example"))
    await house.configure("other", OTHER_KEY, ("https://other.example",))
    made = {"log": log, "live": live, "conversations": house.conversations, "secret": SECRET}
    app = create_app(GatewayPorts(**(made | in_memory(log) | ports)))
    house.hub = app.state.hub
    config = uvicorn.Config(
        as_serve_would(app) if as_serve else app,
        host="127.0.0.1",
        port=0,
        log_level="warning",
        timeout_graceful_shutdown=3,
    )
    house.server = uvicorn.Server(config)
    house.server.capture_signals = nullcontext  # signals are pytest's
    task = asyncio.create_task(house.server.serve())
    await until(lambda: house.server.started and house.hub.directory.caught_up())
    house.port = house.server.servers[0].sockets[0].getsockname()[1]
    try:
        yield house
    finally:
        house.conversations.answering.set()
        house.server.should_exit = True
        await task


def in_memory(log: Any) -> dict[str, Any]:
    """The ports of the operators' side, without a server."""
    from operator_house import MemoryReadings, cheap_passwords

    from events.key_value import MemoryKeyValue

    return {
        "readings": MemoryReadings(log),
        "sessions": MemoryKeyValue(),
        "failures": MemoryKeyValue(),
        "presence": MemoryKeyValue(),
        "passwords": cheap_passwords(),
    }


def as_serve_would(app: Any) -> Any:
    """Ray Serve reads ahead into a queue without bound, and cancels the app's task as soon as
    the client is gone, also while it cleans up (`_direct_ingress_asgi` in its replica.py)."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            await app(scope, receive, send)
            return
        queue: asyncio.Queue[Any] = asyncio.Queue()
        serving_it = asyncio.create_task(app(scope, queue.get, send))
        while True:
            reading = asyncio.ensure_future(receive())
            await asyncio.wait({reading, serving_it}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                reading.cancel()
                break
            queue.put_nowait(reading.result())
            if reading.result()["type"] == "websocket.disconnect":
                serving_it.cancel()
                break
        await asyncio.wait({serving_it})

    return wrapped


async def until(condition: Callable[[], bool], within_s: float = WAIT_S) -> None:
    """Wait for a condition that nobody announces. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  # what is watched has no event to wait for
            await asyncio.sleep(0.005)
