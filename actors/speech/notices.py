"""What the house tells a visitor when it changes who speaks, English and Spanish. Pure.

Kind and short; it never says when somebody will come, only what is known: the hours, who is
there now. The place in the queue is no part of the text, which stays while the place changes:
it is in NoticePosted.place, and live on the visitor's page. The AI speaks of itself as "I".
"""

from __future__ import annotations

import re

import msgspec

from actors.conversation.commands import Reception
from actors.speech.texts import Locale
from events.conversation import Mode, Notice

_PLACES = re.compile(r"(\{name\}|\{previous\})")
_TEXTS: dict[Locale, dict[str, str]] = {
    "en": {
        "queued": "I have asked for a person to join this conversation.",
        "passed_on": "{name} is passing this conversation on to a colleague.",
        "away": "I have asked for a person, but nobody of our team is here right now.",
        "passed_on_away": "{name} is passing this conversation on to a colleague, "
        "but nobody of our team is here right now.",
        "opens": "The team is back {when}.",
        "kept": "Your request is kept for them.",
        "meanwhile": "Meanwhile I am glad to go on helping.",
        "meanwhile_after": "Meanwhile I, the AI assistant, am glad to help.",
        "silent": "Everything you write here is kept for them.",
        "joined": "You are now talking with {name}.",
        "changed": "{name} has taken over from {previous}: you are now talking with {name}.",
        "left": "{name} is no longer here.",
        "asked_again": "I have asked for another person.",
        "back_after": "I am the AI assistant, and I am back to help you.",
        "back": "{name} has given the conversation back to me, the AI assistant. "
        "I am glad to go on helping.",
        "supervised": "From here on, a person of our team looks over my answers "
        "before you see them.",
        "supervised_after": "From here on I, the AI assistant, answer again, and a person "
        "of our team looks over my answers before you see them.",
        "resolved": "This conversation has been marked as resolved. If you need anything else, "
        "just write here.",
        "reopened": "This conversation is open again.",
        "somebody": "a person of our team",
        "today": "today at {at}",
        "on_day": "on {day} at {at}",
        "zone": " ({zone} time)",
        "nothing_to_add": "I have nothing to add to that myself. You can ask for a person again "
        "at any time, or ask me something else.",
    },
    "es": {
        "queued": "He pedido que una persona se una a esta conversación.",
        "passed_on": "{name} va a pasar esta conversación a otra persona del equipo.",
        "away": "He pedido una persona, pero ahora mismo no hay nadie de nuestro equipo.",
        "passed_on_away": "{name} va a pasar esta conversación a otra persona del equipo, "
        "pero ahora mismo no hay nadie.",
        "opens": "El equipo vuelve {when}.",
        "kept": "Tu petición queda guardada.",
        "meanwhile": "Mientras tanto, puedo seguir ayudándote.",
        "meanwhile_after": "Mientras tanto, yo, el asistente de IA, puedo ayudarte.",
        "silent": "Todo lo que escribas aquí queda guardado.",
        "joined": "Ahora hablas con {name}.",
        "changed": "{name} sigue la conversación en lugar de {previous}: ahora hablas con {name}.",
        "left": "{name} ya no está aquí.",
        "asked_again": "He pedido otra persona.",
        "back_after": "Soy el asistente de IA y vuelvo a atenderte.",
        "back": "{name} me ha devuelto la conversación a mí, el asistente de IA. "
        "Puedo seguir ayudándote.",
        "supervised": "A partir de ahora, una persona de nuestro equipo revisa mis respuestas "
        "antes de que las veas.",
        "supervised_after": "A partir de ahora vuelvo a responder yo, el asistente de IA, y una "
        "persona de nuestro equipo revisa mis respuestas antes de que las veas.",
        "resolved": "Esta conversación se ha marcado como resuelta. Si necesitas algo más, "
        "escribe aquí.",
        "reopened": "Esta conversación vuelve a estar abierta.",
        "somebody": "una persona de nuestro equipo",
        "today": "hoy a las {at}",
        "on_day": "el {day} a las {at}",
        "zone": " (hora de {zone})",
        "nothing_to_add": "Sobre eso no puedo añadir nada más. Puedes volver a pedir una persona "
        "cuando quieras, o preguntarme otra cosa.",
    },
}
_DAYS: dict[Locale, tuple[str, ...]] = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
}


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """What a notice may speak of."""

    name: str = ""
    """The operator who acts."""
    previous: str = ""
    """Who had the conversation before."""
    from_mode: Mode = "ai"
    """Who spoke until now."""
    reception: Reception | None = None
    """Set where the visitor waits for a person from here on."""
    silent: bool = False
    """The AI says nothing until that person came."""
    to_ai: bool = False
    """The AI speaks from here on."""
    supervised: bool = False
    """And a person looks over what it says, which is said beside the notice's own matter."""


def notice_text(kind: Notice, locale: Locale, occasion: Occasion) -> str:
    """The sentences of one notice."""
    words = _TEXTS[locale]
    match kind:
        case "handoff_queued" | "handoff_away":
            parts = [_called(words, occasion), *_waiting(locale, occasion)]
        case "operator_joined":
            parts = [words["joined"]]
        case "operator_changed":
            parts = [words["changed"] if occasion.previous else words["joined"]]
        case "operator_left":
            parts = [words["left"], *_after(locale, occasion)]
        case "assistant_back":
            parts = [words["back"]]
        case "supervised":
            back = occasion.from_mode == "human"
            parts = [words["supervised_after"] if back else words["supervised"]]
        case "resolved":
            parts = [words["resolved"]]
        case "reopened":
            parts = [words["reopened"]]
    if occasion.supervised:
        parts.append(words["supervised"])
    return _filled(" ".join(parts), words, occasion)


def nothing_to_add(locale: Locale) -> str:
    """The answer to what a person has had before them already, and the AI can say nothing to."""
    return _TEXTS[locale]["nothing_to_add"]


def _called(words: dict[str, str], occasion: Occasion) -> str:
    away = occasion.reception is not None and not occasion.reception.open
    if occasion.name:
        return words["passed_on_away" if away else "passed_on"]
    return words["away" if away else "queued"]


def _after(locale: Locale, occasion: Occasion) -> list[str]:
    words = _TEXTS[locale]
    if occasion.to_ai:
        return [words["back_after"]]
    return [words["asked_again"], *_waiting(locale, occasion)]


def _waiting(locale: Locale, occasion: Occasion) -> list[str]:
    """The hours, and what the AI does meanwhile."""
    words, reception = _TEXTS[locale], occasion.reception or Reception()
    parts: list[str] = []
    if not reception.open:
        if reception.opens_at:
            parts.append(words["opens"].format(when=_when(locale, reception)))
        parts.append(words["kept"])
    if occasion.silent:
        parts.append(words["silent"])
    else:
        parts.append(words["meanwhile_after" if occasion.from_mode == "human" else "meanwhile"])
    return parts


def _when(locale: Locale, reception: Reception) -> str:
    words = _TEXTS[locale]
    zone = reception.timezone.rsplit("/", 1)[-1].replace("_", " ")
    at = reception.opens_at + (words["zone"].format(zone=zone) if zone else "")
    if not 1 <= reception.opens_day <= 7:
        return words["today"].format(at=at)
    return words["on_day"].format(day=_DAYS[locale][reception.opens_day - 1], at=at)


def _filled(text: str, words: dict[str, str], occasion: Occasion) -> str:
    """Names put in last and once: what stands in a name is never read as a place to fill."""
    name = occasion.name or words["somebody"]
    filled = "".join(
        {"{name}": name, "{previous}": occasion.previous}.get(piece, piece)
        for piece in _PLACES.split(text)
    )
    return filled[:1].upper() + filled[1:]
