"""Conversations over HTTP, as operators see and change them (docs/operator-api.md)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from actors.conversation.commands import Refused
from actors.conversation.decide import State
from events.log.event_log import Commit, CorruptStream, Head, LogUnavailable, UnknownFact
from events.log.stream import StreamName, conversation_stream
from serve_apps.gateway.hub import Hub
from serve_apps.gateway.operators.accounts.http_access import (
    PROBLEMS,
    ConversationId,
    HubOf,
    Manager,
    Viewer,
    no_conversation,
)
from serve_apps.gateway.operators.accounts.identity import SignedIn
from serve_apps.gateway.operators.board import history
from serve_apps.gateway.operators.board.board import shown
from serve_apps.gateway.operators.board.readings import BadPlace, QueueView, ReadingsUnavailable
from serve_apps.gateway.operators.frames import CommitFrame, Order, Row
from serve_apps.gateway.operators.orders import bodies
from serve_apps.gateway.operators.orders.orders import to_command
from serve_apps.gateway.shared.limits import Rejected, clean_text
from serve_apps.gateway.shared.problems import Problem

MOST_COMMITS = 1000
MOST_ROWS = 200
READ_TIMEOUT_S = 20.0
_PLACE = re.compile(r"[0-9]{1,17}(\.[A-Za-z0-9_.:-]{1,200})?\Z")
_Version = Annotated[int, Query(ge=0, le=2**53)]

_log = structlog.get_logger(__name__)

router = APIRouter(prefix="/v1/operator/conversations", tags=["operators"], responses=PROBLEMS)


class Rows(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`next` is what to ask for as `before` to get the following page."""

    rows: tuple[Row, ...]
    next: str = ""


class OneConversation(msgspec.Struct, frozen=True, kw_only=True):
    """As it stood at `version`, folded by the server."""

    row: Row
    state: State
    version: int


class OrderDone(msgspec.Struct, frozen=True, kw_only=True):
    """Durable. `version` is the commit that holds it; `duplicate` when it was there before."""

    id: str
    version: int
    duplicate: bool


@router.get(
    "",
    summary="The queue, a page at a time",
    response_class=Response,
    responses=bodies.gives(Rows, "Those that wait longest first, then the newest"),
)
async def list_conversations(
    hub: HubOf,
    who: Viewer,
    *,
    view: QueueView = "all",
    search: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
    before: Annotated[str, Query(max_length=256)] = "",
) -> Response:
    async with readings_asked():
        page = await hub.ports.readings.queue_page(
            who.me.tenant,
            view=view,
            operator=who.me.operator,
            search=clean_text(search),
            limit=limit,
            before=checked_place(before),
        )
    return bodies.answer(Rows(rows=tuple(map(shown, page.rows)), next=page.next))


@router.get(
    "/{conversation}",
    summary="One conversation, folded",
    response_class=Response,
    responses=bodies.gives(OneConversation, "As it stands, or as it stood at `version`"),
)
async def read_conversation(
    hub: HubOf, who: Viewer, conversation: ConversationId, version: _Version | None = None
) -> Response:
    _is_there(hub, who)
    async with log_asked(who, conversation):
        found = await history.folded(hub.ports.log, _stream(who, conversation), version)
    if found is None:
        raise no_conversation()
    one = OneConversation(row=shown(found.row), state=found.state, version=found.version)
    return bodies.answer(one)


@router.get(
    "/{conversation}/commits",
    summary="What happened",
    response_class=Response,
    responses=bodies.gives(list[CommitFrame], "The commits after `after`, oldest first"),
)
async def read_commits(
    hub: HubOf,
    who: Viewer,
    conversation: ConversationId,
    after: _Version = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_COMMITS)] = MOST_COMMITS,
) -> Response:
    stream = _stream(who, conversation)
    async with log_asked(who, conversation):
        commits = await hub.ports.log.load(stream, after=Head(version=after), limit=limit)
        if not commits and (not after or await hub.ports.log.last(stream) is None):
            raise no_conversation()
    return bodies.answer([history.commit_frame(commit) for commit in commits])


@router.get(
    "/{conversation}/export",
    summary="All of it as JSON Lines",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A fact a line, as `tandem replay --json`; the last line is the State",
            "content": {"application/jsonl": {}},
        }
    },
)
async def export(hub: HubOf, who: Viewer, conversation: ConversationId) -> Response:
    stream = _stream(who, conversation)
    read = history.pages(hub.ports.log, stream)
    async with log_asked(who, conversation):
        first = await anext(read, None)
    if first is None:
        raise no_conversation()
    _log.info("conversation exported", conversation=conversation, **_who(who))
    return StreamingResponse(
        history.exported(stream, _again(first, read)),
        media_type="application/jsonl",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{conversation}.jsonl"',
        },
    )


@router.get(
    "/{conversation}/related",
    summary="The same visitor's other conversations",
    response_class=Response,
    responses=bodies.gives(Rows, "Newest first"),
)
async def related(hub: HubOf, who: Viewer, conversation: ConversationId) -> Response:
    stream = _stream(who, conversation)
    async with log_asked(who, conversation):
        if await hub.ports.log.last(stream) is None:
            raise no_conversation()
    async with readings_asked():
        rows = await hub.ports.readings.related(who.me.tenant, conversation)
    return bodies.answer(Rows(rows=tuple(map(shown, rows))))


@router.post(
    "/{conversation}/orders",
    status_code=202,
    summary="Take over, reply, approve, release, ...",
    response_class=Response,
    openapi_extra=bodies.takes(Order),
    responses={
        **bodies.gives(OrderDone, "Durable", status=202),
        409: {"description": "Not done: `taken`, `stale_epoch`, `not_owner`, `draft_over`, ..."},
    },
)
async def give_order(
    request: Request, hub: HubOf, who: Manager, conversation: ConversationId
) -> Response:
    """Sending an order with the same `id` again changes nothing."""
    order: Order = await bodies.read(request, Order)
    me, at = who.me, hub.ports.clock()
    if not hub.operator_orders.take(me.tenant, me.operator):
        raise _counted(hub, Problem("rate_limited", "too many orders at once, slow down"))
    try:
        command = to_command(order, me, at)
    except Rejected as no:
        raise _counted(hub, Problem(no.code, no.detail)) from None
    _is_there(hub, who)
    outcome = await hub.ask(_stream(who, conversation), command)
    if isinstance(outcome, Refused):
        if outcome.code == "not_started":
            raise no_conversation()
        raise _counted(hub, Problem(outcome.code, outcome.detail))
    done = OrderDone(id=order.id, version=outcome.version, duplicate=outcome.duplicate)
    return bodies.answer(done, 202)


def checked_place(before: str) -> str:
    """`before`, when it can be the place of a page. Raises Problem `place`."""
    if before and _PLACE.match(before) is None:
        raise _bad_place()
    return before


@asynccontextmanager
async def readings_asked() -> AsyncGenerator[None]:
    """The read models' errors as Problems."""
    try:
        yield
    except BadPlace:
        raise _bad_place() from None
    except ReadingsUnavailable as error:
        raise Problem("unavailable", "lists cannot be read now, try again") from error


@asynccontextmanager
async def log_asked(who: SignedIn, conversation: str) -> AsyncGenerator[None]:
    """The log's errors as Problems; nothing is waited for longer than READ_TIMEOUT_S."""
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            yield
    except (LogUnavailable, TimeoutError) as error:
        raise Problem("unavailable", "the conversation cannot be read now, try again") from error
    except (CorruptStream, UnknownFact) as error:
        _log.error("unreadable", conversation=conversation, error=str(error), **_who(who))
        detail = "this conversation's log cannot be read by this gateway"
        raise Problem("unreadable", detail, status=500) from error


async def _again(
    first: Sequence[Commit], rest: AsyncGenerator[Sequence[Commit]]
) -> AsyncGenerator[Sequence[Commit]]:
    yield first
    async for commits in rest:
        yield commits


def _bad_place() -> Problem:
    return Problem("place", "`before` takes what `next` of the page before said", status=422)


def _stream(who: SignedIn, conversation: str) -> StreamName:
    """Of the token's own tenant: there is no way to name another."""
    return conversation_stream(who.me.tenant, conversation)


def _is_there(hub: Hub, who: SignedIn) -> None:
    """What only a person at work does is a sign of life: the command line has no socket open
    while somebody reads a conversation and thinks of an answer."""
    touched = hub.presence.touch(who.me.tenant, who.me.operator, hub.ports.clock())
    hub.start(touched, "presence")


def _who(who: SignedIn) -> dict[str, str]:
    return {"tenant": who.me.tenant, "operator": who.me.operator}


def _counted(hub: Hub, problem: Problem) -> Problem:
    hub.metrics.rejected.labels(problem.code).inc()
    return problem
