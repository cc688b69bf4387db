"""What one running turn keeps: its clock, what it stood on, what it pushed; and its result."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from actors.conversation import commands as c
from actors.conversation.decide import OpenTurn
from actors.ports import Found
from actors.speech.guard import Checked
from events.conversation import Source, TurnCost
from events.live.frames import Delta, LiveFeed, Typing
from events.log.stream import StreamName


class Work:
    """One running turn: its clock, its deltas, its result. A silent one shows the visitor
    nothing: a person decides first."""

    def __init__(self, live: LiveFeed, stream: StreamName, turn: OpenTurn, *, silent: bool) -> None:
        self.stream, self.turn = stream, turn
        self.latency: dict[str, float] = {}
        self.stood_on = TurnCost()
        """What was searched."""
        self.noted: dict[str, str | float | bool] = {}
        """Stands beside what the guard found."""
        self.call: c.HandoffEvidence | None = None
        """What the visitor's words call a person for, besides the answer."""
        self._silent = silent
        self._live = live
        self._began = time.perf_counter()
        self._pushed = 0

    async def typing(self) -> None:
        if not self._silent:
            await self._live.publish(self.stream, Typing("assistant", True))

    async def push(self, checked: Sequence[Checked]) -> None:
        """Supported sentences go out as they come; the rest never leaves."""
        for sentence in checked:
            if not sentence.supported:
                continue
            if not self._pushed:
                self.lap("first_text")
            if not self._silent:
                await self._live.publish(
                    self.stream, Delta(self.turn.turn, self._pushed, sentence.text)
                )
            self._pushed += 1

    def looked(self, found: Found, searched: str) -> None:
        """Keeps what a search took and in what state of the knowledge it was; `searched` is empty
        where that is the question."""
        self.latency.update({stage: round(ms, 2) for stage, ms in found.latency_ms.items()})
        self.stood_on = TurnCost(knowledge=found.knowledge, space=found.space, searched=searched)

    def lap(self, stage: str) -> None:
        """Milliseconds since the turn began, under the stage's name."""
        self.latency[stage] = round((time.perf_counter() - self._began) * 1000, 2)

    def recorded(
        self,
        text: str,
        kind: c.AnswerKind,
        language: str,
        *,
        sources: tuple[Source, ...] = (),
        confidence: float = 0.0,
        guard: dict[str, str | float | bool] | None = None,
        cost: TurnCost | None = None,
    ) -> c.RecordAnswer:
        self.lap("total")
        stood_on = self.stood_on
        cost = msgspec.structs.replace(
            cost or TurnCost(),
            latency_ms=self.latency,
            knowledge=stood_on.knowledge,
            space=stood_on.space,
            searched=stood_on.searched,
        )
        return c.RecordAnswer(
            id=f"answer:{self.turn.turn}",
            at=now(),
            turn=self.turn.turn,
            epoch=self.turn.epoch,
            text=text,
            kind=kind,
            locale=language,
            sources=sources,
            confidence=confidence,
            guard={**self.noted, **(guard or {})},
            cost=cost,
        )

    def handed_over(self, call: c.HandoffEvidence, language: str) -> c.RequestHandoff:
        return c.RequestHandoff(
            id=f"handoff:{self.turn.turn}",
            at=now(),
            reason=call.reason,
            evidence=call.evidence,
            message=call.message,
            score=call.score,
            turn=self.turn.turn,
            epoch=self.turn.epoch,
            locale=language,
        )

    def failed(self, reason: str, detail: str) -> c.FailTurn:
        return c.FailTurn(
            id=f"fail:{self.turn.turn}",
            at=now(),
            turn=self.turn.turn,
            epoch=self.turn.epoch,
            reason=reason,
            detail=detail,
        )


def now() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000
