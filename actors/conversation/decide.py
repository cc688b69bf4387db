"""The conversation's rules, pure: State, `decide`, `evolve`, `owed`.

`decide(state, command)` gives the facts of one decision, or says why there are none;
`evolve(state, fact)` only folds. Time and ids come in with the command. The rules stand in
`actors/rules/`, a file for each of those who may ask; this is the way in to all of it.
See DECIDER in docs/glossary.md.
"""

from __future__ import annotations

from actors.conversation import commands as c
from actors.conversation.evolve import evolve, fold
from actors.conversation.rules import drafts, handoff, operators, ownership, turns, visitor
from actors.conversation.rules.handoff import needs_reception
from actors.conversation.rules.turns import ATTEMPTS
from actors.conversation.rules.visitor import MESSAGE_CHARS
from actors.conversation.state import (
    SEEN,
    STATE_SCHEMA,
    UNANSWERED,
    Decision,
    Draft,
    EndedDraft,
    OpenTurn,
    Seen,
    State,
    Waiting,
    initial,
    owed,
)

__all__ = [
    "ATTEMPTS",
    "MESSAGE_CHARS",
    "SEEN",
    "STATE_SCHEMA",
    "UNANSWERED",
    "Decision",
    "Draft",
    "EndedDraft",
    "OpenTurn",
    "Seen",
    "State",
    "Waiting",
    "decide",
    "evolve",
    "fold",
    "initial",
    "needs_reception",
    "owed",
]


def decide(state: State, command: c.ConversationCommand) -> Decision:
    match command:
        case c.ReceiveMessage():
            return visitor.receive(state, command)
        case c.RecordAnswer():
            return turns.record_answer(state, command)
        case c.FailTurn():
            return turns.fail_turn(state, command)
        case c.ResumeTurn():
            return turns.resume(state, command)
        case c.RecordSummary():
            return turns.record_summary(state, command)
        case c.RequestHandoff():
            return handoff.request(state, command)
        case c.TakeOver():
            return ownership.take_over(state, command)
        case c.Supervise():
            return ownership.supervise(state, command)
        case c.Release():
            return ownership.release(state, command)
        case c.LapseLease():
            return ownership.lapse(state, command)
        case c.ReplyAsOperator():
            return operators.reply(state, command)
        case c.AddNote():
            return operators.add_note(state, command)
        case c.Resolve():
            return operators.resolve(state, command)
        case c.Reopen():
            return operators.reopen(state, command)
        case c.ApproveDraft():
            return drafts.approve(state, command)
        case c.RejectDraft():
            return drafts.reject(state, command)
        case c.RateAnswer():
            return visitor.rate(state, command)
