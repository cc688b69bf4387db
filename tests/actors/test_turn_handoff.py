"""A turn that calls for a person: instead of its answer, or with it; and what it must not do."""

from __future__ import annotations

import msgspec
import pytest
from turn_parts import SHIPPING, STREAM, Ears, Library, Model, Pushed, asked, runner

from actors.conversation import commands as c
from actors.conversation.decide import OpenTurn, State, decide, fold, initial
from actors.ports import Passage, Said, Signals, SignalsFailed
from actors.turn import ai_turn as turns
from events import conversation as e
from events.live.frames import Delta
from events.tenancy import HandoffPolicy

PERSON = "I want to talk to a person"
QUESTION = "How long is shipping to Spain?"
WISH = Ears({PERSON: Signals(person=0.9)})
UNSURE = msgspec.structs.replace(SHIPPING, score=0.5)
FAR = Passage(chunk="k", document="d", title="t", text="Lamps.", score=0.1, rank_score=0)
ANA = {"operator": "op-ana", "operator_name": "Ana"}


def told(*commands: c.ConversationCommand) -> State:
    """The state after these, each of which must be accepted."""
    state = initial("demo", "c1")
    for number, command in enumerate(commands, start=1):
        facts = decide(state, command)
        assert isinstance(facts, tuple), facts
        state = fold(state, number, facts)
    return state


def says(number: int, text: str) -> c.ReceiveMessage:
    return c.ReceiveMessage(id=f"m{number}", at=number, text=text)


def open_turn(state: State) -> OpenTurn:
    assert state.turn is not None
    return state.turn


async def outcome(
    state: State,
    *,
    ears: Ears | None = None,
    policy: HandoffPolicy | None = None,
    library: Library | None = None,
    model: Model | None = None,
    pushed: Pushed | None = None,
) -> c.RecordAnswer | c.FailTurn | c.RequestHandoff:
    taker = runner(
        library or Library(), model or Model(), pushed or Pushed(), ears=ears, policy=policy
    )
    return await taker.run(STREAM, state, open_turn(state))


async def test_a_wish_for_a_person_ends_the_turn_with_its_evidence_and_no_answer():
    model, pushed = Model(), Pushed()
    state = told(says(1, PERSON))
    command = await outcome(state, ears=WISH, model=model, pushed=pushed)
    assert isinstance(command, c.RequestHandoff)
    assert (command.reason, command.evidence, command.message) == ("visitor_words", PERSON, "m1")
    assert (command.score, command.locale, command.epoch) == (0.9, "en", 1)
    assert model.requests == []
    assert pushed.text == ""
    facts = decide(state, command)
    assert isinstance(facts, tuple)
    assert [type(fact) for fact in facts] == [
        e.TurnCancelled,
        e.HandoffRequested,
        e.NoticePosted,
    ]


async def test_it_does_not_wait_for_a_search_that_hangs():
    command = await outcome(told(says(1, PERSON)), ears=WISH, library=Library(hangs=True))
    assert isinstance(command, c.RequestHandoff)


async def test_below_its_threshold_or_with_the_reason_off_the_ai_answers():
    ears = Ears({QUESTION: Signals(person=0.49, distress=0.49, authority=0.49)})
    command = await outcome(told(says(1, QUESTION)), ears=ears)
    assert isinstance(command, c.RecordAnswer)
    assert (command.kind, command.handoff) == ("answer", None)
    ears = Ears({QUESTION: Signals(person=1, distress=1, authority=1)})
    off = HandoffPolicy(words=0, distress=0, authority=0)
    command = await outcome(told(says(1, QUESTION)), ears=ears, policy=off)
    assert isinstance(command, c.RecordAnswer)


async def test_a_wish_for_a_person_goes_before_anger():
    both = Ears({PERSON: Signals(person=0.6, distress=0.9)})
    command = await outcome(told(says(1, PERSON)), ears=both)
    assert isinstance(command, c.RequestHandoff)
    assert command.reason == "visitor_words"


@pytest.mark.parametrize(
    ("signals", "reason"),
    [
        (Signals(distress=0.9), "distress"),
        (Signals(authority=0.9), "authority"),
        (Signals(distress=0.7, authority=0.9), "authority"),
    ],
)
async def test_anger_or_an_order_calls_a_person_beside_the_answer(signals: Signals, reason: str):
    state = told(says(1, QUESTION))
    command = await outcome(state, ears=Ears({QUESTION: signals}))
    assert isinstance(command, c.RecordAnswer)
    assert command.kind == "answer"
    assert command.handoff is not None
    assert (command.handoff.reason, command.handoff.evidence) == (reason, QUESTION)
    facts = decide(state, command)
    assert isinstance(facts, tuple)
    assert [type(fact) for fact in facts] == [
        e.AnswerRecorded,
        e.HandoffRequested,
        e.NoticePosted,
    ]


async def test_who_is_angry_and_gets_no_answer_is_not_asked_whether_a_person_is_wanted():
    angry = Ears({QUESTION: Signals(distress=0.9)})
    command = await outcome(told(says(1, QUESTION)), ears=angry, library=Library(passages=()))
    assert isinstance(command, c.RecordAnswer)
    assert (command.kind, command.text.count("?")) == ("unknown", 0)
    assert command.handoff is not None


async def test_any_of_the_messages_that_a_turn_answers_may_call_a_person():
    state = told(says(1, QUESTION), says(2, PERSON), says(3, "hurry"))
    command = await outcome(state, ears=WISH)
    assert isinstance(command, c.RequestHandoff)
    assert command.message == "m2"


async def test_what_was_measured_stands_beside_the_answer():
    ears = Ears({QUESTION: Signals(person=0.12, distress=0.034, authority=0.2)})
    command = await outcome(told(says(1, QUESTION)), ears=ears)
    assert isinstance(command, c.RecordAnswer)
    assert command.guard["person"] == 0.12
    assert command.guard["distress"] == 0.034
    assert command.guard["authority"] == 0.2
    assert command.guard["claims"] == 1.0
    assert "signals" in command.cost.latency_ms


@pytest.mark.parametrize(
    ("ears", "noted"),
    [
        (Ears(fails=SignalsFailed("the embedder is away")), "failed: the embedder is away"),
        (Ears(fails=ValueError("a mistake of ours")), "failed: ValueError"),
        (Ears(hangs=True), "late"),
    ],
)
async def test_a_reader_that_fails_breaks_or_is_slow_costs_no_answer(ears, noted, monkeypatch):
    monkeypatch.setattr(turns, "SIGNALS_GRACE_S", 0.01)
    command = await outcome(told(says(1, QUESTION)), ears=ears)
    assert isinstance(command, c.RecordAnswer)
    assert command.kind == "answer"
    assert command.guard["signals"] == noted


async def test_a_message_that_called_a_person_is_neither_read_again_nor_asked_again():
    state = told(
        says(1, PERSON),
        c.RequestHandoff(id="h", at=2, reason="visitor_words", turn="turn-m1", epoch=1),
        c.TakeOver(id="t", at=3, epoch=1, **ANA),
        c.Release(id="r", at=4, epoch=2, **ANA),
        says(2, QUESTION),
    )
    assert open_turn(state).answers == ("m1", "m2")
    ears, library = Ears({PERSON: Signals(person=0.9)}), Library()
    command = await outcome(state, ears=ears, library=library)
    assert isinstance(command, c.RecordAnswer)
    assert ears.read_of == [QUESTION]
    assert library.asked == [(QUESTION, "en")]


async def test_released_with_the_wish_still_open_the_ai_says_that_it_can_add_nothing():
    state = told(
        says(1, PERSON),
        c.RequestHandoff(id="h", at=2, reason="visitor_words", turn="turn-m1", epoch=1),
        c.TakeOver(id="t", at=3, epoch=1, **ANA),
        c.Release(id="r", at=4, epoch=2, **ANA),
    )
    ears = Ears({PERSON: Signals(person=0.9)})
    policy = HandoffPolicy(unanswered_turns=1)
    command = await outcome(state, ears=ears, library=Library(passages=(FAR,)), policy=policy)
    assert isinstance(command, c.RecordAnswer)
    assert "nothing to add" in command.text
    assert ears.read_of == []
    facts = decide(state, command)
    assert isinstance(facts, tuple)
    assert [type(fact) for fact in facts] == [e.AnswerRecorded]


async def test_while_a_person_is_awaited_the_ai_answers_and_calls_no_second_one():
    state = told(
        says(1, PERSON),
        c.RequestHandoff(id="h", at=2, reason="visitor_words", turn="turn-m1", epoch=1),
        says(2, PERSON),
    )
    policy = HandoffPolicy(unanswered_turns=1)
    library = Library(passages=(FAR,))
    command = await outcome(state, ears=WISH, policy=policy, library=library)
    assert isinstance(command, c.RecordAnswer)
    assert (command.kind, command.handoff) == ("unknown", None)
    assert "Would you like" not in command.text, "a person is on the way already"


async def test_a_yes_to_the_offer_of_a_person_calls_one_and_a_yes_to_nothing_does_not():
    offered = told(
        says(1, QUESTION),
        c.RecordAnswer(
            id="a",
            at=2,
            turn="turn-m1",
            epoch=1,
            kind="unknown",
            text="I don't know. Would you like me to hand this conversation to a person?",
        ),
    )
    facts = decide(offered, says(2, "yes please"))
    assert isinstance(facts, tuple)
    command = await outcome(fold(offered, 9, facts))
    assert isinstance(command, c.RequestHandoff)
    assert (command.reason, command.message) == ("visitor_words", "m2")
    assert command.evidence.startswith("yes please (asked: I don't know.")
    assert isinstance(await outcome(told(says(1, "yes please"))), c.RecordAnswer)
    facts = decide(offered, says(2, "no thanks"))
    assert isinstance(facts, tuple)
    assert isinstance(await outcome(fold(offered, 9, facts)), c.RecordAnswer)


async def test_an_answer_that_is_less_sure_than_the_policy_wants_goes_out_and_calls_a_person():
    state = told(says(1, QUESTION))
    library = Library(passages=(UNSURE,))
    command = await outcome(state, library=library, policy=HandoffPolicy(low_confidence=0.9))
    assert isinstance(command, c.RecordAnswer)
    assert command.kind == "answer"
    assert command.handoff is not None
    assert command.handoff.reason == "low_confidence"
    assert command.handoff.evidence == f"confidence {command.confidence:.2f}, less than 0.90"
    sure = await outcome(state, policy=HandoffPolicy(low_confidence=0.9))
    assert isinstance(sure, c.RecordAnswer)
    assert sure.handoff is None


async def test_an_answer_of_which_the_guard_held_much_back_calls_a_person():
    model = Model(says=("Orders to Spain arrive within 3 working days [1]. ", "It is free [1]."))
    state = told(says(1, QUESTION))
    command = await outcome(state, model=model, policy=HandoffPolicy(guard=0.4))
    assert isinstance(command, c.RecordAnswer)
    assert command.handoff == c.HandoffEvidence(
        reason="guard",
        evidence="50% of the answer was held back by the guard, more than 40%",
        score=0.5,
    )
    half = await outcome(state, model=model, policy=HandoffPolicy(guard=0.5))
    assert isinstance(half, c.RecordAnswer)
    assert half.handoff is None


async def test_so_many_turns_without_an_answer_call_a_person_and_the_last_offers_none():
    state = told(says(1, QUESTION))
    library = Library(passages=(FAR,))
    first = await outcome(state, library=library)
    assert isinstance(first, c.RecordAnswer)
    assert first.handoff is None
    assert "Would you like" in first.text
    facts = decide(state, first)
    assert isinstance(facts, tuple)
    state = fold(state, 2, facts)
    facts = decide(state, says(2, "And to Mongolia?"))
    assert isinstance(facts, tuple)
    second = await outcome(fold(state, 3, facts), library=library)
    assert isinstance(second, c.RecordAnswer)
    assert second.handoff is not None
    assert second.handoff.reason == "unanswered_turns"
    assert second.handoff.evidence == "2 turns without an answer"
    assert "Would you like" not in second.text, "one is called with it"
    never = await outcome(
        fold(state, 3, facts), library=library, policy=HandoffPolicy(unanswered_turns=0)
    )
    assert isinstance(never, c.RecordAnswer)
    assert never.handoff is None


async def test_a_turn_that_failed_is_one_without_an_answer():
    command = await outcome(
        told(says(1, QUESTION)),
        library=Library(fails=True),
        policy=HandoffPolicy(unanswered_turns=1),
    )
    assert isinstance(command, c.FailTurn)
    assert command.handoff is not None
    assert command.handoff.reason == "unanswered_turns"


async def test_small_talk_is_not_read_unless_a_phrase_of_the_tenants_might_look_like_it():
    ears = Ears({"hello": Signals(person=1.0)})
    assert isinstance(await outcome(told(says(1, "hello")), ears=ears), c.RecordAnswer)
    assert ears.read_of == []
    policy = HandoffPolicy(person_phrases=("hello",))
    command = await outcome(told(says(1, "hello")), ears=ears, policy=policy)
    assert isinstance(command, c.RequestHandoff)


async def test_of_a_supervised_turn_nothing_reaches_the_visitor():
    state = told(says(1, "hi"), c.Supervise(id="s", at=2, epoch=1, **ANA), says(2, QUESTION))
    pushed = Pushed()
    policy, library = HandoffPolicy(low_confidence=0.9), Library(passages=(UNSURE,))
    command = await outcome(state, pushed=pushed, policy=policy, library=library)
    assert isinstance(command, c.RecordAnswer)
    assert (command.kind, command.handoff) == ("answer", None), "a person looks at it anyway"
    assert pushed.frames == []
    other = Pushed()
    await outcome(told(says(1, QUESTION)), pushed=other)
    assert any(isinstance(frame, Delta) for frame in other.frames)


async def test_what_a_person_said_is_among_the_sources():
    reply = "Your parcel 4711 arrives on Friday."
    state = told(
        says(1, QUESTION),
        c.TakeOver(id="t", at=2, epoch=1, **ANA),
        c.ReplyAsOperator(id="o1", at=3, epoch=2, text=reply, **ANA),
        c.Release(id="r", at=4, epoch=2, **ANA),
        says(2, "When does it arrive?"),
    )
    library = Library()
    await outcome(state, library=library)
    assert library.said == [Said(message="o1", by="Ana", text=reply)]


async def test_without_a_handoff_a_turn_is_as_it_was():
    state, turn = asked(QUESTION)
    library = Library()
    command = await runner(library, Model(), Pushed()).run(STREAM, state, turn)
    assert isinstance(command, c.RecordAnswer)
    assert command.sources[0].chunk == SHIPPING.chunk
    assert library.said == []
