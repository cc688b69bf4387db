"""Text into sentences, clauses and the words that carry a claim. Pure; English and Spanish.

Stems are Snowball's (Porter 2 and its Spanish sister), cut to six letters so that a noun and
its verb (`delivery`, `deliver`) meet.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import snowballstemmer

from actors.speech.wordlists import ABBREVIATIONS, ASKING, STOPWORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

STEM_LETTERS = 6
LONGEST_CITATION = 16
WRAPPED_FROM = 60
"""A line this long that ends in mid-sentence was wrapped by an editor."""

CITATION = re.compile(r"\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")
"""A citation, `[1]` or `[1, 2]`."""

_BOUNDARY = re.compile(
    r"\n+|[.!?…]+[\"'\u201d\u2019»)*_]*(?:[ \t]*\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\])*(?=[ \t])"
)
_MARKER = re.compile(r"(?:[-*•+>]|#{1,6}|\d{1,2}[.)])\s|\|")
_HEADING = re.compile(r"\s*#{1,6}\s")
_LAST_WORD = re.compile(r"([^\s(\"“«]+)$")
_LIST_NUMBER = re.compile(r"(?:^|\n)\s*\d{1,2}$")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Lower case without accents, with plain quotes: `¿Dónde?` becomes `¿donde?`."""
    lower = text.casefold()
    if lower.isascii():
        return lower
    plain = unicodedata.normalize("NFKD", lower.replace("\u2019", "'"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def _is_wrapped(before: str, breaks: str, rest: str) -> bool:
    """True when a line break only wraps a paragraph that goes on."""
    line = before.rsplit("\n", 1)[-1].rstrip()
    if len(breaks) > 1 or _MARKER.match(rest) or _HEADING.match(line):
        return False
    if not line or line[-1] in ".!?…:;|]":
        return False
    return len(line) >= WRAPPED_FROM or rest[0].islower()


def _is_end(text: str, match: re.Match[str], final: bool) -> bool | None:
    """True or False; None when more text must come before one can tell."""
    rest = text[match.end() :].lstrip(" \t")
    if not rest:
        return True if final else None
    if match.group().startswith("\n"):
        return not _is_wrapped(text[: match.start()], match.group(), rest)
    if CITATION.match(rest):
        return False  # what cites a sentence belongs to it
    if rest[0] == "[" and "]" not in rest and not final and len(rest) <= LONGEST_CITATION:
        return None
    if rest[0].islower():
        return False
    if not match.group().startswith("."):
        return True
    before = text[: match.start()]
    word = _LAST_WORD.search(before)
    last = fold(word.group(1)) if word else ""
    is_initial = len(last) == 1 and last.isalpha()
    return not (last in ABBREVIATIONS or is_initial or _LIST_NUMBER.search(before))


def cut(text: str, *, final: bool = True) -> tuple[list[str], str]:
    """Whole sentences and the rest: joined they are `text`, white space and citations included.

    A line's end ends a sentence too (list items, headings), unless it only wraps a paragraph.
    With `final` nothing rests.
    """
    pieces: list[str] = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        ends = _is_end(text, match, final)
        if ends is None:
            break
        if ends and text[start : match.end()].strip():
            pieces.append(text[start : match.end()])
            start = match.end()
    rest = text[start:]
    if final and rest.strip():
        pieces.append(rest)
        rest = ""
    return pieces, rest


def sentences(text: str) -> list[str]:
    """The sentences of `text`, each a stripped exact part of it, in order."""
    return [piece.strip() for piece in cut(text)[0]]


@lru_cache(maxsize=4)
def _stemmer(language: str) -> _Stemmer:
    return snowballstemmer.stemmer("spanish" if language == "es" else "english")


@lru_cache(maxsize=65536)
def stem(word: str, language: str) -> str:
    """The stem of one folded word, at most six letters."""
    found = _stemmer(language).stemWord(word)
    if language == "es" and len(found) > 3:
        found = found.rstrip("s")  # Snowball leaves `dias`, which has lost its accent, as it is
    return found[:STEM_LETTERS]


def words(text: str) -> list[str]:
    """Folded words and numbers in order; `don't` stays one word, as `dont`."""
    return [w.replace("'", "") for w in _WORD.findall(fold(text))]


def content(text: str, language: str) -> list[str]:
    """Stems of the words that carry a claim, in order."""
    stop = STOPWORDS.get(language, STOPWORDS["en"])
    return [stem(w, language) for w in words(text) if w not in stop]


def topic(question: str, language: str) -> list[str]:
    """Stems of the words that say what a question is about; all content when none is left."""
    asking = {stem(word, language) for word in ASKING}
    wanted = list(dict.fromkeys(content(question, language)))
    return [word for word in wanted if word not in asking] or wanted


def wording(text: str, default: str = "en") -> str:
    """`en` or `es` by which language's small words stand in `text`; `default` on a tie."""
    found = set(words(text))
    en, es = len(found & STOPWORDS["en"]), len(found & STOPWORDS["es"])
    if en == es:
        return "es" if default.startswith("es") else "en"
    return "es" if es > en else "en"


def coverage(wanted: Sequence[str], given: set[str]) -> float:
    """The share of `wanted` stems that are `given`; 1.0 when nothing is wanted."""
    return sum(w in given for w in wanted) / len(wanted) if wanted else 1.0
