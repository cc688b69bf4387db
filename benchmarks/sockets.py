"""Real WebSockets against a running house: acknowledgement, turns, answers, first text.

A lean client: it must cost less than what it measures, and runs on the same cores. Frames are
not compressed.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks.figures import Figure, Section, percentile

GREETINGS = ("hello", "hi", "thanks")
TIMEOUT_S = 60.0


class _Frame(msgspec.Struct):
    type: str
    kind: str = ""
    id: str = ""
    code: str = ""
    detail: str = ""


_decode = msgspec.json.Decoder(_Frame).decode


class Talker:
    """One conversation on one socket: says a thing, and times what comes back."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.accepted_ms: list[float] = []
        self.first_text_ms: list[float] = []
        self.replied_ms: list[float] = []
        self.failed = 0

    async def turn(self, text: str) -> None:
        """One message until its answer is there. Raises RuntimeError when it is rejected."""
        ident = uuid.uuid4().hex
        began = time.perf_counter()
        frame = msgspec.json.encode({"type": "message", "id": ident, "text": text})
        await self._socket.send(frame.decode())
        first = True
        accepted = replied = False  # the event may come before the acknowledgement
        while not (accepted and replied):
            got = _decode(await asyncio.wait_for(self._socket.recv(), TIMEOUT_S))
            took = (time.perf_counter() - began) * 1000
            if got.type == "accepted" and got.id == ident:
                accepted = True
                self.accepted_ms.append(took)
            elif got.type in ("rejected", "error"):
                raise RuntimeError(f"{got.code}: {got.detail}")
            elif got.type == "delta" and first:
                first = False
                self.first_text_ms.append(took)
            elif got.kind in ("assistant_message", "turn_failed"):
                self.failed += got.kind == "turn_failed"
                self.replied_ms.append(took)
                replied = True


async def talkers(url: str, count: int, *, key: str = "pk_demo") -> list[Talker]:
    """`count` welcomed sockets, opened a few at a time."""
    gate = asyncio.Semaphore(8)

    async def one() -> Talker:
        async with gate:
            socket = await connect(
                url, subprotocols=[Subprotocol("tandem.v1.json")], compression=None
            )
            await socket.send(msgspec.json.encode({"type": "hello", "key": key}).decode())
            await asyncio.wait_for(socket.recv(), TIMEOUT_S)
            return Talker(socket)

    return list(await asyncio.gather(*(one() for _ in range(count))))


async def closed_loop(url: str, texts: Sequence[str], *, sockets: int, seconds: float) -> Section:
    """Every socket asks again as soon as it was answered."""
    people = await talkers(url, sockets)
    await asyncio.gather(*(person.turn(texts[n % len(texts)]) for n, person in enumerate(people)))
    for person in people:
        for warm_up in (person.accepted_ms, person.replied_ms, person.first_text_ms):
            warm_up.clear()
    began = time.perf_counter()
    ends = began + seconds

    async def talk(person: Talker, place: int) -> int:
        turns = 0
        while time.perf_counter() < ends:
            await person.turn(texts[(place + turns * 7) % len(texts)])
            turns += 1
        return turns

    turns = sum(await asyncio.gather(*(talk(person, n) for n, person in enumerate(people))))
    took = time.perf_counter() - began
    return Section(
        "", "", [Figure("turns a second", turns / took, "/s", "higher"), *_latencies(people)]
    )


async def one_at_a_time(url: str, texts: Sequence[str], *, seconds: float) -> list[Figure]:
    """One turn after the other, on sockets in turn: no socket may say more than five a second."""
    people = await talkers(url, 32)
    ends = time.perf_counter() + seconds
    number = 0
    while time.perf_counter() < ends:
        await people[number % len(people)].turn(texts[number % len(texts)])
        number += 1
    return _latencies(people)


async def open_loop(url: str, texts: Sequence[str], *, rate: float, seconds: float) -> list[Figure]:
    """`rate` turns a second at even distances, whether or not the earlier ones were answered."""
    people = await talkers(url, max(8, int(rate)))
    idle = list(people)
    running: set[asyncio.Task[None]] = set()
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if not idle:
            raise RuntimeError(f"{rate:g} turns a second are more than this machine can do")
        person = idle.pop(0)
        task = asyncio.create_task(person.turn(texts[number % len(texts)]))
        task.add_done_callback(lambda _, person=person: idle.append(person))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return _latencies(people)


def _latencies(people: Sequence[Talker]) -> list[Figure]:
    figures: list[Figure] = []
    for name, values in (
        ("socket → accepted", [ms for p in people for ms in p.accepted_ms]),
        ("question → first text", [ms for p in people for ms in p.first_text_ms]),
        ("message → reply", [ms for p in people for ms in p.replied_ms]),
    ):
        if values:
            figures.append(Figure(f"{name}, p50", percentile(values, 0.5), "ms"))
            figures.append(Figure(f"{name}, p99", percentile(values, 0.99), "ms"))
    figures.append(Figure("turns that failed", float(sum(p.failed for p in people)), ""))
    return figures
