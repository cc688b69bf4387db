"""The change of hands: who takes a conversation, gives it back, or loses it. Pure.

Each is a new epoch, so that nothing that was asked under the old one can be published, and each
tells the visitor.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.conversation import commands as c
from actors.conversation.rules.handoff import called
from actors.conversation.rules.notice_facts import notice
from actors.conversation.rules.preconditions import (
    done_before,
    not_owner,
    not_started,
    notice_of,
    owner,
    stale,
)
from actors.conversation.state import Decision, State
from events import conversation as e
from events.conversation import Fact, TurnEnd


def take_over(state: State, command: c.TakeOver) -> Decision:
    if refused := _not_to_be_had(state, command, "human"):
        return refused
    told = "operator_changed" if state.mode == "human" else "operator_joined"
    return (
        *_taken(state, command, "human", command.reason),
        notice(state, command, told),
    )


def supervise(state: State, command: c.Supervise) -> Decision:
    if refused := _not_to_be_had(state, command, "supervised"):
        return refused
    return (
        *_taken(state, command, "supervised", "operator_choice"),
        notice(state, command, "supervised"),
        *_turn_for_the_rest(state, command),
    )


def release(state: State, command: c.Release) -> Decision:
    if refused := not_started(state):
        return refused
    if done := done_before(state, notice_of(command)):
        return done
    if refused := not_owner(state, command, or_nobody=state.mode == "supervised"):
        return refused
    if command.to == "queue":
        return _passed_on(state, command)
    return (
        *interrupted(state, command.at, "superseded"),
        e.ModeChanged(
            at=command.at,
            mode="ai",
            epoch=state.epoch + 1,
            reason="released",
            operator=command.operator,
            operator_name=command.operator_name,
        ),
        notice(state, command, "assistant_back"),
        *_turn_for_the_rest(state, command),
    )


def lapse(state: State, command: c.LapseLease) -> Decision:
    if refused := not_started(state):
        return refused
    if done := done_before(state, notice_of(command)):
        return done
    if not state.operator or state.operator != command.operator:
        return c.Refused(code="not_owner", detail=f"{command.operator} has it no longer")
    if refused := stale(state, command.epoch):
        return refused
    command = msgspec.structs.replace(command, operator_name=state.operator_name)
    given = (*interrupted(state, command.at, "superseded"), _let_go(state, command, "lease_lapsed"))
    if command.to == "queue" or state.handoff:  # who asked for a person still wants one
        why = c.HandoffEvidence(reason="lease_lapsed", evidence=f"{owner(state)} has been away")
        return (*given, *_called_again(state, command, why, "operator_left"))
    left = notice(state, command, "operator_left", to_ai=True, supervised=command.supervised)
    return (*given, left, *_turn_for_the_rest(state, command))


def _passed_on(state: State, command: c.Release) -> Decision:
    name = command.operator_name or command.operator
    why = c.HandoffEvidence(reason="operator_choice", evidence=f"{name} passed it on")
    given = (*interrupted(state, command.at, "superseded"), _let_go(state, command, "released"))
    return (*given, *_called_again(state, command, why))


def _let_go(state: State, command: c.Release | c.LapseLease, reason: str) -> Fact:
    """Nobody has it now. Where the tenant lets nothing of the AI's out without a person, and
    none has decided otherwise, it is supervised by nobody; an operator named there would own it."""
    released = isinstance(command, c.Release) and not command.supervised
    return e.ModeChanged(
        at=command.at,
        mode="supervised" if command.supervised else "ai",
        epoch=state.epoch + 1,
        reason=reason,
        operator=command.operator if released else "",
        operator_name=command.operator_name if released else "",
        previous="" if released else state.operator,
    )


def _called_again(
    state: State,
    command: c.Release | c.LapseLease,
    why: c.HandoffEvidence,
    kind: e.Notice | None = None,
) -> tuple[Fact, ...]:
    return called(
        state,
        command,
        why,
        command.reception,
        kind=kind,
        epoch=state.epoch + 1,
        supervised=command.supervised,
    )


def interrupted(
    state: State,
    at: int,
    turn: TurnEnd,
    draft: Literal["mode_changed", "resolved"] = "mode_changed",
) -> tuple[Fact, ...]:
    """What the AI was at ends: its turn, or the draft that it left."""
    facts: list[Fact] = []
    if state.turn:
        facts.append(e.TurnCancelled(at=at, turn=state.turn.turn, reason=turn))
    if state.draft:
        facts.append(e.DraftVoided(at=at, draft=state.draft.draft, reason=draft))
    return tuple(facts)


def _not_to_be_had(
    state: State, command: c.TakeOver | c.Supervise, mode: e.Mode
) -> c.Accepted | c.Refused | None:
    """A colleague's name comes before the epoch: who clicks second is told who has it."""
    if refused := not_started(state):
        return refused
    if done := done_before(state, notice_of(command)):
        return done
    if state.operator == command.operator and state.mode == mode:
        return c.Accepted(version=state.version, duplicate=True)
    if state.operator and state.operator != command.operator and not command.openly:
        return c.Refused(code="taken", detail=f"{owner(state)} has this conversation")
    return stale(state, command.epoch)


def _taken(
    state: State, command: c.TakeOver | c.Supervise, mode: e.Mode, reason: str
) -> tuple[Fact, ...]:
    facts: list[Fact] = []
    if state.resolved:
        facts.append(e.ConversationReopened(at=command.at, operator=command.operator))
    facts += interrupted(state, command.at, "taken_over")
    facts.append(
        e.ModeChanged(
            at=command.at,
            mode=mode,
            epoch=state.epoch + 1,
            reason=reason,
            operator=command.operator,
            operator_name=command.operator_name,
            previous=state.operator if state.operator != command.operator else "",
        )
    )
    return tuple(facts)


def _turn_for_the_rest(state: State, command: c.Command) -> tuple[Fact, ...]:
    """The AI takes up what nobody has answered, under the epoch that just began. `rest-`: a
    visitor, who is told the command's id by its notice, may write a message of that very id."""
    if not state.unanswered:
        return ()
    turn, epoch = f"rest-{command.id}", state.epoch + 1
    return (e.TurnBegun(at=command.at, turn=turn, epoch=epoch, answers=state.unanswered),)
