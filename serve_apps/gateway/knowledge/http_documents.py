"""Documents over HTTP: handed over, looked at, worked at again, taken away."""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request, Response

from actors.documents.service import DocumentRefused
from events.objects.store import CorruptDocument, NoSuchDocument
from serve_apps.gateway.hub import Hub
from serve_apps.gateway.knowledge import shapes
from serve_apps.gateway.knowledge.asking import (
    DocumentId,
    IdempotencyKey,
    PortsOf,
    knowledge_read,
    library_asked,
    may_change,
)
from serve_apps.gateway.knowledge.originals import original
from serve_apps.gateway.knowledge.ports import KnowledgePorts
from serve_apps.gateway.knowledge.uploads import uploaded
from serve_apps.gateway.operators.accounts.http_access import PROBLEMS, HubOf, Manager, Viewer
from serve_apps.gateway.operators.accounts.identity import SignedIn
from serve_apps.gateway.operators.orders import bodies
from serve_apps.gateway.shared.problems import Problem

MOST_ROWS = 200
PREFIX = "/v1/knowledge"
UPLOAD_PATH = f"{PREFIX}/documents"

_log = structlog.get_logger(__name__)
_STATES = "^(requested|submitted|parsed|chunked|indexed|failed|replaced|superseded|removed)?$"
_FORM = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {
                "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
                **{field: {"type": "string"} for field in ("name", "title", "url", "locale")},
            },
        }
    }
}

_Version = Annotated[int | None, Query(ge=1, lt=2**63)]
_Limit = Annotated[int, Query(ge=1, le=MOST_ROWS)]

router = APIRouter(prefix=PREFIX, tags=["knowledge"], responses=PROBLEMS)


def _takes_both() -> dict[str, Any]:
    extra = bodies.takes(shapes.UrlRequest)
    extra["requestBody"]["content"] |= _FORM
    return extra


@router.post(
    "/documents",
    status_code=202,
    summary="Hand over files, or an address to be fetched",
    response_class=Response,
    openapi_extra=_takes_both(),
    responses={
        **bodies.gives(shapes.AllTaken, "Durable, and worked at from now on", status=202),
        408: {"description": "The request did not come whole in time"},
        413: {"description": "A file or the whole request is too large"},
        415: {"description": "No reader for this kind of file"},
    },
)
async def hand_over(
    request: Request, hub: HubOf, who: Manager, ports: PortsOf, key: IdempotencyKey
) -> Response:
    """Files as `multipart/form-data`, each as `file`; or JSON with an address."""
    may_change(hub, who)
    if _kind(request) == "multipart/form-data":
        async with hub.uploads:
            taken = await _take_files(request, hub, who, ports, key)
    else:
        asked: shapes.UrlRequest = await bodies.read(request, shapes.UrlRequest)
        taken = await _take_address(asked, hub, who, ports, key)
    names = [one.name for one in taken.documents]
    _log.info("documents handed over", names=names, **_by(who))
    return bodies.answer(taken, 202)


@router.get(
    "/documents",
    summary="The documents, by name",
    response_class=Response,
    responses=bodies.gives(shapes.DocumentList, "Each with its newest version"),
)
async def list_documents(
    who: Viewer,
    ports: PortsOf,
    *,
    state: Annotated[str, Query(pattern=_STATES)] = "",
    search: Annotated[str, Query(max_length=200, pattern=shapes.NO_NUL)] = "",
    limit: _Limit = 50,
    before: Annotated[str, Query(max_length=256, pattern=shapes.NO_NUL)] = "",
) -> Response:
    """Without `state` all but the removed."""
    async with knowledge_read():
        page = await ports.readings.documents_page(
            who.me.tenant, state=state, search=search, limit=limit, before=before
        )
    rows = tuple(map(shapes.document_view, page.rows))
    return bodies.answer(shapes.DocumentList(rows=rows, next=page.next))


@router.get(
    "/documents/{document}",
    summary="One document, all its versions",
    response_class=Response,
    responses=bodies.gives(shapes.OneDocument, "Newest first"),
)
async def read_document(who: Viewer, ports: PortsOf, document: DocumentId) -> Response:
    async with knowledge_read():
        versions = await ports.readings.versions(who.me.tenant, document)
    views = tuple(map(shapes.document_view, versions))
    return bodies.answer(shapes.OneDocument(document=document, versions=views))


@router.get(
    "/documents/{document}/chunks",
    summary="What a document is cut into",
    response_class=Response,
    responses=bodies.gives(shapes.ChunkList, "In text order"),
)
async def list_chunks(
    who: Viewer,
    ports: PortsOf,
    document: DocumentId,
    *,
    version: _Version = None,
    limit: _Limit = 50,
    after: Annotated[int, Query(ge=-1, lt=2**31)] = -1,
) -> Response:
    """Without `version` of the one that answers."""
    async with knowledge_read():
        page = await ports.readings.chunks_page(
            who.me.tenant, document, version=version, limit=limit, after=after
        )
    rows = tuple(map(shapes.chunk_view, page.rows))
    return bodies.answer(shapes.ChunkList(rows=rows, next=page.next))


@router.get(
    "/documents/{document}/original",
    summary="A document as it was handed over",
    response_class=Response,
    responses={
        200: {
            "description": "Its bytes, as an attachment",
            "content": {"application/octet-stream": {}},
        }
    },
)
async def read_original(
    who: Viewer, ports: PortsOf, document: DocumentId, version: _Version = None
) -> Response:
    """Without `version` of the newest."""
    async with knowledge_read():
        versions = await ports.readings.versions(who.me.tenant, document)
    held = [row for row in versions if row.content_hash and version in (None, row.version)]
    if not held:
        raise Problem("unknown_version", "there is no original of this version")
    try:
        async with library_asked(who):
            content = await ports.originals.get(who.me.tenant, held[0].content_hash)
    except NoSuchDocument:
        raise Problem("unknown_version", "its original is not kept any more") from None
    except CorruptDocument as error:
        _log.error("an original is damaged", document=document, error=str(error), **_by(who))
        detail = "what is kept is not what was handed over"
        raise Problem("unreadable", detail, status=500) from error
    return original(held[0], content)


@router.post(
    "/documents/{document}/reingest",
    status_code=202,
    summary="Work at a document again",
    response_class=Response,
    responses=bodies.gives(shapes.Taken, "Durable", status=202),
)
async def reingest(
    hub: HubOf, who: Manager, ports: PortsOf, document: DocumentId, key: IdempotencyKey
) -> Response:
    """With the settings of now, from the original; a page whose fetch failed is fetched again."""
    may_change(hub, who)
    async with library_asked(who):
        done = await ports.library.reingest(
            who.me.tenant, document, at=hub.ports.clock(), by=who.me.operator, key=key
        )
    return bodies.answer(_taken(done), 202)


@router.delete(
    "/documents/{document}",
    status_code=202,
    summary="Take a document out of new answers",
    response_class=Response,
    responses=bodies.gives(shapes.Taken, "Durable; what was answered still resolves", status=202),
)
async def remove(
    hub: HubOf, who: Manager, ports: PortsOf, document: DocumentId, key: IdempotencyKey
) -> Response:
    may_change(hub, who)
    async with library_asked(who):
        done = await ports.library.remove(
            who.me.tenant, document, at=hub.ports.clock(), by=who.me.operator, key=key
        )
    _log.info("document removed", document=document, **_by(who))
    return bodies.answer(_taken(done), 202)


async def _take_files(
    request: Request, hub: Hub, who: SignedIn, ports: KnowledgePorts, key: str
) -> shapes.AllTaken:
    """Each by itself: one that is refused keeps no other out. Raises Problem when all are."""
    taken: list[shapes.Taken] = []
    refused: list[shapes.NotTaken] = []
    async with uploaded(request, within=hub.limits.upload_s) as upload:
        for name, file in upload.files:
            async with library_asked(who):
                try:
                    done = await ports.library.submit(
                        who.me.tenant,
                        name=name,
                        content=await file.read(ports.library.max_bytes + 1),
                        at=hub.ports.clock(),
                        by=who.me.operator,
                        title=upload.title,
                        url=upload.url,
                        locale=upload.locale,
                        origin="upload",
                        key=key,
                    )
                except DocumentRefused as no:
                    refused.append(shapes.NotTaken(name=name, code=no.code, detail=no.reason))
                    continue
            taken.append(_taken(done, name))
    if not taken:
        raise Problem(refused[0].code, refused[0].detail)
    return shapes.AllTaken(documents=tuple(taken), refused=tuple(refused))


async def _take_address(
    asked: shapes.UrlRequest, hub: Hub, who: SignedIn, ports: KnowledgePorts, key: str
) -> shapes.AllTaken:
    if wrong := shapes.locale_fault(asked.locale):
        raise bodies.invalid(*wrong)
    url = asked.url.strip()
    async with library_asked(who):
        done = await ports.library.request(
            who.me.tenant,
            url=url,
            what=asked.what,
            depth=asked.depth,
            locale=asked.locale,
            key=key,
            at=hub.ports.clock(),
            by=who.me.operator,
        )
    return shapes.AllTaken(documents=(_taken(done, url),))


def _taken(done: Any, name: str = "") -> shapes.Taken:
    return shapes.Taken(
        document=done.document, version=done.version, changed=done.changed, name=name
    )


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def _by(who: SignedIn) -> dict[str, str]:
    return {"tenant": who.me.tenant, "operator": who.me.operator}
