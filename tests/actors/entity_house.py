"""A house of one conversation for tests: the in-memory log, turns that a test lets go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from actors.conversation import commands as c
from actors.conversation.decide import OpenTurn, State
from actors.hosting.entity import Entity, NullHandoffAvailability
from actors.hosting.snapshots import MemorySnapshots
from actors.ports import HandoffAvailability
from events import conversation as e
from events.log.memory import MemoryLog
from events.log.stream import StreamName, conversation_stream

STREAM = conversation_stream("demo", "c1")


Reported = c.RecordAnswer | c.FailTurn | c.RequestHandoff


def answered(turn: OpenTurn) -> Reported:
    return c.RecordAnswer(
        id=f"answer:{turn.turn}", at=2, turn=turn.turn, epoch=turn.epoch, text="Yes."
    )


@dataclass
class ScriptedTurns:
    """Each turn waits until the test lets it go; `answered` says which ran to the end."""

    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    breaks: bool = False
    reports: Callable[[OpenTurn], Reported] = answered

    def let_go(self, turn: str) -> None:
        self.gates.setdefault(turn, asyncio.Event()).set()

    async def run(self, stream: StreamName, state: State, turn: OpenTurn) -> Reported:
        self.begun.append(turn.turn)
        if self.breaks:
            raise ZeroDivisionError
        try:
            await self.gates.setdefault(turn.turn, asyncio.Event()).wait()
        except asyncio.CancelledError:
            self.cancelled.append(turn.turn)
            raise
        return self.reports(turn)

    async def summary(self, state: State) -> None:
        return None


@dataclass
class House:
    log: MemoryLog = field(default_factory=MemoryLog)
    snapshots: MemorySnapshots = field(default_factory=MemorySnapshots)
    turns: ScriptedTurns = field(default_factory=ScriptedTurns)
    desk: HandoffAvailability = field(default_factory=NullHandoffAvailability)

    def entity(self) -> Entity:
        return Entity(
            STREAM,
            log=self.log,
            snapshots=self.snapshots,
            turns=self.turns,
            snapshot_every=3,
            now=lambda: 7,
            handoff_availability=self.desk,
        )

    async def facts(self, kind: type[e.Fact]) -> list[e.Fact]:
        commits = await self.log.load(STREAM)
        return [fact for commit in commits for fact in commit.facts if isinstance(fact, kind)]


def say(ident: str) -> c.ReceiveMessage:
    return c.ReceiveMessage(id=ident, at=1, text=f"Question {ident}?")


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 a condition over several parts, no one event
            await asyncio.sleep(0.001)
