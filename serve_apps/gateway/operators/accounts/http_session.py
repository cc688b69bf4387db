"""Signing in and out over HTTP (docs/operator-api.md).

The refresh token stands in a cookie that no script can read and that is sent to these routes
alone. Routes that the cookie opens take no request that another site could cause: it would
lack the header, and the guard before all operator routes refuses foreign origins anyway.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Depends, Request, Response

from events.log.event_log import LogUnavailable
from serve_apps.gateway.hub import Hub
from serve_apps.gateway.operators.accounts.http_access import PROBLEMS, HubOf, Viewer
from serve_apps.gateway.operators.accounts.identity import Pass
from serve_apps.gateway.operators.accounts.sessions import IDLE_MS
from serve_apps.gateway.operators.accounts.sign_in import PasswordCredentials, SignInRefused
from serve_apps.gateway.operators.frames import OperatorView
from serve_apps.gateway.operators.orders import bodies
from serve_apps.gateway.shared.problems import Problem

COOKIE = "tandem_session"
PATH = "/v1/operator"

_log = structlog.get_logger(__name__)

router = APIRouter(prefix=PATH, tags=["operators"], responses=PROBLEMS)


class SessionOpened(msgspec.Struct, frozen=True, kw_only=True):
    """`token` goes into `Authorization: Bearer`, until `expires_at` (ms since 1970, UTC)."""

    token: str
    expires_at: int
    me: OperatorView


def _from_console(request: Request) -> None:
    if "x-tandem-console" not in request.headers:
        raise Problem("console_header", "send the header X-Tandem-Console: 1")


FromConsole = Annotated[None, Depends(_from_console)]


@router.post(
    "/session",
    status_code=201,
    summary="Sign in",
    response_class=Response,
    openapi_extra=bodies.takes(PasswordCredentials),
    responses=bodies.gives(SessionOpened, "Signed in", status=201),
)
async def sign_in(request: Request, hub: HubOf) -> Response:
    credentials = await bodies.read(request, PasswordCredentials)
    address = request.client.host if request.client else None
    hub.identity.check_ready()
    try:
        place = await hub.sign_in.operator(
            credentials, address=hub.address(address), at=hub.ports.clock()
        )
        opened = await hub.identity.begin(place)
    except SignInRefused as no:
        hub.metrics.rejected.labels(no.code).inc()
        raise _refused(hub, no) from None
    except LogUnavailable as error:
        raise _away(error) from error
    _log.info("operator signed in", **_who(opened.me), address=address)
    return _opened(request, opened, 201)


@router.post(
    "/session/refresh",
    summary="A new token",
    response_class=Response,
    responses=bodies.gives(SessionOpened, "Still signed in"),
)
async def refresh(request: Request, hub: HubOf, _: FromConsole) -> Response:
    """With the cookie, which is replaced by a new one."""
    try:
        opened = await hub.identity.refresh(request.cookies.get(COOKIE, ""))
    except LogUnavailable as error:
        raise _away(error) from error
    return _opened(request, opened, 200)


@router.delete("/session", status_code=204, summary="Sign out", response_class=Response)
async def sign_out(request: Request, hub: HubOf, _: FromConsole) -> Response:
    """With the cookie. Signing out again changes nothing."""
    token = request.cookies.get(COOKIE, "")
    if token:
        try:
            ended = await hub.sessions.end(token)
        except LogUnavailable as error:
            raise _away(error) from error
        if ended is not None:
            _log.info("operator signed out", tenant=ended.tenant, operator=ended.operator)
    response = Response(status_code=204)
    response.delete_cookie(
        COOKIE, path=PATH, secure=_is_secure(request), httponly=True, samesite="strict"
    )
    return response


@router.get(
    "/me",
    summary="Who is signed in",
    response_class=Response,
    responses=bodies.gives(OperatorView, "Who the token stands for"),
)
async def me(who: Viewer) -> Response:
    return bodies.answer(who.me)


def _opened(request: Request, opened: Pass, status: int) -> Response:
    body = SessionOpened(token=opened.token, expires_at=opened.expires_at, me=opened.me)
    response = bodies.answer(body, status)
    response.set_cookie(
        COOKIE,
        opened.refresh,
        max_age=IDLE_MS // 1000,
        path=PATH,
        secure=_is_secure(request),
        httponly=True,
        samesite="strict",
    )
    return response


def _is_secure(request: Request) -> bool:
    """Whether the browser came by https, as far as anybody says so: the connection itself, a
    proxy, or the browser by its page's origin. A lie can only make the cookie stricter."""
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    origin = request.headers.get("origin", "").lower()
    return request.url.scheme == "https" or forwarded == "https" or origin.startswith("https://")


def _refused(hub: Hub, no: SignInRefused) -> Problem:
    more = None
    if no.tenants:
        known = {name: hub.directory.by_id(name) for name in no.tenants}
        more = {
            "tenants": [
                {"tenant": name, "company": tenant.name if tenant else ""}
                for name, tenant in known.items()
            ]
        }
    headers = {"Retry-After": str(no.wait_s)} if no.wait_s else None
    return Problem(no.code, no.detail, headers=headers, more=more)


def _away(error: LogUnavailable) -> Problem:
    _log.warning("sign-in is not possible now", error=str(error))
    return Problem("unavailable", "sessions cannot be looked at now, try again")


def _who(view: OperatorView) -> dict[str, str]:
    return {"tenant": view.tenant, "operator": view.operator, "role": view.role}
