"""The intents a conversation can be asked: one closed union.

Ids and the time (`at`, ms since 1970, UTC) come in with the command. `id` is the
idempotency key: sending a command again changes nothing.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from events.conversation import AnswerKind, HandoffReason, Source, TurnCost


class Reception(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What awaits who asks for a person now. The entity puts it into the commands that need it
    (`actors.ports.HandoffAvailability`), so that `decide` needs neither clock nor database."""

    place: int = 0
    """The place in the queue that the asker gets, from 1; 0 when it is not known."""
    open: bool = True
    opens_day: int = 0
    """When closed: the weekday it opens on (1 Monday to 7 Sunday), 0 for today."""
    opens_at: str = ""
    """When closed: `09:00`, in `timezone`."""
    timezone: str = ""
    silent: bool = False
    """The tenant wants the AI to be silent until a person came."""


class HandoffEvidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a turn calls for a person; see `events.conversation.HandoffRequested`."""

    reason: HandoffReason
    evidence: str = ""
    message: str = ""
    score: float = 0.0


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", omit_defaults=True):
    id: str
    at: int


class ReceiveMessage(Command, frozen=True, kw_only=True, tag="ReceiveMessage"):
    """`id` is the client's own message id."""

    text: str
    locale: str = ""
    channel: str = "widget"
    visitor: str = ""
    supervised: bool = False
    """A new conversation begins supervised. Filled in by the entity."""


class RequestHandoff(Command, frozen=True, kw_only=True, tag="RequestHandoff"):
    """By the visitor's button (no `turn`); or as what came of a turn, which it ends."""

    reason: HandoffReason = "visitor_asked"
    evidence: str = ""
    message: str = ""
    score: float = 0.0
    turn: str = ""
    epoch: int = 0
    """Of `turn`; not looked at without one."""
    locale: str = ""
    """The language the visitor writes in, where it is known better than the conversation's."""
    supervised: bool = False
    """A resolved conversation that it opens begins supervised. Filled in by the entity."""
    reception: Reception = Reception()


class RateAnswer(Command, frozen=True, kw_only=True, tag="RateAnswer"):
    score: int


class RecordAnswer(Command, frozen=True, kw_only=True, tag="RecordAnswer"):
    """What came of a turn; in a supervised conversation it becomes a draft. With `handoff` the
    answer goes out and a person is called as well."""

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
    handoff: HandoffEvidence | None = None
    reception: Reception = Reception()


class FailTurn(Command, frozen=True, kw_only=True, tag="FailTurn"):
    turn: str
    epoch: int
    reason: str
    detail: str = ""
    handoff: HandoffEvidence | None = None
    reception: Reception = Reception()


class ResumeTurn(Command, frozen=True, kw_only=True, tag="ResumeTurn"):
    """Take up a turn that was begun and not ended: its host died."""


class RecordSummary(Command, frozen=True, kw_only=True, tag="RecordSummary"):
    text: str
    through: str


class OperatorCommand(Command, frozen=True, kw_only=True):
    """Base of what an operator asks. `operator` and `operator_name` are set by the gateway from
    the session, never by the client."""

    operator: str
    operator_name: str = ""


class FencedCommand(OperatorCommand, frozen=True, kw_only=True):
    """Base of what rests on who owned the conversation when the operator looked."""

    epoch: int


class TakeOver(FencedCommand, frozen=True, kw_only=True, tag="TakeOver"):
    """Own the conversation and answer in person. Refused `taken` when another operator has it,
    unless `openly`: the operator saw who has it, and takes it from them."""

    openly: bool = False
    reason: str = "operator_choice"


class Supervise(FencedCommand, frozen=True, kw_only=True, tag="Supervise"):
    """Own the conversation, and let the AI draft what the operator approves."""

    openly: bool = False


class Release(FencedCommand, frozen=True, kw_only=True, tag="Release"):
    """The owner gives it back to the AI, or to the queue for another operator."""

    to: Literal["ai", "queue"] = "ai"
    supervised: bool = False
    """The AI may not speak for itself until then: not looked at where it is given to the AI
    outright. Filled in by the entity."""
    reception: Reception = Reception()


class LapseLease(FencedCommand, frozen=True, kw_only=True, tag="LapseLease"):
    """`operator`, who has the conversation, is gone. Asked by the lease keeper. Where the visitor
    waits for a person meanwhile, it goes to the queue whatever `to` says."""

    to: Literal["ai", "queue"] = "queue"
    supervised: bool = False
    """Nobody decided that the AI may speak for itself. Filled in by the entity."""
    reception: Reception = Reception()


class ReplyAsOperator(FencedCommand, frozen=True, kw_only=True, tag="ReplyAsOperator"):
    """`id` is the client's own message id."""

    text: str
    html: str = ""


class AddNote(OperatorCommand, frozen=True, kw_only=True, tag="AddNote"):
    """For operators only; who owns the conversation does not matter."""

    text: str


class ApproveDraft(FencedCommand, frozen=True, kw_only=True, tag="ApproveDraft"):
    """Publish the draft, with `text` in its place where that is not empty."""

    draft: str
    text: str = ""


class RejectDraft(FencedCommand, frozen=True, kw_only=True, tag="RejectDraft"):
    draft: str
    reason: str


class Resolve(FencedCommand, frozen=True, kw_only=True, tag="Resolve"):
    """Done. The conversation goes back to the AI; a new message opens it again."""


class Reopen(OperatorCommand, frozen=True, kw_only=True, tag="Reopen"):
    supervised: bool = False
    """It begins supervised again. Filled in by the entity."""


ConversationCommand = (
    ReceiveMessage
    | RequestHandoff
    | RateAnswer
    | RecordAnswer
    | FailTurn
    | ResumeTurn
    | RecordSummary
    | TakeOver
    | Supervise
    | Release
    | LapseLease
    | ReplyAsOperator
    | AddNote
    | ApproveDraft
    | RejectDraft
    | Resolve
    | Reopen
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
