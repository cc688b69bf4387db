"""The AI asked whether a person is wanted: did the visitor say yes? Pure; English and Spanish.

A closed list, because a bare "yes" means nothing without the question before it.
"""

from __future__ import annotations

import re

from actors.speech.sentences import words
from actors.speech.wordlists import word_set

_ASKS = re.compile(
    r"\b(?:an? (?:person|human|colleague)|una? (?:persona|humano|colega))\?\s*\Z", re.IGNORECASE
)
_YES = word_set("yes yeah yep yup sure absolutely definitely please pls si sip claro porfa xfa")
_YES_IN_WORDS = re.compile(
    r"\b(?:go ahead|do (?:it|so|that)|of course|sure thing|please do|adelante|hazlo|hagalo"
    r"|i(?: would|d) (?:like|love) (?:that|to)|that would be (?:great|good|nice)|i would|i do"
    r"|por (?:favor|supuesto)|desde luego|eso quiero|si quiero|me gustaria|de acuerdo|esta bien)\b"
)
_AGREES = word_set("ok okay okey vale dale bueno venga perfecto perfect great fine alright")
_BESIDE = word_set("thanks thank you gracias muchas que s the ya")


def offers_person(text: str) -> bool:
    """Whether an answer ends by asking if a person is wanted."""
    return _ASKS.search(text) is not None


def accepts(text: str) -> bool:
    """Whether `text` is a yes and nothing else. "Ok, thanks" may be a goodbye and is none."""
    said = " ".join(words(text))
    rest = _YES_IN_WORDS.sub(" ", said).split()
    agrees = [word for word in rest if word not in _YES]
    sure = len(agrees) < len(rest) or rest != said.split()
    if not said or any(word not in _AGREES | _BESIDE for word in agrees):
        return False
    return sure or (bool(agrees) and all(word in _AGREES for word in agrees))
