"""`tandem ask` against a gateway that speaks protocol version 1 over a real WebSocket."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

Reply = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]
ANSWER = {
    "type": "event",
    "version": 4,
    "index": 0,
    "kind": "assistant_message",
    "text": "We deliver in two days. [1]",
    "sources": [
        {"n": 1, "title": "Delivery", "url": "https://shop.example/delivery", "quote": "two days"}
    ],
}


@asynccontextmanager
async def gateway(reply: Reply) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Its address, and all frames that it has got."""
    got: list[dict[str, Any]] = []

    async def talk(socket: ServerConnection) -> None:
        async for payload in socket:
            frame = json.loads(payload)
            got.append(frame)
            if frame["type"] == "hello":
                welcome = {"type": "welcome", "conversation": "c1", "token": "t1", "version": 0}
                await socket.send(json.dumps(welcome))
            elif frame["type"] == "message":
                accepted = {"type": "accepted", "id": frame["id"], "version": 2}
                await socket.send(json.dumps(accepted))
                await reply(socket, frame)

    async with serve(talk, "127.0.0.1", 0, subprotocols=["tandem.v1.json"]) as server:  # type: ignore[list-item]  # a plain string is one
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/socket", got


async def ask(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from tandem.cli import main; main()",
        "ask",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1"},
    )
    out, err = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def answers(socket: ServerConnection, message: dict[str, Any]) -> None:
    for index, text in enumerate(("We deliver ", "in two ", "days. [1]")):
        delta = {"type": "delta", "turn": "turn-1", "index": index, "text": text}
        await socket.send(json.dumps(delta))
    await socket.send(json.dumps({**ANSWER, "in_reply_to": [message["id"]]}))


async def test_the_answer_is_printed_once_with_its_sources_and_the_conversation() -> None:
    async with gateway(answers) as (url, got):
        status, out, err = await ask(
            "When?", "--url", url, "--locale", "es", "--tenant-key", "pk_x"
        )
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "We deliver in two days. [1]"
    assert out.count("two days") == 1
    assert "[1] Delivery  https://shop.example/delivery" in out
    assert "conversation c1" in out
    hello, message = got
    assert (hello["key"], hello["locale"]) == ("pk_x", "es")
    assert message["text"] == "When?"


async def test_a_text_that_differs_from_what_streamed_is_printed_in_its_place() -> None:
    async def corrected(socket: ServerConnection, message: dict[str, Any]) -> None:
        delta = {"type": "delta", "turn": "turn-1", "index": 0, "text": "We deliver in one"}
        await socket.send(json.dumps(delta))
        await socket.send(json.dumps({**ANSWER, "in_reply_to": [message["id"]]}))

    async with gateway(corrected) as (url, _):
        status, out, _ = await ask("When?", "--url", url)
    assert status == 0
    assert out.splitlines()[:2] == ["We deliver in one", "We deliver in two days. [1]"]


async def test_a_conversation_goes_on_with_its_token() -> None:
    async with gateway(answers) as (url, got):
        status, _, _ = await ask("When?", "--url", url, "--conversation", "c0", "--token", "t0")
    assert status == 0
    assert (got[0]["conversation"], got[0]["token"]) == ("c0", "t0")


async def test_a_failed_turn_is_one_line_and_a_failure() -> None:
    async def fails(socket: ServerConnection, message: dict[str, Any]) -> None:
        event = {"type": "event", "version": 3, "index": 0, "kind": "turn_failed"}
        await socket.send(json.dumps({**event, "in_reply_to": [message["id"]]}))

    async with gateway(fails) as (url, _):
        status, out, err = await ask("When?", "--url", url)
    assert (status, out) == (1, "")
    assert err == "tandem: the answer failed (conversation c1)\n"


async def test_a_refusal_is_one_line() -> None:
    async def refuses(socket: ServerConnection, message: dict[str, Any]) -> None:
        error = {"type": "error", "code": "wrong_key", "detail": "no company has this key"}
        await socket.send(json.dumps(error))

    async with gateway(refuses) as (url, _):
        status, _, err = await ask("When?", "--url", url)
    assert status == 1
    assert err == "tandem: the gateway refuses: no company has this key\n"


async def test_silence_ends_at_the_time_out() -> None:
    async def silent(socket: ServerConnection, message: dict[str, Any]) -> None:
        return None

    async with gateway(silent) as (url, _):
        status, _, err = await ask("When?", "--url", url, "--timeout", "1")
    assert status == 1
    assert err == "tandem: accepted, but not answered within the time-out\n"


async def test_a_conversation_without_its_token_is_refused_at_once() -> None:
    status, _, err = await ask("When?", "--url", "ws://127.0.0.1:1/", "--conversation", "c0")
    assert status == 1
    assert err == "tandem: --conversation and --token belong together\n"
