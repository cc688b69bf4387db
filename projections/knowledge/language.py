"""Which language is it, and which words of it does full-text search see?"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lingua import LanguageDetector

SURE = 0.75
"""Below this confidence (0 to 1) a text is too short or too mixed to say."""

_CONFIGS = {"en": "english", "es": "spanish"}
TEXT_CONFIGS = (*_CONFIGS.values(), "simple")
"""Every text-search configuration of Postgres that chunks are stemmed by."""
_WORD = re.compile(r"\w+")


@cache
def _detector() -> LanguageDetector:
    from lingua import Language, LanguageDetectorBuilder  # noqa: PLC0415  # loaded when needed

    languages = (Language.ENGLISH, Language.SPANISH)
    return LanguageDetectorBuilder.from_languages(*languages).build()


def detect_locale(text: str, *, default: str = "") -> str:
    """`en` or `es` when lingua is sure of it, else `default`. The first call takes 0.5 s."""
    best = _detector().compute_language_confidence_values(text)[0]
    return best.language.iso_code_639_1.name.lower() if best.value >= SURE else default


def base_language(locale: str) -> str:
    """`es-MX` and `es_MX` are `es`."""
    return re.split(r"[-_]", locale, maxsplit=1)[0].lower()


def text_config(locale: str) -> str:
    """The Postgres text-search configuration that stems words of `locale`."""
    return _CONFIGS.get(base_language(locale), "simple")


def without_accents(text: str) -> str:
    """`devolución` becomes `devolucion`: how many people type it."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def lexical_text(text: str) -> str:
    """`text`, and after it each accented word once more without its accents.

    Stemming needs the accents (`devolución` and `devoluciones` share a stem only with them), and
    a visitor who leaves them out must find the page too. Used for chunks and questions alike.
    """
    plain = without_accents(text)
    if plain == text:
        return text
    accented = (word for word in _WORD.findall(unicodedata.normalize("NFC", text)))
    folded = [bare for word in accented if (bare := without_accents(word)) != word]
    return " ".join([text, *folded])
