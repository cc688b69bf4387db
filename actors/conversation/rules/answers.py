"""How the answer of a turn stands in the log: published, or as a draft for a person. Pure."""

from __future__ import annotations

from actors.conversation import commands as c
from actors.conversation.state import OpenTurn, State
from events import conversation as e
from events.conversation import Fact


def answered(state: State, turn: OpenTurn, command: c.RecordAnswer) -> Fact:
    """In a supervised conversation nothing of the AI's goes out without a person."""
    if state.mode == "supervised":
        return e.DraftProposed(
            at=command.at,
            draft=f"draft-{turn.turn}",
            turn=turn.turn,
            epoch=turn.epoch,
            text=command.text,
            in_reply_to=turn.answers,
            kind=command.kind,
            locale=command.locale,
            sources=command.sources,
            confidence=command.confidence,
            guard=command.guard,
            cost=command.cost,
        )
    return e.AnswerRecorded(
        at=command.at,
        turn=turn.turn,
        epoch=turn.epoch,
        message=f"answer-{turn.turn}",
        text=command.text,
        html=command.html,
        in_reply_to=turn.answers,
        kind=command.kind,
        locale=command.locale,
        sources=command.sources,
        confidence=command.confidence,
        guard=command.guard,
        cost=command.cost,
    )


def failed(state: State, turn: OpenTurn, at: int, reason: str, detail: str) -> Fact:
    return e.TurnFailed(
        at=at,
        turn=turn.turn,
        epoch=turn.epoch,
        in_reply_to=turn.answers,
        reason=reason,
        detail=detail[:500],
        supervised=state.mode == "supervised",
    )
