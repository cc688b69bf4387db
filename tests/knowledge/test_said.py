"""After a release the AI answers from what the person said, with its source, by the real model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actors.conversation import commands as c
from actors.conversation.decide import State, decide, fold, initial
from actors.ports import Passage, ScoredSentence

if TYPE_CHECKING:
    from knowledge_shelf import Shelf

    from actors.turn.ai_turn import AiTurn
    from serve_apps.embedding.encoder import EmbeddingModel

PAGES = Path(__file__).parents[2] / "config" / "demo"
ANA = {"operator": "op-ana", "operator_name": "Ana"}


@pytest.fixture(scope="module")
async def turns(database: str, embedding_model: EmbeddingModel) -> AsyncIterator[AiTurn]:
    """Turns as they run in the house, over Casa Lumen's pages, the extractive generator behind."""
    from knowledge_shelf import open_shelf
    from turn_parts import Desk, Ears, Pushed

    from actors.turn.ai_turn import AiTurn
    from serve_apps.embedding.encoder import EmbeddingQueue
    from serve_apps.embedding.query_cache import QueryCache
    from serve_apps.generation.extractive import ExtractiveGenerator
    from serve_apps.retrieval.retriever import KnowledgeRetriever

    queue = EmbeddingQueue(embedding_model)

    async def embed_query(text: str, *, space: str = "") -> Any:
        return (await queue.embed_queries([text]))[0]

    shelf: Shelf = await open_shelf(database, lambda space, texts: queue.embed_texts(texts))
    for page in sorted(PAGES.rglob("*.md")):
        await shelf.submit("demo", page.name, page.read_bytes())
    yield AiTurn(
        retriever=KnowledgeRetriever(shelf.knowledge, QueryCache(embed_query).embed_query),
        generator=ExtractiveGenerator(),
        signals=Ears(),
        desk=Desk(),
        live=Pushed(),  # type: ignore[arg-type]  # a turn only publishes
        company_of=lambda tenant: "Casa Lumen",
        timeout_s=30,
        memory_tokens=500,
        summarizes=False,
    )
    await shelf.pool.close()
    await queue.close()


def released(asked: str, *replies: str, then: str) -> State:
    """Ana took over, said `replies` and gave the conversation back; the visitor asks on."""
    commands: list[c.ConversationCommand] = [
        c.ReceiveMessage(id="m1", at=1, text=asked),
        c.TakeOver(id="take", at=2, epoch=1, **ANA),
    ]
    commands += [
        c.ReplyAsOperator(id=f"o{n}", at=3, epoch=2, text=text, **ANA)
        for n, text in enumerate(replies)
    ]
    commands += [
        c.Release(id="release", at=4, epoch=2, **ANA),
        c.ReceiveMessage(id="m2", at=5, text=then),
    ]
    state = initial("demo", "c1")
    for number, command in enumerate(commands, start=1):
        facts = decide(state, command)
        assert isinstance(facts, tuple), facts
        state = fold(state, number, facts)
    return state


async def answer(turns: AiTurn, state: State) -> c.RecordAnswer:
    from events.log.stream import conversation_stream

    assert state.turn is not None
    command = await turns.run(conversation_stream("demo", "c1"), state, state.turn)
    assert isinstance(command, c.RecordAnswer), command
    return command


@pytest.mark.parametrize(
    ("asked", "reply", "then"),
    [
        (
            "Where is my parcel?",
            "Your parcel 4711 arrives on Friday.",
            "When does my parcel arrive?",
        ),
        (
            "my lamp is broken",
            "Hello, I am Ana. I am sorry about that! We will send you a new lamp on 3 May, "
            "you need not return the old one.",
            "do I have to return the old lamp?",
        ),
        (
            "¿Dónde está mi paquete?",
            "Tu paquete 4711 llega el viernes.",
            "¿Cuándo llega mi paquete?",
        ),
        (
            "quiero un descuento",
            "Te he dado un descuento del 15 % con el código LUZ15, vale hasta el 30 de junio.",
            "¿hasta cuándo vale el descuento?",
        ),
    ],
)
async def test_the_answer_quotes_what_the_person_said(
    turns: AiTurn, asked: str, reply: str, then: str
) -> None:
    command = await answer(turns, released(asked, reply, then=then))
    assert command.kind == "answer"
    source = command.sources[0]
    assert (source.chunk, source.document, source.title) == ("message:o0", "conversation", "Ana")
    assert source.quote in reply
    assert source.quote in command.text


async def test_the_newest_of_two_answers_is_not_drowned_by_small_talk(turns: AiTurn) -> None:
    state = released(
        "Where is my parcel?",
        "Hello, I am Ana.",
        "One moment please, I am looking it up.",
        "Your parcel 4711 arrives on Friday.",
        then="so when does the parcel arrive?",
    )
    command = await answer(turns, state)
    assert command.sources[0].chunk == "message:o2"


async def test_a_question_about_something_else_is_answered_from_the_pages(turns: AiTurn) -> None:
    state = released(
        "Where is my parcel?",
        "Your parcel 4711 arrives on Friday.",
        then="how many years is the warranty?",
    )
    command = await answer(turns, state)
    assert "3 years" in command.text
    assert all(source.document != "conversation" for source in command.sources)


async def test_messages_stand_in_the_order_of_the_list_and_keep_it() -> None:
    from serve_apps.retrieval.operator_passages import merged

    def page(name: str, score: float, rank: float) -> Passage:
        return Passage(chunk=name, document=name, title="", text=name, score=score, rank_score=rank)

    near = Passage(
        chunk="message:o1",
        document="conversation",
        title="Ana",
        text="It arrives on Friday.",
        score=0.4,
        rank_score=0.0,
        sentences=(ScoredSentence("It arrives on Friday.", 0.4),),
    )
    pages = [page("one", 0.9, 2.0), page("two", 0.5, 1.0), page("three", 0.2, 0.5)]
    found = merged(pages, [near], "when does it arrive?")
    assert [p.chunk for p in found] == ["one", "message:o1", "two", "three"]
    assert [p.rank_score for p in found] == [2.0, 1.0, 1.0, 0.5]
    assert [p.chunk for p in merged([], [near], "when does it arrive?")] == ["message:o1"]


async def test_what_is_asked_for_twice_at_once_is_embedded_once() -> None:
    from serve_apps.embedding.query_cache import QueryCache

    asked: list[str] = []
    go = asyncio.Event()

    async def embed(text: str, *, space: str) -> Any:
        asked.append(text)
        await go.wait()
        if text == "bad":
            raise ValueError(text)
        return text.upper()

    cache = QueryCache(embed, size=2)
    first = asyncio.create_task(cache.embed_query("a"))
    second = asyncio.create_task(cache.embed_query("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    go.set()
    assert await second == "A", "who is cancelled takes nothing from the other"
    assert await cache.embed_query("a") == "A"
    assert asked == ["a"]
    for _ in range(2):
        with pytest.raises(ValueError, match="bad"):
            await cache.embed_query("bad")
    assert asked == ["a", "bad", "bad"], "a failure is not remembered"
    await cache.embed_query("b")
    await cache.embed_query("c")
    await cache.embed_query("a")
    assert asked[3:] == ["b", "c", "a"], "the oldest is forgotten"
    await cache.embed_query("a", space="other")
    assert asked[6:] == ["a"], "a text has a vector in each space"
