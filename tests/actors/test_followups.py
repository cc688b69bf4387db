"""A follow-up is searched with what it refers to; a question that stands alone is left alone."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.speech.followups import MOST_CONTEXT, in_context, refers_back

ROWS = Path(__file__).parents[2] / "benchmarks" / "followups.csv"
TEXT = st.lists(
    st.sampled_from(
        [
            "and",
            "it",
            "y",
            "eso",
            "lámparas",
            "shipping",
            "cost",
            "¿?",
            "\n",
            "garantía",
            "it's",
            "30",
            "[1]",
        ]
    )
    | st.text(max_size=8),
    max_size=12,
).map(" ".join)


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("en", "and for children?"),
        ("en", "What about Spain?"),
        ("en", "how much is it?"),
        ("en", "Does that cost extra?"),
        ("en", "until when?"),
        ("es", "¿y para niños?"),
        ("es", "¿cuánto cuesta?"),
        ("es", "¿y las de madera?"),
        ("es", "¿hasta cuándo?"),
    ],
)
def test_what_means_nothing_alone_refers_back(language: str, question: str) -> None:
    assert refers_back(question, language)


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("en", "How long is the warranty?"),
        ("en", "And how do I hang a ceiling lamp?"),
        ("en", "My lamp smells burnt, what do I do with it?"),
        ("en", "alexa?"),
        ("es", "¿Cuánto dura la garantía?"),
        ("es", "¿Y cómo cuelgo una lámpara de techo?"),
        ("es", "código de descuento"),
        ("en", "How long is shipping?\nAnd what does it cost?"),
        ("en", "?!"),
    ],
)
def test_a_question_that_stands_alone_does_not(language: str, question: str) -> None:
    assert not refers_back(question, language)
    assert in_context(question, ["Do you ship to Spain?"], language) == question


def test_it_is_searched_with_what_the_question_before_was_about() -> None:
    earlier = ["How do I clean a paper shade?", "Do you ship to France?"]
    assert in_context("how much is it?", earlier, "en") == "how much is it? ship France"


def test_a_chain_of_follow_ups_is_walked_back_to_where_it_began() -> None:
    earlier = ["How do I clean it?", "How long does delivery take?", "and to Portugal?"]
    searched = in_context("and to Austria?", earlier, "en")
    assert searched == "and to Austria? delivery take Portugal"


def test_without_anything_before_it_is_searched_as_it_is() -> None:
    assert in_context("and for children?", [], "en") == "and for children?"


@given(TEXT, st.lists(TEXT, max_size=6), st.sampled_from(["en", "es", "fr", ""]))
def test_the_question_is_always_searched_whole_and_the_rest_is_the_visitors_own_and_bounded(
    question: str, earlier: list[str], language: str
) -> None:
    searched = in_context(question, earlier, language)
    assert searched.startswith(question)
    added = searched[len(question) :].split()
    assert len(added) <= MOST_CONTEXT
    assert all(any(word in asked for asked in earlier) for word in added)


def test_most_labelled_follow_ups_are_known_and_few_others_are_taken_for_one() -> None:
    with ROWS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    known = [refers_back(row["question"], row["locale"]) for row in rows]
    followups = [k for k, row in zip(known, rows, strict=True) if row["kind"] == "followup"]
    others = [k for k, row in zip(known, rows, strict=True) if row["kind"] == "new"]
    assert len(followups) >= 60
    assert len(others) >= 30
    assert sum(followups) >= 0.9 * len(followups)
    assert sum(others) <= 0.08 * len(others)
