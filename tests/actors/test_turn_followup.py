"""A follow-up at the level of a turn: what is searched, what is recorded, where it stands."""

from __future__ import annotations

import msgspec
from turn_parts import SHIPPING, STREAM, Library, Model, Pushed, runner

from actors.conversation import commands as c
from actors.conversation.decide import OpenTurn, State, decide, fold, initial
from actors.ports import Found, Passage
from events.conversation import Place


def after(*talk: str, locale: str = "") -> tuple[State, OpenTurn]:
    """A conversation in which all but the last message were answered; the last one opens a turn."""
    state = initial("demo", "c1")
    for number, text in enumerate(talk, start=1):
        facts = decide(
            state, c.ReceiveMessage(id=f"m{number}", at=number, text=text, locale=locale)
        )
        assert isinstance(facts, tuple)
        state = fold(state, 2 * number - 1, facts)
        assert state.turn is not None
        if number < len(talk):
            answer = c.RecordAnswer(
                id=f"a{number}",
                at=number,
                turn=state.turn.turn,
                epoch=state.turn.epoch,
                text="Within 3 working days.",
                kind="answer",
                locale="en",
            )
            facts = decide(state, answer)
            assert isinstance(facts, tuple)
            state = fold(state, 2 * number, facts)
    assert state.turn is not None
    return state, state.turn


async def taken(library: Library, model: Model, *talk: str) -> c.RecordAnswer:
    command = await runner(library, model, Pushed()).run(STREAM, *after(*talk))
    assert isinstance(command, c.RecordAnswer)
    return command


async def test_a_follow_up_is_searched_with_what_it_refers_to_and_the_record_says_so():
    library, model = Library(), Model(says=("Shipping costs 4.90 euros [1].",))
    command = await taken(library, model, "Do you ship to Spain?", "thanks", "how much is it?")
    assert library.asked == [("how much is it? ship Spain", "en")]
    assert command.cost.searched == "how much is it? ship Spain"
    assert command.kind == "answer"
    (request,) = model.requests
    assert (request.question, request.searched) == (
        "how much is it?",
        "how much is it? ship Spain",
    )


async def test_a_question_that_stands_alone_is_searched_as_it_is_and_nothing_is_noted():
    library, model = Library(), Model()
    command = await taken(library, model, "Do you sell gift cards?", "How long is the warranty?")
    assert library.asked == [("How long is the warranty?", "en")]
    assert command.cost.searched == ""


async def test_a_follow_up_too_short_to_tell_is_in_the_language_of_what_was_asked_before():
    library = Library()
    talk = ("¿Las bombillas inteligentes funcionan con Alexa?", "Google?")
    await taken(library, Model(), *talk)
    assert [locale for _, locale in library.asked] == ["es"]


async def test_what_can_be_answered_is_judged_with_what_it_refers_to():
    """`late` stands on no page; `cancel` and `order` do."""
    orders = Passage(
        chunk="k2",
        document="d2",
        title="Can I cancel my order?",
        text="You can cancel the order free of charge until it leaves the warehouse.",
        locale="en",
        score=0.35,
        rank_score=1.0,
    )
    model = Model(says=("You can cancel the order until it leaves the warehouse [1].",))
    command = await taken(
        Library(passages=(orders,)), model, "Can I cancel my order?", "how late is that?"
    )
    assert command.kind == "answer"
    alone = await taken(Library(passages=(orders,)), model, "how late is that?")
    assert alone.kind == "unknown"


class _Standing(Library):
    """Says in which state of the knowledge it looked."""

    async def search(self, *args: object, **more: object) -> Found:
        found = await super().search(*args, **more)  # type: ignore[arg-type]
        return msgspec.structs.replace(found, knowledge=41, space="a-space")


async def test_an_answer_says_what_it_stood_on_and_its_source_where_it_stands():
    page = msgspec.structs.replace(SHIPPING, place=Place(page=7), version=12)
    question = "How long is shipping to Spain?"
    command = await taken(_Standing(passages=(page,)), Model(), question)
    assert (command.cost.knowledge, command.cost.space) == (41, "a-space")
    assert command.cost.model == "scripted"
    (source,) = command.sources
    assert (source.place, source.version) == (Place(page=7), 12)


async def test_an_honest_i_dont_know_says_what_it_stood_on_too():
    far = msgspec.structs.replace(SHIPPING, score=0.1)
    command = await taken(_Standing(passages=(far,)), Model(), "What is the capital of Peru?")
    assert (command.kind, command.cost.knowledge) == ("unknown", 41)


async def test_a_source_that_has_no_place_names_none():
    command = await taken(Library(), Model(), "How long is shipping to Spain?")
    assert command.sources[0].place is None
