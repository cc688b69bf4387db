"""The State of a conversation: all that a decision needs, and nothing that grows. Pure.

It is what snapshots hold and what the replay page shows; its fold in the browser
(`serve_apps/web/src/replay`) must give the same, so a change here is a change there and a new
STATE_SCHEMA.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.conversation import commands as c
from actors.conversation.memory import Memory
from events.conversation import AnswerKind, Fact, HandoffReason, Mode, Source, TurnCost

STATE_SCHEMA = 2
"""Raised whenever State's shape or the fold changes: older snapshots are then not read."""

SEEN = 128
"""Remembered message ids. A client has 8 unacknowledged messages at most, so a retry is never
further back than that."""
UNANSWERED = 100


class OpenTurn(msgspec.Struct, frozen=True):
    """The AI owes one answer to all of `answers`, bound to `epoch`."""

    turn: str
    epoch: int
    answers: tuple[str, ...]
    attempt: int
    begun_at: int


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """A message, note or notice that stands in the log: asking for it again changes nothing."""

    message: str
    version: int


class Waiting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person was asked for and none has come yet; see `events.conversation.HandoffRequested`."""

    reason: HandoffReason
    at: int
    evidence: str = ""
    message: str = ""
    silent: bool = False


class Draft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer that waits for a person; see `events.conversation.DraftProposed`."""

    draft: str
    turn: str
    epoch: int
    at: int
    text: str
    in_reply_to: tuple[str, ...]
    kind: AnswerKind = "answer"
    locale: str = ""
    sources: tuple[Source, ...] = ()
    confidence: float = 0.0
    guard: dict[str, str | float | bool] = {}
    cost: TurnCost = TurnCost()


class EndedDraft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the last draft ended: deciding the same again changes nothing, otherwise is too late."""

    draft: str
    end: Literal["approved", "rejected", "voided"]
    operator: str = ""
    operator_name: str = ""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a decision needs. Bounded: its size does not grow with the conversation."""

    tenant: str = ""
    conversation: str = ""
    visitor: str = ""
    locale: str = ""
    version: int = 0
    """Version of the commit that is folded (or was folded last)."""
    mode: Mode = "ai"
    epoch: int = 1
    operator: str = ""
    """Who owns it; empty in mode `ai`, and in a supervised one that is any operator's."""
    operator_name: str = ""
    resolved: bool = False
    handoff: Waiting | None = None
    handed_off: tuple[str, ...] = ()
    """Of the messages that a turn could look at: those that have called a person already, or
    were before one. They do not call again."""
    turn: OpenTurn | None = None
    ended_turn: str = ""
    """The turn that ended last: recording its answer again changes nothing."""
    draft: Draft | None = None
    ended_draft: EndedDraft | None = None
    unanswered: tuple[str, ...] = ()
    unanswered_in_a_row: int = 0
    """Turns in a row that found no answer, since the last answer or change of hands."""
    rating: int = 0
    memory: Memory = Memory()
    seen: tuple[Seen, ...] = ()


Decision = tuple[Fact, ...] | c.Accepted | c.Refused
"""Facts to append; Accepted when it was done before; Refused when it may not be done."""


def initial(tenant: str, conversation: str) -> State:
    return State(tenant=tenant, conversation=conversation)


def owed(state: State) -> OpenTurn | None:
    """React: the work that this state calls for."""
    return state.turn


def seen_at(state: State, message: str) -> int:
    """The version that holds `message`, 0 when it is not remembered."""
    return next((seen.version for seen in reversed(state.seen) if seen.message == message), 0)
