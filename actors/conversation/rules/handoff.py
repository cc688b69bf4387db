"""A person is called: by the visitor, out of a turn, or because an operator let go. Pure.

The mode stays as it is: who speaks changes when somebody comes. Never a loop: one request waits
at a time, and a message that a person was called for, or that was before one, does not call
again (`State.handed_off`). The visitor's button always does.
"""

from __future__ import annotations

import msgspec

from actors.conversation import commands as c
from actors.conversation.rules.answers import answered
from actors.conversation.rules.notice_facts import notice, tenants_default, visitors_language
from actors.conversation.rules.preconditions import (
    done_before,
    not_started,
    notice_of,
    the_open_turn,
)
from actors.conversation.state import Decision, OpenTurn, State
from actors.speech.notices import nothing_to_add
from actors.speech.texts import locale_of
from events import conversation as e
from events.conversation import Fact, Notice

EVIDENCE_CHARS = 500


def request(state: State, command: c.RequestHandoff) -> Decision:
    if refused := not_started(state):
        return refused
    if done := done_before(state, notice_of(command)):
        return done
    if command.turn:
        return _out_of_a_turn(state, command)
    if state.handoff or state.mode == "human":
        return c.Accepted(version=state.version, duplicate=True)
    supervised = command.supervised and state.resolved
    epoch = state.epoch + 1 if supervised else state.epoch
    facts: list[Fact] = []
    if state.resolved:
        facts.append(e.ConversationReopened(at=command.at))
    if supervised:
        facts.append(tenants_default(command.at, epoch))
    if state.turn and command.reception.silent:
        facts.append(_handed_over(state.turn, command.at))
    why, reception = _evidence(command), command.reception
    call = called(
        state, command, why, reception, command.locale, epoch=epoch, supervised=supervised
    )
    return (*facts, *call)


def called(
    state: State,
    command: c.Command,
    why: c.HandoffEvidence,
    reception: c.Reception,
    locale: str = "",
    *,
    kind: Notice | None = None,
    epoch: int = 0,
    supervised: bool = False,
) -> tuple[Fact, Fact]:
    """The request and what the visitor is told of it. `epoch` where the same decision began a
    new one, `supervised` where a person looks over the AI from it on."""
    if state.operator and epoch in (0, state.epoch):
        # Who asks an owner stands in nobody's queue: the owner has it, and no colleague sees it.
        reception = msgspec.structs.replace(reception, place=0)
    requested = e.HandoffRequested(
        at=command.at,
        epoch=epoch or state.epoch,
        reason=why.reason,
        evidence=why.evidence[:EVIDENCE_CHARS],
        message=why.message,
        score=why.score,
        silent=reception.silent,
    )
    told = kind or ("handoff_queued" if reception.open else "handoff_away")
    return requested, notice(
        state,
        command,
        told,
        locale=locale,
        reception=reception,
        silent=reception.silent,
        supervised=supervised and not reception.silent,
    )


def called_beside(
    state: State,
    turn: OpenTurn,
    command: c.RecordAnswer | c.FailTurn,
    why: c.HandoffEvidence,
    locale: str = "",
) -> tuple[Fact, ...]:
    """The call that goes with the end of a turn; nothing when it would be the second."""
    if state.handoff or _handed_off(state, turn, why.message):
        return ()
    return called(state, command, why, command.reception, locale)


def needs_reception(state: State, command: c.ConversationCommand) -> bool:
    """Whether `decide` may call a person, and so must know what awaits the visitor."""
    match command:
        case c.RequestHandoff():
            return state.handoff is None and state.mode != "human" and state.version > 0
        case c.RecordAnswer() | c.FailTurn():
            return command.handoff is not None and state.handoff is None
        case c.Release():
            return command.to == "queue"
        case c.LapseLease():
            return command.to == "queue" or state.handoff is not None
        case _:
            return False


def _out_of_a_turn(state: State, command: c.RequestHandoff) -> Decision:
    """Ends the turn that asks. While a person is awaited already, the visitor has been told, and
    the message waits for that person. When a person had it before them already, the turn may
    neither call again nor leave the visitor with nothing: it says that it can add nothing."""
    turn = the_open_turn(state, command.turn, command.epoch)
    if not isinstance(turn, OpenTurn):
        return turn
    if state.handoff:
        return (_handed_over(turn, command.at),)
    if _handed_off(state, turn, command.message):
        return (answered(state, turn, _no_more(state, command)),)
    call = called(state, command, _evidence(command), command.reception, command.locale)
    return (_handed_over(turn, command.at), *call)


def _handed_off(state: State, turn: OpenTurn, message: str) -> bool:
    """Evidence that is in no one message is in all that the turn answers."""
    evidence = (message,) if message else turn.answers
    return all(one in state.handed_off for one in evidence)


def _handed_over(turn: OpenTurn, at: int) -> Fact:
    return e.TurnCancelled(at=at, turn=turn.turn, reason="handed_off")


def _no_more(state: State, command: c.RequestHandoff) -> c.RecordAnswer:
    language = locale_of(command.locale) if command.locale else visitors_language(state)
    return c.RecordAnswer(
        id=command.id,
        at=command.at,
        turn=command.turn,
        epoch=command.epoch,
        text=nothing_to_add(language),
        kind="unknown",
        locale=language,
        guard={"reason": "handed_off_before"},
    )


def _evidence(command: c.RequestHandoff) -> c.HandoffEvidence:
    return c.HandoffEvidence(
        reason=command.reason,
        evidence=command.evidence,
        message=command.message,
        score=command.score,
    )
