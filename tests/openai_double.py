"""A local OpenAI-compatible server for tests: real HTTP, real server-sent events, scripted.

async with OpenAIDouble() as double:
    double.script("primary", Error(500), Answer("Yes [1]."))
    ... ask http://.../v1 for the model "primary" ...
    double.requests  # what was asked, in order
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """Streams `text` in pieces, `pace_s` apart; `then` may break it off: `drop`, `error`,
    `stall`."""

    text: str
    then: str = ""
    first_stall: bool = False
    pace_s: float = 0.0


@dataclass(frozen=True)
class Error:
    """An HTTP error instead of a stream."""

    status: int = 500
    retry_after: str = ""


@dataclass
class Asked:
    model: str
    body: dict[str, Any]
    sent: int = 0
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    finished: bool = False


Step = Answer | Error


class OpenAIDouble:
    """Plays one step a request for each model; the last step of a script is played for ever."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.somebody_asked = asyncio.Event()
        self._steps: dict[str, deque[Step]] = defaultdict(deque)
        self._server: asyncio.Server | None = None
        self._handlers: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def script(self, model: str, *steps: Step) -> None:
        self._steps[model] = deque(steps)

    def asked(self, model: str) -> int:
        return sum(request.model == model for request in self.requests)

    async def __aenter__(self) -> OpenAIDouble:
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, which some tests are about, or the test is over
        finally:
            self._handlers.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = int((re.search(r"content-length: (\d+)", head, re.IGNORECASE) or [0, "0"])[1])
        body = json.loads(await reader.readexactly(length) or b"{}")
        asked = Asked(str(body.get("model", "")), body)
        self.requests.append(asked)
        self.somebody_asked.set()
        steps = self._steps[asked.model]
        step: Step = Error(404) if not steps else steps.popleft() if len(steps) > 1 else steps[0]
        if isinstance(step, Error):
            await self._error(writer, step)
            return True
        if not body.get("stream"):
            await self._json(writer, 200, _completion(asked.model, step.text))
            return True
        return await self._stream(reader, writer, asked, step)

    async def _stream(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        asked: Asked,
        step: Answer,
    ) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        gone = asyncio.ensure_future(reader.read(1))
        gone.add_done_callback(lambda _: asked.disconnected.set())
        try:
            await self._event(writer, _chunk(asked.model, {"role": "assistant", "content": ""}))
            if step.first_stall:
                await asked.disconnected.wait()
                return False
            for piece in re.findall(r"\s*\S+", step.text):
                await self._event(writer, _chunk(asked.model, {"content": piece}))
                asked.sent += 1
                await asyncio.sleep(step.pace_s)
            if step.then == "stall":
                await asked.disconnected.wait()
                return False
            if step.then == "drop":
                writer.transport.abort()
                return False
            if step.then == "error":
                await self._event(writer, {"error": {"message": "overloaded", "code": 500}})
                return False
            await self._event(writer, _chunk(asked.model, {}, finish="stop"))
            await self._event(writer, _usage(asked.model))
            await self._raw(writer, b"data: [DONE]\n\n")
            writer.write(b"0\r\n\r\n")
            await writer.drain()
            asked.finished = True
            return False
        finally:
            gone.cancel()

    async def _event(self, writer: asyncio.StreamWriter, data: dict[str, Any]) -> None:
        await self._raw(writer, b"data: " + json.dumps(data).encode() + b"\n\n")

    async def _raw(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await writer.drain()

    async def _error(self, writer: asyncio.StreamWriter, step: Error) -> None:
        extra = f"Retry-After: {step.retry_after}\r\n" if step.retry_after else ""
        body = {"error": {"message": "scripted", "type": "scripted", "code": step.status}}
        await self._json(writer, step.status, body, extra)

    async def _json(
        self, writer: asyncio.StreamWriter, status: int, body: dict[str, Any], extra: str = ""
    ) -> None:
        data = json.dumps(body).encode()
        writer.write(
            f"HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\n{extra}"
            f"Content-Length: {len(data)}\r\n\r\n".encode()
            + data
        )
        await writer.drain()


def _chunk(model: str, delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": "chatcmpl-double",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "choices": [choice],
    }


def _usage(model: str) -> dict[str, Any]:
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    return {**_chunk(model, {}), "choices": [], "usage": usage}


def _completion(model: str, text: str) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    return {
        "id": "chatcmpl-double",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [choice],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }
