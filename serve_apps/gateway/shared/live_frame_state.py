"""What of a conversation decides which live frames may be shown: a pure fold of its commits.

Each field is written by the newest fact that concerns it, so folding commits again that were
folded before, in order, comes to the same end.
"""

from __future__ import annotations

import msgspec

from events.conversation import (
    AnswerRecorded,
    ConversationResolved,
    DraftProposed,
    HandoffRequested,
    Mode,
    ModeChanged,
    TurnBegun,
    TurnCancelled,
    TurnFailed,
)
from events.log.event_log import Commit


class Standing(msgspec.Struct, frozen=True):
    """Who speaks, what the AI is at, and whether a person is waited for."""

    mode: Mode = "ai"
    operator: str = ""
    """Who owns it; empty when nobody does."""
    turn: str = ""
    """The turn that is open; empty when none is."""
    waiting: bool = False
    """A person was asked for, and none has come."""


def standing_after(before: Standing, commit: Commit) -> Standing:
    """How the conversation stands after `commit`, when it stood as `before`."""
    mode, operator = before.mode, before.operator
    turn, waiting = before.turn, before.waiting
    for fact in commit.facts:
        match fact:
            case TurnBegun():
                turn = fact.turn
            case AnswerRecorded() | TurnFailed() | TurnCancelled() | DraftProposed():
                turn = ""
            case ModeChanged():
                # A turn is bound to its epoch; one of the new epoch begins after this.
                mode, operator = fact.mode, fact.operator if fact.mode != "ai" else ""
                turn, waiting = "", False
            case HandoffRequested():
                waiting = True
            case ConversationResolved():
                waiting = False
            case _:
                pass
    return Standing(mode, operator, turn, waiting)
