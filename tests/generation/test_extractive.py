"""Extractive answers: whole sentences, word for word, in an order that reads well."""

from __future__ import annotations

from actors.ports import GenerationDone, Passage, ScoredSentence, TextDelta
from actors.speech.guard import Guard
from serve_apps.generation.extractive import ExtractiveGenerator

RETURNS = (
    "Our shop has sold shoes since 1998. You can return unworn shoes within 30 days. "
    "The refund reaches you within 5 business days. We also sell socks."
)


async def answer(request):
    parts = [part async for part in ExtractiveGenerator().stream(request)]
    assert isinstance(parts[-1], GenerationDone)
    assert all(isinstance(part, TextDelta) for part in parts[:-1])
    assert "".join(part.text for part in parts[:-1]) == parts[-1].text
    return parts[-1]


async def test_the_direct_answer_comes_first_and_its_neighbours_keep_their_order(
    passage, request_of
):
    page = passage(RETURNS, scores=(0.1, 0.8, 0.6, 0.05))
    done = await answer(request_of("How long can I return shoes?", page))
    assert done.text == (
        "You can return unworn shoes within 30 days. [1] "
        "The refund reaches you within 5 business days. [1]"
    )
    assert done.cited == (1,)


async def test_a_quote_is_an_exact_part_of_its_passage(passage, request_of):
    page = passage(RETURNS, scores=(0.1, 0.8, 0.6, 0.05))
    done = await answer(request_of("How long can I return shoes?", page))
    assert done.quotes[1] in page.text
    assert done.quotes[1].startswith("You can return")


async def test_a_faq_question_is_never_echoed(passage, request_of):
    page = passage(
        "Can I return shoes?\nYes, within 30 days of delivery.", scores=(0.95, 0.3), score=0.8
    )
    done = await answer(request_of("Can I return shoes?", page))
    assert done.text == "Yes, within 30 days of delivery. [1]"


async def test_nothing_close_enough_means_nothing_is_said(passage, request_of):
    page = passage("Our shop has sold shoes since 1998.", score=0.05)
    done = await answer(request_of("What is the capital of France?", page))
    assert done.text == ""
    assert done.cited == ()
    assert Guard([page]).finish().kind == "unknown"


async def test_no_passages_means_nothing_is_said(request_of):
    assert (await answer(request_of("Anything?"))).text == ""


async def test_a_passage_in_the_visitors_language_is_preferred(passage, request_of):
    english = passage("Standard delivery takes 3 days.", locale="en", chunk="en", score=0.62)
    spanish = passage("El envío estándar tarda 3 días.", locale="es", chunk="es", score=0.60)
    done = await answer(request_of("¿Cuánto tarda el envío?", english, spanish, locale="es"))
    assert done.text.startswith("El envío estándar tarda 3 días. [2]")


async def test_a_sentence_that_points_back_brings_the_one_before(passage, request_of):
    page = passage("The warranty covers the sole. It lasts 2 years.", scores=(0.3, 0.8), score=0.6)
    done = await answer(request_of("How long does the warranty last?", page))
    assert done.text == "The warranty covers the sole. [1] It lasts 2 years. [1]"


async def test_list_items_stay_a_list(request_of):
    text = "To return a parcel:\n- Print the label from your page\n- Bring it to a post office"
    parts = ("To return a parcel:", "Print the label from your page", "Bring it to a post office")
    page = Passage(
        chunk="c",
        document="d",
        title="",
        text=text,
        score=0.8,
        rank_score=0.8,
        sentences=tuple(ScoredSentence(part, 0.8 if part.endswith(":") else 0.2) for part in parts),
    )
    done = await answer(request_of("How do I return a parcel?", page))
    assert done.text == (
        "To return a parcel: [1]\n\n- Print the label from your page [1]\n"
        "- Bring it to a post office [1]"
    )


async def test_an_answer_has_four_sentences_at_most(passage, request_of):
    page = passage(" ".join(f"Returns step {n} is easy." for n in range(1, 9)))
    done = await answer(request_of("How do returns work?", page))
    assert done.text.count("[1]") == 4


async def test_what_is_quoted_passes_the_guard_word_for_word(passage, request_of):
    page = passage(RETURNS, scores=(0.1, 0.8, 0.6, 0.05))
    guard = Guard([page])
    async for part in ExtractiveGenerator().stream(request_of("Return shoes?", page)):
        if isinstance(part, TextDelta):
            guard.feed(part.text)
    verdict = guard.finish()
    assert verdict.kind == "answer"
    assert verdict.detail["claims"] == verdict.detail["supported"]


async def test_without_a_model_there_is_no_new_summary():
    assert await ExtractiveGenerator().summarize([], "so far") is None
