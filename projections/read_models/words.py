"""The words that the console's search finds messages by."""

from __future__ import annotations

import re
import unicodedata

WORD_CHARS = 40
"""Longer words are cut: keys, hashes and laughter need no more to be found again."""

_WORD = re.compile(r"\w+")


def words_of(text: str) -> set[str]:
    """`text` in the words it is found by: case and accents do not matter."""
    folded = text.casefold()
    if not folded.isascii():
        decomposed = unicodedata.normalize("NFKD", folded)
        folded = "".join(char for char in decomposed if not unicodedata.combining(char))
    return {word[:WORD_CHARS] for word in _WORD.findall(folded)}
