"""PPTX: a block for each slide, one for each row of its tables, one for its notes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pptx

from events.conversation import Place
from events.knowledge import Flag
from events.objects.artifacts import Block, Parsed
from projections.knowledge.parsing.flags import hidden_text
from projections.knowledge.parsing.packed import check_packed
from projections.knowledge.parsing.tables import row_blocks

Shape = Any
"""A shape of python-pptx: which attributes it has depends on its kind."""

_GROUPS = 8
"""So deep may groups of shapes stand in one another; what is deeper is left out."""


def parse_slides(content: bytes, name: str) -> Parsed:
    """Raises Unparsable (`corrupt`, `encrypted`, `too_large`) and what python-pptx raises at a
    broken file."""
    check_packed(content, name)
    deck = pptx.Presentation(io.BytesIO(content))
    flags: list[Flag] = []
    blocks: list[Block] = []
    for number, slide in enumerate(deck.slides, 1):
        if slide.element.get("show") in ("0", "false"):
            said = " ".join(block.text for block in _slide(slide, number))
            flags.append(hidden_text(said or "an empty slide", f"slide {number}"))
            continue
        blocks += _slide(slide, number)
    return Parsed(
        blocks=tuple(blocks),
        parser=f"python-pptx {pptx.__version__}",
        title=(deck.core_properties.title or "").strip(),
        pages=len(deck.slides),
        flags=tuple(flags),
    )


def _slide(slide: Any, number: int) -> Iterator[Block]:
    place = Place(slide=number)
    title = slide.shapes.title
    words = _text(title) if title is not None else ""
    headings = (" ".join(words.split()),) if words else ()
    texts: list[str] = []
    tables: list[Block] = []
    for shape in _shapes(slide.shapes):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        if shape.has_text_frame:
            texts.append(_text(shape))
        elif getattr(shape, "has_table", False):
            tables += _table(shape.table, headings, place)
    text = "\n\n".join(filter(None, texts))
    if text or (words and not tables):
        yield Block(text=text or words, headings=headings if text else (), place=place)
    yield from tables
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = slide.notes_slide.notes_text_frame.text.strip()
        if notes:
            yield Block(text=notes, headings=headings, place=place)


def _shapes(shapes: Any, depth: int = 0) -> Iterator[Shape]:
    """The shapes as they are read: from the top, then from the left."""
    placed = sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0))
    for shape in placed:
        inner = getattr(shape, "shapes", None)
        if inner is None:
            yield shape
        elif depth < _GROUPS:
            yield from _shapes(inner, depth + 1)


def _text(shape: Shape) -> str:
    return shape.text_frame.text.replace("\v", "\n").strip()


def _table(table: Any, headings: tuple[str, ...], place: Place) -> Iterator[Block]:
    rows = [[cell.text.strip() for cell in row.cells] for row in table.rows]
    rows = [cells for cells in rows if any(cells)]
    if len(rows) < 2:
        for cells in rows:
            yield Block(text=" ".join(filter(None, cells)), headings=headings, place=place)
        return
    for block in row_blocks(rows[0], [(0, cells) for cells in rows[1:]]):
        yield Block(
            text=block.text,
            headings=headings,
            question=block.question,
            place=place,
            url=block.url,
            table=block.table,
        )
