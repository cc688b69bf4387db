"""Conversations for the console's tests, kept in memory and decided by the real rules.

What happens in them is decided by `actors.conversation.decide` and folded by `queue`, so
that the console is tested against facts and rows as they really are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from actors.conversation import commands as c
from actors.conversation.decide import State, decide, fold, initial
from events import conversation as e
from events.log.event_log import Commit
from events.log.stream import StreamName, conversation_stream
from projections.read_models.queue import QueueRow, taken_in

TENANT = "casa-lumen"

SHIPPING = e.Source(
    n=1,
    chunk="shipping#0",
    document="shipping",
    title="Shipping and delivery",
    quote="Orders leave our warehouse within two working days.",
    url="https://casa-lumen.example/help/shipping",
    score=0.82,
)


@dataclass
class Talk:
    """One conversation, with all that happened in it."""

    stream: StreamName
    state: State
    commits: list[Commit] = field(default_factory=list)
    row: QueueRow | None = None

    @property
    def ident(self) -> str:
        return self.stream.id


class World:
    """`heard` is called with each new commit, once it is in its conversation."""

    def __init__(self) -> None:
        self.talks: dict[str, Talk] = {}
        self.heard: list[Any] = []
        self._version = 0
        self._ids = 0

    def now(self) -> int:
        return int(time.time() * 1000)

    def fresh(self, prefix: str) -> str:
        self._ids += 1
        return f"{prefix}-{self._ids}"

    # Writing.

    def do(self, ident: str, command: c.ConversationCommand) -> Commit | c.Accepted | c.Refused:
        """What the decider makes of `command`, kept."""
        talk = self._talk(ident)
        decision = decide(talk.state, command)
        if isinstance(decision, c.Accepted | c.Refused):
            return decision
        return self.say(ident, *decision)

    def say(self, ident: str, *facts: Any) -> Commit:
        """Keep `facts` as one commit, whether anybody would decide so or not."""
        talk = self._talk(ident)
        self._version += 1
        before = talk.commits[-1] if talk.commits else None
        commit = Commit(
            stream=talk.stream,
            version=self._version,
            number=len(talk.commits) + 1,
            commit_id=f"commit-{self._version}",
            hash=f"{self._version:064x}",
            previous_hash=before.hash if before else "",
            facts=tuple(facts),
        )
        talk.commits.append(commit)
        talk.state = fold(talk.state, commit.version, commit.facts)
        talk.row = taken_in(talk.row, commit)
        for hear in self.heard:
            hear(talk, commit)
        return commit

    def _talk(self, ident: str) -> Talk:
        if ident not in self.talks:
            stream = conversation_stream(TENANT, ident)
            self.talks[ident] = Talk(stream, initial(TENANT, ident))
        return self.talks[ident]

    # What visitors and the AI do.

    def write(
        self,
        ident: str,
        text: str,
        *,
        locale: str = "en",
        visitor: str = "",
        channel: str = "widget",
        ago_s: float = 0,
        message: str = "",
    ) -> str:
        """The visitor writes; the message's id."""
        message = message or self.fresh("m")
        command = c.ReceiveMessage(
            id=message,
            at=self.now() - int(ago_s * 1000),
            text=text,
            locale=locale,
            channel=channel,
            visitor=visitor or f"v-{ident}",
        )
        assert not isinstance(self.do(ident, command), c.Refused)
        return message

    def answer(
        self,
        ident: str,
        text: str,
        *,
        sources: tuple[e.Source, ...] = (),
        kind: e.AnswerKind = "answer",
        confidence: float = 0.86,
        html: str = "",
        guard: dict[str, str | float | bool] | None = None,
        ago_s: float = 0,
    ) -> None:
        """The AI ends its open turn: with an answer, or a draft where a person looks on."""
        turn = self.talks[ident].state.turn
        assert turn is not None, "no turn is open"
        command = c.RecordAnswer(
            id=self.fresh("answer"),
            at=self.now() - int(ago_s * 1000),
            turn=turn.turn,
            epoch=turn.epoch,
            text=text,
            html=html,
            kind=kind,
            locale=self.talks[ident].state.locale,
            sources=sources,
            confidence=confidence,
            guard=guard or {"claims": 2.0, "supported": 2.0},
        )
        assert not isinstance(self.do(ident, command), c.Refused)

    def call(
        self,
        ident: str,
        reason: e.HandoffReason = "visitor_asked",
        *,
        evidence: str = "",
        score: float = 0.0,
        ago_s: float = 0,
    ) -> None:
        """A person is wanted."""
        command = c.RequestHandoff(
            id=self.fresh("call"),
            at=self.now() - int(ago_s * 1000),
            reason=reason,
            evidence=evidence,
            score=score,
            reception=c.Reception(place=1),
        )
        assert not isinstance(self.do(ident, command), c.Refused)

    def rate(self, ident: str, score: int) -> None:
        self.do(ident, c.RateAnswer(id=self.fresh("rate"), at=self.now(), score=score))

    def take(self, ident: str, operator: str, name: str, *, openly: bool = False) -> None:
        """A colleague takes it over."""
        command = c.TakeOver(
            id=self.fresh("take"),
            at=self.now(),
            operator=operator,
            operator_name=name,
            epoch=self.talks[ident].state.epoch,
            openly=openly,
        )
        assert not isinstance(self.do(ident, command), c.Refused)

    def supervise(self, ident: str, operator: str, name: str) -> None:
        command = c.Supervise(
            id=self.fresh("supervise"),
            at=self.now(),
            operator=operator,
            operator_name=name,
            epoch=self.talks[ident].state.epoch,
        )
        assert not isinstance(self.do(ident, command), c.Refused)

    def reply(self, ident: str, operator: str, name: str, text: str) -> None:
        command = c.ReplyAsOperator(
            id=self.fresh("reply"),
            at=self.now(),
            operator=operator,
            operator_name=name,
            epoch=self.talks[ident].state.epoch,
            text=text,
        )
        assert not isinstance(self.do(ident, command), c.Refused)

    def note(self, ident: str, operator: str, name: str, text: str) -> None:
        who = {"operator": operator, "operator_name": name}
        self.do(ident, c.AddNote(id=self.fresh("note"), at=self.now(), text=text, **who))

    def resolve(self, ident: str, operator: str, name: str) -> None:
        command = c.Resolve(
            id=self.fresh("resolve"),
            at=self.now(),
            operator=operator,
            operator_name=name,
            epoch=self.talks[ident].state.epoch,
        )
        assert not isinstance(self.do(ident, command), c.Refused)

    def waiting(self, ident: str, text: str = "I want a person", *, ago_s: float = 60) -> None:
        """A visitor asked something, was answered, and asked for a person `ago_s` ago."""
        self.write(ident, "How long does shipping take?", ago_s=ago_s + 30)
        self.answer(ident, "Two working days [1].", sources=(SHIPPING,), ago_s=ago_s + 25)
        self.write(ident, text, ago_s=ago_s + 2)
        self.call(ident, "visitor_words", evidence=text, score=0.93, ago_s=ago_s)
