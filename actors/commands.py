"""The intents a conversation can be asked: one closed union.

Ids and the time (`at`, ms since 1970, UTC) come in with the command. `id` is the
idempotency key: sending a command again changes nothing.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from events.conversation import Source, TurnCost

AnswerKind = Literal["answer", "unknown", "smalltalk"]


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", omit_defaults=True):
    id: str
    at: int


class ReceiveMessage(Command, frozen=True, kw_only=True, tag="ReceiveMessage"):
    """`id` is the client's own message id."""

    text: str
    locale: str = ""
    channel: str = "widget"


class RequestHandoff(Command, frozen=True, kw_only=True, tag="RequestHandoff"):
    reason: str = "visitor_asked"
    evidence: str = ""


class RateAnswer(Command, frozen=True, kw_only=True, tag="RateAnswer"):
    score: int


class RecordAnswer(Command, frozen=True, kw_only=True, tag="RecordAnswer"):
    turn: str
    epoch: int
    text: str
    html: str = ""
    kind: AnswerKind = "answer"
    locale: str = ""
    sources: tuple[Source, ...] = ()
    confidence: float = 0.0
    guard: dict[str, str | float | bool] = {}
    cost: TurnCost = TurnCost()


class FailTurn(Command, frozen=True, kw_only=True, tag="FailTurn"):
    turn: str
    epoch: int
    reason: str
    detail: str = ""


class ResumeTurn(Command, frozen=True, kw_only=True, tag="ResumeTurn"):
    """Take up a turn that was begun and not ended: its host died."""


class RecordSummary(Command, frozen=True, kw_only=True, tag="RecordSummary"):
    text: str
    through: str


class ChangeMode(Command, frozen=True, kw_only=True, tag="ChangeMode"):
    """An operator takes over (`human`) or gives the conversation back (`ai`)."""

    mode: Literal["ai", "human"]
    operator: str
    reason: str = "operator_choice"


class ReplyAsOperator(Command, frozen=True, kw_only=True, tag="ReplyAsOperator"):
    operator: str
    epoch: int
    text: str
    html: str = ""


ConversationCommand = (
    ReceiveMessage
    | RequestHandoff
    | RateAnswer
    | RecordAnswer
    | FailTurn
    | ResumeTurn
    | RecordSummary
    | ChangeMode
    | ReplyAsOperator
)


class Accepted(msgspec.Struct, frozen=True, kw_only=True, tag_field="outcome", tag="accepted"):
    """Durable. `version` is the commit that holds it; `duplicate` when it was there already."""

    version: int
    duplicate: bool = False


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag_field="outcome", tag="refused"):
    """Not done and nothing changed; `code` is stable, `detail` is for a person."""

    code: str
    detail: str


Outcome = Accepted | Refused
