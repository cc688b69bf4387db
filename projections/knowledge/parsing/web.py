"""HTML: the main content of a page, a block for the text under each heading, with its anchor.

What stands around the content (menus, footers) is left out by trafilatura; what no reader sees is
left out before, and flagged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import trafilatura
from lxml import html

from events.conversation import Place
from events.knowledge import Flag
from events.objects.artifacts import Block, Parsed
from projections.knowledge.parsing.errors import Unparsable
from projections.knowledge.parsing.flags import hidden_text
from projections.knowledge.parsing.tables import row_blocks

Element = Any
"""An lxml element."""

MAX_ELEMENTS = 200_000
_NOT_TEXT = ("script", "style", "noscript", "template", "svg", "iframe", "object", "head")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_PARTS = ("p", "li", "dt", "dd", "pre", "blockquote", "td", "th", "summary", "figcaption")
_WHITE = r"(?:#fff(?:fff)?|white|rgba?\(\s{0,3}255\s{0,3},\s{0,3}255\s{0,3},\s{0,3}255[^)]{0,20}\))"
_HIDES = re.compile(
    r"display:none|visibility:hidden|font-size:0(?:px|pt|em|rem|%)?(?:;|$)|opacity:0(?:\.0*)?(?:;|$)"
    r"|(?:text-indent|left|top):-\d{4,}|clip:rect\(0|color:transparent"
)
_WHITE_TEXT = re.compile(rf"(?:^|;)color:{_WHITE}", re.I)
_GROUND = re.compile(r"(?:^|;)background(?:-color|-image)?:", re.I)
_WHITE_GROUND = re.compile(rf"(?:^|;)background(?:-color)?:{_WHITE}", re.I)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}\Z")
_LITTLE = 0.3
"""When trafilatura keeps less of a page's text than this, the whole page is taken."""


def parse_web(content: bytes, name: str) -> Parsed:
    """Raises Unparsable (`too_large`, `empty`) and what lxml raises at what is no page."""
    tree = _tree(content)
    if sum(1 for _ in tree.iter()) > MAX_ELEMENTS:
        raise Unparsable(
            "too_large",
            f"{name}: more than {MAX_ELEMENTS} elements in one page. Divide it.",
        )
    title, url, language = _title(tree), _canonical(tree), _language(tree)
    flags = list(_without_hidden(tree))
    anchors = _anchors(tree)
    blocks = list(_main(tree, anchors))
    whole = list(_sections(_walk(tree), anchors))
    if _letters(blocks) < _LITTLE * _letters(whole):
        blocks = whole
    return Parsed(
        blocks=tuple(blocks),
        parser=f"trafilatura {trafilatura.__version__}",
        title=title,
        url=url,
        locale=language,
        flags=tuple(flags),
    )


def _letters(blocks: Sequence[Block]) -> int:
    return sum(len(block.text) for block in blocks)


def _tree(content: bytes) -> Element:
    """UTF-8 where it is that, else as its mark or its `meta` says."""
    encoding = None
    if not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            content.decode()
            encoding = "utf-8"
        except UnicodeDecodeError:
            encoding = None
    parser = html.HTMLParser(encoding=encoding, remove_comments=True, remove_pis=True)
    return html.document_fromstring(content.replace(b"\x00", b"") if encoding else content, parser)


def _title(tree: Element) -> str:
    """Of the page, without the site's name after a bar."""
    found = tree.find(".//head/title")
    title = " ".join((found.text_content() if found is not None else "").split())
    heads = [" ".join(head.text_content().split()) for head in tree.iterfind(".//h1")]
    if len(heads) == 1 and heads[0] and title.startswith(heads[0]):
        return heads[0]
    return title


def _canonical(tree: Element) -> str:
    for link in tree.iterfind(".//link"):
        if (link.get("rel") or "").lower() == "canonical":
            href = (link.get("href") or "").strip()
            return href if urlsplit(href).scheme in ("http", "https") else ""
    return ""


def _language(tree: Element) -> str:
    said = (tree.get("lang") or "").strip()
    return said if _LANGUAGE.match(said) else ""


def _without_hidden(tree: Element) -> Iterator[Flag]:
    """Takes out of `tree` what is no text and what no reader sees; a flag for each of the
    latter that says something."""
    for element in list(tree.iter(*_NOT_TEXT)):
        if element.tag != "head":
            _drop(element)
    for element in list(tree.iter()):
        if not isinstance(element.tag, str) or element.tag in ("html", "body"):
            continue
        if _is_hidden(element) and _stands_in(element, tree):
            said = " ".join(element.text_content().split())
            if len(said) > 2:
                yield hidden_text(said, "")
            _drop(element)


def _stands_in(element: Element, tree: Element) -> bool:
    """False where an element around it was taken out before."""
    return element is tree or tree in element.iterancestors()


def _drop(element: Element) -> None:
    if element.getparent() is not None:
        element.drop_tree()


def _is_hidden(element: Element) -> bool:
    if element.get("hidden") is not None and element.get("hidden") != "until-found":
        return True
    style = re.sub(r"\s+", "", (element.get("style") or "")[:2000]).lower()
    if not style and element.tag != "font":
        return False
    if _HIDES.search(style):
        return True
    white = _WHITE_TEXT.search(style) or (
        element.tag == "font" and re.match(_WHITE, element.get("color") or "", re.I)
    )
    return bool(white) and not _on_colour(element)


def _on_colour(element: Element) -> bool:
    """Is a ground told on which white letters are read? Where none is told at all the page is
    white, unless it has style sheets, which are not read."""
    for around in (element, *element.iterancestors()):
        style = re.sub(r"\s+", "", (around.get("style") or "")[:2000])
        if _GROUND.search(style) or around.get("bgcolor"):
            told = around.get("bgcolor") or ""
            white = _WHITE_GROUND.search(style) or re.fullmatch(_WHITE, told, re.I)
            return not white
        if around.get("class"):
            return True
    return False


def _anchors(tree: Element) -> dict[str, list[str]]:
    """The anchors of headings, by the heading's words: its own id, one in it, or that of the
    section that it opens."""
    found: dict[str, list[str]] = {}
    for heading in tree.iter(*_HEADINGS):
        anchor = heading.get("id") or next(
            (
                mark
                for inner in heading.iter("a", "span")
                if (mark := inner.get("id") or inner.get("name"))
            ),
            "",
        )
        around = heading.getparent()
        if not anchor and around is not None and next(iter(around), None) is heading:
            anchor = around.get("id") or ""
        found.setdefault(_key(heading), []).append(anchor)
    return found


def _key(heading: Element) -> str:
    return " ".join("".join(heading.itertext()).split())


Piece = tuple[str, str | Element]
"""(`h1` … `h6`, words), (`p`, text) or (`table`, the element)."""


def _main(tree: Element, anchors: dict[str, list[str]]) -> Iterator[Block]:
    """What trafilatura takes for the page's content."""
    copy = html.fromstring(html.tostring(tree))
    found = trafilatura.extract(
        copy,
        output_format="xml",
        include_comments=False,
        include_tables=True,
        favor_recall=True,
        with_metadata=False,
    )
    if not found:
        return iter(())
    body = ElementTree.fromstring(found).find(".//main")
    return _sections(_extracted(body), anchors) if body is not None else iter(())


def _extracted(body: Element) -> Iterator[Piece]:
    for element in body:
        if element.tag == "table":
            yield "table", element
        elif element.tag == "head":
            yield element.get("rend") or "h2", _key(element)
        elif element.tag == "list":
            items = [" ".join("".join(item.itertext()).split()) for item in element.iter("item")]
            yield "p", "\n".join(f"- {item}" for item in items if item)
        else:
            yield "p", " ".join("".join(element.itertext()).split())


def _walk(tree: Element) -> Iterator[Piece]:
    """Everything of a page, where its content is not to be told from the rest."""
    body = tree.find("body")
    taken: set[Element] = set()
    for element in (body if body is not None else tree).iter():
        if not isinstance(element.tag, str) or element.getparent() in taken:
            if element.getparent() in taken:
                taken.add(element)
            continue
        if element.tag in _HEADINGS:
            taken.add(element)
            yield element.tag, _key(element)
        elif element.tag in _PARTS:
            taken.add(element)
            yield "p", " ".join(element.text_content().split())
        else:
            own = " ".join(
                " ".join([element.text or "", *(child.tail or "" for child in element)]).split()
            )
            if own:
                yield "p", own


def _sections(pieces: Iterator[Piece], anchors: dict[str, list[str]]) -> Iterator[Block]:
    left = {words: list(found) for words, found in anchors.items()}
    path: list[tuple[str, str]] = []
    anchor = ""
    texts: list[str] = []
    for kind, piece in pieces:
        headings = tuple(words for _, words in path)
        if kind == "p":
            if isinstance(piece, str) and piece:
                texts.append(piece)
            continue
        if texts:
            yield Block(text="\n\n".join(texts), headings=headings, place=Place(anchor=anchor))
            texts = []
        if isinstance(piece, str):
            path = [part for part in path if part[0] < kind] + ([(kind, piece)] if piece else [])
            of_words = left.get(piece)
            anchor = of_words.pop(0) if of_words else ""
        else:
            yield from _table(piece, headings, anchor)
    if texts:
        headings = tuple(words for _, words in path)
        yield Block(text="\n\n".join(texts), headings=headings, place=Place(anchor=anchor))


def _table(table: Element, headings: tuple[str, ...], anchor: str) -> Iterator[Block]:
    rows = [
        [" ".join("".join(cell.itertext()).split()) for cell in row.iter("cell")]
        for row in table.iter("row")
    ]
    rows = [cells for cells in rows if any(cells)]
    place = Place(anchor=anchor)
    if len(rows) < 2 or max(map(len, rows)) < 2:
        for cells in rows:
            yield Block(text=" ".join(filter(None, cells)), headings=headings, place=place)
        return
    for block in row_blocks(rows[0], [(0, cells) for cells in rows[1:]]):
        yield Block(
            text=block.text,
            headings=headings,
            question=block.question,
            place=place,
            table=block.table,
        )
