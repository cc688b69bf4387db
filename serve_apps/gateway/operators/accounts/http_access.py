"""Who calls a route of the operator API, and whether they may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request

from events.log.stream import is_token
from events.tenancy import Role
from serve_apps.gateway.hub import Hub
from serve_apps.gateway.operators.accounts.identity import SignedIn
from serve_apps.gateway.shared.problems import MEDIA_TYPE, Problem

_RANK: dict[Role, int] = {"viewer": 0, "manager": 1, "admin": 2}
_PROBLEM: dict[str, Any] = {"content": {MEDIA_TYPE: {}}}

PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"description": "Not signed in, or no longer", **_PROBLEM},
    403: {"description": "The role may not, or another site asks", **_PROBLEM},
    404: {"description": "The tenant has none of that name", **_PROBLEM},
    422: {"description": "A field is wrong", **_PROBLEM},
    429: {"description": "Too many at once", **_PROBLEM},
    503: {"description": "It cannot be known or done now: ask again", **_PROBLEM},
}


def hub_of(request: Request) -> Hub:
    return request.app.state.hub


HubOf = Annotated[Hub, Depends(hub_of)]


def may(role: Role, wanted: Role) -> bool:
    """Whether `role` may do what `wanted` may."""
    return _RANK[role] >= _RANK[wanted]


def _signed_in(least: Role) -> Callable[..., Awaitable[SignedIn]]:
    async def check(hub: HubOf, authorization: Annotated[str, Header()] = "") -> SignedIn:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem("bad_token", "sign in and send `Authorization: Bearer ...`")
        who = await hub.identity.of(token.strip())
        if not hub.operator_requests.take(who.me.tenant, who.me.operator):
            raise Problem("rate_limited", "too many requests at once, slow down")
        if not may(who.me.role, least):
            raise Problem("forbidden", f"a {who.me.role} may not do this, a {least} may")
        return who

    return check


Viewer = Annotated[SignedIn, Depends(_signed_in("viewer"))]
Manager = Annotated[SignedIn, Depends(_signed_in("manager"))]
Admin = Annotated[SignedIn, Depends(_signed_in("admin"))]


def _conversation(conversation: Annotated[str, Path(max_length=200)]) -> str:
    if not is_token(conversation):
        raise no_conversation()
    return conversation


ConversationId = Annotated[str, Depends(_conversation)]


def no_conversation() -> Problem:
    """The same whether it never was or is another tenant's."""
    return Problem("unknown_conversation", "there is no conversation of this id")
