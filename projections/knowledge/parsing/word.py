"""DOCX: a block for the text under each heading, and one for each row of a table."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from docx import Document
from docx.document import Document as WordDocument

from events.knowledge import Flag
from events.objects.artifacts import Block, Parsed
from projections.knowledge.parsing.flags import hidden_text
from projections.knowledge.parsing.packed import check_packed
from projections.knowledge.parsing.tables import row_blocks

Element = Any
"""An lxml element: python-docx has no types for the XML below its own objects."""

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_LEFT_OUT = frozenset({f"{_W}del", f"{_W}moveFrom", f"{_W}pPr", f"{_W}rPr", _FALLBACK})
_WITHIN = frozenset({f"{_W}sdt", f"{_W}sdtContent", f"{_W}customXml", f"{_W}ins", f"{_W}moveTo"})
_OFF = ("0", "false", "off", "none")
_SEEN_FROM = 3
"""Half points; nobody reads smaller letters."""
_STYLES = 10
"""So deep may styles be based on one another."""


def parse_word(content: bytes, name: str) -> Parsed:
    """Raises Unparsable (`corrupt`, `encrypted`, `too_large`) and what python-docx raises at a
    broken file."""
    check_packed(content, name)
    document = Document(io.BytesIO(content))
    flags: list[Flag] = []
    return Parsed(
        blocks=tuple(_blocks(document, flags)),
        parser=f"python-docx {version('python-docx')}",
        title=(document.core_properties.title or "").strip(),
        flags=tuple(flags),
    )


def _blocks(document: WordDocument, flags: list[Flag]) -> Iterator[Block]:
    levels, hidden = _styles(document)
    path: list[tuple[int, str]] = []
    texts: list[str] = []
    for element in _body(document.element.body):
        headings = tuple(words for _, words in path)
        if element.tag == f"{_W}tbl":
            if texts:
                yield Block(text="\n\n".join(texts), headings=headings)
                texts = []
            yield from _table(element, headings, hidden, flags)
            continue
        text = _text(element, hidden, flags, headings)
        if not text:
            continue
        level = _level(element, levels)
        if level is None:
            texts.append(f"- {text}" if element.find(f"{_W}pPr/{_W}numPr") is not None else text)
            continue
        if texts:
            yield Block(text="\n\n".join(texts), headings=headings)
            texts = []
        path = [part for part in path if part[0] < level] + [(level, text)]
    if texts:
        yield Block(text="\n\n".join(texts), headings=tuple(words for _, words in path))


def _body(parent: Element) -> Iterator[Element]:
    """Paragraphs and tables in their order, those in content controls too."""
    waiting = list(reversed(list(parent)))
    while waiting:
        element = waiting.pop()
        if element.tag in (f"{_W}p", f"{_W}tbl"):
            yield element
        elif element.tag in _WITHIN:
            waiting += reversed(list(element))


def _table(
    table: Element, headings: tuple[str, ...], hidden: frozenset[str], flags: list[Flag]
) -> Iterator[Block]:
    rows: list[list[str]] = []
    for row in table.iterfind(f"{_W}tr"):
        cells = [
            " ".join(filter(None, (_text(p, hidden, flags, headings) for p in cell.iter(f"{_W}p"))))
            for cell in row.iter(f"{_W}tc")
        ]
        if any(cells):
            rows.append(cells)
    if len(rows) < 2 or max(map(len, rows)) < 2:
        text = "\n\n".join(" ".join(filter(None, cells)) for cells in rows)
        if text:
            yield Block(text=text, headings=headings)
        return
    for block in row_blocks(rows[0], [(0, cells) for cells in rows[1:]]):
        yield Block(
            text=block.text,
            headings=headings,
            question=block.question,
            url=block.url,
            source=block.source,
            locale=block.locale,
            table=block.table,
        )


def _text(
    paragraph: Element, hidden: frozenset[str], flags: list[Flag], headings: tuple[str, ...]
) -> str:
    """What a reader sees of a paragraph; what is hidden is flagged."""
    seen: list[str] = []
    unseen: list[str] = []
    waiting = list(reversed(list(paragraph)))
    while waiting:
        element = waiting.pop()
        if element.tag == f"{_W}r":
            out = unseen if _is_hidden(element, hidden) else seen
            waiting += _take(element, out)
        elif element.tag not in _LEFT_OUT:
            waiting += reversed(list(element))
    if any(part.strip() for part in unseen):
        flags.append(hidden_text("".join(unseen), headings[-1] if headings else ""))
    return " ".join("".join(seen).split())


def _take(run: Element, out: list[str]) -> list[Element]:
    """Puts a run's text into `out`; gives back what stands in it besides, such as text boxes."""
    more: list[Element] = []
    for child in run:
        if child.tag == f"{_W}t":
            out.append(child.text or "")
        elif child.tag in (f"{_W}tab", f"{_W}br", f"{_W}cr"):
            out.append(" ")
        elif child.tag == f"{_W}noBreakHyphen":
            out.append("-")
        elif child.tag not in _LEFT_OUT:
            more.append(child)
    return list(reversed(more))


def _is_hidden(run: Element, styles: frozenset[str]) -> bool:
    look = run.find(f"{_W}rPr")
    if look is None:
        return False
    style = look.find(f"{_W}rStyle")
    if style is not None and style.get(f"{_W}val") in styles:
        return not _off(look, "vanish")
    return _looks_hidden(look) or (_is_white(look) and not _stands_on_colour(run))


def _looks_hidden(look: Element) -> bool:
    if _on(look, "vanish") or _on(look, "webHidden"):
        return True
    size = look.find(f"{_W}sz")
    value = size.get(f"{_W}val", "") if size is not None else ""
    return value.isdecimal() and int(value) < _SEEN_FROM


def _is_white(look: Element) -> bool:
    colour = look.find(f"{_W}color")
    return colour is not None and colour.get(f"{_W}val", "").upper() == "FFFFFF"


def _stands_on_colour(run: Element) -> bool:
    """White letters are read on a dark ground: of the run, its paragraph, cell or table."""
    if run.find(f"{_W}rPr/{_W}highlight") is not None or run.find(f"{_W}rPr/{_W}shd") is not None:
        return True
    for element in run.iterancestors():
        if element.tag == f"{_W}tbl" or not str(element.tag).startswith(_W):
            return True  # a table's style, or a drawing, has colours of its own
        if element.find(f"{_W}pPr/{_W}shd") is not None:
            return True
    return False


def _on(look: Element, name: str) -> bool:
    found = look.find(f"{_W}{name}")
    return found is not None and found.get(f"{_W}val", "true").lower() not in _OFF


def _off(look: Element, name: str) -> bool:
    found = look.find(f"{_W}{name}")
    return found is not None and not _on(look, name)


def _styles(document: WordDocument) -> tuple[dict[str, int], frozenset[str]]:
    """The outline levels of heading styles by id, and the styles that hide."""
    found = {
        style.get(f"{_W}styleId", ""): style
        for style in document.styles.element.iterfind(f"{_W}style")
    }
    levels: dict[str, int] = {}
    for ident in found:
        level = _style_level(ident, found)
        if level is not None:
            levels[ident] = level
    hidden = frozenset(
        ident
        for ident, style in found.items()
        if (look := style.find(f"{_W}rPr")) is not None and _looks_hidden(look)
    )
    return levels, hidden


def _style_level(ident: str, styles: dict[str, Element]) -> int | None:
    for _ in range(_STYLES):
        style = styles.get(ident)
        if style is None:
            return None
        named = style.find(f"{_W}name")
        words = (named.get(f"{_W}val", "") if named is not None else "").lower()
        if words == "title":
            return 0
        if words.startswith("heading ") and words[8:].isdecimal():
            return int(words[8:])
        outline = style.find(f"{_W}pPr/{_W}outlineLvl")
        if outline is not None and outline.get(f"{_W}val", "").isdecimal():
            return _outline(outline)
        based = style.find(f"{_W}basedOn")
        ident = based.get(f"{_W}val", "") if based is not None else ""
    return None


def _outline(element: Element) -> int | None:
    level = int(element.get(f"{_W}val")) + 1
    return level if level <= 9 else None  # the tenth is the text's own


def _level(paragraph: Element, levels: dict[str, int]) -> int | None:
    outline = paragraph.find(f"{_W}pPr/{_W}outlineLvl")
    if outline is not None and outline.get(f"{_W}val", "").isdecimal():
        return _outline(outline)
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    return levels.get(style.get(f"{_W}val", "")) if style is not None else None
