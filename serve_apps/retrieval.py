"""What a turn asks for sources: embed the question, search, and rerank where a model is set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import structlog

from actors.ports import Found, Passage, RetrievalFailed, Said, ScoredSentence
from projections.knowledge.search import CANDIDATES, Hit, KnowledgeSearch
from serve_apps.embedding import EmbeddingFailed
from serve_apps.rerank import RerankFailed
from serve_apps.said import merged, said_passages

if TYPE_CHECKING:
    from serve_apps.encoder import Vectors

    EmbedQuery = Callable[[str], Awaitable[Vectors]]

ScorePassages = Callable[[str, Sequence[str]], Awaitable[Sequence[float]]]
EMBED_TIMEOUT_S = 10.0
SEARCH_TIMEOUT_S = 5.0
RERANK_TIMEOUT_S = 3.0

_log = structlog.get_logger(__name__)


class KnowledgeRetriever:
    """Implements `actors.ports.Retriever`.

    `Passage.score` is the mean cosine of the question with the passage's heading and with heading
    and text: of what was measured it best tells questions that the corpus answers from others
    (`benchmarks/retrieval.py`; 0.45 keeps 94 of 100 of the former and 1 of 100 of the latter).
    """

    def __init__(
        self,
        search: KnowledgeSearch,
        embed_query: EmbedQuery,
        *,
        rerank: ScorePassages | None = None,
        embed_timeout_s: float = EMBED_TIMEOUT_S,
        search_timeout_s: float = SEARCH_TIMEOUT_S,
        rerank_timeout_s: float = RERANK_TIMEOUT_S,
    ) -> None:
        self._search, self._embed_query, self._rerank = search, embed_query, rerank
        self._embed_timeout_s = embed_timeout_s
        self._search_timeout_s = search_timeout_s
        self._rerank_timeout_s = rerank_timeout_s

    async def search(
        self, tenant: str, question: str, *, locale: str, limit: int, said: Sequence[Said] = ()
    ) -> Found:
        """See Retriever.search. Raises RetrievalFailed, which names the stage."""
        latency: dict[str, float] = {}
        began = time.perf_counter()
        vector = await self._embedded(question)
        latency["embed"] = _since(began)
        began = time.perf_counter()
        wanted = max(limit, CANDIDATES) if self._rerank is not None else limit
        hits = await self._found(tenant, question, vector, locale=locale, limit=wanted)
        latency["search"] = _since(began)
        passages = [_passage(hit) for hit in hits]
        if said:
            began = time.perf_counter()
            heard = await said_passages(said, vector, self._embedded)
            passages = merged(passages, heard, question)
            latency["said"] = _since(began)
        if self._rerank is not None:
            began = time.perf_counter()
            passages = await self._reranked(self._rerank, question, passages)
            latency["rerank"] = _since(began)
        return Found(passages=tuple(passages[:limit]), latency_ms=latency)

    async def _embedded(self, question: str) -> Vectors:
        try:
            async with asyncio.timeout(self._embed_timeout_s):
                return await self._embed_query(question)
        except TimeoutError as error:
            raise RetrievalFailed("the embedder did not answer in time") from error
        except EmbeddingFailed as error:
            raise RetrievalFailed(str(error)) from error

    async def _found(
        self, tenant: str, question: str, vector: Vectors, *, locale: str, limit: int
    ) -> Sequence[Hit]:
        try:
            async with asyncio.timeout(self._search_timeout_s):
                return await self._search.search(
                    tenant, question, vector, locale=locale, limit=limit
                )
        except TimeoutError as error:
            raise RetrievalFailed("the knowledge index did not answer in time") from error
        except asyncpg.UndefinedTableError as error:
            raise RetrievalFailed("the knowledge index is not built yet") from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise RetrievalFailed(f"the knowledge index failed: {error!r}"[:300]) from error

    async def _reranked(
        self, rerank: ScorePassages, question: str, passages: list[Passage]
    ) -> list[Passage]:
        """In the cross-encoder's order; as they were when it fails, for an answer is worth more."""
        try:
            async with asyncio.timeout(self._rerank_timeout_s):
                scores = await rerank(question, [f"{p.title}\n{p.text}" for p in passages])
        except (TimeoutError, RerankFailed) as error:
            _log.warning("rerank_failed", error=repr(error))
            return passages
        scored = [
            msgspec.structs.replace(passage, rank_score=score)
            for passage, score in zip(passages, scores, strict=True)
        ]
        return sorted(scored, key=lambda passage: -passage.rank_score)


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def _passage(hit: Hit) -> Passage:
    return Passage(
        chunk=hit.chunk,
        document=hit.document,
        title=hit.title,
        text=hit.text,
        url=hit.url,
        locale=hit.locale,
        score=hit.score,
        rank_score=hit.rank,
        sentences=tuple(ScoredSentence(text, score) for text, score in hit.sentences),
    )
