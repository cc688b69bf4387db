"""What an operator's console costs visitors, and what it is told, while 200 conversations talk.

The same closed loop twice in one house: with nobody looking, and with one console on the board.
Then an operator takes over and answers, and a visitor's socket times the reply.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import msgspec

from benchmarks.figures import Figure, Section, percentile
from benchmarks.house import House
from benchmarks.sockets import GREETINGS, closed_loop
from events.jetstream.log import JetStreamLog
from events.log.stream import conversation_stream
from projections.read_models.queue import QueueRow, taken_in
from tandem.clients.operator_socket import OperatorSocket
from tandem.clients.visitor import Frame, Visitor

SOCKETS = 200
SECONDS = 8.0
REPLIES = 50
SETTLE_S = 20.0


async def sections() -> Sequence[Section]:
    with tempfile.TemporaryDirectory(prefix="tb-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        await asyncio.to_thread(home.chmod, 0o755)  # as root, Postgres runs under its own user
        house = await asyncio.to_thread(House(home / "house").__enter__)
        try:
            return [await _board(house), await _replies(house)]
        finally:
            await asyncio.to_thread(house.__exit__)


async def _board(house: House) -> Section:
    alone = await closed_loop(house.socket_url, GREETINGS, sockets=SOCKETS, seconds=SECONDS)
    told: list[Frame] = []
    async with OperatorSocket(_url(house), await _token(house), on_frame=told.append) as console:
        began = time.perf_counter()
        watched = await closed_loop(house.socket_url, GREETINGS, sockets=SOCKETS, seconds=SECONDS)
        took = time.perf_counter() - began
        rows = sum(frame["type"] == "row" for frame in told)
        behind = await _settled(house, console)
    size = sum(len(msgspec.json.encode(frame)) for frame in told)
    return Section(
        f"A console on the board, {SOCKETS} conversations talking",
        f"Small talk, closed loop, {SECONDS:g} s each: nobody looks, then one console does. "
        "The board's last rows are compared with a fold of the log.",
        [
            Figure("turns a second, nobody looks", alone.figures[0].value, "/s", "higher"),
            Figure("turns a second, one console", watched.figures[0].value, "/s", "higher"),
            Figure("rows told a second", rows / took, "/s"),
            Figure("told a second", size / took / 1024, "KB/s"),
            Figure("rows that differ from the log in the end", float(behind), ""),
        ],
    )


async def _settled(house: House, console: OperatorSocket) -> int:
    """Conversations whose row is not what the log says, once nothing comes any more."""
    log = await JetStreamLog.connect(house.addresses["nats_url"])
    try:
        deadline = time.monotonic() + SETTLE_S
        while (differ := await _differing(log, console)) and time.monotonic() < deadline:  # noqa: ASYNC110  # rows come from another process
            await asyncio.sleep(0.5)
        return differ
    finally:
        await log.close()


async def _differing(log: JetStreamLog, console: OperatorSocket) -> int:
    differ = 0
    for ident, row in list(console.rows.items()):
        wanted: QueueRow | None = None
        for commit in await log.load(conversation_stream("demo", ident)):
            wanted = taken_in(wanted, commit)
        assert wanted is not None
        told = (row["version"], row.get("messages", 0), row.get("last_text", ""))
        differ += told != (wanted.version, wanted.messages, wanted.last_text)
    return differ


async def _replies(house: House) -> Section:
    reached: list[float] = []
    async with (
        Visitor(house.socket_url) as visitor,
        OperatorSocket(_url(house), await _token(house)) as console,
    ):
        await visitor.ask("hello")
        began = time.perf_counter()
        await console.order("take_over", visitor.conversation, epoch=1)
        await visitor.until(lambda: '"human"' in _json(visitor), timeout_s=20)
        taken = (time.perf_counter() - began) * 1000
        for number in range(REPLIES):
            began = time.perf_counter()
            await console.order("reply", visitor.conversation, epoch=2, text=f"reply {number}")
            await visitor.until(lambda n=number: f"reply {n}" in _last(visitor), timeout_s=20)
            reached.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.2)  # no operator may give more than 60 orders in 10 s
    return Section(
        "An operator's reply",
        f"One visitor, one console, {REPLIES} replies: from the order to the visitor's socket.",
        [
            Figure("take over → visitor's socket", taken, "ms"),
            Figure("reply → visitor's socket, p50", percentile(reached, 0.5), "ms"),
            Figure("reply → visitor's socket, p99", percentile(reached, 0.99), "ms"),
        ],
    )


def _json(visitor: Visitor) -> str:
    return msgspec.json.encode(visitor.events).decode()


def _last(visitor: Visitor) -> str:
    return str(visitor.events[-1].get("text", "")) if visitor.events else ""


def _url(house: House) -> str:
    return f"ws://127.0.0.1:{house.port}/v1/operator/socket"


async def _token(house: House) -> str:
    """Signs in as the demo's operator."""
    email, password = (house.home / "demo-operator").read_text().split()
    async with httpx.AsyncClient(timeout=20) as client:
        begun = await client.post(
            f"{house.url}/v1/operator/session", json={"email": email, "password": password}
        )
    begun.raise_for_status()
    return str(begun.json()["token"])
