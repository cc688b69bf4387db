"""Splitting English and Spanish text into whole sentences that can be quoted word for word.

A wrong cut gives a broken quote and a missed cut only a long one, so where the text does not say
(an abbreviation before a capital letter) the sentence goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

_MARKER = re.compile(r"(?:[-*+•‣▪–·]|\d{1,3}[.)]|[A-Za-z][)]|>|#{1,6})[ \t]+")
_END = re.compile(r"[.!?…]+[\"'”’»)\]*_]*(?=\s+[\"'“\u2018«(\[*_]*[¿¡]?[\"'“«*_]*[A-ZÁÉÍÓÚÜÑ0-9])")
_LAST_WORD = re.compile(r"[^\s(\[¿¡\"“«]+\Z")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+")
_SHORT = """
    mr mrs ms dr prof st vs approx incl excl dept est inc ltd co jr sr
    e.g i.e cf fig vol p pp tel ext mon tue wed thu fri sat sun
    jan feb mar apr jun jul aug sep sept oct nov dec
    sra srta dra d dña ud uds vd vds ee uu p.ej ej aprox art pág págs av avda c cía
    máx mín min max
"""
_ABBREVIATIONS = frozenset(_SHORT.split())
_BEFORE_NUMBERS = frozenset({"no", "nos", "nº", "núm", "num"})
"""Abbreviations before a number; before a word they end a sentence (`No. It is not.`)."""
_WRAPPED_FROM = 60
"""A line this long that ends in mid-sentence was wrapped by an editor; a shorter one is a line
of a list."""


def _is_soft_break(line: str, following: str) -> bool:
    """True when the line break between the two only wraps a paragraph."""
    after = following.lstrip()
    if not after or _MARKER.match(after) or after.startswith("|"):
        return False
    stripped = line.rstrip()
    if stripped.endswith((".", "!", "?", "…", ":", ";", "|")):
        return False
    return len(stripped) >= _WRAPPED_FROM or after[0].islower()


def _blocks(text: str) -> Iterator[Span]:
    """Paragraphs, list items and table rows: no sentence reaches over two of them."""
    start: int | None = None
    position = 0
    lines = text.splitlines(keepends=True)
    for index, line in enumerate(lines):
        if line.strip() and start is None:
            start = position
        position += len(line)
        following = lines[index + 1] if index + 1 < len(lines) else ""
        if start is not None and not _is_soft_break(line, following):
            yield start, position
            start = None
    if start is not None:
        yield start, position


def _ends_sentence(before: str, terminator: str, after: str) -> bool:
    """False where the full stop after `before` belongs to an abbreviation or to initials."""
    if not terminator.startswith(".") or terminator.startswith(".."):
        return True
    found = _LAST_WORD.search(before)
    if found is None:
        return True
    word = found.group().strip("*_'’").lower()
    if word in _BEFORE_NUMBERS:
        return not after.lstrip()[:1].isdigit()
    return word not in _ABBREVIATIONS and _INITIALS.fullmatch(word + ".") is None


def _trimmed(text: str, start: int, end: int) -> Span | None:
    """The span without white space and list markers; None when no letter or digit is left."""
    while start < end and text[start].isspace():
        start += 1
    while (marker := _MARKER.match(text, start, end)) is not None:
        start = marker.end()
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if any(char.isalnum() for char in text[start:end]) else None


def sentence_spans(text: str) -> list[Span]:
    """Where each sentence of `text` begins and ends, in order and not overlapping.

    A list item or a table row counts as a sentence; its marker is left out. Marks that hold no
    letter and no digit are left out too.
    """
    spans: list[Span] = []
    for block_start, block_end in _blocks(text):
        first = _trimmed(text, block_start, block_end)
        if first is None:
            continue
        start, end = first
        for match in _END.finditer(text, start, end):
            before, after = text[start : match.start()], text[match.end() : end]
            if not _ends_sentence(before, match.group(), after):
                continue
            span = _trimmed(text, start, match.end())
            if span is not None:
                spans.append(span)
            start = match.end()
        last = _trimmed(text, start, end)
        if last is not None:
            spans.append(last)
    return spans


def sentences(text: str) -> list[str]:
    """The sentences of `text`, each a verbatim substring of it."""
    return [text[start:end] for start, end in sentence_spans(text)]
