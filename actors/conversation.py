"""The conversation's rules, pure: State, `decide`, `evolve`, `owed`.

`decide(state, command)` gives the facts of one decision, or says why there are none;
`evolve(state, fact)` only folds. Time and ids come in with the command.
See DECIDER in docs/glossary.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from actors import commands as c
from actors.memory import Memory, remember, resummarize
from events import conversation as e
from events.conversation import Fact, Mode

STATE_SCHEMA = 1
"""Raised whenever State's shape or the fold changes: older snapshots are then not read."""

MESSAGE_CHARS = 2000
SEEN = 128
"""Remembered message ids. A client has 8 unacknowledged messages at most, so a retry is never
further back than that."""
UNANSWERED = 100
ATTEMPTS = 3

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")


class OpenTurn(msgspec.Struct, frozen=True):
    """The AI owes one answer to all of `answers`, bound to `epoch`."""

    turn: str
    epoch: int
    answers: tuple[str, ...]
    attempt: int
    begun_at: int


class Seen(msgspec.Struct, frozen=True, array_like=True):
    message: str
    version: int


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a decision needs. Bounded: its size does not grow with the conversation."""

    tenant: str = ""
    conversation: str = ""
    locale: str = ""
    version: int = 0
    """Version of the commit that is folded (or was folded last)."""
    mode: Mode = "ai"
    epoch: int = 1
    operator: str = ""
    handoff_requested: bool = False
    turn: OpenTurn | None = None
    ended_turn: str = ""
    """The turn that ended last: recording its answer again changes nothing."""
    unanswered: tuple[str, ...] = ()
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


def fold(state: State, version: int, facts: Iterable[Fact]) -> State:
    """The state after one commit."""
    state = msgspec.structs.replace(state, version=version)
    for fact in facts:
        state = evolve(state, fact)
    return state


# --- decide ------------------------------------------------------------------------------


def decide(state: State, command: c.ConversationCommand) -> Decision:
    match command:
        case c.ReceiveMessage():
            return _receive(state, command)
        case c.RecordAnswer():
            return _record_answer(state, command)
        case c.FailTurn():
            return _fail_turn(state, command)
        case c.ResumeTurn():
            return _resume(state, command)
        case c.RequestHandoff():
            return _request_handoff(state, command)
        case c.ChangeMode():
            return _change_mode(state, command)
        case c.ReplyAsOperator():
            return _reply(state, command)
        case c.RateAnswer():
            return _rate(state, command)
        case c.RecordSummary():
            return _record_summary(state, command)


def _receive(state: State, command: c.ReceiveMessage) -> Decision:
    if known := _seen(state, command.id):
        return c.Accepted(version=known, duplicate=True)
    if not _ID.match(command.id):
        return c.Refused(code="message_id", detail="id must be 1 to 64 of A-Z a-z 0-9 _ . : -")
    if not 1 <= len(command.text.strip()) <= MESSAGE_CHARS:
        detail = f"a message has 1 to {MESSAGE_CHARS} characters, this one {len(command.text)}"
        return c.Refused(code="message_length", detail=detail)
    facts: list[Fact] = []
    if state.version == 0:
        facts.append(
            e.ConversationStarted(
                at=command.at,
                tenant=state.tenant,
                conversation=state.conversation,
                locale=command.locale,
                channel=command.channel,
            )
        )
    facts.append(
        e.MessageReceived(
            at=command.at, message=command.id, text=command.text, locale=command.locale
        )
    )
    if state.mode != "ai":
        return tuple(facts)
    if state.turn:
        facts.append(e.TurnCancelled(at=command.at, turn=state.turn.turn, reason="superseded"))
    facts.append(
        e.TurnBegun(
            at=command.at,
            turn=f"turn-{command.id}",
            epoch=state.epoch,
            answers=(*state.unanswered, command.id)[-UNANSWERED:],
        )
    )
    return tuple(facts)


def _record_answer(state: State, command: c.RecordAnswer) -> Decision:
    turn = _the_open_turn(state, command.turn, command.epoch)
    if not isinstance(turn, OpenTurn):
        return turn
    return (
        e.AnswerRecorded(
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
        ),
    )


def _fail_turn(state: State, command: c.FailTurn) -> Decision:
    turn = _the_open_turn(state, command.turn, command.epoch)
    if not isinstance(turn, OpenTurn):
        return turn
    return (_failed(turn, command.at, command.reason, command.detail),)


def _resume(state: State, command: c.ResumeTurn) -> Decision:
    turn = state.turn
    if turn is None:
        return c.Accepted(version=state.version, duplicate=True)
    if turn.attempt >= ATTEMPTS:
        return (_failed(turn, command.at, "gave_up", f"{turn.attempt} attempts were cut off"),)
    return (e.TurnResumed(at=command.at, turn=turn.turn, attempt=turn.attempt + 1),)


def _request_handoff(state: State, command: c.RequestHandoff) -> Decision:
    if state.version == 0:
        return c.Refused(code="not_started", detail="a conversation begins with a message")
    if state.handoff_requested or state.mode == "human":
        return c.Accepted(version=state.version, duplicate=True)
    return (
        e.HandoffRequested(
            at=command.at, epoch=state.epoch, reason=command.reason, evidence=command.evidence
        ),
    )


def _change_mode(state: State, command: c.ChangeMode) -> Decision:
    if state.version == 0:
        return c.Refused(code="not_started", detail="a conversation begins with a message")
    if command.mode == state.mode:
        if command.mode == "human" and command.operator != state.operator:
            return c.Refused(code="taken", detail=f"{state.operator} has taken this conversation")
        return c.Accepted(version=state.version, duplicate=True)
    epoch = state.epoch + 1
    facts: list[Fact] = []
    if state.turn:
        facts.append(e.TurnCancelled(at=command.at, turn=state.turn.turn, reason="taken_over"))
    facts.append(
        e.ModeChanged(
            at=command.at,
            mode=command.mode,
            epoch=epoch,
            reason=command.reason,
            operator=command.operator,
        )
    )
    if command.mode == "ai" and state.unanswered:
        facts.append(
            e.TurnBegun(
                at=command.at, turn=f"turn-{command.id}", epoch=epoch, answers=state.unanswered
            )
        )
    return tuple(facts)


def _reply(state: State, command: c.ReplyAsOperator) -> Decision:
    if known := _seen(state, command.id):
        return c.Accepted(version=known, duplicate=True)
    if state.mode != "human" or state.operator != command.operator:
        return c.Refused(code="not_owner", detail="take the conversation over first")
    if state.epoch != command.epoch:
        return c.Refused(code="stale_epoch", detail="the conversation changed hands meanwhile")
    return (
        e.OperatorReplied(
            at=command.at,
            message=command.id,
            operator=command.operator,
            epoch=command.epoch,
            text=command.text,
            html=command.html,
        ),
    )


def _rate(state: State, command: c.RateAnswer) -> Decision:
    if not 1 <= command.score <= 5:
        return c.Refused(code="score", detail="a score is 1 to 5")
    if state.version == 0:
        return c.Refused(code="not_started", detail="a conversation begins with a message")
    if command.score == state.rating:
        return c.Accepted(version=state.version, duplicate=True)
    return (e.AnswerRated(at=command.at, score=command.score),)


def _record_summary(state: State, command: c.RecordSummary) -> Decision:
    if command.through != state.memory.summarized_through or not command.text.strip():
        return c.Refused(code="summary_over", detail="more fell out of the window meanwhile")
    return (e.ConversationSummarized(at=command.at, text=command.text, through=command.through),)


def _the_open_turn(state: State, turn: str, epoch: int) -> OpenTurn | c.Accepted | c.Refused:
    """Rule 8: an answer is bound to the turn it answers and to the epoch it was asked under."""
    if state.turn is None or state.turn.turn != turn:
        if state.ended_turn == turn:
            return c.Accepted(version=state.version, duplicate=True)
        return c.Refused(code="turn_over", detail=f"{turn} is not open")
    if not epoch == state.turn.epoch == state.epoch:
        return c.Refused(code="stale_epoch", detail="the conversation changed hands meanwhile")
    return state.turn


def _failed(turn: OpenTurn, at: int, reason: str, detail: str) -> Fact:
    return e.TurnFailed(
        at=at,
        turn=turn.turn,
        epoch=turn.epoch,
        in_reply_to=turn.answers,
        reason=reason,
        detail=detail[:500],
    )


def _seen(state: State, message: str) -> int:
    return next((seen.version for seen in reversed(state.seen) if seen.message == message), 0)


# --- evolve ------------------------------------------------------------------------------


def evolve(state: State, fact: Fact) -> State:
    change = msgspec.structs.replace
    match fact:
        case e.ConversationStarted():
            return change(state, locale=fact.locale)
        case e.MessageReceived():
            return change(
                state,
                memory=remember(state.memory, "visitor", fact.message, fact.text),
                unanswered=(*state.unanswered, fact.message)[-UNANSWERED:],
                seen=(*state.seen, Seen(fact.message, state.version))[-SEEN:],
                locale=fact.locale or state.locale,
            )
        case e.TurnBegun():
            return change(
                state, turn=OpenTurn(fact.turn, fact.epoch, fact.answers, 1, fact.at), ended_turn=""
            )
        case e.TurnResumed():
            return change(state, turn=_resumed(state, fact))
        case e.TurnCancelled():
            return change(state, turn=None)
        case e.AnswerRecorded():
            return change(
                state,
                turn=None,
                ended_turn=fact.turn,
                unanswered=_without(state.unanswered, fact.in_reply_to),
                memory=remember(state.memory, "assistant", fact.message, fact.text),
            )
        case e.TurnFailed():
            return change(
                state,
                turn=None,
                ended_turn=fact.turn,
                unanswered=_without(state.unanswered, fact.in_reply_to),
            )
        case e.HandoffRequested():
            return change(state, handoff_requested=True)
        case e.ModeChanged():
            return change(
                state,
                mode=fact.mode,
                epoch=fact.epoch,
                operator=fact.operator if fact.mode != "ai" else "",
                handoff_requested=False,
            )
        case e.OperatorReplied():
            return change(
                state,
                unanswered=(),
                memory=remember(state.memory, "operator", fact.message, fact.text),
                seen=(*state.seen, Seen(fact.message, state.version))[-SEEN:],
            )
        case e.AnswerRated():
            return change(state, rating=fact.score)
        case e.ConversationSummarized():
            return change(state, memory=resummarize(state.memory, fact.text, fact.through))
        case _:
            raise TypeError(f"{type(fact).__name__} is no fact of a conversation")


def _resumed(state: State, fact: e.TurnResumed) -> OpenTurn | None:
    if state.turn is None or state.turn.turn != fact.turn:
        return state.turn
    return msgspec.structs.replace(state.turn, attempt=fact.attempt)


def _without(messages: tuple[str, ...], answered: tuple[str, ...]) -> tuple[str, ...]:
    gone = set(answered)
    return tuple(message for message in messages if message not in gone)
