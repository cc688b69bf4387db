"""Documents by the real path, in one process: handed over by the library, parsed, cut, embedded,
told to a log in memory, indexed in a real Postgres and searched. Only Ray and NATS are left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import numpy as np

from actors.documents import decide as d
from actors.documents.index_settings import load_spaces
from actors.documents.service import DocumentRefused, Library, Submitted
from actors.documents.stream import carry_out, load
from events.knowledge import (
    DocumentChunked,
    DocumentEmbedded,
    DocumentFailed,
    DocumentIndexed,
    DocumentParsed,
    DocumentSubmitted,
    FailureCode,
    KnowledgeFact,
    MediaType,
    Stage,
)
from events.log.event_log import Commit, EventLog, Head, NewCommit
from events.log.memory import MemoryLog
from events.log.stream import INDEX, StreamName, knowledge_stream
from events.objects.artifacts import (
    Chunks,
    Vectors,
    decode_chunks,
    decode_parsed,
    encode_chunks,
    encode_parsed,
    encode_vectors,
    texts_of,
)
from events.objects.store import Documents, MemoryObjectStore
from events.spaces import DEFAULT_SPACE
from projections.engine.builds import ensure_live
from projections.engine.runner import Batch, feed_live
from projections.knowledge.chunking import UnreadableDocument, chunk_parsed
from projections.knowledge.index.projection import KnowledgeIndex
from projections.knowledge.parsing import Unparsable, parse, sniff
from projections.knowledge.tokens import TokenCounter, load_token_counter

if TYPE_CHECKING:
    from numpy.typing import NDArray

Embed = Callable[[str, Sequence[str]], Awaitable["NDArray[np.float32]"]]
"""The name of a space and texts to unit vectors."""


def sniffed(name: str, content: bytes) -> MediaType:
    """As the house does it. Raises DocumentRefused."""
    try:
        return sniff(name, content)
    except Unparsable as error:
        raise DocumentRefused("unsupported_document", str(error)) from error


class Shelf:
    """A log, an object store and an index of one's own. Every fact is applied at once."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        embed: Embed,
        *,
        log: EventLog | None = None,
        documents: Documents | None = None,
        count: TokenCounter | None = None,
    ) -> None:
        """A `log` and `documents` of one's own stand in for those in memory; lanes must then
        feed the index."""
        self.pool, self.embed = pool, embed
        self.log, self.documents = log or MemoryLog(), documents or MemoryObjectStore()
        self.library = Library(self.log, self.documents, sniffed)
        self.index = KnowledgeIndex(self.documents, embed, DEFAULT_SPACE)
        self.applied = 0
        self._count = count or load_token_counter()
        self._at = 0

    async def start(self) -> None:
        """Make the index's tables where there are none. The schema must stand already."""
        await ensure_live(self.pool, self.index)

    async def submit(
        self,
        tenant: str,
        name: str,
        content: str | bytes,
        *,
        title: str = "",
        url: str = "",
        locale: str = "",
    ) -> Submitted:
        """Hand over, work at and index a document."""
        raw = content.encode() if isinstance(content, str) else content
        submitted = await self.library.submit(
            tenant,
            name=name,
            content=raw,
            at=self.tick(),
            title=title,
            url=url,
            locale=locale,
        )
        await self.work(tenant, submitted.document)
        await self.apply()
        return submitted

    async def remove(self, tenant: str, document: str) -> Submitted:
        """Take a document away, by its id."""
        removed = await self.library.remove(tenant, document, at=self.tick())
        await self.apply()
        return removed

    def tick(self) -> int:
        """The time, which goes on by a second whenever it is asked for."""
        self._at += 1000
        return self._at

    async def work(self, tenant: str, document: str) -> None:
        """Carry out all that is owed to the document."""
        stream = knowledge_stream(tenant, document)
        standing = await load(self.log, stream)
        while True:
            spaces = await load_spaces(self.log, tenant)
            others = d.wanting(standing.state, spaces.open)
            owed = d.owed(standing.state, spaces.active) or (others[0] if others else None)
            if owed is None:
                return
            facts = await self._stage(tenant, owed)
            record = d.Record(version=owed.work.version, facts=facts)
            standing, moved = await carry_out(self.log, stream, record, known=standing)
            assert moved, f"{owed} came to nothing"

    async def embed_again(self, tenant: str, document: str, space: str) -> None:
        """Fill `space` for a document, if it answers."""
        stream = knowledge_stream(tenant, document)
        standing = await load(self.log, stream)
        work = standing.state.answers
        if work is None:
            return
        facts = await self._stage(tenant, d.Embed(work, space))
        record = d.Record(version=work.version, facts=facts)
        await carry_out(self.log, stream, record, known=standing)

    async def say(self, tenant: str, *facts: KnowledgeFact) -> Commit:
        """Facts of the tenant's spaces, in one commit; applied at once."""
        stream = StreamName(tenant, "knowledge", INDEX)
        last = await self.log.last(stream)
        head = last.head if last else Head()
        new = NewCommit(commit_id=f"said-{head.number + 1}", facts=facts)
        commit = await self.log.append(stream, new, expected=head)
        await self.apply()
        return commit

    async def apply(self) -> None:
        """Let the index take in what it has not; of a log in memory, which no lane reads."""
        if not isinstance(self.log, MemoryLog):
            return
        commits = await self.commits(after=self.applied)
        size = self.index.batch_size
        for start in range(0, len(commits), size):
            batch = tuple(commits[start : start + size])
            through = batch[-1].version
            self.applied = await feed_live(
                self.pool, self.index, Batch(after=self.applied, commits=batch, through=through)
            )

    async def commits(self, *, after: int = 0) -> list[Commit]:
        """All that is in the log behind `after`. Only of a log in memory."""
        assert isinstance(self.log, MemoryLog)
        found: list[Commit] = []
        newest = self.log.newest("knowledge")
        if newest > after:
            async for commit in self.log.subscribe("knowledge", after=after):
                found.append(commit)
                if commit.version == newest:
                    break
        return found

    async def _stage(self, tenant: str, owed: d.Owed) -> tuple[KnowledgeFact, ...]:
        work = owed.work
        try:
            match owed:
                case d.Parse():
                    return (await self._parse(tenant, owed),)
                case d.Chunk():
                    return (await self._chunk(tenant, owed),)
                case d.Embed():
                    return (await self._embed(tenant, owed),)
                case d.Index() if (cut := work.chunked) is not None:
                    return (
                        DocumentIndexed(
                            at=self.tick(),
                            version=work.version,
                            chunks_hash=cut.chunks_hash,
                            chunks=cut.chunks,
                        ),
                    )
                case _:
                    raise NotImplementedError("a shelf fetches nothing")
        except Unparsable as error:
            return (self._failed(work.version, "parse", error.code, error.reason, error.where),)
        except UnreadableDocument as error:
            return (self._failed(work.version, "chunk", "empty", str(error)),)

    def _failed(
        self, version: int, stage: Stage, code: FailureCode, reason: str, where: str = ""
    ) -> DocumentFailed:
        return DocumentFailed(
            at=self.tick(), version=version, stage=stage, code=code, reason=reason, where=where
        )

    async def _parse(self, tenant: str, owed: d.Parse) -> DocumentParsed:
        asked = owed.work.asked
        assert isinstance(asked, DocumentSubmitted)
        parsed = parse(
            await self.documents.get(tenant, asked.content_hash),
            asked.media_type,
            name=asked.name,
            title=asked.title,
            url=asked.url,
            locale=asked.locale,
        )
        return DocumentParsed(
            at=self.tick(),
            version=owed.work.version,
            parsed_hash=await self.documents.put(tenant, encode_parsed(parsed)),
            parser=parsed.parser,
            blocks=len(parsed.blocks),
            characters=parsed.characters,
            pages=parsed.pages,
            title=parsed.title,
            flags=parsed.flags,
        )

    async def _chunk(self, tenant: str, owed: d.Chunk) -> DocumentChunked:
        asked, parsed = owed.work.asked, owed.work.parsed
        assert isinstance(asked, DocumentSubmitted)
        assert parsed is not None
        settings = (await load_spaces(self.log, tenant, before=owed.work.version)).settings
        chunks = chunk_parsed(
            decode_parsed(await self.documents.get(tenant, parsed.parsed_hash)),
            settings,
            title=asked.title or parsed.title or Path(asked.name).stem,
            count=self._count,
            tokenizer="shelf",
            parsed_hash=parsed.parsed_hash,
        )
        return DocumentChunked(
            at=self.tick(),
            version=owed.work.version,
            chunks_hash=await self.documents.put(tenant, encode_chunks(chunks)),
            chunks=len(chunks.chunks),
            settings=settings,
        )

    async def _embed(self, tenant: str, owed: d.Embed) -> DocumentEmbedded:
        cut = owed.work.chunked
        assert cut is not None
        chunks = decode_chunks(await self.documents.get(tenant, cut.chunks_hash))
        vectors = await self.vectors(owed.space, chunks, cut.chunks_hash)
        return DocumentEmbedded(
            at=self.tick(),
            version=owed.work.version,
            chunks_hash=cut.chunks_hash,
            space=owed.space,
            vectors_hash=await self.documents.put(tenant, encode_vectors(vectors)),
        )

    async def vectors(self, space: str, chunks: Chunks, chunks_hash: str) -> Vectors:
        """The vectors of `chunks`, as the worker keeps them."""
        rows = np.asarray(await self.embed(space, texts_of(chunks)), dtype="<f2")
        return Vectors(
            space=space,
            chunks_hash=chunks_hash,
            dimensions=rows.shape[1],
            count=len(rows),
            rows=rows.tobytes(),
        )
