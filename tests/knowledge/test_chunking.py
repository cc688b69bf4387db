"""Parsed documents into chunks that the embedder reads whole and that can be quoted."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.conversation import Place
from events.knowledge import ChunkSettings
from events.objects.artifacts import Block, Chunks, Parsed, StoredChunk, encode_chunks
from projections.knowledge.chunking import MIN_TOKENS, UnreadableDocument, chunk_parsed
from projections.knowledge.parsing import parse
from projections.knowledge.tokens import SPECIAL_TOKENS, load_token_counter

COUNT = load_token_counter()
LINES = st.sampled_from(
    [
        "It takes 3 days. We ship to Spain.",
        "",
        "- one",
        "| a | b |",
        "é" * 30,
        "word " * 60,
        "x" * 300,
        'No. 5 is. Dr. Smith says: "Go!" Then went.',
    ]
)
TEXTS = st.lists(LINES | st.text(max_size=30), max_size=15).map("\n".join)
BLOCKS = st.builds(
    Block,
    text=TEXTS,
    headings=st.lists(st.text(max_size=12), max_size=3).map(tuple),
    question=st.text(max_size=10),
    locale=st.just("en"),
    table=st.booleans(),
)
LAMPS = " ".join(f"Lamp number {n} costs {n} euros and ships in {n} days." for n in range(60))


def cut(parsed: Parsed, *, tokens: int = 192, overlap: int = 0) -> Chunks:
    return chunk_parsed(
        parsed,
        ChunkSettings(max_tokens=tokens, overlap_tokens=overlap),
        title="page",
        count=COUNT,
        tokenizer="minilm",
        parsed_hash="abc",
    )


def chunks_of(*blocks: Block, title: str = "", overlap: int = 0) -> tuple[StoredChunk, ...]:
    return cut(Parsed(blocks=blocks, parser="test", title=title), overlap=overlap).chunks


@settings(deadline=None)
@given(st.lists(BLOCKS, max_size=3).map(tuple), st.integers(MIN_TOKENS, 256), st.data())
def test_chunks_are_verbatim_in_order_within_their_budget_and_cover_every_word(
    blocks: tuple[Block, ...], tokens: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, tokens // 2))
    parsed = Parsed(blocks=blocks, parser="test")
    try:
        found = cut(parsed, tokens=tokens, overlap=overlap)
    except UnreadableDocument:
        assert not any(char.isalnum() for block in blocks for char in block.text)
        return
    seen: set[tuple[int, int]] = set()
    for number, chunk in enumerate(found.chunks):
        assert chunk.ordinal == number
        assert chunk.text == blocks[chunk.block].text[chunk.start : chunk.end]
        assert chunk.tokens == COUNT(chunk.passage) <= tokens - SPECIAL_TOKENS
        assert all(sentence in chunk.text for sentence in chunk.sentences)
        seen |= {(chunk.block, at) for at in range(chunk.start, chunk.end)}
    assert [(c.block, c.end) for c in found.chunks] == sorted(
        (c.block, c.end) for c in found.chunks
    )
    for number, block in enumerate(blocks):
        words = {(number, at) for at, char in enumerate(block.text) if char.isalnum()}
        assert words <= seen
    assert encode_chunks(cut(parsed, tokens=tokens, overlap=overlap)) == encode_chunks(found)


def test_overlap_is_whole_sentences_of_the_chunk_before_and_no_more_than_was_asked() -> None:
    chunks = chunks_of(Block(text=LAMPS, locale="en"), overlap=40)
    assert len(chunks) > 3
    for before, after in itertools.pairwise(chunks):
        again = LAMPS[after.start : before.end]
        assert again.startswith("Lamp number")
        assert again.endswith("days.")
        assert COUNT(again) <= 40


def test_without_overlap_no_text_is_taken_twice() -> None:
    chunks = chunks_of(Block(text=LAMPS, headings=("Prices",), locale="en"))
    assert len(chunks) > 3
    assert {chunk.title for chunk in chunks} == {"Prices"}
    assert "".join("".join(c.text.split()) for c in chunks) == "".join(LAMPS.split())


def test_a_chunk_knows_its_heading_path_place_and_address() -> None:
    place = Place(page=7)
    block = Block(text="Two days.", headings=("Shipping", "Times"), place=place, url="https://x/a")
    (chunk,) = chunks_of(block)
    assert (chunk.heading, chunk.title) == ("Shipping: Times", "Shipping: Times")
    assert (chunk.place, chunk.url) == (place, "https://x/a")
    assert chunk.passage == "Shipping: Times\nTwo days."


def test_what_a_document_calls_itself_is_the_heading_of_text_that_has_none() -> None:
    (titled,) = chunks_of(Block(text="We ship."), title="Help")
    assert (titled.heading, titled.title) == ("Help", "Help")
    (nameless,) = chunks_of(Block(text="We ship."))
    assert (nameless.heading, nameless.title) == ("", "page")


def test_a_row_of_a_faq_is_under_its_question_and_another_row_is_named_by_its_first_value() -> None:
    faq, row = chunks_of(
        Block(text="Two days.", question="How long?", source="Shop"),
        Block(text="model: Luna\nprice: 49 €", table=True),
        title="Prices",
    )
    assert (faq.title, faq.source, faq.passage) == ("How long?", "Shop", "How long?\nTwo days.")
    assert (row.heading, row.title, row.text) == ("", "Prices: Luna", "model: Luna\nprice: 49 €")


def test_the_language_is_what_was_said_else_what_is_read() -> None:
    spanish = "Enviamos a toda la península en dos días laborables y sin coste alguno."
    parsed = Parsed(blocks=(Block(text=spanish), Block(text="Sí."), Block(text="Yes.", locale="en")), parser="x")  # fmt: skip  # noqa: E501
    assert [chunk.locale for chunk in cut(parsed).chunks] == ["es", "es", "en"]
    told = Parsed(blocks=(Block(text=spanish),), parser="x", locale="ca")
    assert [chunk.locale for chunk in cut(told).chunks] == ["ca"]


def test_a_document_without_a_word_is_refused() -> None:
    with pytest.raises(UnreadableDocument, match="page"):
        chunks_of(Block(text=" - \n*** "))


@pytest.mark.parametrize(("tokens", "overlap"), [(MIN_TOKENS - 1, 0), (100, 51), (100, -1)])
def test_settings_that_leave_no_room_are_refused(tokens: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="tokens"):
        cut(Parsed(blocks=(Block(text="a"),), parser="x"), tokens=tokens, overlap=overlap)


def test_markdown_is_cut_at_its_headings() -> None:
    text = b"# Shipping\n\nWe ship.\n\n## Times\n\nTwo days.\n\n# Returns\n\n30 days.\n"
    found = cut(parse(text, "text/markdown", name="page.md")).chunks
    assert [(c.title, c.text) for c in found] == [
        ("Shipping", "We ship."),
        ("Shipping: Times", "Two days."),
        ("Returns", "30 days."),
    ]
