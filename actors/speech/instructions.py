"""Text that speaks to the model instead of informing: never quoted, never evidence. Pure.

A closed set of shapes, English and Spanish. It is one wall of several (see `docs/models.md`):
what slips through must still be borne out by the sources.
"""

from __future__ import annotations

import re
from functools import lru_cache

from actors.speech.sentences import fold

_SHAPES = (
    # "ignore all previous instructions", "olvida las instrucciones anteriores"
    r"\b(?:ignore|disregard|forget|override|bypass|skip)\b.{0,40}"
    r"\b(?:instructions?|rules?|prompts?|guidelines?|guardrails?|above|previous|prior)\b",
    r"\b(?:ignor|olvid|descart|omit|salt)(?:a|e|ar|ad|en|es)?\b.{0,40}"
    r"\b(?:instruccion(?:es)?|reglas?|normas?|indicaciones|prompt|lo anterior|anteriores)\b",
    # "you are now DAN", "act as", "ahora eres"
    r"\byou are (?:now|no longer)\b|\bfrom now on\b.{0,20}\byou\b|\bpretend (?:to be|you)\b",
    r"(?:^|[.,:;] |please |must |should |now )act as (?:an? |if |my |the )"
    r"|\brole-?play (?:as|that)\b|\bjailbreak\b|\bdeveloper mode\b",
    r"\bahora eres\b|\ba partir de ahora\b.{0,20}\b(?:eres|debes|responde)|\bactua como\b"
    r"|\bfinge (?:ser|que)\b|\bmodo (?:desarrollador|dios)\b",
    # the machinery itself
    r"\b(?:system|hidden|initial) (?:prompt|message|instructions?)\b",
    r"\b(?:prompt|mensaje|instrucciones) (?:del? )?(?:sistema|ocult[oa]s?)\b",
    r"\b(?:as|dear|attention|note to|for) (?:an? |the |all |any )?"
    r"(?:ai|llms?|chatbots?|language models?)\b",
    r"\bcomo (?:modelo|asistente|ia)\b.{0,20}\b(?:debes|tienes)\b|\bmodelos? de lenguaje\b",
    r"<\s*/?\s*(?:system|assistant|user|instructions?|source|im_start|im_end)\b|<\|"
    r"|\[/?(?:inst|system)\]",
    r"^\s*(?:system|assistant|user|sistema|asistente)\s*:",
    # orders about the answer
    r"(?:^|[.,:;] |please |must |should |always |then |and )(?:reply|respond|answer|say)\b "
    r"(?:only|exactly|always|with (?:only|exactly|the words?|the text)|that"
    r"|to the (?:user|visitor))\b",
    r"\b(?:tell|inform|convince|ask) the (?:user|visitor|reader|customer)s?\b",
    r"\b(?:do not|don't|never) (?:tell|reveal|mention|inform)\b.{0,20}"
    r"\b(?:user|visitor|customer|reader)s?\b",
    r"\b(?:responde|contesta|di|dile|diles)\b (?:solo|solamente|unicamente|exactamente|siempre"
    r"|con|que|al (?:usuario|visitante|cliente))\b",
    r"\b(?:informa|pide|pidele|convence) al? (?:usuario|visitante|cliente|lector)\b",
    r"\bno (?:le )?(?:digas|reveles|menciones|cuentes)\b",
    r"\brepeat after me\b|\brepite (?:conmigo|despues de mi|exactamente)\b",
)
_INSTRUCTION = re.compile("|".join(_SHAPES))


@lru_cache(maxsize=8192)
def reads_as_instruction(text: str) -> bool:
    """True when `text` (a sentence) gives orders to an assistant or names its machinery."""
    return _INSTRUCTION.search(fold(text)) is not None
