"""Which of our languages a visitor writes. A pure function from outside.

Method: lingua (character n-grams) between English and Spanish alone, in its low-accuracy mode:
20 MB, some 20 µs a message after a first call of 35 ms, measured. It is quick to guess on a word
or two (`hello there` comes out Spanish), so a short text must hold a word that only one of the
two languages has, or the default holds.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from actors.speech.sentences import fold, words
from actors.speech.wordlists import STOPWORDS, word_set

if TYPE_CHECKING:
    from lingua import LanguageDetector

CONFIDENCE = 0.75
ENOUGH_WORDS = 4
"""Fewer words than this are judged by the words themselves."""
READ_CHARACTERS = 600
"""The start of a message tells its language; reading on only costs time."""

_GREETINGS = {
    "en": word_set("hi hello hey thanks thank please bye goodbye refund shipping order"),
    "es": word_set(
        "hola buenas buenos gracias adios favor cuanto cuanta cuesta pedido envio ayuda"
    ),
}
_TELLING = {
    "en": (STOPWORDS["en"] - STOPWORDS["es"] | _GREETINGS["en"]) - {"an", "d", "s"},
    "es": STOPWORDS["es"] - STOPWORDS["en"] | _GREETINGS["es"],
}


@lru_cache(maxsize=1)
def _detector() -> LanguageDetector:
    from lingua import Language, LanguageDetectorBuilder  # noqa: PLC0415 — its tables load on use

    return (
        LanguageDetectorBuilder.from_languages(Language.ENGLISH, Language.SPANISH)
        .with_low_accuracy_mode()
        .build()
    )


def detect(text: str, default: str = "en") -> str:
    """`en` or `es` by the words of `text`; `default`, as it is, when they do not tell."""
    start = text[:READ_CHARACTERS]
    found = words(start)
    if any(mark in start for mark in "¿¡"):
        return "es"
    telling = {code: sum(w in known for w in found) for code, known in _TELLING.items()}
    if telling["en"] != telling["es"]:
        return "es" if telling["es"] > telling["en"] else "en"
    if len(found) < ENOUGH_WORDS:
        return default
    best = _detector().compute_language_confidence_values(fold(start))[0]
    if best.value < CONFIDENCE:
        return default
    return best.language.iso_code_639_1.name.lower()
