"""The conversations that the vectors hold: told ones, and random ones from fixed seeds.

All of them go through the real decider and the real envelope; only time, ids and chance are set.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from vector_texts import EMOJI, HOSTILE, MARKDOWN, ODD, PLAIN, long, pick, text

from actors.conversation import commands as c
from actors.conversation.decide import decide, fold, initial
from events.conversation import Place, Source, TurnCost
from events.log.envelope import decode_commit, encode_commit
from events.log.event_log import Commit, Head, NewCommit
from events.log.stream import conversation_stream

START = 1_760_000_000_000
OPERATORS = (("ana", "Ana"), ("ben", "Ben Ölsen"), ("chloe", "Chloé <b>"))


class Story:
    """A conversation under way: what is asked of it is decided, stored and folded."""

    def __init__(self, conversation: str, *, seed: int = 1) -> None:
        self.stream = conversation_stream("demo", conversation)
        self.state = initial("demo", conversation)
        self.commits: list[Commit] = []
        self.rng = Random(seed)
        self.at = START
        self.count = 0

    def wait(self, seconds: float) -> None:
        self.at += round(seconds * 1000)

    def ask(self, command: type[c.Command], *, ident: str = "", **fields: Any) -> bool:
        """Whether facts came of it. The version grows as it does among other conversations."""
        self.count += 1
        made = command(id=ident or f"x{self.count}", at=self.at, **fields)
        decision = decide(self.state, made)  # type: ignore[arg-type]  # one of the union
        if not isinstance(decision, tuple):
            return False
        after = self.commits[-1].head if self.commits else Head()
        new = NewCommit(
            commit_id=f"{made.id}@{after.number + 1}", facts=decision, causation_id=made.id
        )
        version = after.version + 1 + int(self.rng.random() * 4)
        commit = decode_commit(self.stream, version, encode_commit(self.stream, new, after=after))
        self.commits.append(commit)
        self.state = fold(self.state, commit.version, commit.facts)
        return True

    # What a story is told in.

    def visitor(self, words: str, *, locale: str = "en", **more: Any) -> None:
        self.wait(4)
        self.ask(c.ReceiveMessage, ident=f"m{self.count + 1}", text=words, locale=locale,
                 visitor="v-1", **more)  # fmt: skip

    def answers(self, words: str, **more: Any) -> None:
        self.wait(0.8)
        assert self.state.turn, "no turn is open"
        turn = self.state.turn
        self.ask(c.RecordAnswer, turn=turn.turn, epoch=turn.epoch, text=words, **(COMPOSED | more))

    def operator(self, command: type[c.OperatorCommand], who: int = 0, **more: Any) -> None:
        self.wait(6)
        name = {"operator": OPERATORS[who][0], "operator_name": OPERATORS[who][1]}
        if issubclass(command, c.FencedCommand):
            more = {"epoch": self.state.epoch} | more
        assert self.ask(command, **name, **more), command

    @property
    def draft(self) -> str:
        assert self.state.draft, "no draft waits"
        return self.state.draft.draft


QUOTE = "You may return any lamp within 30 days, in its box, used or not."
SOURCES = (
    Source(n=1, chunk="returns#0", document="returns", title="Returns and refunds", quote=QUOTE,
           url="https://casa-lumen.example/help/returns", score=0.8125),
    Source(n=2, chunk="refunds#1", document="refunds", title="How refunds are paid",
           quote="The money is back within five days.", score=0.6113),
)  # fmt: skip
COST = TurnCost(
    model="extractive", prompt_version="quotes-3", input_tokens=812, output_tokens=41,
    latency_ms={"embed": 3.1, "search": 4.25, "prepare": 9.5, "first_text": 12.75, "total": 31.2},
)  # fmt: skip
COMPOSED: dict[str, Any] = {
    "sources": SOURCES,
    "confidence": 0.8125,
    "guard": {"supported": 2, "held_back": 0.5, "reason": "ok", "clean": True},
    "cost": COST,
    "locale": "en",
}
QUEUE = c.Reception(place=2, open=True)
AWAY = c.Reception(open=False, opens_day=1, opens_at="09:00", timezone="Europe/Madrid", silent=True)


def two_handoffs() -> list[Commit]:
    """Asks, wants a person, is taken over (and over again), released, wants one again, resolved."""
    story = Story("two-handoffs")
    story.visitor("Can I return a lamp that I have used?")
    story.answers("Yes: you may return any lamp within 30 days, in its box, used or not [1].")
    story.wait(40)
    story.visitor("I want a person")
    turn = story.state.turn
    assert turn
    story.wait(0.5)
    story.ask(c.RequestHandoff, ident=f"handoff:{turn.turn}", turn=turn.turn, epoch=turn.epoch,
              reason="visitor_words", evidence="like “I want a person”", message=turn.answers[-1],
              score=0.93, locale="en", reception=QUEUE)  # fmt: skip
    story.visitor("are you there?")
    story.answers("I am here. A person has been called.", kind="smalltalk", sources=(), guard={})
    story.wait(95)
    story.operator(c.TakeOver, 0)
    story.operator(c.AddNote, 1, text="She has a damaged box. <b>Be kind</b>.")
    story.operator(c.ReplyAsOperator, 0, text="Hello, I am Ana. The box does not matter at all.")
    story.visitor("wonderful 😊 and the bulb in it?")
    story.operator(c.TakeOver, 1, openly=True)
    story.operator(c.ReplyAsOperator, 1, text="Ben here: keep the bulb.")
    story.wait(200)
    story.operator(c.Release, 1, to="ai")
    story.wait(7200)
    story.visitor("How are refunds paid?")
    story.answers("The money is back within five days [2].", sources=SOURCES[1:])
    story.visitor("this bot is useless, my refund is not there!!")
    turn = story.state.turn
    assert turn
    story.wait(0.4)
    story.ask(c.FailTurn, turn=turn.turn, epoch=turn.epoch, reason="timeout",
              detail="no answer within 20 s",
              handoff=c.HandoffEvidence(reason="distress", evidence="anger: 0.81", score=0.81,
                                        message=turn.answers[-1]),
              reception=AWAY)  # fmt: skip
    story.wait(36000)
    story.operator(c.TakeOver, 0)
    story.operator(c.ReplyAsOperator, 0, text="Found it: it is on its way.",
                   html="<p>Found it: it is <strong>on its way</strong>.</p>")  # fmt: skip
    story.wait(600)
    story.ask(c.LapseLease, operator="ana", epoch=story.state.epoch, to="queue", reception=QUEUE)
    story.operator(c.TakeOver, 2)
    story.operator(c.Resolve, 2)
    story.wait(30)
    story.ask(c.RateAnswer, score=4)
    story.visitor("one more thing: thank you!")
    story.answers("You are welcome.", kind="smalltalk", sources=(), guard={})
    return story.commits


def supervised() -> list[Commit]:
    """Drafts: approved, edited, rejected, void because the visitor wrote, or the mode changed."""
    story = Story("supervised", seed=2)
    story.visitor("¿Puedo devolver la lámpara?", locale="es-MX", supervised=True)
    story.answers("Sí, en 30 días [1].", locale="es")
    story.operator(c.Supervise, 0)
    story.visitor("¿Y el dinero?", locale="es")
    story.answers("El dinero llega en cinco días [1]. Y la caja no importa [2].", locale="es")
    story.operator(c.ApproveDraft, 0, draft=story.draft)
    story.visitor("¿Seguro?", locale="es")
    story.answers("Seguro [1] [2]. 👍", locale="es")
    story.operator(
        c.ApproveDraft, 0, draft=story.draft, text="Seguro, en cinco días hábiles [2]. 👍🏽"
    )
    story.visitor("vale", locale="es")
    story.answers("No lo sé.", kind="unknown", sources=())
    story.operator(c.RejectDraft, 0, draft=story.draft, reason="It does know; see returns.")
    story.visitor("¿hola?", locale="es")
    story.answers("¡Hola!", kind="smalltalk", sources=())
    story.visitor("¿hay alguien?", locale="es")
    story.answers("Sí, aquí estoy.", kind="smalltalk", sources=())
    story.operator(c.ReplyAsOperator, 0, text="Aquí estoy, soy Ana.")
    story.visitor("quiero **dos** lámparas", locale="es")
    turn = story.state.turn
    assert turn
    story.ask(c.FailTurn, turn=turn.turn, epoch=turn.epoch, reason="model_error", detail="x" * 600)
    story.visitor("¿sí?", locale="es")
    story.answers(MARKDOWN[0], cost=TurnCost(model="openai/some-model", prompt_version="p-7"))
    story.operator(c.Release, 0, to="ai")
    story.answers(MARKDOWN[0], cost=TurnCost(model="openai/some-model", prompt_version="p-7"))
    story.visitor("¿me lo mandas?", locale="es")
    story.operator(c.Resolve, 0)
    story.visitor("otra cosa", locale="es")
    story.ask(c.ResumeTurn)
    story.operator(c.Supervise, 1)
    story.answers("¿Qué cosa?")
    story.operator(c.Resolve, 1)
    story.visitor("sí", locale="es")
    story.operator(c.Supervise, 1)
    story.answers("Claro.")
    story.operator(c.TakeOver, 1)
    return story.commits


def placed() -> list[Commit]:
    """Sources that know their place and version: an answer, a follow-up, drafts that wait."""
    story = Story("placed", seed=5)
    in_pdf = Source(n=1, chunk="0f" * 16, document="warranty-pdf", title="Warranty", quote=QUOTE,
                    url="https://casa-lumen.example/warranty.pdf", score=0.75,
                    place=Place(page=3), version=41)  # fmt: skip
    in_sheet = Source(n=2, chunk="1e" * 16, document="prices-xlsx", title="Prices", version=57,
                      quote="Floor lamp: 89 EUR", place=Place(sheet="Lamps", row=12))  # fmt: skip
    nowhere = Source(n=3, chunk="2d" * 16, document="plain", title="Plain", quote="Text.",
                     place=Place(), version=9)  # fmt: skip
    cost = TurnCost(model="extractive", latency_ms={"search": 4.5}, knowledge=61,
                    space="minilm-384-unit", searched="warranty of a floor lamp")  # fmt: skip
    story.visitor("How long is the warranty?")
    story.answers("Two years [1].", sources=(in_pdf,), cost=COST)
    story.visitor("and for a floor lamp?")
    story.answers("Two years too [1] [2].", sources=(in_pdf, in_sheet), cost=cost)
    story.operator(c.Supervise, 0)
    story.visitor("what does it cost?")
    story.answers("89 EUR [2] [3].", sources=(in_sheet, nowhere), cost=cost)
    story.operator(c.ApproveDraft, 0, draft=story.draft)
    story.visitor("thanks")
    story.answers("Slides say so too [1].", cost=cost, sources=(
        Source(n=1, chunk="3c" * 16, document="deck", title="Deck", quote="Q",
               place=Place(slide=2, anchor="end")),))  # fmt: skip
    return story.commits


def long_texts() -> list[Commit]:
    """The window overflows by its tokens, the summary by its length; both in emoji too."""
    story = Story("long-texts", seed=3)
    for place in range(16):
        words = long(Random(place), 2000) if place % 2 else EMOJI[place % len(EMOJI)] * 20
        story.visitor(words[:2000])
        story.answers(
            f"{words} {'💡ñ. ' * 30}" if place % 5 else long(Random(place), 4500), guard={}
        )
        if place == 9:
            memory = story.state.memory
            story.ask(c.RecordSummary, text="💡" * 2100, through=memory.summarized_through)
    return story.commits


def hostile() -> list[Commit]:
    """Everything a person can write, written in every place where a person can write."""
    story = Story("hostile", seed=4)
    texts = (*HOSTILE, *ODD, *EMOJI)
    for words in texts:
        story.visitor(words)
        model = {"cost": TurnCost(model="openai/some-model", prompt_version=words[:20])}
        source = Source(
            n=1, chunk="k", document=words, title=words, quote=words, url="javascript:alert(1)"
        )
        story.answers(f"{words} [1]", sources=(source,), guard={words[:30] or "x": words}, **model)
    story.operator(c.TakeOver, 2, reason=HOSTILE[0])
    for words in texts[:6]:
        story.operator(c.ReplyAsOperator, 2, text=words, html=words)
        story.operator(c.AddNote, 2, text=words)
    story.operator(c.Supervise, 2)
    story.visitor(HOSTILE[1])
    story.answers(HOSTILE[2])
    story.operator(c.ApproveDraft, 2, draft=story.draft, text=HOSTILE[3])
    story.visitor(HOSTILE[4])
    story.answers(HOSTILE[5])
    story.operator(c.RejectDraft, 2, draft=story.draft, reason=HOSTILE[0])
    return story.commits


def very_long(facts: int) -> list[Commit]:
    """A conversation that goes on until it holds so many facts: weeks of talk, now and then a
    person, now and then a failure. No vector, but what the page is measured with."""
    story = Story("very-long", seed=6)
    held = 0
    while held < facts:
        before = len(story.commits)
        story.wait(pick(story.rng, (1, 5, 20, 60, 4000)))
        story.visitor(pick(story.rng, (*PLAIN, *EMOJI)))
        if len(story.commits) % 40 < 2 and story.state.mode == "ai":
            story.operator(c.TakeOver, len(story.commits) % 3)
        if story.state.mode == "human":
            who = next(i for i, one in enumerate(OPERATORS) if one[0] == story.state.operator)
            story.operator(c.ReplyAsOperator, who, text="Let me see. It is on its way.")
            if story.rng.random() < 0.3:
                story.operator(c.Release, who, to="ai")
        elif story.rng.random() < 0.02:
            turn = story.state.turn
            assert turn
            story.ask(c.FailTurn, turn=turn.turn, epoch=turn.epoch, reason="timeout")
        else:
            story.answers("You may return any lamp within 30 days [1]. 💡")
        held += sum(len(commit.facts) for commit in story.commits[before:])
    return story.commits


def random_story(seed: int, length: int) -> list[Commit]:
    story = Story(f"random-{seed}", seed=seed)
    story.visitor(pick(story.rng, PLAIN))
    while len(story.commits) < length:
        story.wait(pick(story.rng, (0, 0.2, 1, 3, 10, 30, 300, 90000)))
        pick(story.rng, MOVES)(story)
    return story.commits


# What happens next, by chance: most moves are asked for whether they may be done or not.


def _visitor_writes(story: Story) -> None:
    locale = pick(story.rng, ("", "en", "es", "es-MX"))
    story.visitor(text(story.rng, longest=pick(story.rng, (300, 2000))), locale=locale)


def _turn_ends(story: Story) -> None:
    turn = story.state.turn
    if turn is None:
        return
    rng = story.rng
    bound: dict[str, Any] = {"turn": turn.turn, "epoch": turn.epoch}
    wanted = c.HandoffEvidence(reason=pick(rng, ("guard", "low_confidence", "unanswered_turns")),
                               evidence=text(rng)[:80], score=0.25)  # fmt: skip
    beside = {"handoff": wanted, "reception": _reception(rng)} if rng.random() < 0.15 else {}
    roll = rng.random()
    if roll < 0.7:
        kind = pick(rng, ("answer", "answer", "unknown", "smalltalk"))
        cost = {"cost": TurnCost(model="openai/some-model")} if rng.random() < 0.2 else {}
        story.ask(c.RecordAnswer, text=text(rng), kind=kind, **bound, **(COMPOSED | cost | beside))
    elif roll < 0.85:
        story.ask(c.FailTurn, reason=pick(rng, ("timeout", "model_error")), **bound, **beside)
    else:
        story.ask(c.RequestHandoff, reason=pick(rng, ("visitor_words", "distress", "authority")),
                  evidence=text(rng)[:80], message=pick(rng, (*turn.answers, "")), score=0.75,
                  reception=_reception(rng), **bound)  # fmt: skip


def _host_dies(story: Story) -> None:
    story.ask(c.ResumeTurn)


def _visitor_presses_the_button(story: Story) -> None:
    story.ask(c.RequestHandoff, reception=_reception(story.rng))


def _visitor_rates(story: Story) -> None:
    story.ask(c.RateAnswer, score=1 + int(story.rng.random() * 5))


def _operator_moves(story: Story) -> None:
    rng, state = story.rng, story.state
    who = pick(rng, OPERATORS)
    if state.operator and rng.random() < 0.7:
        who = next(one for one in OPERATORS if one[0] == state.operator)
    names: dict[str, Any] = {
        "operator": who[0],
        "operator_name": who[1] if rng.random() < 0.9 else "",
    }
    fenced = names | {"epoch": state.epoch if rng.random() < 0.9 else state.epoch - 1}
    draft = state.draft.draft if state.draft else "draft-none"
    edited = text(rng) if rng.random() < 0.5 else ""
    words = text(rng, longest=4000)
    onwards = {"to": pick(rng, ("ai", "queue")), "reception": _reception(rng)}
    moves: tuple[Callable[[], bool], ...] = (
        lambda: story.ask(c.TakeOver, openly=rng.random() < 0.5, **fenced),
        lambda: story.ask(c.Supervise, openly=rng.random() < 0.5, **fenced),
        lambda: story.ask(c.Supervise, openly=True, **fenced),
        lambda: story.ask(c.Release, **onwards, **fenced),
        lambda: story.ask(c.ReplyAsOperator, ident=f"r{story.count}", text=words, **fenced),
        lambda: story.ask(c.ReplyAsOperator, ident=f"r{story.count}", text=words, **fenced),
        lambda: story.ask(c.AddNote, text=words, **names),
        lambda: story.ask(c.ApproveDraft, draft=draft, text=edited, **fenced),
        lambda: story.ask(c.ApproveDraft, draft=draft, text=edited, **fenced),
        lambda: story.ask(c.RejectDraft, draft=draft, reason=text(rng)[:300], **fenced),
        lambda: story.ask(c.Resolve, **fenced),
        lambda: story.ask(c.Reopen, **names),
        lambda: story.ask(c.LapseLease, **onwards, **fenced),
    )  # fmt: skip
    pick(rng, moves)()


def _summary_comes(story: Story) -> None:
    through = story.state.memory.summarized_through
    if through:
        story.ask(c.RecordSummary, text=text(story.rng), through=through)


def _reception(rng: Random) -> c.Reception:
    return pick(rng, (QUEUE, AWAY, c.Reception()))


MOVES: tuple[Callable[[Story], None], ...] = (
    *([_visitor_writes] * 5), *([_turn_ends] * 6), *([_operator_moves] * 7),
    _host_dies, _visitor_presses_the_button, _visitor_rates, _summary_comes,
)  # fmt: skip

STORIES: dict[str, tuple[str, Callable[[], list[Commit]]]] = {
    story.__name__: (str(story.__doc__), story)
    for story in (two_handoffs, supervised, placed, long_texts, hostile)
} | {
    f"random_{seed}": (f"Chance, seed {seed}.", lambda seed=seed: random_story(seed, 90))
    for seed in (11, 12, 13, 14, 15)
}
