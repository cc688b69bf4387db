"""What a follow-up is to be searched with: "and for children?" means nothing alone. Pure.

A question that points back ("how much is it?"), goes on ("and to Portugal?") or names nothing of
its own ("until when?") is searched together with the words that say what the question before was
about. No model is asked; `benchmarks/followups.py` measures what this gains, and what it costs
questions that stand alone. English and Spanish.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from actors.speech.sentences import fold, words
from actors.speech.wordlists import ASKING, STOPWORDS, word_set

MOST_OWN_WORDS = 2
"""A question with more words of its own than this says what it is about, however it begins."""
LOOKED_BACK = 4
"""A chain of follow-ups is walked so far back for what it is about."""
MOST_CONTEXT = 16
"""So many words at most are taken from earlier questions: the question's own must tell."""

_GOES_ON = re.compile(
    r"(?:(?:ok|okay|vale|ah|oh|thanks|gracias)\s+)?"
    r"(?:and|or|but|also|what about|how about|what if|y|e|o|pero|tambien|que tal|que pasa con)\b"
)
_POINTS_BACK = {
    "en": word_set(
        "it its that this they them their those these there then one ones he she him her same"
    ),
    "es": word_set(
        "eso esto ello ellos ellas esa ese esas esos aquello ahi alli entonces lo mismo misma"
    ),
}
_WITHOUT_NOUN = re.compile(r"\b(?:el|la|los|las) (?:de|del|que)\b")
"""`las de madera`: which ones was said before."""
_FRAGMENT = {
    "en": word_set("in for from with without on to until till at by since of during after before"),
    "es": word_set("a en para de desde con sin hasta por durante despues antes sobre"),
}
"""A short question that begins with one of these is the end of another."""
_THIN = {
    "en": word_set(
        """cost costs price take takes open opens close closes free time times year years month
        months day days week weeks hour hours amount extra more less included include valid cover
        covers keep thing things pay pays work works somebody someone too use used safe kind date
        exactly else also available allowed"""
    ),
    "es": word_set(
        """cuesta cuestan cuestas vale valen precio tarda tardan tardaria tardais abre abren cierra
        cierran gratis tiempo ano anos mes meses dia dias semana semanas hora horas importe partir
        parte extra mas menos incluida incluido incluye incluyen viene vienen valido valida cubre
        cubren cosa cosas paga pagan pago funciona sirve tampoco hasta durante seguro si no sin
        exactamente disponible"""
    ),
}
"""Words that ask something of a thing without naming the thing."""
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")


def refers_back(question: str, language: str) -> bool:
    """Whether `question` cannot be understood without what was asked before.

    Its first line decides: what stands under that has it before itself.
    """
    line = next((line for line in question.splitlines() if line.strip()), "")
    found = words(line)
    own = [word for word in found if word not in _saying_nothing(language)]
    if not own:
        return bool(found)
    if len(own) > MOST_OWN_WORDS:
        return False
    plain = " ".join(_WORD.findall(fold(line)))
    code = "es" if language == "es" else "en"
    if _GOES_ON.match(plain) or not _POINTS_BACK[code].isdisjoint(found):
        return True
    if code == "es" and _WITHOUT_NOUN.search(plain):
        return True
    return len(own) == 1 and found[0] in _FRAGMENT[code]


def in_context(question: str, earlier: Sequence[str], language: str) -> str:
    """What to search for: `question` with what it refers to in `earlier`, the visitor's questions
    before it, oldest first; `question` itself when it stands alone.
    """
    if not earlier or not refers_back(question, language):
        return question
    context: list[str] = []
    for asked in reversed(earlier[-LOOKED_BACK:]):
        context = _about(asked, language) + context
        if context and not refers_back(asked, language):
            break
    known = set(words(question))
    new = [word for word in dict.fromkeys(context) if fold(word) not in known]
    return f"{question} {' '.join(new[:MOST_CONTEXT])}" if new else question


def _about(question: str, language: str) -> list[str]:
    """The words of a question that say what it is about, as they were written."""
    empty = STOPWORDS["es" if language == "es" else "en"] | ASKING
    return [word for word in _WORD.findall(question) if not set(words(word)) <= empty]


def _saying_nothing(language: str) -> frozenset[str]:
    code = "es" if language == "es" else "en"
    return STOPWORDS[code] | ASKING | _THIN[code] | _POINTS_BACK[code]
