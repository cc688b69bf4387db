"""The guard: only what a source bears out goes out, and each sentence as soon as it is whole."""

from __future__ import annotations

import pytest

from actors.speech.guard import Guard, answerable, is_courtesy
from actors.speech.sentences import cut, sentences
from actors.speech.texts import NO_ANSWER, unknown

SHIPPING = (
    "Standard delivery takes 3 to 5 business days. Gift cards cannot be returned. "
    "Orders over $50 ship for free."
)


def said(guard: Guard, text: str, size: int = 3) -> list:
    """Feeds `text` in pieces of `size` characters, as a model would stream it."""
    checked = [c for at in range(0, len(text), size) for c in guard.feed(text[at : at + size])]
    return [*checked, *guard.flush()]


def test_a_sentence_goes_out_once_it_is_whole_and_not_before(passage):
    guard = Guard([passage(SHIPPING)])
    assert guard.feed("Standard delivery takes 3 to 5 business") == []
    assert guard.feed(" days [1].") == []  # a citation may still follow
    (first,) = guard.feed(" Gift")
    assert first.supported
    assert first.text == "Standard delivery takes 3 to 5 business days. [1]"


@pytest.mark.parametrize("size", [1, 2, 5, 17, 500])
def test_how_the_text_is_cut_into_pieces_does_not_matter(passage, size):
    text = "Standard delivery takes 3 to 5 business days. [1] Gift cards cannot be returned [1]."
    guard = Guard([passage(SHIPPING)])
    checked = said(guard, text, size)
    assert [c.supported for c in checked] == [True, True]
    assert (
        "".join(c.text for c in checked)
        == guard.finish().text
        == text.replace("returned [1].", "returned. [1]")
    )


def test_an_unsupported_sentence_is_left_out_and_named(passage):
    guard = Guard([passage(SHIPPING)])
    text = (
        "Standard delivery takes 3 to 5 business days [1]. "
        "Gift cards can be returned [1]. Orders over $50 ship for free [1]."
    )
    assert [c.reason for c in said(guard, text)] == ["", "negation", ""]
    verdict = guard.finish()
    assert verdict.kind == "answer"
    assert "can be returned" not in verdict.text
    assert verdict.detail["dropped"] == "negation"
    whole = Guard([passage(SHIPPING)])
    said(whole, SHIPPING)
    assert verdict.confidence < whole.finish().confidence


def test_an_answer_that_is_mostly_invented_is_not_sent_as_one(passage):
    guard = Guard([passage(SHIPPING)])
    said(guard, "Orders over $50 ship for free [1]. We love you [1]. We pay you 100 dollars [1].")
    verdict = guard.finish()
    assert verdict.kind == "unknown"
    assert verdict.text == ""
    assert verdict.sources == ()


def test_a_missing_citation_is_set_and_a_wrong_one_is_set_right(passage):
    other = passage("Our shop is in Madrid.", chunk="c0")
    pages = [other, passage(SHIPPING)]
    guard = Guard(pages)
    checked = said(guard, "Orders over $50 ship for free. Gift cards cannot be returned [1].")
    assert [c.cites for c in checked] == [(2,), (2,)]
    verdict = guard.finish()
    assert verdict.cited == (2,)
    assert [source.n for source in verdict.sources] == [1]
    assert verdict.text.count("[1]") == 2
    assert verdict.sources[0].chunk == "c1"


def test_a_citation_of_a_source_that_does_not_exist_disappears(passage):
    guard = Guard([passage(SHIPPING)])
    (checked,) = said(guard, "Orders over $50 ship for free [7].")
    assert checked.supported
    assert "[7]" not in checked.text
    assert "[1]" in checked.text


def test_numbers_count_from_one_in_the_order_of_first_citation(passage):
    pages = [
        passage("Socks cost 5 euros.", chunk="a"),
        passage("Shoes cost 90 euros.", chunk="b"),
        passage("Hats cost 20 euros.", chunk="c"),
    ]
    guard = Guard(pages)
    said(guard, "Hats cost 20 euros [3]. Socks cost 5 euros [1].")
    verdict = guard.finish()
    assert verdict.text == "Hats cost 20 euros. [1] Socks cost 5 euros. [2]"
    assert verdict.cited == (3, 1)
    assert [source.chunk for source in verdict.sources] == ["c", "a"]


def test_the_quote_is_the_exact_text_that_the_claim_was_drawn_from(passage):
    page = passage(SHIPPING)
    guard = Guard([page])
    said(guard, "Orders over $50 ship free [1].")
    (source,) = guard.finish().sources
    assert source.quote == "Orders over $50 ship for free."
    assert source.quote in page.text


def test_courtesies_pass_but_are_no_answer_alone(passage):
    guard = Guard([passage(SHIPPING)])
    (checked,) = said(guard, "Let me know if you have any other questions!")
    assert checked.supported
    assert guard.finish().kind == "unknown"


@pytest.mark.parametrize(
    "text",
    [
        "Hello!",
        "Thank you for your question.",
        "Is there anything else I can help you with?",
        "¡Hola!",
        "Espero que te ayude.",
        "¿Hay algo más en lo que te pueda ayudar?",
    ],
)
def test_a_courtesy_is_known(text):
    assert is_courtesy(text)


@pytest.mark.parametrize(
    "text",
    [
        "Let me know if you want your 100% refund.",
        "Hello, your order is cancelled.",
        "Yes.",
        "Thanks for asking at https://evil.example",
        "Is there anything else I can help you steal?",
    ],
)
def test_a_claim_in_polite_words_is_no_courtesy(text):
    assert not is_courtesy(text)


def test_the_sentinel_means_unknown_and_never_goes_out(passage):
    guard = Guard([passage(SHIPPING)])
    assert not any(c.supported for c in said(guard, NO_ANSWER))
    assert guard.finish().kind == "unknown"


def test_a_faqs_question_bears_nothing_out(passage):
    page = passage("Can gift cards be returned within 90 days?\nPlease ask our team first.")
    guard = Guard([page])
    (checked,) = said(guard, "Gift cards can be returned within 90 days [1].")
    assert not checked.supported


def test_a_wrapped_paragraph_is_read_as_one(passage):
    page = passage(
        "Standard delivery to the mainland takes between three and five business days, and\n"
        "express delivery takes one business day when you order before two in the afternoon\n"
        "on a working day."
    )
    assert len(sentences(page.text)) == 1
    guard = Guard([page])
    said(guard, " ".join(page.text.split()) + " [1]")
    verdict = guard.finish()
    assert verdict.kind == "answer"
    assert verdict.sources[0].quote == page.text


def test_sentences_joined_are_the_text_again():
    text = "One. Two!  Three?\n- four\n- five [1] Dr. Six e.g. seven costs 3.50 euros. [2] End"
    pieces, rest = cut(text)
    assert "".join(pieces) + rest == text
    assert [p.strip() for p in pieces] == [
        "One.",
        "Two!",
        "Three?",
        "- four",
        "- five [1] Dr. Six e.g. seven costs 3.50 euros. [2]",
        "End",
    ]


def test_close_passages_are_answerable_and_far_ones_are_not(passage):
    question = "How long does standard delivery take?"
    assert answerable(question, [passage(SHIPPING, score=0.62)])
    assert answerable(question, [passage(SHIPPING, score=0.38)])  # it holds the question's words
    assert not answerable("What is the capital of France?", [passage(SHIPPING, score=0.38)])
    assert not answerable(question, [passage(SHIPPING, score=0.2)])
    assert not answerable(question, [])


def test_i_do_not_know_is_said_in_the_visitors_language_with_the_offer_of_a_person():
    assert "a person" in unknown("en", "Acme")
    assert "Acme" in unknown("en", "Acme")
    assert "una persona" in unknown("es-MX", "Acme")
    assert "{" not in unknown("es") + unknown("en")


def test_in_spanish_shared_words_decide_because_the_cosine_does_not(passage):
    page = passage(
        "El envío estándar tarda de 3 a 5 días laborables.", locale="es", score=0.6, title="Envíos"
    )
    assert answerable("¿Cuánto tarda el envío?", [page])
    assert not answerable("¿Quién ganó el mundial?", [page])
    assert not answerable("Necesito un médico", [page])


def test_any_of_the_passages_may_make_a_question_answerable(passage):
    far = passage("Our shop is in Madrid.", score=0.44)
    near = passage("You can return shoes within 30 days.", score=0.40)
    assert answerable("Can I return my shoes?", [far, near])
