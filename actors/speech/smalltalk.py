"""Greetings, thanks and goodbyes, answered kindly and without sources. Pure.

A closed list that must match a whole line, so a question that begins with "hello" is a question.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from actors.speech.sentences import fold
from actors.speech.texts import Locale, locale_of

Topic = Literal["greeting", "thanks", "bye", "who"]

_NAME = r"(?: (?:there|all|everyone|team|again|a todos|de nuevo|equipo))?"
_SHAPES: dict[Locale, dict[Topic, str]] = {
    "en": {
        "greeting": rf"(?:hi|hello|hey|hiya|howdy|greetings){_NAME}(?: how are you(?: today)?)?"
        r"|good (?:morning|afternoon|evening|day)|how are you(?: today| doing)?"
        r"|(?:is )?any(?:one|body) (?:there|here)",
        "thanks": r"(?:ok |okay |great |perfect |super )?(?:many )?"
        r"(?:thanks|thank you|thx|ty|cheers)"
        r"(?: (?:a lot|so much|very much|for (?:your|the) help|that helps?|that helped))*"
        r"|that (?:helps|helped)(?: a lot)?(?: thanks| thank you)?",
        "bye": r"(?:ok |okay )?(?:bye|goodbye|bye bye|see you(?: later| soon)?|good night"
        r"|have a (?:nice|good|great) (?:day|evening|weekend|one))",
        "who": r"(?:who|what) are you|are you (?:an? )?"
        r"(?:bot|robot|human|real person|person|ai)"
        r"|am i (?:talking|speaking|chatting) (?:to|with) (?:an? )?(?:bot|robot|human|person)"
        r"|what can you (?:do|help me with)",
    },
    "es": {
        "greeting": rf"hola{_NAME}(?: (?:buenas|buenos dias|buenas tardes|buenas noches|que tal"
        r"|como estas|como esta))*|buenas|buen dia|buenos dias|buenas (?:tardes|noches)|saludos"
        r"|que tal|como (?:estas|esta usted|esta)|hay alguien(?: ahi)?",
        "thanks": r"(?:ok |vale |perfecto |genial )?(?:muchas |muchisimas |mil )?gracias"
        r"(?: (?:por (?:tu|su|la) ayuda|por todo|me ayudas mucho))*"
        r"|te lo agradezco|se lo agradezco|muy amable",
        "bye": r"(?:ok |vale )?(?:adios|chao|chau|hasta (?:luego|pronto|manana|la vista)"
        r"|nos vemos|que tengas? (?:un )?buen (?:dia|fin de semana))",
        "who": r"(?:quien|que) eres|eres (?:un |una )?(?:bot|robot|humano|persona|ia)"
        r"|(?:hablo|estoy hablando) con (?:un |una )?(?:bot|robot|humano|persona|maquina)"
        r"|(?:en )?que (?:puedes hacer|me puedes ayudar)",
    },
}
_KNOWN: dict[Locale, dict[Topic, re.Pattern[str]]] = {
    locale: {topic: re.compile(shape) for topic, shape in shapes.items()}
    for locale, shapes in _SHAPES.items()
}
_REPLIES: dict[Locale, dict[Topic, str]] = {
    "en": {
        "greeting": "Hello! What would you like to know?",
        "thanks": "You're welcome! Is there anything else you would like to know?",
        "bye": "Goodbye, and thank you for your visit!",
        "who": "I'm the automatic assistant of {company}. I answer from its help pages and show "
        "you where each answer comes from; a person can take over whenever you like.",
    },
    "es": {
        "greeting": "¡Hola! ¿Qué te gustaría saber?",
        "thanks": "¡De nada! ¿Hay algo más que quieras saber?",
        "bye": "¡Hasta pronto, y gracias por tu visita!",
        "who": "Soy el asistente automático de {company}. Respondo con sus páginas de ayuda y te "
        "muestro de dónde sale cada respuesta; una persona puede atenderte cuando quieras.",
    },
}
_COMPANY: dict[Locale, str] = {"en": "this company", "es": "esta empresa"}


class Smalltalk(msgspec.Struct, frozen=True):
    topic: Topic
    text: str
    locale: Locale


def smalltalk(message: str, language: str, company: str = "") -> Smalltalk | None:
    """The reply when every line of `message` is small talk (to its last line), else None.

    The words tell the language; `language` decides where both have them.
    """
    last: tuple[Topic, Locale] | None = None
    lines = [line for line in map(_plain, message.splitlines()) if line]
    for line in lines:
        last = _topic(line, locale_of(language))
        if last is None:
            return None
    if last is None:
        return None
    topic, locale = last
    text = _REPLIES[locale][topic].format(company=company or _COMPANY[locale])
    return Smalltalk(topic, text, locale)


def reply_to(message: str, language: str, company: str = "") -> str | None:
    """The text of `smalltalk`, or None when `message` is more than that."""
    found = smalltalk(message, language, company)
    return found.text if found else None


def _topic(line: str, first: Locale) -> tuple[Topic, Locale] | None:
    other: Locale = "en" if first == "es" else "es"
    for locale in (first, other):
        for topic, shape in _KNOWN[locale].items():
            if shape.fullmatch(line):
                return topic, locale
    return None


def _plain(line: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", fold(line)))
