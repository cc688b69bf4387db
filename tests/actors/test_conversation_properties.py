"""What always holds, whatever is asked, doubled, reordered or cut off."""

from __future__ import annotations

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from actors.conversation import commands as c
from actors.conversation.decide import SEEN, UNANSWERED, State, decide, fold, initial
from actors.conversation.memory import SUMMARY_CHARS, WINDOW_MESSAGES, WINDOW_TOKENS
from events import conversation as e
from events.conversation import Fact

texts = st.text(min_size=1, max_size=300).filter(lambda text: bool(text.strip()))


class Conversation(RuleBasedStateMachine):
    """A log and an owner that may die between append and evolve; commands arrive twice, late
    and under old epochs. The log is the truth; the owner's state is a copy."""

    @initialize()
    def begin(self) -> None:
        self.log: list[tuple[Fact, ...]] = []
        self.state = initial("demo", "c1")
        self.sent: list[c.ConversationCommand] = []
        self.results: list[c.ConversationCommand] = []
        self.snapshot = (0, msgspec.msgpack.encode(self.state))
        self.clock = 0

    def _ask(self, command: c.ConversationCommand, *, crash: bool = False) -> None:
        decision = decide(self.state, command)
        if isinstance(decision, tuple):
            assert decision, "a decision with no facts must say Accepted or Refused"
            self.log.append(decision)
            if crash:  # the owner died after the append: a new one folds the log
                self.state = self._folded()
            else:
                self.state = fold(self.state, len(self.log), decision)
        if self.state.turn:
            turn = self.state.turn
            self.results.append(
                c.RecordAnswer(
                    id=f"answer:{turn.turn}", at=1, turn=turn.turn, epoch=turn.epoch, text="Yes."
                )
            )

    def _folded(self) -> State:
        state = initial("demo", "c1")
        for version, facts in enumerate(self.log, start=1):
            state = fold(state, version, facts)
        return state

    @rule(text=texts, crash=st.booleans())
    def a_message_comes(self, text: str, crash: bool) -> None:
        self.clock += 1
        command = c.ReceiveMessage(id=f"m{self.clock}", at=self.clock, text=text)
        self.sent.append(command)
        self._ask(command, crash=crash)

    @rule(data=st.data())
    def a_message_comes_again(self, data: st.DataObject) -> None:
        if recent := self.sent[-SEEN:]:
            before = len(self.log)
            self._ask(data.draw(st.sampled_from(recent)))
            assert len(self.log) == before

    @rule(data=st.data(), crash=st.booleans())
    def some_turn_reports_its_answer(self, data: st.DataObject, crash: bool) -> None:
        if self.results:
            self._ask(data.draw(st.sampled_from(self.results)), crash=crash)

    @rule(operator=st.sampled_from(["ana", "ben"]))
    def an_operator_takes_over_or_gives_back(self, operator: str) -> None:
        self.clock += 1
        kind = c.Release if self.state.operator == operator else c.TakeOver
        self._ask(
            kind(id=f"o{self.clock}", at=self.clock, operator=operator, epoch=self.state.epoch)
        )

    @rule()
    def an_operator_replies(self) -> None:
        self.clock += 1
        self._ask(
            c.ReplyAsOperator(
                id=f"r{self.clock}",
                at=self.clock,
                operator=self.state.operator or "ana",
                epoch=self.state.epoch,
                text="Hello.",
            )
        )

    @rule()
    def the_host_of_a_turn_dies(self) -> None:
        self._ask(c.ResumeTurn(id="watch", at=self.clock))

    @rule()
    def a_snapshot_is_taken(self) -> None:
        self.snapshot = (len(self.log), msgspec.msgpack.encode(self.state))

    @invariant()
    def each_message_is_in_the_log_once_and_answered_at_most_once(self) -> None:
        received: list[str] = []
        answered: list[str] = []
        for fact in (fact for facts in self.log for fact in facts):
            if isinstance(fact, e.MessageReceived):
                received.append(fact.message)
            if isinstance(fact, e.AnswerRecorded | e.TurnFailed):
                answered.extend(fact.in_reply_to)
        assert len(received) == len(set(received))
        assert len(answered) == len(set(answered))
        assert set(answered) <= set(received)

    @invariant()
    def no_answer_stands_under_an_epoch_that_was_over(self) -> None:
        epoch, mode = 1, "ai"
        for fact in (fact for facts in self.log for fact in facts):
            if isinstance(fact, e.ModeChanged):
                assert fact.epoch == epoch + 1
                epoch, mode = fact.epoch, fact.mode
            if isinstance(fact, e.AnswerRecorded):
                assert (fact.epoch, mode) == (epoch, "ai")

    @invariant()
    def while_the_ai_speaks_every_unanswered_message_has_an_open_turn(self) -> None:
        if self.state.mode == "ai" and self.state.unanswered:
            assert self.state.turn is not None
            assert set(self.state.unanswered) <= set(self.state.turn.answers)

    @invariant()
    def the_state_is_bounded(self) -> None:
        state = self.state
        assert len(state.seen) <= SEEN
        assert len(state.unanswered) <= UNANSWERED
        assert len(state.memory.window) <= WINDOW_MESSAGES
        assert len(state.memory.summary) <= SUMMARY_CHARS
        window = state.memory.window
        assert len(window) <= 1 or sum(item.tokens for item in window) <= WINDOW_TOKENS

    @invariant()
    def a_snapshot_and_the_tail_fold_to_the_same_as_everything(self) -> None:
        place, payload = self.snapshot
        state = msgspec.msgpack.decode(payload, type=State)
        for version, facts in enumerate(self.log[place:], start=place + 1):
            state = fold(state, version, facts)
        assert state == self._folded() == self.state


TestConversation = Conversation.TestCase
TestConversation.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, derandomize=True
)
