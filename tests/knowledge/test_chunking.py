"""Documents into chunks that the embedder reads whole and that can be quoted."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.knowledge.chunking import UnreadableDocument, chunk_document
from projections.knowledge.sentences import sentences
from projections.knowledge.tokens import CHUNK_TOKENS, SPECIAL_TOKENS, load_token_counter

COUNT = load_token_counter()
LINES = st.sampled_from(
    [
        "# Shipping",
        "## How long?",
        "### Where",
        "It takes 3 days. We ship to Spain.",
        "",
        "- one",
        "```",
        "# not a heading",
        "Setext",
        "------",
        "* bold *",
        "| a | b |",
        "---",
        "title: x",
        "é" * 30,
        "word " * 120,
    ]
)


@settings(deadline=None)
@given(st.lists(LINES | st.text(max_size=30), max_size=25).map("\n".join))
def test_every_chunk_and_sentence_of_markdown_is_a_part_of_the_document(text: str) -> None:
    for chunk in chunk_document(text, "text/markdown", title="page", count=COUNT):
        assert chunk.text in text
        assert COUNT(chunk.passage) + SPECIAL_TOKENS <= CHUNK_TOKENS + 1  # the line break between
        assert all(sentence in chunk.text for sentence in sentences(chunk.text))


@settings(deadline=None)
@given(st.text(max_size=400))
def test_every_chunk_of_plain_text_is_a_part_of_it(text: str) -> None:
    for chunk in chunk_document(text, "text/plain", title="notes", count=COUNT):
        assert chunk.text in text


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.text("abc ?,;\"'\n", max_size=20), st.text("abc .,;\"'\n", max_size=30)),
        min_size=1,
        max_size=8,
    )
)
def test_every_answer_of_a_faq_is_found_again(rows: list[tuple[str, str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("question", "answer"), *rows])
    kept = [(q.strip(), a.strip()) for q, a in rows if any(c.isalnum() for c in a)]
    try:
        chunks = chunk_document(file.getvalue(), "text/csv", title="faq", count=COUNT)
    except UnreadableDocument:
        assert not kept
        return
    assert [(chunk.heading, chunk.text) for chunk in chunks] == kept


def test_markdown_is_cut_at_its_headings_and_titled_by_their_path() -> None:
    text = "# Shipping\n\nWe ship.\n\n## Times\n\nTwo days.\n\n# Returns\n\n30 days.\n"
    chunks = chunk_document(text, "text/markdown", title="page", count=COUNT)
    assert [(c.title, c.text) for c in chunks] == [
        ("Shipping", "We ship."),
        ("Shipping: Times", "Two days."),
        ("Returns", "30 days."),
    ]


def test_a_hash_in_a_code_block_is_no_heading() -> None:
    text = "# Setup\n\n```\n# comment\nrun\n```\n\nThen go on."
    (chunk,) = chunk_document(text, "text/markdown", title="page", count=COUNT)
    assert chunk.title == "Setup"
    assert "# comment" in chunk.text


def test_front_matter_gives_the_address_and_is_not_quoted() -> None:
    text = "---\ntitle: Help\nurl: https://x.example/help\nlocale: es\n---\n\nEnviamos a España.\n"
    (chunk,) = chunk_document(text, "text/markdown", title="page", count=COUNT)
    assert (chunk.title, chunk.url, chunk.locale) == ("Help", "https://x.example/help", "es")
    assert chunk.text == "Enviamos a España."


def test_a_long_section_becomes_several_chunks_with_the_same_title() -> None:
    body = " ".join(f"Lamp number {n} costs {n} euros and ships in {n} days." for n in range(60))
    chunks = chunk_document(f"# Prices\n\n{body}", "text/markdown", title="page", count=COUNT)
    assert len(chunks) > 3
    assert {chunk.title for chunk in chunks} == {"Prices"}
    assert "".join("".join(c.text.split()) for c in chunks) == "".join(body.split())


def test_a_faq_row_is_a_chunk_with_its_address_and_source() -> None:
    text = "question,answer,source,url\nHow long?,Two days.,Shop,https://x.example/a\n"
    (chunk,) = chunk_document(text, "text/csv", title="faq", count=COUNT)
    assert (chunk.title, chunk.text, chunk.source, chunk.url) == (
        "How long?", "Two days.", "Shop", "https://x.example/a"
    )  # fmt: skip
    assert chunk.passage == "How long?\nTwo days."


def test_another_csv_is_read_row_by_row_whatever_its_delimiter() -> None:
    text = "model;price;colour\nLuna;49 €;black\nSol;;white\n"
    chunks = chunk_document(text, "text/csv", title="prices", count=COUNT)
    assert [chunk.text for chunk in chunks] == [
        "model: Luna\nprice: 49 €\ncolour: black",
        "model: Sol\ncolour: white",
    ]
    assert chunks[0].title == "prices: Luna"


@pytest.mark.parametrize("text", ["question,answer\n", "question,answer\n,\n\n", 'a,b\n"open,1\n'])
def test_a_csv_without_a_readable_row_is_refused(text: str) -> None:
    with pytest.raises(UnreadableDocument):
        chunk_document(text, "text/csv", title="faq", count=COUNT)
