"""Search over HTTP, and what was made of it: texts, who was told, counts, gaps, settings."""

from __future__ import annotations

from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Path, Query, Request, Response

from actors.ports import RetrievalFailed
from events.knowledge import ChunkSettings
from events.log.stream import is_token
from projections.knowledge.counts import KnowledgeCounts
from projections.knowledge.search.search import Filters
from projections.read_models.citations import ToldPage
from serve_apps.gateway.knowledge import shapes
from serve_apps.gateway.knowledge.asking import (
    PortsOf,
    knowledge_read,
    library_asked,
    may_change,
)
from serve_apps.gateway.knowledge.http_documents import MOST_ROWS, PREFIX
from serve_apps.gateway.operators.accounts.http_access import PROBLEMS, Admin, HubOf, Viewer
from serve_apps.gateway.operators.orders import bodies
from serve_apps.gateway.operators.orders.http_conversations import checked_place
from serve_apps.gateway.shared.limits import clean_text
from serve_apps.gateway.shared.problems import FieldError, Problem

MOST_HITS = 50
MOST_WANTED = 200
GAP_QUESTIONS = 500
_DAY_MS = 86_400_000

_log = structlog.get_logger(__name__)

router = APIRouter(prefix=PREFIX, tags=["knowledge"], responses=PROBLEMS)


@router.post(
    "/search",
    summary="Search as a turn does, laid open",
    response_class=Response,
    openapi_extra=bodies.takes(shapes.Question),
    responses=bodies.gives(shapes.Found, "Best first"),
)
async def search(request: Request, hub: HubOf, who: Viewer, ports: PortsOf) -> Response:
    asked: shapes.Question = await bodies.read(request, shapes.Question)
    question = clean_text(asked.question)
    if wrong := _wrong(asked, question, hub.limits.message_chars):
        raise bodies.invalid(*wrong)
    may_change(hub, who)  # it costs as much as a change: it asks the embedder
    try:
        looked = await ports.look(
            who.me.tenant,
            question,
            locale=asked.locale,
            limit=asked.limit,
            filters=Filters(**msgspec.structs.asdict(asked.filters)),
            as_of=asked.as_of,
        )
    except RetrievalFailed as error:
        _log.warning("a search failed", tenant=who.me.tenant, error=str(error))
        raise Problem("unavailable", f"it cannot be searched now: {error}"[:300]) from error
    return bodies.answer(shapes.found_view(looked))


@router.get(
    "/chunks/{chunk}",
    summary="One text, with what stands beside it",
    response_class=Response,
    responses=bodies.gives(shapes.ChunkShown, "Also one that does not answer any more"),
)
async def read_chunk(
    who: Viewer, ports: PortsOf, chunk: Annotated[str, Path(max_length=200)]
) -> Response:
    async with knowledge_read():
        found = await ports.readings.chunk(who.me.tenant, chunk) if is_token(chunk) else None
    if found is None:
        raise Problem("unknown_chunk", "there is no text of this id")
    return bodies.answer(shapes.chunk_shown(found))


@router.get(
    "/told",
    summary="Who was told this?",
    response_class=Response,
    responses=bodies.gives(ToldPage, "The answers that cited it, newest first"),
)
async def told(
    who: Viewer,
    ports: PortsOf,
    *,
    chunk: Annotated[str, Query(max_length=200, pattern=shapes.NO_NUL)] = "",
    document: Annotated[str, Query(max_length=200, pattern=shapes.NO_NUL)] = "",
    version: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
    before: Annotated[str, Query(max_length=256)] = "",
) -> Response:
    """Of a chunk, or of a document in one version or in any."""
    if bool(chunk) == bool(document):
        raise bodies.invalid(FieldError("chunk", "name a chunk or a document"))
    async with knowledge_read():
        page = await ports.readings.told_page(
            who.me.tenant,
            chunk=chunk,
            document=document,
            version=version,
            limit=limit,
            before=checked_place(before),
        )
    return bodies.answer(page)


@router.get(
    "/counts",
    summary="How much there is",
    response_class=Response,
    responses=bodies.gives(KnowledgeCounts, "By state, kind, source and embedding space"),
)
async def counts(who: Viewer, ports: PortsOf) -> Response:
    async with knowledge_read():
        return bodies.answer(await ports.readings.counts(who.me.tenant))


@router.get(
    "/gaps",
    summary="What was asked and not answered",
    response_class=Response,
    responses=bodies.gives(shapes.GapList, "Alike questions together, the most asked first"),
)
async def gaps(
    hub: HubOf,
    who: Viewer,
    ports: PortsOf,
    days: Annotated[int, Query(ge=1, le=366)] = 30,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
) -> Response:
    may_change(hub, who)  # as a search
    since = hub.ports.clock() - days * _DAY_MS
    async with knowledge_read():
        groups = await ports.readings.gaps(who.me.tenant, since=since, limit=GAP_QUESTIONS)
    return bodies.answer(shapes.GapList(groups=tuple(groups[:limit])))


@router.get(
    "/settings",
    summary="How documents are cut",
    response_class=Response,
    responses=bodies.gives(shapes.Settings, "Holds for what is handed over now"),
)
async def read_settings(who: Viewer, ports: PortsOf) -> Response:
    async with library_asked(who):
        held = await ports.library.chunking(who.me.tenant)
    return bodies.answer(_settings(held))


@router.put(
    "/settings",
    summary="Set how documents are cut",
    response_class=Response,
    openapi_extra=bodies.takes(shapes.Settings),
    responses=bodies.gives(shapes.Settings, "Holds from here on"),
)
async def set_settings(request: Request, hub: HubOf, who: Admin, ports: PortsOf) -> Response:
    """Documents that stand already keep their cut until they are worked at again."""
    asked: shapes.Settings = await bodies.read(request, shapes.Settings)
    may_change(hub, who)
    async with library_asked(who):
        await ports.library.set_chunking(
            who.me.tenant, asked.chunking, at=hub.ports.clock(), by=who.me.operator
        )
    _log.info("chunk settings set", tenant=who.me.tenant, operator=who.me.operator)
    return bodies.answer(asked)


def _settings(held: ChunkSettings) -> shapes.Settings:
    return shapes.Settings(max_tokens=held.max_tokens, overlap_tokens=held.overlap_tokens)


def _wrong(asked: shapes.Question, question: str, most: int) -> list[FieldError]:
    """What of a search has no sense."""
    wrong: list[FieldError] = []
    if not 1 <= len(question) <= most:
        wrong.append(FieldError("question", f"1 to {most} characters"))
    if not 1 <= asked.limit <= MOST_HITS:
        wrong.append(FieldError("limit", f"1 to {MOST_HITS}"))
    wrong += shapes.locale_fault(asked.locale)
    if asked.as_of is not None and not 1 <= asked.as_of < 2**63:
        wrong.append(FieldError("as_of", "a version of the log"))
    for name, values in msgspec.structs.asdict(asked.filters).items():
        if len(values) > MOST_WANTED or any(len(value) > 200 or "\0" in value for value in values):
            wrong.append(FieldError(f"filters.{name}", f"{MOST_WANTED} short names at most"))
    return wrong
