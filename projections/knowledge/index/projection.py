"""The knowledge index: documents in the log become rows that `knowledge.search` finds.

The facts say what happened; the text, cut and embedded, lies in the object store under the hashes
that they name. So the index is built again without a parser and without a model. Only vectors
that the object store has lost are computed again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import structlog

from events.knowledge import (
    DocumentChunked,
    DocumentEmbedded,
    DocumentFailed,
    DocumentIndexed,
    DocumentParsed,
    DocumentRemoved,
    DocumentRequested,
    DocumentSubmitted,
    SpaceClosed,
    SpaceOpened,
    SpaceSwitched,
)
from events.log.event_log import Commit
from events.log.stream import Kind
from events.objects.artifacts import Chunks, texts_of
from events.objects.store import Documents
from projections.engine.projection import Connection
from projections.knowledge.index import documents, spaces
from projections.knowledge.index.blobs import Blobs, Key, Lost
from projections.knowledge.index.closing import close_chunks
from projections.knowledge.index.rows import Answering, pieces, write_chunks, write_vectors
from projections.knowledge.index.tables import DDL, TABLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

Embed = Callable[[str, Sequence[str]], Awaitable["NDArray[np.float32]"]]
"""The name of a space and texts to unit vectors, shape (len(texts), dimensions)."""
VECTOR_COLUMNS = frozenset(
    f"{past}{table}.embedding" for past in ("", "past_") for table in ("chunk_vectors", "sentences")
)

_log = structlog.get_logger(__name__)


class KnowledgeIndex:
    """Kind `knowledge`. Fits `projections.engine.projection.Projection`."""

    name = "knowledge"
    version = 2
    kind: Kind = "knowledge"
    tables = TABLES
    batch_size = 32
    apply_timeout_s = 1800.0
    """Vectors that were lost may have to be computed: of 10 MB of text, twenty minutes' work."""

    def __init__(self, documents: Documents, embed: Embed, default_space: str) -> None:
        """`default_space` is searched in by tenants of whose spaces the log says nothing."""
        self._documents, self._embed, self._default_space = documents, embed, default_space
        self._recomputed = False

    @property
    def inexact(self) -> frozenset[str]:
        """See Projection.inexact: vectors, once this index had to compute some again."""
        return VECTOR_COLUMNS if self._recomputed else frozenset()

    def ddl(self) -> str:
        """See Projection.ddl."""
        return DDL

    async def apply(self, connection: Connection, commits: Sequence[Commit]) -> None:
        """See Projection.apply. Raises LogUnavailable; of the embedder whatever it raises, where
        vectors are lost. A document whose chunks are lost becomes a failed one, and stops nothing.
        """
        tenants = {commit.stream.tenant for commit in commits}
        await spaces.begin(connection, tenants, self._default_space)
        blobs = Blobs(self._documents, _expected(commits))
        try:
            for commit in commits:
                for fact in commit.facts:
                    await self._take_in(connection, commit, fact, blobs)
        finally:
            await blobs.close()

    async def _take_in(
        self, connection: Connection, commit: Commit, fact: object, blobs: Blobs
    ) -> None:
        tenant, document, version = commit.stream.tenant, commit.stream.id, commit.version
        match fact:
            case DocumentSubmitted() | DocumentRequested():
                await documents.handed_over(connection, commit, fact)
            case DocumentParsed():
                await documents.parsed(connection, tenant, document, fact)
            case DocumentChunked():
                await documents.chunked(connection, tenant, document, fact)
            case DocumentEmbedded():
                await self._embedded(connection, commit, fact, blobs)
            case DocumentIndexed():
                await self._indexed(connection, commit, fact, blobs)
            case DocumentFailed():
                await documents.failed(connection, tenant, document, fact)
            case DocumentRemoved():
                closed = await close_chunks(connection, tenant, document, version)
                await documents.removed(connection, tenant, document, version)
                if closed:
                    await spaces.changed(connection, tenant, version, chunks=-closed)
            case SpaceOpened():
                await self._opened(connection, commit, fact, blobs)
            case SpaceSwitched():
                await spaces.switched(connection, tenant, version, fact)
            case SpaceClosed():
                await spaces.closed(connection, tenant, version, fact.space)
            case _:
                pass

    async def _indexed(
        self, connection: Connection, commit: Commit, fact: DocumentIndexed, blobs: Blobs
    ) -> None:
        """The older version ends also when the text of the new one is lost: the log says so."""
        tenant, document = commit.stream.tenant, commit.stream.id
        one = await documents.pending(connection, tenant, document, fact)
        if one is None:
            return
        closed = await close_chunks(connection, tenant, document, commit.version)
        await documents.replaced(connection, tenant, document, commit.version)
        try:
            chunks = await blobs.chunks(tenant, fact.chunks_hash)
        except Lost as error:
            _log.error("chunks_lost", tenant=tenant, document=document, error=str(error))
            await documents.lost(connection, tenant, document, fact, str(error))
            await spaces.changed(connection, tenant, commit.version, chunks=-closed)
            return
        for piece in pieces(chunks.chunks):
            await write_chunks(connection, one, piece, commit.version)
        open_spaces = set(await spaces.open_spaces(connection, tenant))
        for space, vectors_hash in await documents.embeddings(connection, one):
            if space in open_spaces:
                await self._write_vectors(
                    connection, one, chunks, blobs, space=space, vectors_hash=vectors_hash
                )
        await documents.indexed(connection, commit, fact, len(chunks.chunks))
        more = len(chunks.chunks) - closed
        await spaces.changed(connection, tenant, commit.version, chunks=more)

    async def _embedded(
        self, connection: Connection, commit: Commit, fact: DocumentEmbedded, blobs: Blobs
    ) -> None:
        """Of a document that answers already: another space is being filled."""
        tenant, document = commit.stream.tenant, commit.stream.id
        await documents.embedded(connection, tenant, document, fact)
        if fact.space not in await spaces.open_spaces(connection, tenant):
            return
        one = await documents.answering(connection, tenant, document, fact)
        if one is None:
            return
        await self._fill(connection, one, blobs, space=fact.space, vectors_hash=fact.vectors_hash)
        if await spaces.is_active(connection, tenant, fact.space):
            await spaces.changed(connection, tenant, commit.version, chunks=0)

    async def _opened(
        self, connection: Connection, commit: Commit, fact: SpaceOpened, blobs: Blobs
    ) -> None:
        """A space that was closed has its vectors again: their facts hold, whenever they came."""
        tenant = commit.stream.tenant
        if await spaces.opened(connection, tenant, commit.version, fact.space):
            for one, vectors_hash in await documents.embedded_in(connection, tenant, fact.space):
                await self._fill(
                    connection, one, blobs, space=fact.space, vectors_hash=vectors_hash
                )

    async def _fill(
        self,
        connection: Connection,
        one: Answering,
        blobs: Blobs,
        *,
        space: str,
        vectors_hash: str,
    ) -> None:
        """The vectors of what answers already."""
        try:
            chunks = await blobs.chunks(one.tenant, one.chunks_hash)
        except Lost as error:
            _log.error("chunks_lost", tenant=one.tenant, document=one.document, error=str(error))
            return
        await self._write_vectors(
            connection, one, chunks, blobs, space=space, vectors_hash=vectors_hash
        )

    async def _write_vectors(
        self,
        connection: Connection,
        one: Answering,
        chunks: Chunks,
        blobs: Blobs,
        *,
        space: str,
        vectors_hash: str,
    ) -> None:
        texts = await asyncio.to_thread(texts_of, chunks)
        try:
            vectors = await blobs.vectors(
                one.tenant, vectors_hash, chunks_hash=one.chunks_hash, count=len(texts)
            )
        except Lost as error:
            _log.warning("vectors_lost", document=one.document, space=space, error=str(error))
            vectors = await self._computed(space, texts)
        row_of = {text: row for row, text in enumerate(texts)}
        for piece in pieces(chunks.chunks):
            await write_vectors(connection, one, piece, space=space, vectors=vectors, row_of=row_of)

    async def _computed(self, space: str, texts: Sequence[str]) -> NDArray[np.float16]:
        self._recomputed = True
        rows = np.asarray(await self._embed(space, texts), dtype=np.float16)
        if rows.ndim != 2 or len(rows) != len(texts) or not np.isfinite(rows).all():
            raise ValueError(f"the embedder gave {rows.shape} for {len(texts)} texts")
        return rows


def _expected(commits: Sequence[Commit]) -> list[Key]:
    """The blobs that `commits` make the index read, in the order in which it does."""
    embedded: dict[tuple[object, int], list[DocumentEmbedded]] = {}
    order: list[tuple[str, DocumentIndexed | DocumentEmbedded, list[DocumentEmbedded]]] = []
    for commit in commits:
        for fact in commit.facts:
            if isinstance(fact, DocumentEmbedded):
                held = embedded.setdefault((commit.stream, fact.version), [])
                held.append(fact)
                order.append((commit.stream.tenant, fact, held))
            elif isinstance(fact, DocumentIndexed):
                held = embedded.pop((commit.stream, fact.version), [])
                waiting = sorted(held, key=lambda one: one.space)
                held.clear()
                order.append((commit.stream.tenant, fact, waiting))
    keys: list[Key] = []
    for tenant, fact, held in order:
        if isinstance(fact, DocumentIndexed):
            keys.append((tenant, fact.chunks_hash))
            keys += [(tenant, one.vectors_hash) for one in held]
        elif fact in held:  # nothing follows that would read it: the document answers already
            keys += [(tenant, fact.chunks_hash), (tenant, fact.vectors_hash)]
    return keys
