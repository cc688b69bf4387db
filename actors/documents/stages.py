"""The stages themselves: what each reads, does and leaves in the object store, as facts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import structlog

from actors.documents import decide as d
from actors.documents.index_settings import load_spaces
from actors.documents.ports import (
    Cut,
    DocumentParser,
    Embed,
    Fetch,
    PageFetched,
    ParseJob,
    StageFailed,
    WorkerDied,
)
from actors.documents.progress import Progress
from actors.documents.service import MAX_BYTES, document_id
from actors.documents.state import Work
from actors.documents.stream import carry_out
from actors.documents.vectors import embed_chunks, known_vectors
from events.knowledge import (
    ChunkSettings,
    DocumentChunked,
    DocumentEmbedded,
    DocumentFailed,
    DocumentIndexed,
    DocumentParsed,
    DocumentRequested,
    DocumentSubmitted,
    KnowledgeFact,
)
from events.log.event_log import EventLog
from events.log.stream import knowledge_stream
from events.objects.artifacts import BadArtifact, Chunks, decode_chunks, encode_chunks
from events.objects.store import CorruptDocument, Documents, NoSuchDocument

CUT_ATTEMPTS = 3
"""Processes that may die of a document, or beside it, before it is said to have failed."""
MOST_FLAGS = 50
"""A fact must fit into a message."""

_change = msgspec.structs.replace
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stages:
    """All methods may be called again with the same step: blobs are kept by their hash."""

    log: EventLog
    documents: Documents
    cutter: DocumentParser
    embed: Embed
    fetch: Fetch
    max_bytes: int = MAX_BYTES

    async def do(
        self,
        step: d.Owed,
        before: Work | None,
        *,
        at: int,
        progress: Progress,
    ) -> tuple[KnowledgeFact, ...]:
        """The facts that the step comes to; vectors of `before` are used again.

        Raises StageFailed, DependencyUnavailable, LogUnavailable.
        """
        match step:
            case d.Fetch(work):
                return await self._fetched(work, at, progress)
            case d.Parse(work) | d.Chunk(work):
                return await self._cut(work, at, progress)
            case d.Embed(work, space):
                embedded = await self._embedded(work, space, before, at, progress)
                return (embedded,) if work.indexed is not None else (embedded, _indexed(work, at))
            case d.Index(work):
                return (_indexed(work, at),)

    async def _cut(self, work: Work, at: int, progress: Progress) -> tuple[KnowledgeFact, ...]:
        submission = _submission(work)
        await progress.tell("parse")
        settings = (await load_spaces(self.log, submission.tenant, before=work.version)).settings
        cut = await self._run_cutter(work, submission, settings)
        facts: list[KnowledgeFact] = []
        if cut.parsed is not None:
            part = cut.parsed
            parsed = DocumentParsed(
                at=at,
                version=work.version,
                parsed_hash=await self.documents.put(submission.tenant, part.content),
                parser=part.parser,
                blocks=part.blocks,
                characters=part.characters,
                pages=part.pages,
                title=part.title,
                flags=part.flags[:MOST_FLAGS],
            )
            facts.append(parsed)
        if cut.chunks is not None:
            await progress.tell("chunk")
            chunked = DocumentChunked(
                at=at,
                version=work.version,
                chunks_hash=await self.documents.put(submission.tenant, cut.chunks.content),
                chunks=cut.chunks.chunks,
                settings=settings,
            )
            facts.append(chunked)
        if (why := cut.failure) is not None:
            failed = DocumentFailed(
                at=at,
                version=work.version,
                stage=why.stage,
                code=why.code,
                reason=why.reason,
                where=why.where,
            )
            facts.append(failed)
        return tuple(facts)

    async def _run_cutter(
        self, work: Work, submission: DocumentSubmitted, settings: ChunkSettings
    ) -> Cut:
        tenant = submission.tenant
        cutting = ParseJob(submission=submission, settings=settings)
        if work.parsed is not None:
            try:
                parsed = await self.documents.get(tenant, work.parsed.parsed_hash)
                cutting = _change(cutting, parsed=parsed)
            except (NoSuchDocument, CorruptDocument):
                pass  # it is parsed again
        if not cutting.parsed:
            cutting = _change(cutting, content=await self._original(submission))
        for attempt in range(1, CUT_ATTEMPTS + 1):
            try:
                return await self.cutter(cutting)
            except WorkerDied as error:
                _log.warning("worker died", document=submission.document, why=str(error))
                if attempt == CUT_ATTEMPTS:
                    reason = f"The process that read it died, {attempt} times: {error}"
                    raise StageFailed("parse", "crashed", reason) from None
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _original(self, submission: DocumentSubmitted) -> bytes:
        try:
            return await self.documents.get(submission.tenant, submission.content_hash)
        except (NoSuchDocument, CorruptDocument) as error:
            reason = (
                "The original is not in the object store, or was changed there: upload it again."
            )
            raise StageFailed("parse", "original_lost", reason) from error

    async def _embedded(
        self, work: Work, space: str, before: Work | None, at: int, progress: Progress
    ) -> DocumentEmbedded:
        submission, chunked = _submission(work), work.chunked
        assert chunked is not None, "owed only once it is chunked"
        tenant = submission.tenant
        chunks = await self._chunks(work, submission)

        async def tell(done: int, total: int) -> None:
            await progress.tell("embed", done, total)

        content = await embed_chunks(
            self.embed,
            chunks,
            chunked.chunks_hash,
            space,
            known=await known_vectors(self.documents, tenant, (before,), space),
            tell=tell,
        )
        vectors_hash = await self.documents.put(tenant, content)
        await progress.tell("index")
        return DocumentEmbedded(
            at=at,
            version=work.version,
            chunks_hash=chunked.chunks_hash,
            space=space,
            vectors_hash=vectors_hash,
        )

    async def _chunks(self, work: Work, submission: DocumentSubmitted) -> Chunks:
        """Cut again where the blob is lost. Raises StageFailed when that gives others."""
        assert work.chunked is not None, "owed only once it is chunked"
        wanted = work.chunked.chunks_hash
        try:
            content = await self.documents.get(submission.tenant, wanted)
        except (NoSuchDocument, CorruptDocument):
            cut = await self._run_cutter(work, submission, work.chunked.settings)
            content = cut.chunks.content if cut.chunks is not None else b""
            if await self.documents.put(submission.tenant, content) != wanted:
                reason = "What was made of it was lost: ingest it again."
                raise StageFailed("index", "original_lost", reason) from None
        try:
            return await asyncio.to_thread(decode_chunks, content)
        except BadArtifact as error:
            reason = f"What was made of it cannot be read: ingest it again. ({error})"
            raise StageFailed("index", "original_lost", reason) from None

    async def _fetched(self, work: Work, at: int, progress: Progress) -> tuple[KnowledgeFact, ...]:
        request = work.asked
        assert isinstance(request, DocumentRequested), "owed to a request only"
        await progress.tell("fetch")
        if request.what == "sitemap":
            pages = await self.fetch.sitemap(request)
            await self._ask_for(work, request, pages, depth=request.depth, at=at)
            nothing = Chunks(parsed_hash="", settings=ChunkSettings(), tokenizer="", chunks=())
            kept = await self.documents.put(request.tenant, encode_chunks(nothing))
            done = DocumentIndexed(at=at, version=work.version, chunks_hash=kept, chunks=0)
            return (done,)
        page = await self.fetch.page(request)
        if request.depth > 0:
            await self._ask_for(work, request, page.links, depth=request.depth - 1, at=at)
        return (await self._page(request, page, at),)

    async def _page(self, request: DocumentRequested, page: PageFetched, at: int) -> KnowledgeFact:
        if len(page.content) > self.max_bytes:
            limit = self.max_bytes / 1024 / 1024
            raise StageFailed("fetch", "too_large", f"The page is larger than {limit:g} MB.")
        return DocumentSubmitted(
            at=at,
            tenant=request.tenant,
            document=request.document,
            title=page.title,
            media_type=page.media_type,
            content_hash=await self.documents.put(request.tenant, page.content),
            size=len(page.content),
            url=page.url,
            locale=request.locale,
            name=request.url,
            origin="fetched",
            by=request.by,
        )

    async def _ask_for(
        self,
        work: Work,
        asked: DocumentRequested,
        urls: Sequence[str],
        *,
        depth: int,
        at: int,
    ) -> None:
        """Request each page; one that was asked for since is left as it is, so a second time
        changes nothing."""
        for url in dict.fromkeys(urls):
            if url == asked.url:
                continue
            try:
                document = document_id(url)
            except d.DocumentRefused as refused:  # one bad link must not end the others
                _log.info("a link was left out", url=url[:200], why=refused.reason)
                continue
            request = DocumentRequested(
                at=at,
                tenant=asked.tenant,
                document=document,
                url=url,
                depth=depth,
                locale=asked.locale,
                by=asked.by,
            )
            stream = knowledge_stream(asked.tenant, request.document)
            await carry_out(self.log, stream, d.Request(request, since=work.version))


def _submission(work: Work) -> DocumentSubmitted:
    assert isinstance(work.asked, DocumentSubmitted), "owed to a submission only"
    return work.asked


def _indexed(work: Work, at: int) -> DocumentIndexed:
    assert work.chunked is not None, "owed only once it is chunked"
    chunked = work.chunked
    return DocumentIndexed(
        at=at, version=work.version, chunks_hash=chunked.chunks_hash, chunks=chunked.chunks
    )
