"""What each fact does to the State: `evolve` only folds, it never decides. Pure and total."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from actors.conversation.memory import remember, resummarize
from actors.conversation.state import (
    SEEN,
    UNANSWERED,
    Draft,
    EndedDraft,
    OpenTurn,
    Seen,
    State,
    Waiting,
)
from events import conversation as e
from events.conversation import Fact

_change = msgspec.structs.replace


def fold(state: State, version: int, facts: Iterable[Fact]) -> State:
    """The state after one commit."""
    state = _change(state, version=version)
    for fact in facts:
        state = evolve(state, fact)
    return state


def evolve(state: State, fact: Fact) -> State:
    """Raises TypeError on a fact of another stream."""
    match fact:
        case e.MessageReceived():
            return _change(
                state,
                memory=remember(state.memory, "visitor", fact.message, fact.text),
                unanswered=(*state.unanswered, fact.message)[-UNANSWERED:],
                seen=_with(state.seen, fact.message, state.version),
                locale=fact.locale or state.locale,
            )
        case e.TurnBegun():
            turn = OpenTurn(fact.turn, fact.epoch, fact.answers, 1, fact.at)
            return _change(state, turn=turn, ended_turn="")
        case e.AnswerRecorded():
            return _change(
                state,
                turn=None,
                ended_turn=fact.turn,
                unanswered=_without(state.unanswered, fact.in_reply_to),
                unanswered_in_a_row=_row(state, fact.kind),
                memory=remember(state.memory, "assistant", fact.message, fact.text),
            )
        case e.TurnResumed():
            return _change(state, turn=_resumed(state, fact))
        case e.TurnCancelled():
            ended = fact.turn if fact.reason == "handed_off" else state.ended_turn
            return _change(state, turn=None, ended_turn=ended)
        case e.TurnFailed():
            # Where a person looks over the AI, the visitor is not told and still waits.
            gone = () if fact.supervised else fact.in_reply_to
            return _change(
                state,
                turn=None,
                ended_turn=fact.turn,
                unanswered=_without(state.unanswered, gone),
                unanswered_in_a_row=state.unanswered_in_a_row + 1,
            )
        case e.ConversationStarted():
            return _change(state, locale=fact.locale, visitor=fact.visitor)
        case e.HandoffRequested():
            return _handoff_requested(state, fact)
        case e.NoticePosted():
            return _change(state, seen=_with(state.seen, fact.message, state.version))
        case e.ModeChanged():
            return _mode_changed(state, fact)
        case e.OperatorReplied():
            memory = remember(
                state.memory, "operator", fact.message, fact.text, by=fact.operator_name
            )
            return _change(
                state,
                unanswered=(),
                unanswered_in_a_row=0,
                memory=memory,
                seen=_with(state.seen, fact.message, state.version),
            )
        case e.NoteAdded():
            return _change(state, seen=_with(state.seen, fact.note, state.version))
        case e.DraftProposed():
            return _change(
                state, turn=None, ended_turn=fact.turn, draft=_draft(fact), ended_draft=None
            )
        case e.DraftApproved():
            return _draft_ended(state, "approved", fact.draft, fact.operator, fact.operator_name)
        case e.DraftRejected():
            return _draft_ended(state, "rejected", fact.draft, fact.operator, fact.operator_name)
        case e.DraftVoided():
            return _draft_ended(state, "voided", fact.draft)
        case e.ConversationResolved():
            return _change(state, resolved=True, unanswered=(), unanswered_in_a_row=0, handoff=None)
        case e.ConversationReopened():
            return _change(state, resolved=False)
        case e.AnswerRated():
            return _change(state, rating=fact.score)
        case e.ConversationSummarized():
            return _change(state, memory=resummarize(state.memory, fact.text, fact.through))
        case _:
            raise TypeError(f"{type(fact).__name__} is no fact of a conversation")


def _handoff_requested(state: State, fact: e.HandoffRequested) -> State:
    waiting = Waiting(
        reason=fact.reason,
        at=fact.at,
        evidence=fact.evidence,
        message=fact.message,
        silent=fact.silent,
    )
    return _change(
        state,
        handoff=waiting,
        handed_off=_all_so_far(state, fact.message),
        unanswered_in_a_row=0,
    )


def _mode_changed(state: State, fact: e.ModeChanged) -> State:
    spoken_for = fact.mode != "ai"
    return _change(
        state,
        mode=fact.mode,
        epoch=fact.epoch,
        operator=fact.operator if spoken_for else "",
        operator_name=fact.operator_name if spoken_for else "",
        handoff=None,
        # What was written before an operator took or gave the conversation was before a person.
        handed_off=_all_so_far(state) if fact.operator else state.handed_off,
        unanswered_in_a_row=0,
    )


def _all_so_far(state: State, message: str = "") -> tuple[str, ...]:
    """All messages that a turn from here on could look at: bounded as the window and
    `unanswered` are, and older ones need not be kept, for no turn sees them again."""
    window = [item.message for item in state.memory.window if item.role == "visitor"]
    named = [message] if message else []
    return tuple(dict.fromkeys((*window, *state.unanswered, *named)))


def _draft(fact: e.DraftProposed) -> Draft:
    return Draft(
        draft=fact.draft,
        turn=fact.turn,
        epoch=fact.epoch,
        at=fact.at,
        text=fact.text,
        in_reply_to=fact.in_reply_to,
        kind=fact.kind,
        locale=fact.locale,
        sources=fact.sources,
        confidence=fact.confidence,
        guard=fact.guard,
        cost=fact.cost,
    )


def _draft_ended(state: State, end: str, draft: str, operator: str = "", name: str = "") -> State:
    ended = EndedDraft(draft=draft, end=end, operator=operator, operator_name=name)  # type: ignore[arg-type]  # one of its three
    return _change(state, draft=None, ended_draft=ended)


def _row(state: State, kind: e.AnswerKind) -> int:
    """Small talk neither answers nor leaves anything open."""
    if kind == "smalltalk":
        return state.unanswered_in_a_row
    return state.unanswered_in_a_row + 1 if kind == "unknown" else 0


def _resumed(state: State, fact: e.TurnResumed) -> OpenTurn | None:
    if state.turn is None or state.turn.turn != fact.turn:
        return state.turn
    return _change(state.turn, attempt=fact.attempt)


def _with(seen: tuple[Seen, ...], message: str, version: int) -> tuple[Seen, ...]:
    return (*seen, Seen(message, version))[-SEEN:]


def _without(messages: tuple[str, ...], answered: tuple[str, ...]) -> tuple[str, ...]:
    gone = set(answered)
    return tuple(message for message in messages if message not in gone)
