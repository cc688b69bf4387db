"""Small talk is answered kindly; a question that begins with a greeting stays a question."""

from __future__ import annotations

import pytest

from actors.speech.language import detect
from actors.speech.smalltalk import reply_to, smalltalk
from actors.speech.texts import failed


@pytest.mark.parametrize(
    ("message", "topic", "locale"),
    [
        ("Hello!", "greeting", "en"),
        ("hey there", "greeting", "en"),
        ("Thanks a lot!!", "thanks", "en"),
        ("ok thanks", "thanks", "en"),
        ("Bye 👋", "bye", "en"),
        ("Are you a bot?", "who", "en"),
        ("¡Hola! ¿Qué tal?", "greeting", "es"),
        ("Buenos días", "greeting", "es"),
        ("muchas gracias por tu ayuda", "thanks", "es"),
        ("Hasta luego", "bye", "es"),
        ("¿Eres un robot?", "who", "es"),
        ("Hola\nbuenas tardes", "greeting", "es"),
    ],
)
def test_small_talk_is_known_and_answered_in_its_language(message, topic, locale):
    found = smalltalk(message, "en", "Acme")
    assert found is not None
    assert (found.topic, found.locale) == (topic, locale)


@pytest.mark.parametrize(
    "message",
    [
        "Hello, how do I return shoes?",
        "Thanks but my parcel has not arrived",
        "Hi\nWhere is my order?",
        "hola, ¿cuánto tarda el envío?",
        "gracias, ¿y la factura?",
        "Quiero hablar con una persona",
        "",
        "???",
    ],
)
def test_anything_more_is_not_small_talk(message):
    assert reply_to(message, "en") is None


def test_who_are_you_is_answered_honestly_with_the_companys_name():
    reply = reply_to("who are you?", "en", "Acme")
    assert reply is not None
    assert "automatic assistant of Acme" in reply


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How long does shipping take?", "en"),
        ("hello there", "en"),
        ("refund please", "en"),
        ("My parcel arrived broken yesterday", "en"),
        ("¿Cuánto tarda el envío?", "es"),
        ("cuanto cuesta", "es"),
        ("quiero devolver unos zapatos", "es"),
        ("hola", "es"),
        ("Mi paquete llegó roto ayer", "es"),
        ("necesito factura empresa", "es"),
    ],
)
def test_a_language_is_told_from_the_visitors_words(text, language):
    other = "es" if language == "en" else "en"
    assert detect(text, other if text != "necesito factura empresa" else "es") == language


@pytest.mark.parametrize("text", ["ok", "12345", "👍", "", "iPad", "menu", "😀 😀 😀 😀 😀"])
def test_what_tells_no_language_takes_the_default(text):
    assert detect(text, "es") == "es"
    assert detect(text, "en") == "en"


def test_a_failure_is_told_in_the_visitors_language():
    assert "person" in failed("en")
    assert "persona" in failed("es")
