"""What a turn needs from the outside, as protocols: the parts are wired in `tandem/wiring/`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

import msgspec

from actors.conversation.commands import ConversationCommand, Outcome, Reception
from events.conversation import Place
from events.log.stream import StreamName
from events.tenancy import HandoffPolicy


class ScoredSentence(msgspec.Struct, frozen=True):
    """A whole sentence of a passage and its closeness to the question (cosine, -1 to 1)."""

    text: str
    score: float


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk of the knowledge base that was found for a question, best first in a list.

    `score` is the closeness of meaning (cosine, -1 to 1) and can be compared between
    questions; `rank_score` is the fused score that ordered the list and cannot.
    """

    chunk: str
    document: str
    title: str
    text: str
    url: str = ""
    locale: str = ""
    score: float
    rank_score: float
    sentences: tuple[ScoredSentence, ...] = ()
    place: Place = Place()
    version: int = 0
    """The document's version; 0 for what a person said."""
    parts: dict[str, float] = msgspec.field(default_factory=dict)
    """The score by part (`dense`, `words`, `sentence`, `rerank`), for a person who looks why."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search gave, with its latency in ms by stage (`embed`, `search`, `rerank`).
    `knowledge` and `space`: see `events.conversation.TurnCost`."""

    passages: tuple[Passage, ...]
    latency_ms: dict[str, float] = {}
    knowledge: int = 0
    space: str = ""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a person of the company said in this conversation: as good a source as a page."""

    message: str
    by: str
    """The operator's name."""
    text: str


class Retriever(Protocol):
    async def search(
        self, tenant: str, question: str, *, locale: str, limit: int, said: Sequence[Said] = ()
    ) -> Found:
        """Passages of this tenant only, `said` ranked among them (`chunk` is `message:<id>`).
        Raises asyncio.TimeoutError or RetrievalFailed."""
        ...


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """What a message calls for besides an answer: how surely, 0 to 1. `nearest` is the known
    phrase that it is most like, by signal name, for the evidence."""

    person: float = 0.0
    distress: float = 0.0
    authority: float = 0.0
    nearest: dict[str, str] = {}


class SignalReader(Protocol):
    async def read(self, text: str, *, locale: str, policy: HandoffPolicy) -> Signals:
        """By meaning, in English and Spanish. Raises SignalsFailed."""
        ...


class SignalsFailed(Exception):
    """The embedder did not answer: the turn goes on without signals."""


class HandoffAvailability(Protocol):
    """How a tenant hands over to people, and what awaits a visitor who asks for one now."""

    def policy(self, tenant: str) -> HandoffPolicy: ...

    async def reception(self, tenant: str, conversation: str, at: int) -> Reception:
        """At `at` (ms since 1970, UTC). Never raises: what is not known is left out."""
        ...


class RetrievalFailed(Exception):
    """The knowledge index or the embedder did not answer."""


class PromptMessage(msgspec.Struct, frozen=True):
    role: Literal["visitor", "assistant", "operator"]
    text: str


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One turn's prompt. `question` is all of the visitor's messages that the turn answers,
    one to a line; `history` is what short-term memory recalled, oldest first. `searched` is what
    was searched for: for a follow-up, the question with what it refers to."""

    tenant: str
    company: str
    conversation: str
    turn: str
    question: str
    locale: str
    passages: tuple[Passage, ...]
    history: tuple[PromptMessage, ...] = ()
    summary: str = ""
    searched: str = ""


class TextDelta(msgspec.Struct, frozen=True, tag_field="part", tag="text"):
    text: str


class GenerationDone(msgspec.Struct, frozen=True, kw_only=True, tag_field="part", tag="done"):
    """Ends a generation. `text` is the whole answer with citations `[1]` into `cited`
    (1-based numbers of `GenerationRequest.passages`)."""

    text: str
    cited: tuple[int, ...] = ()
    quotes: dict[int, str] = {}
    """The exact words of passage n that the answer rests on."""
    model: str = ""
    prompt_version: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


GenerationPart = TextDelta | GenerationDone


class GenerationFailed(Exception):
    """No model gave a whole answer: `reason` is stable (`timeout`, `rate_limited`, `model_error`,
    `interrupted`), `detail` is for a person."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)  # both, so that it survives pickling
        self.reason, self.detail = reason, detail


class Generator(Protocol):
    def stream(self, request: GenerationRequest) -> AsyncGenerator[GenerationPart, None]:
        """TextDelta parts, then one GenerationDone. Raises GenerationFailed."""
        ...

    async def summarize(self, messages: Sequence[PromptMessage], summary: str) -> str | None:
        """A model's new rolling summary, or None when no model is set."""
        ...


class Conversations(Protocol):
    """The way in: ask a conversation, wherever its actor is."""

    async def ask(self, stream: StreamName, command: ConversationCommand) -> Outcome:
        """Durable when it returns Accepted. Raises Unavailable when no shard answered in time;
        ask again with the same command id."""
        ...


class Unavailable(Exception):
    """No shard answered in time: what was asked may or may not be done. Ask it again."""
