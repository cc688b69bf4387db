"""Conversations whose facts the real decider gave, told by hand or wandered into by chance."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from actors.conversation import commands as c
from actors.conversation.decide import State, decide, fold, initial
from events.conversation import Source, TurnCost
from events.log.event_log import Head, NewCommit
from events.log.stream import conversation_stream

if TYPE_CHECKING:
    from events.log.event_log import Commit, EventLog

START = 1_760_000_000_000
ANA = {"operator": "ana", "operator_name": "Ana Ruiz"}
BEN = {"operator": "ben", "operator_name": "Ben Okri"}
SOURCES = (
    Source(n=1, chunk="k1", document="d1", title="Returns", quote="within 30 days", url="/returns"),
    Source(n=2, chunk="k2", document="d1", title="Refunds", quote="within five days"),
)
COMPOSED: dict[str, Any] = {
    "sources": SOURCES,
    "confidence": 0.75,
    "guard": {"supported": 2, "clean": True},
    "cost": TurnCost(model="extractive", prompt_version="1", latency_ms={"search": 1.5}),
    "locale": "en",
}


class Desk:
    """A tenant at work: what is asked is decided, stored in the log and folded.

    `commits` are all that came of it, in log order; `states` the conversations as they stand.
    """

    def __init__(self, log: EventLog, tenant: str, *, seed: int = 1) -> None:
        self.log, self.tenant, self.rng = log, tenant, Random(seed)
        self.at = START
        self.commits: list[Commit] = []
        self.states: dict[str, State] = {}
        self._heads: dict[str, Head] = {}
        self._count = 0

    def wait(self, seconds: float) -> None:
        self.at += round(seconds * 1000)

    async def ask(
        self, conversation: str, command: type[c.Command], *, ident: str = "", **fields: Any
    ) -> Commit | None:
        """The commit that came of it; None where the decider had nothing to add."""
        self._count += 1
        made = command(id=ident or f"x{self._count}", at=self.at, **fields)
        state = self.states.get(conversation) or initial(self.tenant, conversation)
        decision = decide(state, made)  # type: ignore[arg-type]  # one of the union
        if not isinstance(decision, tuple):
            return None
        head = self._heads.get(conversation, Head())
        new = NewCommit(commit_id=f"{made.id}@{head.number + 1}", facts=decision)
        stream = conversation_stream(self.tenant, conversation)
        await self.log.append(stream, new, expected=head)
        commit = await self.log.last(stream)  # as every reader sees it, through the envelope
        assert commit is not None
        self._heads[conversation] = commit.head
        self.states[conversation] = fold(state, commit.version, commit.facts)
        self.commits.append(commit)
        return commit

    async def done(self, conversation: str, command: type[c.Command], **fields: Any) -> Commit:
        """As `ask`, of what must be possible; the epoch is the one that holds."""
        if issubclass(command, c.FencedCommand):
            fields = {"epoch": self.states[conversation].epoch} | fields
        commit = await self.ask(conversation, command, **fields)
        assert commit is not None, command
        return commit

    async def visitor(self, conversation: str, text: str, **more: Any) -> Commit:
        return await self.done(
            conversation, c.ReceiveMessage, text=text, **({"locale": "en", "visitor": "v1"} | more)
        )

    async def answers(self, conversation: str, text: str, **more: Any) -> Commit:
        """The open turn gives this; in a supervised conversation it becomes a draft."""
        turn = self.states[conversation].turn
        assert turn is not None, "no turn is open"
        return await self.done(
            conversation,
            c.RecordAnswer,
            turn=turn.turn,
            epoch=turn.epoch,
            text=text,
            **(COMPOSED | more),
        )

    def draft(self, conversation: str) -> str:
        draft = self.states[conversation].draft
        assert draft is not None, "no draft waits"
        return draft.draft


# By chance: most moves are asked for whether they may be done or not.

WORDS = (
    "where is my lamp",
    "¿dónde está mi envío?",
    "I want a refund, now",
    "nul \x00 in the middle, \U0001f600 and 'quotes'",
    "Grüße",
)
RECEPTIONS = (c.Reception(place=1), c.Reception(silent=True), c.Reception(open=False))


async def wander(desk: Desk, *, steps: int, conversations: int = 3) -> None:
    """`steps` random moves in as many conversations."""
    for _ in range(steps):
        conversation = f"c{desk.rng.randrange(conversations)}"
        desk.wait(desk.rng.choice((0, 0, 0.3, 4, 60, 4000)))
        if conversation not in desk.states:
            supervised, visitor = desk.rng.random() < 0.3, desk.rng.choice(("", "v1", "v2"))
            await desk.visitor(conversation, "hello", supervised=supervised, visitor=visitor)
            continue
        await desk.rng.choice(MOVES)(desk, conversation)


async def _writes(desk: Desk, conversation: str) -> None:
    supervised, locale = desk.rng.random() < 0.3, desk.rng.choice(("", "en", "es"))
    text = desk.rng.choice(WORDS)
    await desk.visitor(conversation, text, supervised=supervised, locale=locale)


async def _turn_ends(desk: Desk, conversation: str) -> None:
    turn, rng = desk.states[conversation].turn, desk.rng
    if turn is None:
        return
    bound: dict[str, Any] = {"turn": turn.turn, "epoch": turn.epoch}
    reception: dict[str, Any] = {"reception": rng.choice(RECEPTIONS)}
    evidence = c.HandoffEvidence(reason="guard", evidence="0.6 > 0.5", score=0.6)
    beside = {"handoff": evidence, **reception} if rng.random() < 0.2 else {}
    roll = rng.random()
    if roll < 0.7:
        kind = rng.choice(("answer", "unknown", "smalltalk"))
        text = rng.choice(WORDS)
        await desk.ask(
            conversation, c.RecordAnswer, text=text, kind=kind, **bound, **COMPOSED, **beside
        )
    elif roll < 0.85:
        await desk.ask(conversation, c.FailTurn, reason="timeout", **bound, **beside)
    else:
        await desk.ask(
            conversation,
            c.RequestHandoff,
            reason="distress",
            evidence="useless!",
            message=turn.answers[-1],
            score=0.8,
            **bound,
            **reception,
        )


async def _presses_the_button(desk: Desk, conversation: str) -> None:
    await desk.ask(conversation, c.RequestHandoff, reception=desk.rng.choice(RECEPTIONS))


async def _rates(desk: Desk, conversation: str) -> None:
    await desk.ask(conversation, c.RateAnswer, score=desk.rng.randrange(1, 6))


async def _host_dies(desk: Desk, conversation: str) -> None:
    await desk.ask(conversation, c.ResumeTurn)


async def _operator_moves(desk: Desk, conversation: str) -> None:
    rng, state = desk.rng, desk.states[conversation]
    who = rng.choice((ANA, BEN))
    if state.operator and rng.random() < 0.7:
        who = {"operator": state.operator, "operator_name": state.operator_name}
    fenced: dict[str, Any] = {**who, "epoch": state.epoch}
    draft = state.draft.draft if state.draft else "none"
    onwards: dict[str, Any] = {
        "to": rng.choice(("ai", "queue")),
        "reception": rng.choice(RECEPTIONS),
    }
    text = rng.choice(WORDS)
    edited, openly = rng.choice(("", text)), rng.random() < 0.5
    command, fields = rng.choice(
        (
            (c.TakeOver, {"openly": openly, **fenced}),
            (c.Supervise, {"openly": openly, **fenced}),
            (c.Release, {**onwards, **fenced}),
            (c.LapseLease, {**onwards, **fenced}),
            (c.ReplyAsOperator, {"text": text, **fenced}),
            (c.ReplyAsOperator, {"text": text, **fenced}),
            (c.AddNote, {"text": text, **who}),
            (c.ApproveDraft, {"draft": draft, "text": edited, **fenced}),
            (c.ApproveDraft, {"draft": draft, "text": edited, **fenced}),
            (c.RejectDraft, {"draft": draft, "reason": "wrong", **fenced}),
            (c.Resolve, fenced),
            (c.Reopen, who),
        )
    )
    await desk.ask(conversation, command, **fields)


MOVES: tuple[Callable[[Desk, str], Any], ...] = (
    *([_writes] * 4),
    *([_turn_ends] * 5),
    *([_operator_moves] * 8),
    _presses_the_button,
    _rates,
    _host_dies,
)
