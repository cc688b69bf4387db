"""What the knowledge API needs from outside; `tandem/wiring/` makes one in each replica."""

from __future__ import annotations

from typing import Protocol

import asyncpg
import msgspec

from actors.documents.library import Library
from events.objects import Documents
from projections import queries
from projections.knowledge import counts, documents
from projections.knowledge.counts import KnowledgeCounts
from projections.knowledge.documents import (
    ChunkInContext,
    ChunksPage,
    DocumentsPage,
    DocumentVersion,
)
from serve_apps.gateway.operators.readings import reading

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

    async def checkpoint(self) -> int:
        """The version of the log that these have come to."""
        ...


class KnowledgePorts(msgspec.Struct, frozen=True, kw_only=True):
    library: Library
    originals: Documents
    readings: KnowledgeReadings


class PostgresKnowledge:
    """KnowledgeReadings over the pool of the read models."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

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

    async def checkpoint(self) -> int:
        """See KnowledgeReadings.checkpoint."""
        async with reading(""):
            return await queries.checkpoint(self._pool, INDEX)
