"""What a turn asks for sources: embed the question, search, and rerank where a model is set."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

import asyncpg
import msgspec
import structlog

from actors.ports import Found, Passage, RetrievalFailed, Said, ScoredSentence
from actors.speech.guard import answerable
from events.spaces import DEFAULT_SPACE
from projections.knowledge.search.search import (
    CANDIDATES,
    NO_FILTERS,
    Filters,
    Hit,
    KnowledgeSearch,
    SearchResult,
    SpaceGone,
    Standing,
)
from serve_apps.embedding.deployment import EmbeddingFailed
from serve_apps.embedding.query_cache import EmbedQuery
from serve_apps.retrieval.operator_passages import merged, said_passages
from serve_apps.retrieval.rerank import RerankFailed
from serve_apps.retrieval.result_cache import Asked, ResultCache, normalised

if TYPE_CHECKING:
    from serve_apps.embedding.encoder import Vectors

ScorePassages = Callable[[str, Sequence[str]], Awaitable[Sequence[float]]]
How = Literal["exact", "index", "cache"]
EMBED_TIMEOUT_S = 10.0
SEARCH_TIMEOUT_S = 5.0
PAST_TIMEOUT_S = 60.0
RERANK_TIMEOUT_S = 3.0
TENANTS = 10_000
"""Whose last space is remembered, to begin with before it is looked up."""

_log = structlog.get_logger(__name__)


class SearchExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """A search for a person who looks why: the hits with their scores by part (`rerank` too where
    a model is set), whether a turn would answer from them, and how it was searched."""

    hits: tuple[Hit, ...]
    answerable: bool
    knowledge: int
    space: str
    how: How
    latency_ms: dict[str, float]


class _Searched(msgspec.Struct, frozen=True):
    result: SearchResult
    vector: Vectors | None
    """None where the result was known and nobody needs the vector."""
    how: How


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
        default_space: str = DEFAULT_SPACE,
        embed_timeout_s: float = EMBED_TIMEOUT_S,
        search_timeout_s: float = SEARCH_TIMEOUT_S,
        rerank_timeout_s: float = RERANK_TIMEOUT_S,
    ) -> None:
        """`default_space` is embedded in for tenants who have nothing to search in yet."""
        self._search, self._embed_query, self._rerank = search, embed_query, rerank
        self._default_space = default_space
        self._embed_timeout_s = embed_timeout_s
        self._search_timeout_s = search_timeout_s
        self._rerank_timeout_s = rerank_timeout_s
        self._results = ResultCache()
        self._spaces: OrderedDict[str, str] = OrderedDict()

    async def search(
        self, tenant: str, question: str, *, locale: str, limit: int, said: Sequence[Said] = ()
    ) -> Found:
        """See Retriever.search. Raises RetrievalFailed, which names the stage."""
        latency: dict[str, float] = {}
        wanted = max(limit, CANDIDATES) if self._rerank is not None else limit
        asked = Asked(
            tenant=tenant,
            question=normalised(question),
            locale=locale,
            limit=wanted,
            filters=NO_FILTERS,
        )
        searched = await self._searched(asked, latency, needs_vector=bool(said))
        result, vector = searched.result, searched.vector
        passages = [_passage(hit) for hit in result.hits]
        if said and vector is not None:
            began = time.perf_counter()
            embed = self._in_space(result.space)
            passages = merged(passages, await said_passages(said, vector, embed), question)
            latency["said"] = _since(began)
        if self._rerank is not None:
            began = time.perf_counter()
            passages = await self._reranked(self._rerank, question, passages)
            latency["rerank"] = _since(began)
        return Found(
            passages=tuple(passages[:limit]),
            latency_ms=latency,
            knowledge=result.knowledge,
            space=result.space,
        )

    async def look(
        self,
        tenant: str,
        question: str,
        *,
        locale: str = "",
        limit: int = 8,
        filters: Filters = NO_FILTERS,
        as_of: int | None = None,
    ) -> SearchExplanation:
        """The search of a turn, or of a past version, laid open. Raises RetrievalFailed."""
        latency: dict[str, float] = {}
        wanted = max(limit, CANDIDATES) if self._rerank is not None else limit
        asked = Asked(
            tenant=tenant,
            question=normalised(question),
            locale=locale,
            limit=wanted,
            filters=filters,
        )
        if as_of is None:
            searched = await self._searched(asked, latency, needs_vector=False)
        else:
            searched = await self._searched_past(asked, as_of, latency)
        hits = {hit.chunk: hit for hit in searched.result.hits}
        passages = [_passage(hit) for hit in hits.values()]
        if self._rerank is not None:
            began = time.perf_counter()
            passages = await self._reranked(self._rerank, question, passages)
            latency["rerank"] = _since(began)
        return SearchExplanation(
            hits=tuple(_with_parts(hits[one.chunk], one) for one in passages[:limit]),
            answerable=bool(answerable(question, passages[:limit])),
            knowledge=searched.result.knowledge,
            space=searched.result.space,
            how=searched.how,
            latency_ms=latency,
        )

    async def _searched(
        self, asked: Asked, latency: dict[str, float], *, needs_vector: bool
    ) -> _Searched:
        """The question is embedded in the tenant's last known space while it is asked where its
        knowledge stands: nearly always it is the same still."""
        began = time.perf_counter()
        last = self._spaces.get(asked.tenant, self._default_space)
        embedding = _started(self._embedded(asked.question, last))
        try:
            standing = await self._standing(asked.tenant)
            space = standing.space or self._default_space
            self._remember(asked.tenant, space)
            known = self._results.get(asked, standing, space)
            if known is not None and not needs_vector:
                latency["embed"], latency["search"] = 0.0, _since(began)
                return _Searched(known, None, "cache")
            vector = await embedding
        finally:
            embedding.cancel()
        if space != last:
            vector = await self._embedded(asked.question, space)
        latency["embed"] = _since(began)
        began = time.perf_counter()
        if known is not None:
            latency["search"] = _since(began)
            return _Searched(known, vector, "cache")
        async with self._index_asked(self._search_timeout_s):
            result = await self._search.search(
                asked.tenant,
                asked.question,
                vector,
                space=space,
                locale=asked.locale,
                limit=asked.limit,
                filters=asked.filters,
                standing=standing,
            )
        self._results.put(asked, result)
        latency["search"] = _since(began)
        return _Searched(result, vector, result.how)

    async def _searched_past(
        self, asked: Asked, version: int, latency: dict[str, float]
    ) -> _Searched:
        """In the space that was searched in then. Not remembered: few ask."""
        began = time.perf_counter()
        async with self._index_asked(self._search_timeout_s):
            space = await self._search.space_at(asked.tenant, version) or self._default_space
        vector = await self._embedded(asked.question, space)
        latency["embed"] = _since(began)
        began = time.perf_counter()
        async with self._index_asked(PAST_TIMEOUT_S):
            result = await self._search.search(
                asked.tenant,
                asked.question,
                vector,
                space=space,
                locale=asked.locale,
                limit=asked.limit,
                filters=asked.filters,
                as_of=version,
            )
        latency["search"] = _since(began)
        return _Searched(result, vector, result.how)

    async def _standing(self, tenant: str) -> Standing:
        async with self._index_asked(self._search_timeout_s):
            return await self._search.standing(tenant)

    def _remember(self, tenant: str, space: str) -> None:
        self._spaces[tenant] = space
        self._spaces.move_to_end(tenant)
        if len(self._spaces) > TENANTS:
            self._spaces.popitem(last=False)

    def _in_space(self, space: str) -> Callable[[str], Awaitable[Vectors]]:
        async def embed(text: str) -> Vectors:
            return await self._embedded(text, space)

        return embed

    async def _embedded(self, text: str, space: str) -> Vectors:
        try:
            async with asyncio.timeout(self._embed_timeout_s):
                return await self._embed_query(text, space=space)
        except TimeoutError as error:
            raise RetrievalFailed("the embedder did not answer in time") from error
        except EmbeddingFailed as error:
            raise RetrievalFailed(str(error)) from error

    @asynccontextmanager
    async def _index_asked(self, timeout: float) -> AsyncGenerator[None]:
        """The index's errors as RetrievalFailed."""
        try:
            async with asyncio.timeout(timeout):
                yield
        except TimeoutError as error:
            raise RetrievalFailed("the knowledge index did not answer in time") from error
        except SpaceGone as error:
            raise RetrievalFailed(str(error)) from error
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
            msgspec.structs.replace(
                passage, rank_score=score, parts={**passage.parts, "rerank": score}
            )
            for passage, score in zip(passages, scores, strict=True)
        ]
        return sorted(scored, key=lambda passage: -passage.rank_score)


def _started(work: Coroutine[Any, Any, Vectors]) -> asyncio.Task[Vectors]:
    """A task of which nobody has to hear when it fails: another may have failed before."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


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
        place=hit.place,
        version=hit.version,
        parts=hit.parts,
    )


def _with_parts(hit: Hit, passage: Passage) -> Hit:
    return msgspec.structs.replace(hit, rank=passage.rank_score, parts=passage.parts)
