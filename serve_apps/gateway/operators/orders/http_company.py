"""What belongs to the company rather than to one conversation: canned replies, the ledger of
drafts, figures, the handoff policy, colleagues (docs/operator-api.md)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Query, Request, Response

from actors.conversation.hours import UnknownTimezone, timezone
from events.log.event_log import LogError, VersionConflict
from events.tenancy import HandoffPolicy, Role
from serve_apps.gateway.operators.accounts import roster as rules
from serve_apps.gateway.operators.accounts.accounts import change
from serve_apps.gateway.operators.accounts.http_access import (
    PROBLEMS,
    Admin,
    HubOf,
    Manager,
    Viewer,
)
from serve_apps.gateway.operators.accounts.roster import AccountError
from serve_apps.gateway.operators.board.readings import DraftLine, Figures, draft_line
from serve_apps.gateway.operators.orders import bodies
from serve_apps.gateway.operators.orders.http_conversations import (
    MOST_ROWS,
    checked_place,
    readings_asked,
)
from serve_apps.gateway.operators.orders.policy import cleaned, keep_policy, wrong_fields
from serve_apps.gateway.shared.limits import clean_text
from serve_apps.gateway.shared.problems import FieldError, Problem

_log = structlog.get_logger(__name__)

router = APIRouter(prefix="/v1/operator", tags=["operators"], responses=PROBLEMS)


class CannedText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: str


class CannedReply(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    text: str


class Drafts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`next` is what to ask for as `before` to get the following page."""

    rows: tuple[DraftLine, ...]
    next: str = ""


class Colleague(msgspec.Struct, frozen=True, kw_only=True):
    """`online`: a console of theirs was open, or they did something, in the last half minute."""

    operator: str
    name: str
    role: Role
    online: bool


@router.get(
    "/canned",
    summary="Canned replies",
    response_class=Response,
    responses=bodies.gives(list[CannedReply], "By name"),
)
async def list_canned(hub: HubOf, who: Viewer) -> Response:
    canned = hub.operators.canned(who.me.tenant)
    return bodies.answer([CannedReply(name=name, text=canned[name]) for name in sorted(canned)])


@router.put(
    "/canned/{name}",
    summary="Keep a canned reply",
    response_class=Response,
    openapi_extra=bodies.takes(CannedText),
    responses=bodies.gives(CannedReply, "Kept"),
)
async def keep_canned(request: Request, hub: HubOf, who: Manager, name: str) -> Response:
    body: CannedText = await bodies.read(request, CannedText)
    text, at, me = clean_text(body.text), hub.ports.clock(), who.me.operator
    async with _changing():
        await change(
            hub.ports.log,
            who.me.tenant,
            lambda roster: rules.keeping_canned(roster, name, text, operator=me, at=at),
        )
    return bodies.answer(CannedReply(name=name, text=text))


@router.delete(
    "/canned/{name}", status_code=204, summary="Remove a canned reply", response_class=Response
)
async def remove_canned(hub: HubOf, who: Manager, name: str) -> Response:
    at, me = hub.ports.clock(), who.me.operator
    async with _changing():
        await change(
            hub.ports.log,
            who.me.tenant,
            lambda roster: (rules.removing_canned(roster, name, operator=me, at=at),),
        )
    return Response(status_code=204)


@router.get(
    "/drafts",
    summary="The ledger of drafts",
    response_class=Response,
    responses=bodies.gives(Drafts, "Newest first"),
)
async def list_drafts(
    hub: HubOf,
    who: Viewer,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
    before: Annotated[str, Query(max_length=256)] = "",
) -> Response:
    async with readings_asked():
        page = await hub.ports.readings.drafts_page(
            who.me.tenant, limit=limit, before=checked_place(before)
        )
    return bodies.answer(Drafts(rows=tuple(map(draft_line, page.rows)), next=page.next))


@router.get(
    "/figures",
    summary="How it goes",
    response_class=Response,
    responses=bodies.gives(Figures, "As of now; what counts events counts seven days"),
)
async def read_figures(hub: HubOf, who: Viewer) -> Response:
    now = hub.ports.clock()
    today = _day_began(now, hub.directory.policy_of(who.me.tenant).timezone)
    async with readings_asked():
        figures = await hub.ports.readings.figures(who.me.tenant, now=now, today=today)
    return bodies.answer(figures)


@router.get(
    "/policy",
    summary="When a person is called",
    response_class=Response,
    responses=bodies.gives(HandoffPolicy, "What differs from the defaults"),
)
async def read_policy(hub: HubOf, who: Viewer) -> Response:
    return bodies.answer(hub.directory.policy_of(who.me.tenant))


@router.put(
    "/policy",
    summary="Set when a person is called",
    response_class=Response,
    openapi_extra=bodies.takes(HandoffPolicy),
    responses=bodies.gives(HandoffPolicy, "What holds from now on"),
)
async def set_policy(request: Request, hub: HubOf, who: Admin) -> Response:
    """The whole of it: what is left out goes back to its default."""
    policy: HandoffPolicy = await bodies.read(request, HandoffPolicy)
    if wrong := wrong_fields(policy):
        raise bodies.invalid(*wrong)
    policy = cleaned(policy)
    async with _changing():
        await keep_policy(
            hub.ports.log,
            who.me.tenant,
            policy,
            operator=who.me.operator,
            at=hub.ports.clock(),
        )
    _log.info("handoff policy set", tenant=who.me.tenant, operator=who.me.operator)
    return bodies.answer(policy)


@router.get(
    "/operators",
    summary="Colleagues, and who is there",
    response_class=Response,
    responses=bodies.gives(list[Colleague], "In the order they were added"),
)
async def list_operators(hub: HubOf, who: Viewer) -> Response:
    tenant = who.me.tenant
    accounts = hub.operators.accounts(tenant)
    online = await hub.presence.online(tenant, accounts, hub.ports.clock())
    return bodies.answer(
        [
            Colleague(
                operator=one.operator,
                name=one.name,
                role=one.role,
                online=one.operator in online,
            )
            for one in accounts
        ]
    )


@asynccontextmanager
async def _changing() -> AsyncGenerator[None]:
    """The errors of a change as Problems."""
    try:
        yield
    except AccountError as error:
        if error.code.startswith("canned_"):
            field = error.code.removeprefix("canned_")
            raise bodies.invalid(FieldError(field, error.detail)) from None
        raise Problem(error.code, error.detail) from None
    except VersionConflict as error:
        raise Problem("unavailable", "others change this too, try again") from error
    except LogError as error:
        _log.warning("a change was not kept, or may not be", error=str(error))
        raise Problem("unavailable", "this cannot be kept now, try again") from error


def _day_began(now: int, zone: str) -> int:
    """When the day of `now` began in the time zone, ms; in UTC where there is no such zone."""
    try:
        tz = timezone(zone)
    except UnknownTimezone:
        tz = UTC
    local = datetime.fromtimestamp(now / 1000, tz)
    return int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
