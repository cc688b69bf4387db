"""What comes of a turn: its answer, its failure, another attempt, a summary. Pure."""

from __future__ import annotations

from actors.conversation import commands as c
from actors.conversation.memory import SUMMARY_CHARS
from actors.conversation.rules.answers import answered, failed
from actors.conversation.rules.handoff import called_beside
from actors.conversation.rules.preconditions import the_open_turn
from actors.conversation.state import Decision, OpenTurn, State
from events import conversation as e

ATTEMPTS = 3


def record_answer(state: State, command: c.RecordAnswer) -> Decision:
    turn = the_open_turn(state, command.turn, command.epoch)
    if not isinstance(turn, OpenTurn):
        return turn
    answer = answered(state, turn, command)
    if command.handoff is None:
        return (answer,)
    return (answer, *called_beside(state, turn, command, command.handoff, locale=command.locale))


def fail_turn(state: State, command: c.FailTurn) -> Decision:
    turn = the_open_turn(state, command.turn, command.epoch)
    if not isinstance(turn, OpenTurn):
        return turn
    failure = failed(state, turn, command.at, command.reason, command.detail)
    if command.handoff is None:
        return (failure,)
    return (failure, *called_beside(state, turn, command, command.handoff))


def resume(state: State, command: c.ResumeTurn) -> Decision:
    turn = state.turn
    if turn is None:
        return c.Accepted(version=state.version, duplicate=True)
    if turn.attempt >= ATTEMPTS:
        detail = f"{turn.attempt} attempts were cut off"
        return (failed(state, turn, command.at, "gave_up", detail),)
    return (e.TurnResumed(at=command.at, turn=turn.turn, attempt=turn.attempt + 1),)


def record_summary(state: State, command: c.RecordSummary) -> Decision:
    if command.text[:SUMMARY_CHARS] == state.memory.summary:
        return c.Accepted(version=state.version, duplicate=True)
    if command.through != state.memory.summarized_through or not command.text.strip():
        return c.Refused(code="summary_over", detail="more fell out of the window meanwhile")
    return (e.ConversationSummarized(at=command.at, text=command.text, through=command.through),)
