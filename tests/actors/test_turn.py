"""One AI turn, with the outside scripted: what it records, what it pushes, how it fails."""

from __future__ import annotations

from turn_parts import SHIPPING, STREAM, Library, Model, Pushed, asked, runner

from actors.conversation import commands as c
from actors.conversation.decide import decide
from actors.ports import GenerationFailed, Passage


async def take_turn(
    text: str, library: Library, model: Model, pushed: Pushed, *, timeout_s: float = 5
) -> c.RecordAnswer | c.FailTurn | c.RequestHandoff:
    state, turn = asked(text)
    return await runner(library, model, pushed, timeout_s=timeout_s).run(STREAM, state, turn)


async def test_an_answer_cites_its_source_and_says_what_it_took():
    pushed = Pushed()
    command = await take_turn("How long is shipping to Spain?", Library(), Model(), pushed)
    assert isinstance(command, c.RecordAnswer)
    assert command.text == "Orders to Spain arrive within 3 working days. [1]"
    assert [(s.n, s.chunk) for s in command.sources] == [(1, "k1")]
    assert command.sources[0].quote in SHIPPING.text
    assert command.cost.model == "scripted"
    assert {"embed", "search", "first_text", "total"} <= set(command.cost.latency_ms)
    assert pushed.text.strip() == command.text


async def test_a_sentence_that_no_source_bears_out_is_neither_pushed_nor_recorded():
    model = Model(says=("Orders to Spain arrive within 3 working days [1]. ", "It is free [1]."))
    pushed = Pushed()
    command = await take_turn("How long is shipping to Spain?", Library(), model, pushed)
    assert isinstance(command, c.RecordAnswer)
    assert "free" not in command.text
    assert "free" not in pushed.text


async def test_an_answer_with_nothing_borne_out_becomes_an_honest_i_dont_know():
    model = Model(says=("We deliver to the Moon in 2 hours [1].",))
    pushed = Pushed()
    command = await take_turn("How long is shipping to Spain?", Library(), model, pushed)
    assert isinstance(command, c.RecordAnswer)
    assert (command.kind, command.sources, pushed.text) == ("unknown", (), "")


async def test_with_low_retrieval_no_model_is_asked_and_the_answer_is_in_the_visitors_language():
    far = Passage(chunk="k", document="d", title="t", text="Lamps.", score=0.1, rank_score=0)
    model = Model()
    question = "¿Cuál es la capital de Mongolia y cuántos habitantes tiene?"
    command = await take_turn(question, Library(passages=(far,)), model, Pushed())
    assert isinstance(command, c.RecordAnswer)
    assert (command.kind, command.locale) == ("unknown", "es")
    assert "No lo sé" in command.text
    assert model.requests == []


async def test_small_talk_is_answered_without_sources_and_without_a_search():
    library = Library()
    command = await take_turn("¡Hola!", library, Model(), Pushed())
    assert isinstance(command, c.RecordAnswer)
    assert (command.kind, command.locale, library.asked) == ("smalltalk", "es", [])


async def test_each_failure_ends_the_turn_visibly_with_its_reason():
    down = await take_turn("How long is shipping?", Library(fails=True), Model(), Pushed())
    assert isinstance(down, c.FailTurn)
    assert down.reason == "retrieval_failed"
    broken = Model(fails=GenerationFailed("interrupted", "the stream broke"))
    cut = await take_turn("How long is shipping?", Library(), broken, Pushed())
    assert isinstance(cut, c.FailTurn)
    assert cut.reason == "interrupted"


async def test_a_stalled_model_is_given_up_and_its_request_is_closed():
    model = Model(stalls=True)
    command = await take_turn("How long is shipping?", Library(), model, Pushed(), timeout_s=0.05)
    assert isinstance(command, c.FailTurn)
    assert command.reason == "timeout"
    assert model.closed


async def test_two_messages_of_one_turn_are_one_question_and_not_their_own_history():
    library, model = Library(), Model()
    state, turn = asked("How long is shipping?", "And what does it cost?")
    await runner(library, model, Pushed()).run(STREAM, state, turn)
    assert library.asked == [("How long is shipping?\nAnd what does it cost?", "en")]
    assert model.requests[0].history == ()


async def test_a_summary_is_asked_for_once_the_extractive_one_has_grown():
    turns = runner(Library(), Model(), Pushed())
    short, _ = asked("Hello?")
    assert await turns.summary(short) is None
    long, _ = asked(*(f"Question {n} about lamps. " + "x" * 300 for n in range(90)))
    command = await turns.summary(long)
    assert isinstance(command, c.RecordSummary)
    assert decide(long, command) != ()
    assert command.through == long.memory.summarized_through
