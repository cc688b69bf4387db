"""PDF, Office files and web pages into blocks that know where they stand."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from samples import Sample, handbook_pdf, write_samples

from events.conversation import Place
from events.objects.artifacts import Block, encode_parsed
from projections.knowledge.parsing import Unparsable, parse, parse_in_child, sniff
from projections.knowledge.parsing.lines import Line, paragraphs, without_running


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return write_samples(tmp_path_factory.mktemp("samples"))


def read(path: Path) -> tuple[Block, ...]:
    content = path.read_bytes()
    return parse(content, sniff(path.name, content), name=path.name).blocks


def test_every_sample_s_answer_stands_in_one_block_at_its_place(samples: list[Sample]) -> None:
    for sample in samples:
        holding = [block for block in read(sample.path) if sample.answer_contains in block.text]
        assert [block.place for block in holding] == [sample.place], sample.path.name


async def test_a_child_reads_the_same_as_this_process_and_the_same_each_time(
    samples: list[Sample],
) -> None:
    for sample in samples:
        if sample.path.suffix not in (".pdf", ".html"):
            continue
        name, content = sample.path.name, sample.path.read_bytes()
        here = encode_parsed(parse(content, sniff(name, content), name=name))
        there = encode_parsed(await parse_in_child(content, sniff(name, content), name=name))
        assert here == there


def test_the_headings_of_a_pdf_are_told_by_their_letters_and_running_lines_left_out() -> None:
    parsed = parse(handbook_pdf(), "application/pdf", name="handbook.pdf")
    assert [block.headings for block in parsed.blocks] == [
        ("Welcome",), ("Guarantee and repair",), ("Old lamps",)
    ]  # fmt: skip
    text = "\n".join(block.text for block in parsed.blocks)
    assert "Service handbook" not in text
    assert "Page 2" not in text
    assert (parsed.title, parsed.pages) == ("Service handbook", 3)


def test_printed_lines_become_paragraphs_and_divided_words_whole() -> None:
    lines = ["The guaran-", "tee of a lamp begins on", "the day of pur\u2010", "chase.", "- one"]
    assert paragraphs([Line(text) for text in lines]) == (
        "The guarantee of a lamp begins on the day of purchase.\n\n- one"
    )


def test_what_stands_at_the_edge_of_two_pages_only_is_text() -> None:
    pages = [[Line("Lamps"), Line("one"), Line("x"), Line("1")], [Line("Lamps"), Line("two")]]
    kept = without_running(pages)
    assert [[line.text for line in page] for page in kept] == [
        ["Lamps", "one", "x"],
        ["Lamps", "two"],
    ]


def test_a_spreadsheet_shows_its_amounts_and_finds_its_header_under_a_title() -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    for row in [["Prices of 2026"], [], ["Model", "Price", "Discount"], ["Luna", 49.5, 0.25]]:
        sheet.append(row)
    sheet["B4"].number_format = "#,##0.00 €"
    sheet["C4"].number_format = "0%"
    file = io.BytesIO()
    book.save(file)
    name = "prices.xlsx"
    (*_, row) = parse(file.getvalue(), sniff(name, file.getvalue()), name=name).blocks
    assert row.text == "Model: Luna\nPrice: 49.50 €\nDiscount: 25%"
    assert row.place == Place(sheet="Sheet", row=4)


@pytest.mark.parametrize(
    ("name", "declared", "media_type"),
    [
        ("https://x.example/care", "text/html; charset=utf-8", "text/html"),
        ("https://x.example/care.html?x=1.pdf", "", "text/html"),
        ("https://x.example/care", "", "text/html"),
    ],
)
def test_an_address_without_an_ending_is_known_by_what_the_server_says_or_by_its_bytes(
    name: str, declared: str, media_type: str
) -> None:
    assert sniff(name, b"<!doctype html><p>hi</p>", declared=declared) == media_type


def test_an_ending_that_is_not_known_is_refused_with_what_to_do() -> None:
    with pytest.raises(Unparsable, match=r"Save it as \.docx") as refused:
        sniff("letter.odt", b"PK\x03\x04")
    assert refused.value.code == "unsupported"
