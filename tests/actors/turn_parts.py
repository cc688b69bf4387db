"""What a turn needs from the outside, scripted; and conversations to take turns in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from actors.conversation import commands as c
from actors.conversation.decide import OpenTurn, State, decide, fold, initial
from actors.ports import (
    Found,
    GenerationDone,
    GenerationFailed,
    GenerationPart,
    GenerationRequest,
    Passage,
    PromptMessage,
    RetrievalFailed,
    Said,
    Signals,
    TextDelta,
)
from actors.turn.ai_turn import AiTurn
from events.live.frames import Delta, LiveFrame
from events.log.stream import StreamName, conversation_stream
from events.tenancy import HandoffPolicy

STREAM = conversation_stream("demo", "c1")
SHIPPING = Passage(
    chunk="k1",
    document="d1",
    title="Shipping",
    text="Orders to Spain arrive within 3 working days. Shipping costs 4.90 euros.",
    url="https://example.org/shipping",
    locale="en",
    score=0.8,
    rank_score=2.0,
)


@dataclass
class Library:
    passages: tuple[Passage, ...] = (SHIPPING,)
    fails: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    said: list[Said] = field(default_factory=list)
    hangs: bool = False

    async def search(
        self, tenant: str, question: str, *, locale: str, limit: int, said: Sequence[Said] = ()
    ) -> Found:
        self.asked.append((question, locale))
        self.said += said
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise RetrievalFailed("the index is away")
        return Found(passages=self.passages[:limit], latency_ms={"embed": 1.0, "search": 2.0})


@dataclass
class Model:
    says: tuple[str, ...] = ("Orders to Spain arrive within ", "3 working days [1]. ")
    fails: GenerationFailed | None = None
    stalls: bool = False
    requests: list[GenerationRequest] = field(default_factory=list)
    closed: bool = False

    async def stream(self, request: GenerationRequest) -> AsyncIterator[GenerationPart]:
        self.requests.append(request)
        try:
            for text in self.says:
                yield TextDelta(text)
            if self.stalls:
                await asyncio.Event().wait()
            if self.fails:
                raise self.fails
            yield GenerationDone(text="".join(self.says), model="scripted", output_tokens=9)
        finally:
            self.closed = True

    async def summarize(self, messages: Sequence[PromptMessage], summary: str) -> str | None:
        return "They asked about lamps."


@dataclass
class Pushed:
    frames: list[LiveFrame] = field(default_factory=list)

    async def publish(self, stream: StreamName, frame: LiveFrame) -> None:
        self.frames.append(frame)

    @property
    def text(self) -> str:
        return "".join(frame.text for frame in self.frames if isinstance(frame, Delta))


@dataclass
class Desk:
    """A front desk with one policy, whoever asks."""

    of_all: HandoffPolicy = field(default_factory=HandoffPolicy)

    def policy(self, tenant: str) -> HandoffPolicy:
        return self.of_all

    async def reception(self, tenant: str, conversation: str, at: int) -> c.Reception:
        return c.Reception()


@dataclass
class Ears:
    """Hears in a message what the script says, and nothing in any other."""

    hears: dict[str, Signals] = field(default_factory=dict)
    fails: Exception | None = None
    hangs: bool = False
    read_of: list[str] = field(default_factory=list)

    async def read(self, text: str, *, locale: str, policy: HandoffPolicy) -> Signals:
        self.read_of.append(text)
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise self.fails
        return self.hears.get(text, Signals())


def runner(
    library: Library,
    model: Model,
    pushed: Pushed,
    *,
    ears: Ears | None = None,
    policy: HandoffPolicy | None = None,
    timeout_s: float = 5,
) -> AiTurn:
    return AiTurn(
        retriever=library,
        generator=model,
        signals=ears or Ears(),
        desk=Desk(policy or HandoffPolicy()),
        live=pushed,  # type: ignore[arg-type]  # a turn only publishes
        company_of=lambda tenant: "Casa Lumen",
        timeout_s=timeout_s,
        memory_tokens=500,
        summarizes=True,
    )


def asked(*texts: str) -> tuple[State, OpenTurn]:
    state = initial("demo", "c1")
    for number, text in enumerate(texts, start=1):
        facts = decide(state, c.ReceiveMessage(id=f"m{number}", at=1, text=text))
        assert isinstance(facts, tuple)
        state = fold(state, number, facts)
    assert state.turn is not None
    return state, state.turn
