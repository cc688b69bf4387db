"""A message as features: its characters, and its words by class. Pure but for the word list.

The embedder knows English; character n-grams see both languages and typing errors; classes of
words (`config/handoff/words.txt`) let a sentence in one language stand for its translation.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from actors.speech.sentences import fold
from actors.speech.wordlists import word_set

BUCKETS = 1 << 14
"""Of each of the two kinds of features; a feature's place is its hash."""
READ_CHARACTERS = 600
"""Of one piece of text. Longer pieces are read from the start."""
CHARACTERS = (2, 5)
"""The shortest and the longest character n-gram; words are padded, grams do not cross them."""
CLASSES = 4
"""The longest n-gram of classes."""
OTHER = "_"
"""A word of no class; several in a row are one."""

_TOKEN = re.compile(r"[a-z0-9]+|[?¿]+|!+")
_UNSAID = word_set("a an the el la los las un una unos unas de of lo")
_QUESTIONS = frozenset({"HOW", "WHAT", "WHO", "WHEN", "WHERE", "WHY", "WHICH", "DO", "BE"})
Indices = NDArray[np.int64]


def read(text: str) -> Indices:
    """The places of the message's features, sorted, each once: those of characters lie below
    BUCKETS, those of classes from there on."""
    plain = fold(text[:READ_CHARACTERS]).replace("'", "")
    tokens = _TOKEN.findall(plain)
    places = {zlib.crc32(gram.encode()) % BUCKETS for gram in _characters(tokens)}
    marks = {"!!"} if text.count("!") > 1 else set[str]()
    if text.isupper() and len(tokens) > 1:
        marks.add("CAPS")
    for gram in {*_class_grams(_sequence(tokens)), *marks}:
        places.add(BUCKETS + zlib.crc32(gram.encode()) % BUCKETS)
    return np.array(sorted(places), dtype=np.int64)


def asks(text: str) -> bool:
    """Whether it begins as a question for information does (`how`, `¿cuándo`; not `can you`)."""
    start = text[:READ_CHARACTERS]
    if fold(start).lstrip().startswith("que ") and not start.lstrip().casefold().startswith("qué"):
        return False  # "que me llame alguien" is an order
    first = next((token for token in _TOKEN.findall(fold(start)) if token[0] not in "?¿!"), "")
    return bool(_QUESTIONS & set(classes(first)))


@lru_cache(maxsize=8192)
def classes(word: str) -> tuple[str, ...]:
    """The classes of a folded word."""
    exact, endings = _lexicon()
    found = set(exact.get(word, ()))
    found.update(name for start, name in endings if word.startswith(start))
    return tuple(sorted(found))


@lru_cache(maxsize=1)
def _lexicon() -> tuple[dict[str, set[str]], tuple[tuple[str, str], ...]]:
    """Whole words, and beginnings of words, with their classes."""
    exact: dict[str, set[str]] = {}
    endings: list[tuple[str, str]] = []
    for line in files("config").joinpath("handoff/words.txt").read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, _, listed = line.partition(":")
        for word in listed.split():
            if word.endswith("*"):
                endings.append((word[:-1], name))
            else:
                exact.setdefault(word, set()).add(name)
    return exact, tuple(endings)


def _characters(tokens: list[str]) -> Iterator[str]:
    for token in set(tokens):
        padded = f"<{token}>"
        for length in range(CHARACTERS[0], CHARACTERS[1] + 1):
            for start in range(len(padded) - length + 1):
                yield padded[start : start + length]


def _sequence(tokens: list[str]) -> list[tuple[str, ...]]:
    """The message as classes, a tuple for each word."""
    found: list[tuple[str, ...]] = []
    for token in tokens:
        if token in _UNSAID:
            continue
        if token[0] in "?¿!":
            found.append(("?" if token[0] != "!" else "!",))
            continue
        names = classes(token)[:2] or (OTHER,)
        if names != (OTHER,) or not found or found[-1] != (OTHER,):
            found.append(names)
    return found


def _class_grams(sequence: list[tuple[str, ...]]) -> Iterator[str]:
    """Runs of classes, how the message begins, and pairs that stand anywhere in it."""
    for length in range(1, CLASSES + 1):
        for start in range(len(sequence) - length + 1):
            for names in product(*sequence[start : start + length]):
                yield " ".join(names)
                if start == 0 and length < CLASSES:
                    yield "^" + " ".join(names)
    present = sorted({name for names in sequence for name in names if name != OTHER})
    for one, other in combinations(present, 2):
        yield f"{one}&{other}"
