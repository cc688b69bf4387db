"""What an operator does in a conversation: reply, note, resolve, reopen. Pure."""

from __future__ import annotations

from actors.conversation import commands as c
from actors.conversation.rules.notice_facts import notice, tenants_default
from actors.conversation.rules.ownership import interrupted
from actors.conversation.rules.preconditions import (
    OPERATOR_CHARS,
    done_before,
    not_owner,
    not_started,
    notice_of,
    unusable_id,
    unusable_text,
)
from actors.conversation.state import Decision, State
from events import conversation as e
from events.conversation import Fact


def reply(state: State, command: c.ReplyAsOperator) -> Decision:
    """In a supervised conversation it goes before what the AI writes or has drafted."""
    if known := unusable_id(command.id) or done_before(state, command.id):
        return known
    if refused := (
        not_started(state)
        or unusable_text(command.text, OPERATOR_CHARS)
        or not_owner(state, command, or_nobody=False)
    ):
        return refused
    facts: list[Fact] = []
    if state.turn:
        facts.append(e.TurnCancelled(at=command.at, turn=state.turn.turn, reason="superseded"))
    if state.draft:
        facts.append(
            e.DraftVoided(at=command.at, draft=state.draft.draft, reason="operator_replied")
        )
    facts.append(
        e.OperatorReplied(
            at=command.at,
            message=command.id,
            operator=command.operator,
            epoch=command.epoch,
            text=command.text,
            html=command.html,
            operator_name=command.operator_name,
        )
    )
    return tuple(facts)


def add_note(state: State, command: c.AddNote) -> Decision:
    if known := unusable_id(command.id) or done_before(state, command.id):
        return known
    if refused := not_started(state) or unusable_text(command.text, OPERATOR_CHARS):
        return refused
    return (
        e.NoteAdded(
            at=command.at,
            note=command.id,
            operator=command.operator,
            text=command.text,
            operator_name=command.operator_name,
        ),
    )


def resolve(state: State, command: c.Resolve) -> Decision:
    if refused := not_started(state):
        return refused
    if state.resolved:
        return c.Accepted(version=state.version, duplicate=True)
    if done := done_before(state, notice_of(command)):
        return done
    if refused := not_owner(state, command, or_nobody=True):
        return refused
    facts = [*interrupted(state, command.at, "closed", "resolved")]
    if state.mode != "ai":
        facts.append(
            e.ModeChanged(
                at=command.at,
                mode="ai",
                epoch=state.epoch + 1,
                reason="resolved",
                operator=command.operator,
                operator_name=command.operator_name,
            )
        )
    facts.append(
        e.ConversationResolved(
            at=command.at, operator=command.operator, operator_name=command.operator_name
        )
    )
    return (*facts, notice(state, command, "resolved"))


def reopen(state: State, command: c.Reopen) -> Decision:
    if refused := not_started(state):
        return refused
    if done := done_before(state, notice_of(command)):
        return done
    if not state.resolved:
        return c.Accepted(version=state.version, duplicate=True)
    facts: list[Fact] = [e.ConversationReopened(at=command.at, operator=command.operator)]
    if command.supervised:
        facts.append(tenants_default(command.at, state.epoch + 1))
    return (*facts, notice(state, command, "reopened", supervised=command.supervised))
