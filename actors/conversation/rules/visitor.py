"""What a visitor may ask: to be heard, and to rate. Pure. The button is in `handoff`."""

from __future__ import annotations

from actors.conversation import commands as c
from actors.conversation.rules.notice_facts import notice, tenants_default
from actors.conversation.rules.preconditions import (
    done_before,
    not_started,
    unusable_id,
    unusable_text,
)
from actors.conversation.state import UNANSWERED, Decision, State
from actors.speech.language import detect
from events import conversation as e
from events.conversation import Fact

MESSAGE_CHARS = 2000


def receive(state: State, command: c.ReceiveMessage) -> Decision:
    if known := unusable_id(command.id) or done_before(state, command.id):
        return known
    if refused := unusable_text(command.text, MESSAGE_CHARS):
        return refused
    supervised = command.supervised and (state.version == 0 or state.resolved)
    epoch = state.epoch + 1 if supervised else state.epoch
    facts: list[Fact] = []
    if state.version == 0:
        facts.append(_started(state, command))
    elif state.resolved:
        facts.append(e.ConversationReopened(at=command.at))
    if supervised:
        facts.append(tenants_default(command.at, epoch))
    facts.append(
        e.MessageReceived(
            at=command.at, message=command.id, text=command.text, locale=command.locale
        )
    )
    if state.draft:
        facts.append(e.DraftVoided(at=command.at, draft=state.draft.draft, reason="visitor_wrote"))
    if state.turn:
        facts.append(e.TurnCancelled(at=command.at, turn=state.turn.turn, reason="superseded"))
    if state.mode != "human" and not (state.handoff and state.handoff.silent):
        answers = (*state.unanswered, command.id)[-UNANSWERED:]
        facts.append(
            e.TurnBegun(at=command.at, turn=f"turn-{command.id}", epoch=epoch, answers=answers)
        )
    if supervised:
        language = detect(command.text, command.locale or state.locale or "en")
        facts.append(notice(state, command, "supervised", locale=language))
    return tuple(facts)


def _started(state: State, command: c.ReceiveMessage) -> Fact:
    return e.ConversationStarted(
        at=command.at,
        tenant=state.tenant,
        conversation=state.conversation,
        locale=command.locale,
        channel=command.channel,
        visitor=command.visitor,
    )


def rate(state: State, command: c.RateAnswer) -> Decision:
    if not 1 <= command.score <= 5:
        return c.Refused(code="score", detail="a score is 1 to 5")
    if refused := not_started(state):
        return refused
    if command.score == state.rating:
        return c.Accepted(version=state.version, duplicate=True)
    return (e.AnswerRated(at=command.at, score=command.score),)
