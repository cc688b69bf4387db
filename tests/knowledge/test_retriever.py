"""The retriever: passages with scores and times, and failures that name their stage."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from events.spaces import DEFAULT_SPACE

if TYPE_CHECKING:
    from knowledge_shelf import Shelf

PAGE = "# Shipping\n\nIt takes two days.\n\n# Returns\n\nYou have thirty days to return a lamp."


@pytest.fixture(scope="module")
async def stocked(shelf: Shelf) -> Shelf:
    await shelf.submit("shop", "help.md", PAGE)
    return shelf


def retriever(shelf: Shelf, **given: Any) -> Any:
    from serve_apps.retrieval.retriever import KnowledgeRetriever

    async def embed_query(text: str, *, space: str = DEFAULT_SPACE) -> Any:
        return (await shelf.embed(space, [text]))[0]

    return KnowledgeRetriever(
        given.pop("search", shelf.knowledge), given.pop("embed_query", embed_query), **given
    )


async def test_passages_come_best_first_with_sentences_and_times(stocked: Shelf) -> None:
    found = await retriever(stocked).search("shop", "return a lamp", locale="en", limit=5)
    best, other = found.passages
    assert best.title == "Returns"
    assert best.sentences[0].text == "You have thirty days to return a lamp."
    assert best.score > other.score
    assert best.rank_score > other.rank_score
    assert -1 <= other.score <= best.score <= 1
    assert set(found.latency_ms) == {"embed", "search"}
    assert best.parts["dense"] == best.score
    assert best.version > 0
    standing = await stocked.knowledge.standing("shop")
    assert (found.knowledge, found.space) == (standing.knowledge, DEFAULT_SPACE)


async def test_no_more_passages_than_asked_for_and_none_for_a_stranger(stocked: Shelf) -> None:
    one = await retriever(stocked).search("shop", "lamp", locale="en", limit=1)
    assert len(one.passages) == 1
    none = await retriever(stocked).search("stranger", "lamp", locale="en", limit=5)
    assert none.passages == ()


async def test_a_cross_encoder_has_the_last_word_on_the_order(stocked: Shelf) -> None:
    async def prefers_shipping(question: str, texts: Any) -> list[float]:
        return [float("two days" in text) for text in texts]

    found = await retriever(stocked, rerank=prefers_shipping).search(
        "shop", "return a lamp", locale="en", limit=1
    )
    assert [passage.title for passage in found.passages] == ["Shipping"]
    assert found.passages[0].parts["rerank"] == 1.0
    looked = await retriever(stocked, rerank=prefers_shipping).look("shop", "return a lamp")
    assert [hit.title for hit in looked.hits] == ["Shipping", "Returns"]
    assert [hit.parts["rerank"] for hit in looked.hits] == [1.0, 0.0]
    assert set(found.latency_ms) == {"embed", "search", "rerank"}


async def test_without_a_working_cross_encoder_the_searchs_order_stands(stocked: Shelf) -> None:
    from serve_apps.retrieval.rerank import RerankFailed

    async def fails(question: str, texts: Any) -> list[float]:
        raise RerankFailed("gone")

    async def hangs(question: str, texts: Any) -> list[float]:
        await asyncio.Event().wait()
        raise AssertionError

    for rerank in (fails, hangs):
        found = await retriever(stocked, rerank=rerank, rerank_timeout_s=0.05).search(
            "shop", "return a lamp", locale="en", limit=5
        )
        assert found.passages[0].title == "Returns"


async def test_an_embedder_that_hangs_or_fails_is_named(stocked: Shelf) -> None:
    from actors.ports import RetrievalFailed
    from serve_apps.embedding.deployment import EmbeddingFailed

    async def hangs(text: str, *, space: str) -> Any:
        await asyncio.Event().wait()

    async def fails(text: str, *, space: str) -> Any:
        raise EmbeddingFailed("the replica died")

    with pytest.raises(RetrievalFailed, match="embedder did not answer in time"):
        await retriever(stocked, embed_query=hangs, embed_timeout_s=0.05).search(
            "shop", "x", locale="en", limit=1
        )
    with pytest.raises(RetrievalFailed, match="the replica died"):
        await retriever(stocked, embed_query=fails).search("shop", "x", locale="en", limit=1)


async def test_an_index_that_hangs_is_named(stocked: Shelf) -> None:
    from actors.ports import RetrievalFailed

    class Stuck:
        standing = stocked.knowledge.standing

        async def search(self, *_: Any, **__: Any) -> Any:
            await asyncio.Event().wait()

    class Gone:
        async def standing(self, *_: Any) -> Any:
            await asyncio.Event().wait()

    for search in (Stuck(), Gone()):
        with pytest.raises(RetrievalFailed, match="index did not answer in time"):
            await retriever(stocked, search=search, search_timeout_s=0.5).search(
                "shop", "x", locale="en", limit=1
            )


async def test_an_index_that_is_not_built_or_gone_is_named(postgres_dsn: str) -> None:
    from actors.ports import RetrievalFailed
    from projections.engine.database import open_pool
    from projections.engine.schema import ensure_schema
    from projections.knowledge.search.search import KnowledgeSearch
    from serve_apps.retrieval.retriever import KnowledgeRetriever

    async def embed_query(text: str, *, space: str) -> Any:
        import numpy as np

        return np.ones(384, dtype=np.float32)

    await ensure_schema(postgres_dsn)
    pool = await open_pool(postgres_dsn, max_size=1)
    empty = KnowledgeRetriever(KnowledgeSearch(pool), embed_query)
    with pytest.raises(RetrievalFailed, match="not built yet"):
        await empty.search("shop", "x", locale="en", limit=1)
    await pool.close()
    with pytest.raises(RetrievalFailed, match="the knowledge index failed"):
        await empty.search("shop", "x", locale="en", limit=1)
