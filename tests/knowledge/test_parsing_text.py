"""Markdown, CSV and plain text into blocks that know their headings and their rows."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.objects.artifacts import Parsed
from projections.knowledge.parsing import Unparsable, parse, sniff

LINES = st.sampled_from(
    ["# Shipping", "## How long? ##", "It takes 3 days.", "", "- one", "```", "# not a heading",
     "Setext", "------", "| a | b |", "---", "title: x", "é" * 30]
)  # fmt: skip
SEEN = st.text(st.characters(exclude_categories=["C", "Zl", "Zp", "Mn", "Lo"]), max_size=30)


def read(name: str, text: str | bytes, **said: str) -> Parsed:
    content = text.encode() if isinstance(text, str) else text
    return parse(content, sniff(name, content), name=name, **said)


@settings(deadline=None)
@given(st.lists(LINES | SEEN, max_size=25).map("\n".join))
def test_every_block_of_markdown_is_a_part_of_the_document(text: str) -> None:
    if not any(char.isalnum() for char in text):
        return
    try:
        blocks = read("page.md", text).blocks
    except Unparsable:
        return  # headings and front matter alone
    assert all(block.text in text for block in blocks)


def test_markdown_is_cut_at_its_headings_and_each_block_knows_the_path_to_it() -> None:
    text = "# Shipping\n\nWe ship.\n\n## Times\n\nTwo days.\n\nReturns\n=======\n\n30 days.\n"
    assert [(b.headings, b.text) for b in read("page.md", text).blocks] == [
        (("Shipping",), "We ship."),
        (("Shipping", "Times"), "Two days."),
        (("Returns",), "30 days."),
    ]


def test_a_hash_in_a_code_block_is_no_heading() -> None:
    (block,) = read("a.md", "# Setup\n\n```\n# comment\nrun\n```\n\nThen go on.").blocks
    assert block.headings == ("Setup",)
    assert "# comment" in block.text


def test_front_matter_names_the_document_and_is_not_quoted() -> None:
    text = "---\ntitle: Help\nurl: https://x.example/help\nlocale: es\n---\n\nEnviamos a España.\n"
    parsed = read("help.md", text, url="https://elsewhere.example", locale="en")
    assert (parsed.title, parsed.url, parsed.locale) == ("Help", "https://x.example/help", "es")
    assert [block.text for block in parsed.blocks] == ["Enviamos a España."]


def test_what_was_said_at_submission_stands_in_for_what_the_document_leaves_out() -> None:
    parsed = read("a.txt", "We ship.", title="Shipping", url="https://x.example", locale="en")
    assert (parsed.title, parsed.url, parsed.locale) == ("Shipping", "https://x.example", "en")
    assert read("shipping.txt", "We ship.", title="shipping").title == ""


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.text("abc ?,;\"'\n", max_size=20), st.text("abc .,;\"'\n", max_size=30)),
        min_size=1,
        max_size=8,
    )
)
def test_every_answer_of_a_faq_is_found_in_its_row(rows: list[tuple[str, str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("question", "answer"), *rows])
    kept = [
        (question.strip(), answer.strip(), number)
        for number, (question, answer) in enumerate(rows, 2)
        if any(char.isalnum() for char in answer)
    ]
    if not kept:
        with pytest.raises(Unparsable):
            read("faq.csv", file.getvalue())
        return
    blocks = read("faq.csv", file.getvalue()).blocks
    assert [(b.question, b.text, b.place.row) for b in blocks] == kept


def test_rows_are_counted_as_in_the_spreadsheet_whatever_breaks_and_gaps_there_are() -> None:
    text = 'question,answer,fuente,url\n"How\nlong?","Two\ndays."\n\nWhere?,Spain.,Shop,https://x.example\n'
    first, second = read("faq.csv", text).blocks
    assert (first.place.row, first.text) == (2, "Two\ndays.")
    assert (second.place.row, second.source, second.url) == (4, "Shop", "https://x.example")


def test_another_csv_is_read_row_by_row_whatever_its_delimiter() -> None:
    blocks = read("prices.csv", "model;price, net;colour\nLuna;49 €;black\nSol;;white\n").blocks
    assert [block.text for block in blocks] == [
        "model: Luna\nprice, net: 49 €\ncolour: black",
        "model: Sol\ncolour: white",
    ]
    assert all(block.table for block in blocks)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("question,answer\n", "empty"),
        ("question,answer\n,\n\n", "empty"),
        ('a,b\n"open,1\n', "corrupt"),
    ],
)
def test_a_csv_without_a_readable_row_is_refused(text: str, code: str) -> None:
    with pytest.raises(Unparsable) as refused:
        read("faq.csv", text)
    assert refused.value.code == code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_text_is_read_in_the_encodings_that_people_s_programs_write(encoding: str) -> None:
    text = "Señal: envío gratis, «48 h», 5 € más."
    assert read("a.txt", text.encode(encoding)).blocks[0].text == text


@pytest.mark.parametrize(
    "content",
    [
        "Enviamos a España".encode("utf-16-le"),
        b"We ship\x00to Spain",
        "envío y más envío".encode()[:-3] + b"\xc3 ",
        b"\xff\xfea",
        bytes(range(1, 256)),
    ],
)
def test_what_is_no_text_is_refused_with_what_to_do(content: bytes) -> None:
    with pytest.raises(Unparsable, match="save it as UTF-8") as refused:
        read("a.txt", content)
    assert refused.value.code == "corrupt"
