"""Sentences are whole, and word for word as they stand in the text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.knowledge.sentences import sentence_spans, sentences

PIECES = [
    *re.findall(r"\S+ ", "The lamp costs 4.90 € and e.g. Dr. U.S. p. ej. ¿Cuándo llega? ¡Hoy! "),
    "\n",
    "\n\n",
    "- ",
    "1. ",
    "| a | b |",
    "# ",
    "...",
    "?!",
    "“",
    "”",
    "   ",
    "\t",
    "é",
    "…",
    "\r\n",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=40).map("".join))
def test_every_sentence_is_a_verbatim_part_and_they_do_not_overlap(text: str) -> None:
    end = 0
    for start, stop in sentence_spans(text):
        assert end <= start < stop <= len(text)
        assert any(char.isalnum() for char in text[start:stop])
        assert text[start:stop] == text[start:stop].strip()
        end = stop


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_no_word_is_lost(text: str) -> None:
    kept = "".join(sentences(text))
    for word in ("lamp", "costs", "Cuándo", "Hoy"):
        assert kept.count(word) == text.count(word)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs 4.90 €. Delivery is free.", ["It costs 4.90 €.", "Delivery is free."]),
        ("Ask Dr. Vidal. She knows.", ["Ask Dr. Vidal.", "She knows."]),
        ("We ship to the U.S. Army base.", ["We ship to the U.S. Army base."]),
        ("No. We do not.", ["No.", "We do not."]),
        ("See No. 5. Then stop.", ["See No. 5.", "Then stop."]),
        ("Use soap, e.g. Marseille.", ["Use soap, e.g. Marseille."]),
        ("¿Cuánto tarda? ¡Poco! Llega hoy.", ["¿Cuánto tarda?", "¡Poco!", "Llega hoy."]),
        (
            "Pague con tarjeta, p. ej. Visa. Gracias.",
            ["Pague con tarjeta, p. ej. Visa.", "Gracias."],
        ),
        ("Ud. Puede llamar.", ["Ud. Puede llamar."]),
        ("El Sr. Gil y la Sra. Mas. Fin.", ["El Sr. Gil y la Sra. Mas.", "Fin."]),
        ("- One\n- Two items\n2. Three", ["One", "Two items", "Three"]),
        ("Fever\nCough\nTiredness", ["Fever", "Cough", "Tiredness"]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("Wait... then go on. Done.", ["Wait... then go on.", "Done."]),
        ("***\n---\n", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_paragraph_wrapped_by_an_editor_is_one_sentence() -> None:
    text = "This sentence was wrapped by an editor at some seventy columns, as\nTandem's own are."
    assert sentences(text) == [text]
