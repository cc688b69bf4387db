"""What the knowledge API needs from outside; `tandem/wiring/` makes one in each replica."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import asyncpg
import msgspec

from actors.documents.service import Library
from events.objects.store import Documents
from projections.knowledge import counts, documents
from projections.knowledge.counts import KnowledgeCounts
from projections.knowledge.documents import (
    ChunkInContext,
    ChunksPage,
    DocumentsPage,
    DocumentVersion,
)
from projections.knowledge.search.search import Filters
from projections.read_models import queries
from projections.read_models.citations import ToldPage, told_page
from projections.read_models.gaps import GapGroup, grouped, unanswered
from serve_apps.embedding.deployment import EmbeddingFailed
from serve_apps.gateway.operators.board.readings import ReadingsUnavailable, reading
from serve_apps.retrieval.retriever import SearchExplanation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    EmbedTexts = Callable[[Sequence[str]], Awaitable[NDArray[np.float32]]]

EMBED_TIMEOUT_S = 60.0
INDEX = "knowledge"
"""The name of the projection that is read here."""


class KnowledgeReadings(Protocol):
    """The read models of a tenant's knowledge. Everything raises ReadingsUnavailable."""

    async def documents_page(
        self, tenant: str, *, state: str, search: str, limit: int, before: str
    ) -> DocumentsPage:
        """See projections.knowledge.documents. Raises BadPlace (`before`)."""
        ...

    async def versions(self, tenant: str, document: str) -> tuple[DocumentVersion, ...]:
        """Newest first. Raises UnknownDocument."""
        ...

    async def chunks_page(
        self, tenant: str, document: str, *, version: int | None, limit: int, after: int
    ) -> ChunksPage:
        """Raises UnknownDocument, UnknownVersion."""
        ...

    async def chunk(self, tenant: str, chunk: str) -> ChunkInContext | None:
        """Also one that is closed."""
        ...

    async def counts(self, tenant: str) -> KnowledgeCounts: ...

    async def told_page(
        self,
        tenant: str,
        *,
        chunk: str,
        document: str,
        version: int | None,
        limit: int,
        before: str,
    ) -> ToldPage:
        """Answers that cited a chunk or a document, newest first. Raises BadPlace."""
        ...

    async def gaps(self, tenant: str, *, since: int, limit: int) -> Sequence[GapGroup]:
        """Questions since then (ms since 1970, UTC) that found nothing, alike ones together, the
        largest group first; `limit` questions are looked at."""
        ...

    async def checkpoint(self) -> int:
        """The version of the log that these have come to."""
        ...


class Look(Protocol):
    """A search laid open: see `serve_apps.retrieval.retriever.KnowledgeRetriever.look`."""

    async def __call__(
        self,
        tenant: str,
        question: str,
        *,
        locale: str = "",
        limit: int = 8,
        filters: Filters = ...,
        as_of: int | None = None,
    ) -> SearchExplanation:
        """Raises RetrievalFailed."""
        ...


class KnowledgePorts(msgspec.Struct, frozen=True, kw_only=True):
    library: Library
    originals: Documents
    readings: KnowledgeReadings
    look: Look


class PostgresKnowledge:
    """KnowledgeReadings over the pool of the read models; `embed` groups questions."""

    def __init__(self, pool: asyncpg.Pool, embed: EmbedTexts) -> None:
        self._pool, self._embed = pool, embed

    async def documents_page(
        self, tenant: str, *, state: str, search: str, limit: int, before: str
    ) -> DocumentsPage:
        """See KnowledgeReadings.documents_page."""
        async with reading(tenant):
            return await documents.documents_page(
                self._pool, tenant, state=state, search=search, limit=limit, before=before
            )

    async def versions(self, tenant: str, document: str) -> tuple[DocumentVersion, ...]:
        """See KnowledgeReadings.versions."""
        async with reading(tenant):
            return await documents.document_versions(self._pool, tenant, document)

    async def chunks_page(
        self, tenant: str, document: str, *, version: int | None, limit: int, after: int
    ) -> ChunksPage:
        """See KnowledgeReadings.chunks_page."""
        async with reading(tenant):
            return await documents.chunks_page(
                self._pool, tenant, document, version=version, limit=limit, after=after
            )

    async def chunk(self, tenant: str, chunk: str) -> ChunkInContext | None:
        """See KnowledgeReadings.chunk."""
        async with reading(tenant):
            return await documents.chunk_by_id(self._pool, tenant, chunk)

    async def counts(self, tenant: str) -> KnowledgeCounts:
        """See KnowledgeReadings.counts."""
        async with reading(tenant):
            return await counts.counts(self._pool, tenant)

    async def told_page(
        self,
        tenant: str,
        *,
        chunk: str,
        document: str,
        version: int | None,
        limit: int,
        before: str,
    ) -> ToldPage:
        """See KnowledgeReadings.told_page."""
        async with reading(tenant):
            return await told_page(
                self._pool,
                tenant,
                chunk=chunk,
                document=document,
                version=version,
                limit=limit,
                before=before,
            )

    async def gaps(self, tenant: str, *, since: int, limit: int) -> Sequence[GapGroup]:
        """See KnowledgeReadings.gaps."""
        async with reading(tenant):
            questions = await unanswered(self._pool, tenant, since=since, limit=limit)
        if not questions:
            return []
        try:
            async with asyncio.timeout(EMBED_TIMEOUT_S):
                vectors = await self._embed([one.searched for one in questions])
        except (EmbeddingFailed, TimeoutError) as error:
            raise ReadingsUnavailable(f"the embedder does not answer: {error}") from error
        return await asyncio.to_thread(grouped, questions, vectors)

    async def checkpoint(self) -> int:
        """See KnowledgeReadings.checkpoint."""
        async with reading(""):
            return await queries.checkpoint(self._pool, INDEX)
