"""The knowledge index: documents in the log become rows that `projections.knowledge.search` finds.

What is searched (`chunk_vectors`, `chunk_terms`, `sentences`) holds living text only. `chunks`
and `documents` keep what was replaced or removed too, closed at the version that ended it, so
that a citation from the past still resolves.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from pgvector import HalfVector

from events.knowledge import DocumentRemoved, DocumentSubmitted
from events.log import Commit
from events.objects import CorruptDocument, Documents, NoSuchDocument
from events.stream import Kind
from projections.knowledge.chunking import Chunk, UnreadableDocument, chunk_document
from projections.knowledge.ingest import decoded
from projections.knowledge.language import detect_locale, lexical_text, text_config
from projections.knowledge.sentences import sentences
from projections.knowledge.tokens import TokenCounter
from projections.projection import Connection
from projections.rows import moment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

DIMENSIONS = 384
Embed = Callable[[Sequence[str]], Awaitable["Vectors"]]
"""Texts to unit vectors, shape (len(texts), 384), float32."""

_DDL = f"""
    CREATE TABLE documents (
        tenant text NOT NULL,
        document text NOT NULL,
        version bigint NOT NULL,
        closed_at bigint,
        state text NOT NULL CHECK (state IN ('indexed', 'unreadable')),
        reason text NOT NULL,
        title text NOT NULL,
        media_type text NOT NULL,
        content_hash text NOT NULL,
        size bigint NOT NULL,
        url text NOT NULL,
        locale text NOT NULL,
        chunks int NOT NULL,
        submitted_at timestamptz NOT NULL,
        PRIMARY KEY (tenant, document, version)
    );
    CREATE TABLE chunks (
        tenant text NOT NULL,
        chunk text COLLATE "C" NOT NULL,
        document text NOT NULL,
        content_hash text NOT NULL,
        ordinal int NOT NULL,
        title text NOT NULL,
        text text NOT NULL,
        url text NOT NULL,
        source text NOT NULL,
        locale text NOT NULL,
        opened_at bigint NOT NULL,
        closed_at bigint,
        PRIMARY KEY (tenant, chunk)
    );
    CREATE INDEX ON chunks (tenant, document) WHERE closed_at IS NULL;
    CREATE TABLE chunk_vectors (
        tenant text NOT NULL,
        chunk text COLLATE "C" NOT NULL,
        language text COLLATE "C" NOT NULL,
        length int NOT NULL,
        embedding halfvec({DIMENSIONS}) NOT NULL,
        PRIMARY KEY (tenant, chunk)
    );
    CREATE TABLE chunk_terms (
        tenant text NOT NULL,
        language text COLLATE "C" NOT NULL,
        lexeme text COLLATE "C" NOT NULL,
        chunk text COLLATE "C" NOT NULL,
        occurrences int NOT NULL,
        PRIMARY KEY (tenant, language, lexeme, chunk) INCLUDE (occurrences)
    );
    CREATE INDEX ON chunk_terms (tenant, chunk);
    CREATE TABLE sentences (
        tenant text NOT NULL,
        chunk text COLLATE "C" NOT NULL,
        n int NOT NULL,
        text text NOT NULL,
        embedding halfvec({DIMENSIONS}) NOT NULL,
        PRIMARY KEY (tenant, chunk, n)
    );
    COMMENT ON COLUMN chunk_vectors.embedding IS
        'mean of the unit vectors of the heading and of heading and text together';
    COMMENT ON COLUMN sentences.n IS '0 is the heading, sentences of the text count from 1';
"""

_TERMS = """
    INSERT INTO chunk_terms (tenant, language, lexeme, chunk, occurrences)
    SELECT $1, c.language, l.lexeme, c.chunk, cardinality(l.positions)
    FROM unnest($2::text[], $3::text[], $4::text[]) AS c (chunk, language, body),
        unnest(to_tsvector(c.language::regconfig, c.body)) AS l
"""
_VECTORS = """
    INSERT INTO chunk_vectors (tenant, chunk, language, length, embedding)
    SELECT $1, c.chunk, c.language, coalesce(t.length, 0), c.embedding
    FROM unnest($2::text[], $3::text[], $4::halfvec[]) AS c (chunk, language, embedding)
    LEFT JOIN (
        SELECT chunk, sum(occurrences)::int AS length FROM chunk_terms
        WHERE tenant = $1 AND chunk = ANY ($2::text[]) GROUP BY chunk
    ) t USING (chunk)
"""


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk with its id, its language and the sentences that can be quoted from it."""

    id: str
    chunk: Chunk
    locale: str
    sentences: tuple[str, ...]


class _Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a document gave: its chunks, or the reason why there are none."""

    found: tuple[Located, ...] = ()
    reason: str = ""


def chunk_id(tenant: str, document: str, content_hash: str, ordinal: int) -> str:
    """The same text at the same place has the same id in every build: 32 hex digits."""
    name = "\x00".join((tenant, document, content_hash, str(ordinal)))
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def locate(tenant: str, fact: DocumentSubmitted, content: bytes, count: TokenCounter) -> _Reading:
    """Chunks, languages and sentences of a document. Pure, but for lingua's models."""
    try:
        text = decoded(fact.document, content).replace("\x00", "\ufffd")
        chunks = chunk_document(text, fact.media_type, title=fact.title, url=fact.url, count=count)
    except UnreadableDocument as error:
        return _Reading(reason=str(error))
    if not chunks:
        return _Reading(reason=f"{fact.document}: no text in it that could be searched")
    common = fact.locale or detect_locale("\n".join(c.passage for c in chunks)[:5000])
    found = tuple(
        Located(
            id=chunk_id(tenant, fact.document, fact.content_hash, chunk.ordinal),
            chunk=chunk,
            locale=chunk.locale or fact.locale or detect_locale(chunk.passage, default=common),
            sentences=tuple(sentences(chunk.text)),
        )
        for chunk in chunks
    )
    return _Reading(found=found)


class KnowledgeIndex:
    """Kind `knowledge`. Fits `projections.projection.Projection`."""

    name = "knowledge"
    version = 1
    kind: Kind = "knowledge"
    tables = ("documents", "chunks", "chunk_vectors", "chunk_terms", "sentences")
    inexact = frozenset({"chunk_vectors.embedding", "sentences.embedding"})
    batch_size = 8
    apply_timeout_s = 1800.0
    """A document of 10 MB takes twenty minutes to embed on two cores."""

    def __init__(self, embed: Embed, documents: Documents, count: TokenCounter) -> None:
        self._embed, self._documents, self._count = embed, documents, count

    def ddl(self) -> str:
        """See Projection.ddl."""
        return _DDL

    async def apply(self, connection: Connection, commits: Sequence[Commit]) -> None:
        """See Projection.apply. Raises what the object store and the embedder raise.

        A document that cannot be read becomes a row in state `unreadable`, so that it does not
        stop the ones behind it.
        """
        for commit in commits:
            for fact in commit.facts:
                if isinstance(fact, DocumentSubmitted):
                    await self._submitted(connection, commit, fact)
                elif isinstance(fact, DocumentRemoved):
                    tenant, document = commit.stream.tenant, commit.stream.id
                    await _close(connection, tenant, document, commit.version)

    async def _submitted(
        self, connection: Connection, commit: Commit, fact: DocumentSubmitted
    ) -> None:
        tenant, document = commit.stream.tenant, commit.stream.id
        try:
            content = await self._documents.get(tenant, fact.content_hash)
        except (NoSuchDocument, CorruptDocument) as error:
            reading = _Reading(reason=f"the original is lost: {error}")
        else:
            reading = await asyncio.to_thread(locate, tenant, fact, content, self._count)
        await _close(connection, tenant, document, commit.version)
        await connection.execute(
            "INSERT INTO documents VALUES"
            " ($1, $2, $3, NULL, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            tenant,
            document,
            commit.version,
            "unreadable" if reading.reason else "indexed",
            reading.reason,
            fact.title,
            fact.media_type,
            fact.content_hash,
            fact.size,
            fact.url,
            fact.locale,
            len(reading.found),
            moment(fact.at),
        )
        if reading.found:
            await self._write(connection, commit, fact, reading.found)

    async def _write(
        self,
        connection: Connection,
        commit: Commit,
        fact: DocumentSubmitted,
        found: Sequence[Located],
    ) -> None:
        tenant = commit.stream.tenant
        await connection.executemany(
            "INSERT INTO chunks VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL)"
            " ON CONFLICT (tenant, chunk) DO UPDATE SET title = EXCLUDED.title,"
            " url = EXCLUDED.url, source = EXCLUDED.source, locale = EXCLUDED.locale,"
            " closed_at = NULL",
            [
                (
                    tenant,
                    one.id,
                    commit.stream.id,
                    fact.content_hash,
                    one.chunk.ordinal,
                    one.chunk.title,
                    one.chunk.text,
                    one.chunk.url,
                    one.chunk.source,
                    one.locale,
                    commit.version,
                )
                for one in found
            ],
        )
        ids = [one.id for one in found]
        languages = [text_config(one.locale) for one in found]
        bodies = [lexical_text(one.chunk.passage) for one in found]
        await connection.execute(_TERMS, tenant, ids, languages, bodies)
        vectors, spans = await self._vectors(found)
        await connection.execute(_VECTORS, tenant, ids, languages, vectors)
        await connection.executemany(
            "INSERT INTO sentences (tenant, chunk, n, text, embedding) VALUES ($1, $2, $3, $4, $5)",
            [(tenant, *span) for span in spans],
        )

    async def _vectors(
        self, found: Sequence[Located]
    ) -> tuple[list[HalfVector], list[tuple[str, int, str, HalfVector]]]:
        """A vector for each chunk, and (chunk, n, text, vector) for each heading and sentence."""
        texts = {one.chunk.passage for one in found}
        texts |= {one.chunk.heading for one in found if one.chunk.heading}
        texts |= {sentence for one in found for sentence in one.sentences}
        ordered = sorted(texts)  # each text once, and the same batches in every build
        embedded = await self._embed(ordered)
        if embedded.shape != (len(ordered), DIMENSIONS):
            raise ValueError(f"the embedder gave {embedded.shape} for {len(ordered)} texts")
        at = dict(zip(ordered, embedded, strict=True))
        vectors: list[HalfVector] = []
        spans: list[tuple[str, int, str, HalfVector]] = []
        for one in found:
            passage, heading = at[one.chunk.passage], one.chunk.heading
            mean = (passage + at[heading]) / 2 if heading else passage
            vectors.append(HalfVector(mean))
            quotable = enumerate(one.sentences, start=1)
            for n, text in [*([(0, heading)] if heading else []), *quotable]:
                spans.append((one.id, n, text, HalfVector(at[text])))
        return vectors, spans


async def _close(connection: Connection, tenant: str, document: str, version: int) -> None:
    """End what is open of a document: out of search, its text kept."""
    closed = await connection.fetch(
        "UPDATE chunks SET closed_at = $3"
        " WHERE tenant = $1 AND document = $2 AND closed_at IS NULL RETURNING chunk",
        tenant,
        document,
        version,
    )
    await connection.execute(
        "UPDATE documents SET closed_at = $3"
        " WHERE tenant = $1 AND document = $2 AND closed_at IS NULL",
        tenant,
        document,
        version,
    )
    ids = [row["chunk"] for row in closed]
    for table in ("chunk_vectors", "chunk_terms", "sentences"):
        await connection.execute(
            f"DELETE FROM {table} WHERE tenant = $1 AND chunk = ANY ($2::text[])", tenant, ids
        )
