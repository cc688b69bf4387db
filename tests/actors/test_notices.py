"""What the house tells a visitor: whole sentences in both languages, and no promises."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from actors.conversation.commands import Reception
from actors.speech.notices import Occasion, nothing_to_add, notice_text
from actors.speech.texts import Locale
from events.conversation import Mode, Notice

NOTICES: tuple[Notice, ...] = get_args(Notice)
LOCALES: tuple[Locale, ...] = get_args(Locale)
RECEPTIONS = (
    None,
    Reception(),
    Reception(place=3),
    Reception(open=False),
    Reception(open=False, opens_at="09:00", opens_day=7, timezone="America/Mexico_City"),
    Reception(open=False, opens_at="16:30"),
)
OCCASIONS = [
    Occasion(name=name, previous=previous, from_mode=mode, reception=at, silent=silent, to_ai=ai)
    for name, previous, mode, at, silent, ai in product(
        ("", "Ana Ruiz"), ("", "Ben"), get_args(Mode), RECEPTIONS, (False, True), (False, True)
    )
]


@pytest.mark.parametrize("notice", NOTICES)
@pytest.mark.parametrize("locale", LOCALES)
def test_every_notice_is_whole_sentences_and_never_says_when_somebody_will_come(
    notice: Notice, locale: Locale
):
    for occasion in OCCASIONS:
        text = notice_text(notice, locale, occasion)
        assert 10 < len(text) < 320, text
        assert text[0].isupper(), text
        assert text.endswith("."), text
        assert not set("{}<>[]") & set(text), text
        assert "  " not in text, text
        for promise in ("soon", "shortly", "minutes", "moment", "pronto", "minutos", "enseguida"):
            assert promise not in text.lower(), text


def test_a_notice_differs_between_the_languages_and_between_the_kinds():
    occasion = Occasion(name="Ana Ruiz", previous="Ben")
    texts = [notice_text(n, locale, occasion) for n in NOTICES for locale in LOCALES]
    assert len(set(texts)) == len(texts) - 2, "queued and away are told apart by the reception"


@pytest.mark.parametrize(
    ("reception", "english", "spanish"),
    [
        (
            Reception(open=False, opens_at="09:00", opens_day=1, timezone="America/Mexico_City"),
            "The team is back on Monday at 09:00 (Mexico City time).",
            "El equipo vuelve el lunes a las 09:00 (hora de Mexico City).",
        ),
        (
            Reception(open=False, opens_at="16:30"),
            "The team is back today at 16:30.",
            "El equipo vuelve hoy a las 16:30.",
        ),
    ],
)
def test_the_visitor_is_told_the_hours(reception: Reception, english: str, spanish: str):
    occasion = Occasion(reception=reception)
    assert english in notice_text("handoff_queued", "en", occasion)
    assert spanish in notice_text("handoff_queued", "es", occasion)


def test_the_place_is_no_part_of_a_text_that_stays_while_the_place_changes():
    for locale in LOCALES:
        placed = notice_text("handoff_queued", locale, Occasion(reception=Reception(place=3)))
        assert placed == notice_text("handoff_queued", locale, Occasion(reception=Reception()))


def test_what_is_not_known_is_left_out():
    away = notice_text("handoff_away", "en", Occasion(reception=Reception(open=False)))
    assert "back" not in away


def test_a_name_is_shown_as_it_is_and_never_read_as_a_place_to_fill():
    occasion = Occasion(name="{previous}", previous="{name}")
    text = notice_text("operator_changed", "en", occasion)
    assert text == "{previous} has taken over from {name}: you are now talking with {previous}."


@pytest.mark.parametrize("locale", LOCALES)
def test_where_the_ai_is_silent_it_does_not_offer_to_help(locale: Locale):
    for kind in ("handoff_queued", "handoff_away", "operator_left"):
        silent = notice_text(kind, locale, Occasion(silent=True, reception=Reception()))
        spoken = notice_text(kind, locale, Occasion(reception=Reception()))
        assert silent != spoken
        assert ("glad" in silent, "ayudar" in silent) == (False, False)


def test_the_last_word_on_what_a_person_had_before_them_offers_a_person_again():
    assert "ask for a person again" in nothing_to_add("en")
    assert "volver a pedir una persona" in nothing_to_add("es")
