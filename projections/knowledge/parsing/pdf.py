"""PDF: a block for each heading of each page, told by the size of its letters."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pypdf
from pypdf.errors import PdfReadError

from events.conversation import Place
from events.knowledge import Flag
from events.objects.artifacts import Block, Parsed
from projections.knowledge.parsing.errors import Unparsable
from projections.knowledge.parsing.lines import Line, paragraphs, without_running
from projections.knowledge.parsing.pdf_seen import PageReader, Piece

MAX_PAGES = 3000
_LARGER = 1.15
"""A heading's letters are so much larger than those of the text."""
_HEADING_CHARACTERS = 150


def parse_pdf(content: bytes, name: str) -> Parsed:
    """Raises Unparsable (`encrypted`, `corrupt`, `too_large`) and what pypdf raises at a broken
    file."""
    reader = pypdf.PdfReader(io.BytesIO(content), strict=False)
    if reader.is_encrypted and not _opened(reader):
        raise Unparsable(
            "encrypted",
            f"{name}: protected with a password. Save it without one and hand that in.",
        )
    flags: list[Flag] = []
    pages: list[list[Line]] = []
    for page in _pages(reader, name):
        pieces = PageReader(page, len(pages) + 1).pieces(flags)
        pages.append(list(_assembled(pieces)))
    lined = without_running(pages)
    return Parsed(
        blocks=tuple(_blocks(lined)),
        parser=f"pypdf {pypdf.__version__}",
        title=_title(reader),
        pages=len(pages),
        flags=tuple(flags),
    )


def _opened(reader: pypdf.PdfReader) -> bool:
    """Many PDFs are only protected against changes, and open with an empty password."""
    try:
        return bool(reader.decrypt(""))
    except (PdfReadError, NotImplementedError, ValueError):
        return False


def _pages(reader: pypdf.PdfReader, name: str) -> Iterator[pypdf.PageObject]:
    for index, page in enumerate(reader.pages):
        if index >= MAX_PAGES:
            raise Unparsable(
                "too_large", f"{name}: more than {MAX_PAGES} pages. Divide it into smaller ones."
            )
        yield page


def _title(reader: pypdf.PdfReader) -> str:
    """As its properties say; programs write the file's name there too, which says nothing."""
    try:
        title = str((reader.metadata and reader.metadata.title) or "").strip()
    except (PdfReadError, ValueError, AttributeError):
        return ""
    ending = title.rpartition(".")[2].lower()
    unfit = title.lower() in ("untitled", "(anonymous)") or ending in ("doc", "docx", "pdf", "indd")
    return "" if unfit else title


def _assembled(pieces: Sequence[Piece]) -> Iterator[Line]:
    """The pieces up to each line break; a line's size is that of most of its letters."""
    words: list[str] = []
    sizes: Counter[float] = Counter()
    for text, size in [*pieces, ("\n", 0.0)]:
        *ended, rest = text.split("\n")
        for part in ended:
            words.append(part)
            sizes[round(size, 1)] += len(part.strip())
            yield Line("".join(words), max(sizes, key=lambda of: (sizes[of], of)))
            words, sizes = [], Counter()
        words.append(rest)
        sizes[round(size, 1)] += len(rest.strip())


def _blocks(pages: Sequence[list[Line]]) -> Iterator[Block]:
    body = _body_size(pages)
    path: list[tuple[float, str]] = []
    for number, lines in enumerate(pages, 1):
        starts = [0, *(i for i, line in enumerate(lines) if _is_heading(line, body)), len(lines)]
        for start, end in pairwise(starts):
            first = start
            if start < end and _is_heading(lines[start], body):
                line = lines[start]
                words = " ".join(line.text.split())
                if start and path and _is_heading(lines[start - 1], body) and _same(path, line):
                    words = f"{path[-1][1]} {words}"  # a heading over two lines
                    path.pop()
                path = [part for part in path if part[0] > line.size] + [(line.size, words)]
                first = start + 1
            text = paragraphs(lines[first:end])
            if text:
                headings = tuple(words for _, words in path)
                yield Block(text=text, headings=headings, place=Place(page=number))


def _same(path: Sequence[tuple[float, str]], line: Line) -> bool:
    return path[-1][0] == line.size


def _body_size(pages: Sequence[list[Line]]) -> float:
    sizes: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            sizes[line.size] += len(line.text)
    return max(sizes, key=lambda of: (sizes[of], of)) if sizes else 0.0


def _is_heading(line: Line, body: float) -> bool:
    text = line.text.strip()
    return (
        body > 0
        and line.size >= body * _LARGER
        and 0 < len(text) <= _HEADING_CHARACTERS
        and not text.endswith((".", ",", ";"))
        and any(char.isalpha() for char in text)
    )
