"""The facts of a conversation: one closed union, nothing else may happen in it.

Every fact is immutable, in the past tense, and carries all that `evolve` needs.
Times are whole milliseconds since 1970 in UTC; ids come in with the command.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Mode = Literal["ai", "human", "supervised"]
TurnEnd = Literal["superseded", "taken_over", "closed"]


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="fact", omit_defaults=True):
    """Base of all facts: `at` is when the decision was taken (ms since 1970, UTC)."""

    at: int


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The exact text that a claim was drawn from, as it stood then."""

    n: int
    """The number the answer's text cites it by, from 1."""
    chunk: str
    document: str
    title: str
    quote: str
    url: str = ""
    score: float = 0.0


class TurnCost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a turn took. Latencies are milliseconds by stage name (`embed`, `search`, ...)."""

    model: str = ""
    prompt_version: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    latency_ms: dict[str, float] = {}


class ConversationStarted(Fact, frozen=True, kw_only=True, tag="ConversationStarted.v1"):
    tenant: str
    conversation: str
    locale: str = ""
    channel: str = "widget"


class MessageReceived(Fact, frozen=True, kw_only=True, tag="MessageReceived.v1"):
    """`message` is the client's own id: the idempotency key."""

    message: str
    text: str
    locale: str = ""


class TurnBegun(Fact, frozen=True, kw_only=True, tag="TurnBegun.v1"):
    """The AI owes one answer to all of `answers` (message ids, oldest first)."""

    turn: str
    epoch: int
    answers: tuple[str, ...]


class TurnResumed(Fact, frozen=True, kw_only=True, tag="TurnResumed.v1"):
    """Begun and not ended when its host died: asked again, for the `attempt`-th time."""

    turn: str
    attempt: int


class TurnCancelled(Fact, frozen=True, kw_only=True, tag="TurnCancelled.v1"):
    turn: str
    reason: TurnEnd


class AnswerRecorded(Fact, frozen=True, kw_only=True, tag="AnswerRecorded.v1"):
    """The one answer of `turn`. `kind` says what the guard let through."""

    turn: str
    epoch: int
    message: str
    text: str
    in_reply_to: tuple[str, ...]
    html: str = ""
    kind: Literal["answer", "unknown", "smalltalk"] = "answer"
    locale: str = ""
    sources: tuple[Source, ...] = ()
    confidence: float = 0.0
    guard: dict[str, str | float | bool] = {}
    cost: TurnCost = TurnCost()


class TurnFailed(Fact, frozen=True, kw_only=True, tag="TurnFailed.v1"):
    turn: str
    epoch: int
    in_reply_to: tuple[str, ...]
    reason: str
    detail: str = ""


class ConversationSummarized(Fact, frozen=True, kw_only=True, tag="ConversationSummarized.v1"):
    """A model's summary of what fell out of the window replaces the extractive one."""

    text: str
    through: str
    """The last message id that the summary covers."""


class HandoffRequested(Fact, frozen=True, kw_only=True, tag="HandoffRequested.v1"):
    epoch: int
    reason: str
    evidence: str = ""


class ModeChanged(Fact, frozen=True, kw_only=True, tag="ModeChanged.v1"):
    """Who speaks from now on; each change starts a new epoch."""

    mode: Mode
    epoch: int
    reason: str
    operator: str = ""


class OperatorReplied(Fact, frozen=True, kw_only=True, tag="OperatorReplied.v1"):
    message: str
    operator: str
    epoch: int
    text: str
    html: str = ""


class AnswerRated(Fact, frozen=True, kw_only=True, tag="AnswerRated.v1"):
    """The visitor's score, 1 to 5, for the conversation so far."""

    score: int


ConversationFact = (
    ConversationStarted
    | MessageReceived
    | TurnBegun
    | TurnResumed
    | TurnCancelled
    | AnswerRecorded
    | TurnFailed
    | ConversationSummarized
    | HandoffRequested
    | ModeChanged
    | OperatorReplied
    | AnswerRated
)
