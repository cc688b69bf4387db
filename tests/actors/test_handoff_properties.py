"""What always holds while two operators, a visitor and the AI act in any order, twice, too late,
under epochs that are over, and with owners that die.

The machine asks the decider; `Ledger` is told every commit and judges it by itself, with none
of the decider's code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.conversation import commands as c
from actors.conversation.decide import SEEN, UNANSWERED, OpenTurn, State, decide, fold, initial
from actors.conversation.memory import WINDOW_MESSAGES
from events import conversation as e
from events.conversation import Fact

STATE_BYTES = 100_000
"""Far above what the bounds of State add up to with the short texts of this test."""
TEXTS = ("Where is my lamp?", "¿Dónde está mi lámpara?", "I want a person", "ok")
REASONS = ("visitor_words", "distress", "low_confidence", "guard", "unanswered_turns", "authority")
AUTOMATIC = frozenset(REASONS)
operators = st.sampled_from(["ana", "ben"])
receptions = st.builds(
    c.Reception, place=st.integers(0, 3), open=st.booleans(), silent=st.booleans()
)


@dataclass
class Ledger:
    """Judges the log as it grows."""

    supervised: bool = False
    """The tenant's policy."""
    trusted: bool = False
    """Somebody gave it to the AI outright."""
    mode: str = "ai"
    epoch: int = 1
    owner: str = ""
    waits: bool = False
    drafts: dict[str, str] = field(default_factory=dict)
    answers_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    before_a_person: set[str] = field(default_factory=set)
    called_for: set[frozenset[str]] = field(default_factory=set)

    def judge(self, commit: tuple[Fact, ...]) -> None:
        assert commit, "a decision with no facts must say Accepted or Refused"
        kinds = [type(fact) for fact in commit]
        told = kinds.count(e.NoticePosted)
        assert told <= 1
        if e.ModeChanged in kinds or e.HandoffRequested in kinds:
            assert told == 1, "the visitor always knows"
        for fact in commit:
            self._judge(fact, commit)
        if e.OperatorReplied in kinds or e.MessageReceived in kinds:
            assert "open" not in self.drafts.values(), "a draft is void once somebody wrote"
        assert list(self.drafts.values()).count("open") <= 1

    def _judge(self, fact: Fact, commit: tuple[Fact, ...]) -> None:
        match fact:
            case e.MessageReceived():
                assert fact.message not in self.received
                self.received.append(fact.message)
            case e.TurnBegun():
                assert fact.epoch == self.epoch
                assert self.mode != "human"
                assert fact.turn not in self.answers_of, "a turn begins once"
                self.answers_of[fact.turn] = fact.answers
            case e.ModeChanged():
                if self.waits and not fact.operator and fact.reason != "tenant_default":
                    assert any(isinstance(f, e.HandoffRequested) for f in commit), "not forgotten"
                assert fact.epoch == self.epoch + 1
                assert fact.operator or fact.mode != "human"
                self.mode, self.epoch = fact.mode, fact.epoch
                self.owner = fact.operator if fact.mode != "ai" else ""
                self.trusted = (fact.mode, fact.reason) == ("ai", "released")
                self.waits = False
                if fact.operator:
                    self.before_a_person.update(self.received)
            case e.HandoffRequested():
                self._judge_call(fact, commit)
            case e.OperatorReplied():
                assert (fact.operator, fact.epoch) == (self.owner, self.epoch)
                assert self.mode != "ai"
            case e.DraftProposed():
                assert (fact.epoch, self.mode) == (self.epoch, "supervised")
                assert fact.draft not in self.drafts
                self.drafts[fact.draft] = "open"
            case e.DraftApproved() | e.DraftRejected():
                assert fact.epoch == self.epoch
                assert self.owner in ("", fact.operator)
                self._end(fact.draft, "approved" if isinstance(fact, e.DraftApproved) else "gone")
            case e.DraftVoided():
                self._end(fact.draft, "gone")
            case e.AnswerRecorded():
                self._judge_answer(fact, commit)
            case e.TurnFailed():
                assert fact.epoch == self.epoch
                assert fact.supervised == (self.mode == "supervised")
                if not fact.supervised:
                    self.answered.extend(fact.in_reply_to)
            case e.ConversationResolved():
                assert self.mode == "ai"
                self.waits = self.trusted = False
            case _:
                pass

    def _judge_answer(self, answer: e.AnswerRecorded, commit: tuple[Fact, ...]) -> None:
        assert answer.epoch == self.epoch, "asked under an old epoch"
        assert self.mode != "human"
        self.answered.extend(answer.in_reply_to)
        assert len(self.answered) == len(set(self.answered)), "answered at most once"
        assert set(self.answered) <= set(self.received)
        if self.mode == "supervised":
            approved = [f for f in commit if isinstance(f, e.DraftApproved)]
            assert [f.draft for f in approved] == [answer.draft]
            assert approved[0].text == answer.text
            assert approved[0].operator == answer.approved_by
        else:
            assert not answer.draft
            assert self.trusted or not self.supervised, "no person has let the AI speak for itself"

    def _judge_call(self, call: e.HandoffRequested, commit: tuple[Fact, ...]) -> None:
        assert call.epoch == self.epoch
        assert not self.waits, "one request at a time"
        assert self.mode != "human"
        self.waits = True
        if call.reason in AUTOMATIC:
            evidence = {call.message} if call.message else self._asked_by(commit)
            assert not evidence <= self.before_a_person, "the same evidence calls once"
            assert frozenset(evidence) not in self.called_for
            self.called_for.add(frozenset(evidence))
            assert len(self.called_for) <= len(self.received), "never a loop"
        self.before_a_person.update(self.received)

    def _asked_by(self, commit: tuple[Fact, ...]) -> set[str]:
        ends = (e.AnswerRecorded, e.TurnFailed, e.TurnCancelled, e.DraftProposed)
        return {
            message
            for fact in commit
            if isinstance(fact, ends)
            for message in self.answers_of[fact.turn]
        }

    def _end(self, draft: str, end: str) -> None:
        assert self.drafts[draft] == "open", "a draft is decided on once"
        self.drafts[draft] = end


class Handoff(RuleBasedStateMachine):
    """A log and an owner that may die between append and evolve. The log is the truth."""

    @initialize(supervised=st.booleans())
    def begin(self, supervised: bool) -> None:
        self.log: list[tuple[Fact, ...]] = []
        self.ledger = Ledger(supervised=supervised)
        self.state = initial("demo", "c1")
        self.stored: list[c.ConversationCommand] = []
        self.turns: list[OpenTurn] = []
        self.drafts: list[str] = []
        self.clock = 0
        self.supervised = supervised

    def _next(self, name: str) -> dict[str, Any]:
        self.clock += 1
        return {"id": f"{name}{self.clock}", "at": self.clock}

    def _ask(self, command: c.ConversationCommand, *, crash: bool = False) -> c.Outcome | None:
        before = self.state
        decision = decide(before, command)
        if not isinstance(decision, tuple):
            return decision
        if isinstance(command, c.FencedCommand | c.RecordAnswer | c.FailTurn):
            assert command.epoch == before.epoch, "nothing is done under an old epoch"
        self.ledger.judge(decision)
        self.log.append(decision)
        self.state = self._folded() if crash else fold(before, len(self.log), decision)
        if not isinstance(command, c.ResumeTurn):
            self.stored = [*self.stored, command][-SEEN // 4 :]
        if self.state.turn:
            self.turns.append(self.state.turn)
        if self.state.draft:
            self.drafts.append(self.state.draft.draft)
        return None

    def _folded(self) -> State:
        state = initial("demo", "c1")
        for version, facts in enumerate(self.log, start=1):
            state = fold(state, version, facts)
        return state

    def _epoch(self, late: int) -> int:
        return max(self.state.epoch - late, 1)

    # --- the visitor -------------------------------------------------------------------

    @rule(text=st.sampled_from(TEXTS), crash=st.booleans())
    def the_visitor_writes(self, text: str, crash: bool) -> None:
        message = c.ReceiveMessage(**self._next("m"), text=text, supervised=self.supervised)
        self._ask(message, crash=crash)

    @precondition(lambda self: self.stored)
    @rule(data=st.data(), notice=st.booleans())
    def the_visitor_writes_under_an_id_that_it_was_shown(
        self, data: st.DataObject, notice: bool
    ) -> None:
        """Or one that can be foreseen."""
        lapse = f"lapse-{self.state.operator}-{self.state.epoch}"
        shown = [one.id for one in self.stored if isinstance(one, c.OperatorCommand)]
        ident = data.draw(st.sampled_from([lapse, *shown[-3:]]))
        ident = f"notice-{ident}" if notice else ident
        message = c.ReceiveMessage(id=ident, at=self.clock, text="ok", supervised=self.supervised)
        outcome = self._ask(message)
        assert not notice or isinstance(outcome, c.Refused)

    @rule(reception=receptions)
    def the_visitor_asks_for_a_person(self, reception: c.Reception) -> None:
        asked = c.RequestHandoff(**self._next("h"), reception=reception, supervised=self.supervised)
        self._ask(asked)

    # --- the AI ------------------------------------------------------------------------

    def _evidence(self, data: st.DataObject, turn: OpenTurn) -> c.HandoffEvidence | None:
        if not data.draw(st.integers(0, 3)):
            return None
        message = data.draw(st.sampled_from(["", *turn.answers]))
        reason = data.draw(st.sampled_from(REASONS))
        return c.HandoffEvidence(reason=reason, message=message, evidence="…")

    def _some_turn(self, data: st.DataObject) -> OpenTurn:
        """Mostly the open one, or nothing would ever be answered."""
        if self.state.turn and data.draw(st.integers(0, 3)):
            return self.state.turn
        return data.draw(st.sampled_from(self.turns[-8:]))

    @precondition(lambda self: self.turns)
    @rule(
        data=st.data(),
        end=st.sampled_from(["answer", "unknown", "smalltalk", "failed", "cut off"]),
        reception=receptions,
        crash=st.booleans(),
    )
    def a_turn_ends(
        self, data: st.DataObject, end: str, reception: c.Reception, crash: bool
    ) -> None:
        if end == "cut off":
            self._ask(c.ResumeTurn(**self._next("w")))
            return
        turn = self._some_turn(data)
        of_turn = {"at": self.clock, "turn": turn.turn, "epoch": turn.epoch}
        why = {"handoff": self._evidence(data, turn), "reception": reception}
        if end == "failed":
            name = f"fail:{turn.turn}"
            self._ask(c.FailTurn(id=name, reason="timeout", **of_turn, **why), crash=crash)
            return
        name = f"answer:{turn.turn}"
        answer = c.RecordAnswer(id=name, text="Three days [1].", kind=end, **of_turn, **why)  # type: ignore[arg-type]
        self._ask(answer, crash=crash)

    @precondition(lambda self: self.turns)
    @rule(data=st.data(), reception=receptions, crash=st.booleans())
    def a_turn_calls_a_person(
        self, data: st.DataObject, reception: c.Reception, crash: bool
    ) -> None:
        turn = self._some_turn(data)
        why = self._evidence(data, turn) or c.HandoffEvidence(
            reason="visitor_words", message=turn.answers[-1]
        )
        call = c.RequestHandoff(
            id=f"handoff:{turn.turn}",
            at=self.clock,
            turn=turn.turn,
            epoch=turn.epoch,
            reason=why.reason,
            message=why.message,
            reception=reception,
        )
        was_open = self.state.turn is not None and self.state.turn.turn == turn.turn
        outcome = self._ask(call, crash=crash)
        assert (outcome is None) == was_open, "the open turn always ends, any other never"
        assert self.state.turn is None or self.state.turn.turn != turn.turn

    @precondition(lambda self: self.state.mode == "supervised" and self.state.turn)
    @rule(data=st.data(), reception=receptions)
    def the_open_turn_leaves_a_draft(self, data: st.DataObject, reception: c.Reception) -> None:
        assert self.state.turn
        turn = self.state.turn
        answer = c.RecordAnswer(
            id=f"answer:{turn.turn}",
            at=self.clock,
            turn=turn.turn,
            epoch=turn.epoch,
            text="Three days [1].",
            handoff=self._evidence(data, turn),
            reception=reception,
        )
        assert self._ask(answer) is None
        assert self.state.draft is not None

    # --- the operators -----------------------------------------------------------------

    def _by(self, name: str, operator: str, late: int) -> dict[str, Any]:
        names = {"operator": operator, "operator_name": operator.title()}
        return {**self._next(name), **names, "epoch": self._epoch(late)}

    @rule(
        kind=st.sampled_from([c.TakeOver, c.Supervise]),
        operator=operators,
        late=st.integers(0, 2),
        openly=st.booleans(),
        crash=st.booleans(),
    )
    def an_operator_takes_it(
        self,
        kind: Callable[..., c.TakeOver | c.Supervise],
        operator: str,
        late: int,
        openly: bool,
        crash: bool,
    ) -> None:
        owner = self.state.operator
        self._ask(kind(**self._by("t", operator, late), openly=openly), crash=crash)
        if owner not in ("", operator) and not openly:
            assert self.state.operator == owner, "never from under a colleague's hands"

    @rule(first=operators, openly=st.booleans())
    def both_click_at_once(self, first: str, openly: bool) -> None:
        """Both saw the same epoch, and one of them owns it afterwards."""
        other = "ben" if first == "ana" else "ana"
        epoch = self.state.epoch
        for operator in (first, other):
            self._ask(c.TakeOver(**self._next("t"), operator=operator, epoch=epoch, openly=openly))
        assert self.state.epoch <= epoch + 1
        if self.log:
            assert self.state.operator in ("ana", "ben")

    @rule(
        kind=st.sampled_from([c.Release, c.LapseLease]),
        operator=operators,
        late=st.integers(0, 1),
        to=st.sampled_from(["ai", "queue"]),
        reception=receptions,
    )
    def an_operator_gives_it_back_or_is_gone(
        self,
        kind: Callable[..., c.Release | c.LapseLease],
        operator: str,
        late: int,
        to: str,
        reception: c.Reception,
    ) -> None:
        operator = self.state.operator if late == 0 and self.state.operator else operator
        more = {"reception": reception, "supervised": self.supervised}
        self._ask(kind(**self._by("g", operator, late), to=to, **more))

    @rule(operator=operators, late=st.integers(0, 1), note=st.booleans())
    def an_operator_replies_or_notes(self, operator: str, late: int, note: bool) -> None:
        operator = operator if late else self.state.operator or operator
        if note:
            self._ask(c.AddNote(**self._next("n"), operator=operator, text="Calls daily."))
        else:
            self._ask(c.ReplyAsOperator(**self._by("r", operator, late), text="On its way."))

    @precondition(lambda self: self.state.draft)
    @rule(text=st.sampled_from(["", "Three days [1].", "Four days."]), crash=st.booleans())
    def the_open_draft_is_approved(self, text: str, crash: bool) -> None:
        assert self.state.draft
        who = self._by("d", self.state.operator or "ana", 0)
        outcome = self._ask(
            c.ApproveDraft(**who, draft=self.state.draft.draft, text=text), crash=crash
        )
        assert outcome is None

    @precondition(lambda self: self.state.operator)
    @rule(crash=st.booleans())
    def the_owner_replies(self, crash: bool) -> None:
        reply = c.ReplyAsOperator(**self._by("r", self.state.operator, 0), text="On its way.")
        assert self._ask(reply, crash=crash) is None
        assert self.state.unanswered == ()

    @precondition(lambda self: self.drafts)
    @rule(data=st.data(), operator=operators, late=st.integers(0, 1), crash=st.booleans())
    def an_operator_decides_on_a_draft(
        self, data: st.DataObject, operator: str, late: int, crash: bool
    ) -> None:
        draft = data.draw(st.sampled_from([*self.drafts[-4:], *[self.drafts[-1]] * 3]))
        operator = operator if late else self.state.operator or operator
        who = self._by("d", operator, late)
        if data.draw(st.booleans()):
            text = data.draw(st.sampled_from(["", "Three days [1].", "Four days."]))
            self._ask(c.ApproveDraft(**who, draft=draft, text=text), crash=crash)
        else:
            self._ask(c.RejectDraft(**who, draft=draft, reason="No."), crash=crash)

    @rule(operator=operators, late=st.integers(0, 1))
    def an_operator_resolves_or_reopens(self, operator: str, late: int) -> None:
        if self.state.resolved:
            again = c.Reopen(**self._next("o"), operator=operator, supervised=self.supervised)
            self._ask(again)
        else:
            self._ask(c.Resolve(**self._by("x", operator, late)))

    # --- faults ------------------------------------------------------------------------

    @precondition(lambda self: self.stored)
    @rule(data=st.data(), reception=receptions)
    def a_stored_command_is_asked_again(self, data: st.DataObject, reception: c.Reception) -> None:
        command = data.draw(st.sampled_from(self.stored))
        if hasattr(command, "reception"):  # the queue has moved on meanwhile
            command = msgspec.structs.replace(command, reception=reception)
        assert not isinstance(decide(self.state, command), tuple)

    # --- what holds at every moment ----------------------------------------------------

    def teardown(self) -> None:
        assert self.state == self._folded(), "the state is what the log says"

    @invariant()
    def the_state_says_what_the_ledger_says(self) -> None:
        assert (self.state.mode, self.state.epoch) == (self.ledger.mode, self.ledger.epoch)
        assert self.state.operator == self.ledger.owner
        assert (self.state.handoff is not None) == self.ledger.waits

    @invariant()
    def what_is_open_belongs_to_the_epoch_and_to_the_mode(self) -> None:
        state = self.state
        for open_work in (state.turn, state.draft):
            assert open_work is None or open_work.epoch == state.epoch
        assert state.turn is None or state.mode != "human"
        assert state.draft is None or state.mode == "supervised"
        assert state.turn is None or state.draft is None
        assert not (state.resolved and (state.turn or state.draft or state.operator))

    @invariant()
    def nobody_is_left_without_an_answer_or_a_person(self) -> None:
        state = self.state
        if state.mode == "ai" and state.unanswered and not state.handoff:
            assert state.turn is not None
            assert set(state.unanswered) <= set(state.turn.answers)

    @invariant()
    def the_state_is_bounded(self) -> None:
        state = self.state
        assert len(state.seen) <= SEEN
        assert len(state.unanswered) <= UNANSWERED
        assert len(state.handed_off) <= UNANSWERED + WINDOW_MESSAGES + 1
        assert len(state.memory.window) <= WINDOW_MESSAGES
        kept = msgspec.msgpack.encode(state)
        assert len(kept) < STATE_BYTES
        assert msgspec.msgpack.decode(kept, type=State) == state


TestHandoff = pytest.mark.timeout(300)(Handoff.TestCase)
TestHandoff.settings = settings(
    max_examples=250, stateful_step_count=50, deadline=None, derandomize=True
)
