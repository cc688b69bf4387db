"""The lines of printed pages into paragraphs: what print adds is taken out again. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import msgspec

_EDGE = 2
"""A running header or footer has so many lines at most."""
_REPEATS_FROM = 3
"""Pages; what stands on two pages alone may well be text."""
_NUMBER = re.compile(
    r"[-–—\s]*(?:page|página|pagina|pág\.?|p\.)?\s*\d{1,4}\s*(?:(?:/|of|de)\s*\d{1,4})?[-–—\s]*\Z",
    re.I,
)
_ITEM = re.compile(r"(?:[-*•▪◦·–—]|\(?\d{1,3}[.)]|[a-z][.)])\s")
_ENDS = (".", "!", "?", ":", ";", "。")
_SHORT = 0.7
"""A line this much shorter than the longest ends its paragraph, when a sentence ends there."""
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)


class Line(msgspec.Struct, frozen=True):
    """A printed line and the size of its letters; an empty one separates paragraphs."""

    text: str
    size: float = 0.0


def without_running(pages: Sequence[list[Line]]) -> list[list[Line]]:
    """The pages without headers and footers that repeat, and without page numbers."""
    seen: Counter[str] = Counter()
    for number, page in enumerate(pages, 1):
        edges = {_edge_key(page[i].text, number) for i in _edges(page)}
        seen.update(edges)
    often = max(_REPEATS_FROM, len(pages) // 2 + 1)
    kept: list[list[Line]] = []
    for number, page in enumerate(pages, 1):
        edges = _edges(page)
        running = {
            i
            for i in edges
            if seen[_edge_key(page[i].text, number)] >= often or _NUMBER.match(page[i].text)
        }
        kept.append([line for i, line in enumerate(page) if i not in running])
    return kept


def _edges(page: Sequence[Line]) -> list[int]:
    """Where the first and last lines with text are."""
    full = [i for i, line in enumerate(page) if line.text.strip()]
    return sorted({*full[:_EDGE], *full[-_EDGE:]})


def _edge_key(text: str, number: int) -> str:
    """The same for `Manual, page 3` on page 3 and `Manual, page 4` on page 4."""
    return re.sub(rf"\b{number}\b", "#", " ".join(text.split()))


def paragraphs(lines: Sequence[Line]) -> str:
    """The text of `lines`: those of a paragraph joined, words mended that were divided at a
    line's end, paragraphs apart by an empty line."""
    longest = max((len(line.text) for line in lines), default=0)
    done: list[str] = []
    current = ""
    last = ""
    for line in lines:
        text = " ".join(line.text.translate(_LIGATURES).split())
        ends = not text or bool(_ITEM.match(text))
        ends = ends or (last.endswith(_ENDS) and len(last) < longest * _SHORT)
        if ends and current:
            done.append(current)
            current = ""
        if text:
            current = _joined(current, text)
        last = text
    return "\n\n".join([*done, current] if current else done)


def _joined(before: str, after: str) -> str:
    if not before:
        return after
    if len(before) > 1 and before[-1] in "-\u2010\u00ad" and before[-2].isalpha():
        if after[0].islower():
            return before[:-1] + after
        return before + after
    return f"{before} {after}"
