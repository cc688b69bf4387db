"""Signals by the real embedder and the model as it is shipped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from actors.ports import Signals, SignalsFailed
from events.tenancy import HandoffPolicy

if TYPE_CHECKING:
    from serve_apps.signals.reader import MessageSignals


@pytest.fixture(scope="module")
async def reader() -> AsyncIterator[MessageSignals]:
    from serve_apps.embedding.encoder import EmbeddingModel, EmbeddingQueue
    from serve_apps.signals.reader import MessageSignals

    queue = EmbeddingQueue(EmbeddingModel())

    async def embed_query(text: str) -> Any:
        return (await queue.embed_queries([text]))[0]

    yield MessageSignals(embed_query, embed_timeout_s=30)
    await queue.close()


def fires(signals: Signals) -> str:
    named = {name: getattr(signals, name) for name in ("person", "distress", "authority")}
    best = max(named, key=lambda name: named[name])
    return best if named[best] >= 0.5 else ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quiero hablar contigo", "person"),
        ("can a human help?", "person"),
        ("this bot is useless", "person"),
        ("¿me puede atender una persona?", "person"),
        ("do I get a human-readable receipt?", ""),
        ("is this made by humans?", ""),
        ("who is the person in the photo?", ""),
        ("¿necesito una persona de contacto en la factura?", ""),
        ("how do I cancel?", ""),
        ("cancel my account now", "authority"),
        ("¿cómo me doy de baja?", ""),
        ("quiero darme de baja ya", "authority"),
        ("you are thieves and I will call my lawyer", "distress"),
        ("estoy harto, son unos ladrones", "distress"),
        ("when does my parcel arrive?", ""),
        ("¿cuánto cuesta el envío a Mallorca?", ""),
    ],
)
async def test_what_a_message_calls_for(reader: MessageSignals, text: str, expected: str) -> None:
    assert fires(await reader.read(text, locale="en", policy=HandoffPolicy())) == expected


async def test_a_wish_at_the_end_of_a_story_is_heard(reader: MessageSignals) -> None:
    for story in (
        "Hello, I ordered two lamps last week. One is blue. Could I talk to somebody about it?",
        "Hola, pedí dos lámparas la semana pasada. Una es azul. Quiero hablar con una persona.",
    ):
        found = await reader.read(story, locale="en", policy=HandoffPolicy())
        assert fires(found) == "person", story


async def test_a_tenants_phrases_add_to_it_and_say_which_one_it_was(
    reader: MessageSignals,
) -> None:
    text = "could you put the night nurse on?"
    plain = await reader.read(
        "is there a nurse I can speak to?", locale="en", policy=HandoffPolicy()
    )
    assert "person" not in plain.nearest
    policy = HandoffPolicy(person_phrases=("speak to a nurse", "the night nurse"))
    found = await reader.read(text, locale="en", policy=policy)
    assert found.person >= 0.5
    assert found.nearest["person"] == "the night nurse"
    orders = HandoffPolicy(authority_phrases=("change the beneficiary",))
    found = await reader.read("please change my beneficiary", locale="en", policy=orders)
    assert found.authority >= 0.5
    found = await reader.read("when does the shop open?", locale="en", policy=orders)
    assert (fires(found), found.nearest) == ("", {})


async def test_what_a_tenant_says_is_none_is_none(reader: MessageSignals) -> None:
    wish = "I want to talk to Alexa"
    policy = HandoffPolicy(never_phrases=("talk to Alexa",))
    found = await reader.read(wish, locale="en", policy=policy)
    assert (fires(found), found.nearest) == ("", {"never": "talk to Alexa"})
    found = await reader.read("I want to talk to a person", locale="en", policy=policy)
    assert fires(found) == "person"


async def test_without_the_embedder_a_wish_for_a_person_is_heard_all_the_same() -> None:
    from serve_apps.embedding.deployment import EmbeddingFailed
    from serve_apps.signals.reader import MessageSignals

    async def fails(text: str) -> Any:
        raise EmbeddingFailed("the replica died")

    async def hangs(text: str) -> Any:
        await asyncio.Event().wait()

    policy = HandoffPolicy()
    for embed in (fails, hangs):
        blind = MessageSignals(embed, embed_timeout_s=0.01)
        found = await blind.read(
            "quiero hablar con una persona", locale="es", policy=HandoffPolicy()
        )
        assert fires(found) == "person"
        found = await blind.read("how long is shipping?", locale="en", policy=policy)
        assert fires(found) == ""
        with pytest.raises(SignalsFailed):
            await blind.read(
                "how long is shipping?",
                locale="en",
                policy=HandoffPolicy(person_phrases=("the night nurse",)),
            )


def test_a_long_message_is_read_in_a_bounded_number_of_pieces() -> None:
    from serve_apps.signals.reader import PIECES, pieces

    assert pieces("hello") == ["hello"]
    assert len(pieces("This is one. " * 200)) == 2
    many = pieces(" ".join(f"This is sentence {n}." for n in range(200)))
    assert len(many) == PIECES + 1
    assert many[-1] == "This is sentence 199."


def test_no_example_is_in_the_held_out_set() -> None:
    from actors.speech.sentences import words
    from benchmarks.handoff import load
    from serve_apps.signals.fit import load_examples

    held_out = {" ".join(words(one.text)) for one in load()}
    assert [e.text for e in load_examples() if " ".join(words(e.text)) in held_out] == []
