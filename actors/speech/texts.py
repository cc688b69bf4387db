"""Sentences that visitors read, English and Spanish, and the courtesies the guard lets pass."""

from __future__ import annotations

import re
from typing import Literal

Locale = Literal["en", "es"]

NO_ANSWER = "NO_ANSWER_IN_SOURCES"
"""What a model is told to write, alone, when the sources do not hold the answer."""

_UNKNOWN: dict[Locale, str] = {
    "en": "I don't know: I could not find this in {company}'s help pages.",
    "es": "No lo sé: no he encontrado esto en las páginas de ayuda de {company}.",
}
_UNKNOWN_OF_NOBODY: dict[Locale, str] = {
    "en": "I don't know: I could not find this in our help pages.",
    "es": "No lo sé: no he encontrado esto en nuestras páginas de ayuda.",
}
_OFFER: dict[Locale, str] = {
    "en": "Would you like me to hand this conversation to a person?",
    "es": "¿Quieres que pase esta conversación a una persona?",
}
_FAILED = {
    "en": "Sorry, I could not finish an answer just now. Your message is safe: "
    "please try again in a moment, or ask for a person.",
    "es": "Lo siento, ahora no he podido terminar una respuesta. Tu mensaje está a salvo: "
    "inténtalo de nuevo en un momento o pide hablar con una persona.",
}


def locale_of(language: str) -> Locale:
    """The language of ours that a BCP 47 tag (`es-MX`) asks for; English for any other."""
    return "es" if language.lower().startswith("es") else "en"


def unknown(language: str, company: str = "", *, offers_person: bool = True) -> str:
    """The honest answer when the sources do not hold one, with the offer of a person."""
    locale = locale_of(language)
    text = _UNKNOWN[locale].format(company=company) if company else _UNKNOWN_OF_NOBODY[locale]
    return f"{text} {_OFFER[locale]}" if offers_person else text


def failed(language: str) -> str:
    """What is shown when a turn failed: nothing was lost, and there is a way on."""
    return _FAILED[locale_of(language)]


COURTESY: tuple[re.Pattern[str], ...] = tuple(
    re.compile(shape)
    for shape in (
        # English; matched whole against folded words without punctuation
        r"(?:hi|hello|hey)(?: there)?",
        r"(?:good )?(?:morning|afternoon|evening)",
        r"(?:thanks?|thank you)(?: (?:for|so much|very much)(?: (?:asking|reaching out"
        r"|your (?:question|message|patience)))?)?",
        r"(?:sure|of course|certainly|happy to help|glad to help|good question|great question)",
        r"(?:i'm|i am) (?:happy|glad|here) to help",
        r"i hope (?:this|that) helps",
        r"(?:please )?(?:let me know|feel free to (?:ask|reach out)) if (?:you have any"
        r"|there (?:is|are) any) (?:other |more |further )?questions?",
        r"(?:please )?let me know if (?:you need|there is|there's) anything else"
        r"(?: i can help (?:you )?with)?",
        r"is there anything else (?:i can (?:help (?:you )?with|do for you)"
        r"|you(?: would|'d) like to know)",
        r"would you like (?:me to hand (?:you|this conversation) (?:over )?to a person"
        r"|to (?:talk|speak) to a person)",
        r"(?:here is|here's) what (?:i found|our help pages say|the sources say)(?: in english)?",
        # Spanish
        r"hola(?: (?:buenas|buenos dias|que tal))?",
        r"buen(?:os dias|as tardes|as noches|as)",
        r"(?:muchas )?gracias(?: por (?:tu|su) (?:pregunta|mensaje|paciencia|consulta))?",
        r"(?:claro|claro que si|por supuesto|desde luego|buena pregunta"
        r"|encantad[oa] de ayudar(?:te|le)?)",
        r"espero (?:que (?:esto )?(?:te|le)? ?(?:ayude|sirva)|haberte ayudado|haberle ayudado)",
        r"(?:si (?:tienes|tiene)|no dudes en preguntar si tienes) (?:alguna otra|mas|otras?) "
        r"(?:dudas?|preguntas?)(?: (?:dime(?:lo)?|avisame|aqui estoy|pregunta(?:me)?))?",
        r"(?:hay|puedo ayudar(?:te|le) (?:con|en)) (?:algo|alguna cosa) mas"
        r"(?: en (?:lo )?que (?:te |le )?pueda ayudar(?:te|le)?)?",
        r"(?:quieres|quiere) (?:que pase esta conversacion a|hablar con) una persona",
        r"esto es lo que (?:he encontrado|dicen (?:las fuentes|nuestras paginas de ayuda))"
        r"(?: en (?:ingles|espanol))?",
    )
)
