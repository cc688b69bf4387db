"""Given these facts, when this command comes, then these facts follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.conversation import commands as c
from actors.conversation.decide import Decision, State, decide, fold, initial
from events.conversation import Fact


@dataclass
class Given:
    """A conversation in which `facts` have happened, each in its own commit."""

    facts: Sequence[Fact] = ()
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self.state = initial("demo", "c1")
        for version, fact in enumerate(self.facts, start=1):
            self.state = fold(self.state, version, [fact])

    def when(self, command: c.ConversationCommand) -> Outcome:
        return Outcome(self.state, decide(self.state, command))


@dataclass
class Outcome:
    state: State
    decision: Decision

    def then(self, *facts: Fact) -> State:
        """Exactly these facts; returns the state after them."""
        assert self.decision == facts
        return fold(self.state, self.state.version + 1, facts)

    def then_refused(self, code: str) -> None:
        assert isinstance(self.decision, c.Refused), self.decision
        assert self.decision.code == code

    def then_already_done(self, version: int) -> None:
        assert self.decision == c.Accepted(version=version, duplicate=True)
