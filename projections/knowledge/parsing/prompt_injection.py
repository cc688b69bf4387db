"""Sentences in a document that give orders to an AI. Pure.

They are flagged for a person, not left out: a page that explains such attacks is a page too, and
the answering side has walls of its own. A closed set of shapes, English and Spanish.
"""

from __future__ import annotations

import re
import unicodedata

_SHAPES = (
    # "ignore all previous instructions", "olvida las instrucciones anteriores"
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}"
    r"\b(?:previous|prior|above|earlier|all|any|your|these|system)\b.{0,30}"
    r"\b(?:instructions?|rules|prompts?|guidelines|guardrails)\b",
    r"\b(?:ignor|olvid|descart|omit)(?:a|e|ar|ad|en|es)?\b.{0,40}"
    r"\b(?:instrucciones|reglas|normas|indicaciones)\b.{0,30}"
    r"\b(?:anteriores|previas|recibidas|dadas|del sistema|de arriba)\b",
    r"\b(?:ignor|olvid|descart)(?:a|e|ar|ad|en|es)?\b.{0,20}\b(?:tus|sus|anteriores|previas)\b"
    r".{0,20}\b(?:instrucciones|reglas|normas|indicaciones)\b",
    # "you are now DAN", "ahora eres"
    r"\byou are (?:now|no longer) (?:an?|the|in|dan|bound)\b",
    r"\bpretend (?:to be|you are) an?\b",
    r"\b(?:ahora eres|finge (?:ser|que eres)|actua como si fueras)\b",
    # the machinery itself
    r"\b(?:reveal|print|repeat|show|leak)\b.{0,30}"
    r"\b(?:system|hidden|initial) (?:prompt|message|instructions)\b",
    r"\b(?:revela|muestra|repite|imprime)\b.{0,30}"
    r"\b(?:prompt|instrucciones|mensaje) (?:del? )?(?:sistema|ocult[oa]s?)\b",
    r"\b(?:new|system|developer|nuevas) (?:prompt|instructions|instrucciones)\s{0,3}:",
    r"<\s{0,3}/?\s{0,3}(?:system|im_start|im_end)\b|<\||\[/?inst\]",
    r"\bdeveloper mode (?:on|enabled)\b|\bjailbreak\b",
    # who is spoken to
    r"\b(?:attention|dear|note to|(?:message|instructions?) (?:to|for)) "
    r"(?:(?:an?|the|all|any) ){0,2}(?:ais?|llms?|chatbots?|language models?|assistants?)\b",
    r"\b(?:atencion|aviso|mensaje|instruccion(?:es)?)\b.{0,12}\b(?:para|a) (?:el |la |los |las )?"
    r"(?:ia|inteligencia artificial|chatbots?|modelos? de lenguaje|asistentes? virtual(?:es)?)\b",
    r"\bif you are an? (?:ai|llm|language model|chatbot|assistant)\b",
    r"\bsi eres una? (?:ia|modelo|asistente)\b",
    # what to keep from the visitor
    r"\b(?:do not|don't|never) (?:tell|inform|reveal to|mention (?:this )?to) the "
    r"(?:user|visitor|customer)s?\b",
    r"\bno (?:le )?(?:digas|reveles|menciones|cuentes)\b.{0,20}"
    r"\b(?:al?|la) (?:usuario|visitante|cliente)s?\b",
)
_ORDER = re.compile("|".join(f"(?:{shape})" for shape in _SHAPES))
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_LONGEST = 2000
"""So much of a sentence is looked at."""


def planted_instruction(text: str) -> tuple[str, int]:
    """The first sentence of `text` that orders an AI about (empty where there is none), and how
    many there are."""
    first, count = "", 0
    for sentence in _sentences(text):
        if _ORDER.search(_folded(sentence)):
            first = first or " ".join(sentence.split())
            count += 1
    return first, count


def _sentences(text: str) -> list[str]:
    """With line breaks as spaces: a paragraph of a PDF is broken where its line is full."""
    joined = re.sub(r"(?<![.!?:])[ \t]*\n(?=[^\n])", " ", text)
    return [match.group()[:_LONGEST] for match in _SENTENCE.finditer(joined)]


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text)
    return "".join(char for char in plain if not unicodedata.combining(char)).lower()
