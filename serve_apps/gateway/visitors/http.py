"""The conversation over HTTP: the same rules as the socket, for programs without one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from actors.conversation.commands import (
    Accepted,
    ConversationCommand,
    RateAnswer,
    ReceiveMessage,
    RequestHandoff,
)
from events.log.event_log import Head, LogUnavailable
from serve_apps.gateway.hub import Hub
from serve_apps.gateway.shared.feed import Place
from serve_apps.gateway.shared.limits import Rejected, checked_message
from serve_apps.gateway.shared.problems import MEDIA_TYPE, Problem
from serve_apps.gateway.shared.tokens import VisitorPass, new_id, now_ms
from serve_apps.gateway.visitors.frames import to_json
from serve_apps.gateway.visitors.sse import EventStream
from serve_apps.gateway.visitors.visible import VisitorView

PAGE_COMMITS = 1000
_LOCALE = r"^([A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,4})?$"
_PROBLEM = {"content": {MEDIA_TYPE: {}}}

router = APIRouter(
    prefix="/v1/conversations",
    tags=["conversations"],
    responses={
        401: {"description": "Wrong key or token", **_PROBLEM},
        403: {"description": "Foreign origin, or another conversation's token", **_PROBLEM},
        422: {"description": "A field is wrong", **_PROBLEM},
        429: {"description": "Too many at once", **_PROBLEM},
        503: {"description": "Not done, or not known to be: send it again", **_PROBLEM},
    },
)


class Opening(BaseModel):
    """Where a conversation begins. The key may stand in the header `X-Tandem-Key` instead."""

    key: str | None = Field(None, max_length=128)


class Opened(BaseModel):
    conversation: str
    token: str = Field(description="Send it as `Authorization: Bearer`")
    company: str


class NewMessage(BaseModel):
    id: str = Field(description="Your own id of the message: sending it again changes nothing")
    text: str
    locale: str = Field("", pattern=_LOCALE, max_length=35)


class Rating(BaseModel):
    score: int = Field(ge=1, le=5)


class Done(BaseModel):
    """Durable. `version` is the commit that holds it; `duplicate` when it was there before."""

    id: str
    version: int
    duplicate: bool


def _hub(request: Request) -> Hub:
    return request.app.state.hub


HubOf = Annotated[Hub, Depends(_hub)]


def _address(request: Request, hub: Hub) -> str:
    return hub.address(request.client.host if request.client else None)


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem("bad_token", "send the token as `Authorization: Bearer ...`")
    return token.strip()


def _visitor(
    request: Request, conversation: str, authorization: Annotated[str, Header()] = ""
) -> VisitorPass:
    """Whose token it is. Raises Problem and Refusal: no token, another's, a foreign page."""
    hub = _hub(request)
    visitor = hub.read_token(_bearer(authorization))
    if visitor.conversation != conversation:
        raise Problem("wrong_conversation", "the token is for another conversation")
    hub.check_tenant(visitor.tenant, request.headers.get("origin"))
    return visitor


Visitor = Annotated[VisitorPass, Depends(_visitor)]


def _seen_to(
    after: Annotated[str, Query(description="`version` or `version.index` last seen")] = "0",
    last_event_id: Annotated[str, Header()] = "",
) -> Place:
    try:
        return Place.parse(last_event_id or after)
    except ValueError as error:
        raise Problem("place", str(error), status=422) from None


SeenTo = Annotated[Place, Depends(_seen_to)]


@router.post("", status_code=201, summary="Begin a conversation")
async def open_conversation(
    request: Request,
    hub: HubOf,
    opening: Opening | None = None,
    x_tandem_key: Annotated[str, Header()] = "",
    authorization: Annotated[str, Header()] = "",
) -> Opened:
    """Gives a conversation's id and the token to use it with. Nothing is kept until the first
    message. With the token of an earlier conversation it is the same visitor's."""
    key = (opening.key if opening else None) or x_tandem_key
    tenant = await hub.admit(key, request.headers.get("origin"))
    if not hub.addresses.take(tenant.tenant, _address(request, hub)):
        raise Problem("rate_limited", "too many from this address, come back later")
    earlier = hub.read_token(_bearer(authorization)) if authorization else None
    if earlier is not None and earlier.tenant != tenant.tenant:
        raise Problem("bad_token", "the token is not for this key")
    visitor, token = hub.new_pass(tenant.tenant, earlier.visitor if earlier is not None else "")
    return Opened(conversation=visitor.conversation, token=token, company=tenant.name)


@router.post("/{conversation}/messages", status_code=202, summary="Say something")
async def send_message(request: Request, hub: HubOf, visitor: Visitor, message: NewMessage) -> Done:
    """Accepted means durable. The answer comes as an event."""
    try:
        text = checked_message(message.id, message.text, hub.limits)
    except Rejected as no:
        raise _counted(hub, Problem(no.code, no.detail)) from None
    _check_rate(request, hub, visitor)
    with hub.metrics.accept_seconds.time():
        done = await _ask(
            hub,
            visitor,
            ReceiveMessage(
                id=message.id,
                at=now_ms(),
                text=text,
                locale=message.locale,
                channel="http",
                visitor=visitor.visitor,
            ),
        )
    hub.metrics.messages.inc()
    return done


@router.post("/{conversation}/handoff", status_code=202, summary="Ask for a person")
async def request_handoff(request: Request, hub: HubOf, visitor: Visitor) -> Done:
    _check_rate(request, hub, visitor)
    return await _ask(hub, visitor, RequestHandoff(id=new_id(), at=now_ms()))


@router.post("/{conversation}/rating", status_code=202, summary="Rate the conversation")
async def rate(request: Request, hub: HubOf, visitor: Visitor, rating: Rating) -> Done:
    _check_rate(request, hub, visitor)
    return await _ask(hub, visitor, RateAnswer(id=new_id(), at=now_ms(), score=rating.score))


@router.get(
    "/{conversation}/events",
    summary="What happened, and what happens",
    response_class=Response,
    responses={
        200: {
            "description": "A list of events; or, when `text/event-stream` is accepted, a live "
            "stream of them. `Tandem-Version` is the version read up to: give it as `after`.",
            "content": {"application/json": {}, "text/event-stream": {}},
        }
    },
)
async def read_events(
    hub: HubOf, visitor: Visitor, place: SeenTo, accept: Annotated[str, Header()] = ""
) -> Response:
    if "text/event-stream" in accept:
        if hub.leaving:
            raise Problem("not_ready", "the gateway is stopping, come back")
        return StreamingResponse(
            EventStream(hub, visitor.stream, place).chunks(),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
    try:
        commits = await hub.ports.log.load(
            visitor.stream, after=Head(version=place.load_after), limit=PAGE_COMMITS
        )
    except LogUnavailable as error:
        raise Problem("unavailable", "the conversation cannot be read now") from error
    view = VisitorView()
    frames = tuple(frame for commit in commits for frame in view.of_commit(commit, place))
    version = commits[-1].version if commits else place.version
    headers = {"Tandem-Version": str(version), "Cache-Control": "no-store"}
    return Response(to_json(frames), headers=headers, media_type="application/json")


def _check_rate(request: Request, hub: Hub, visitor: VisitorPass) -> None:
    """Everything that is written to the log counts alike. Raises Problem."""
    if not (
        hub.addresses.take(visitor.tenant, _address(request, hub))
        and hub.conversations.take(visitor.tenant, visitor.conversation)
    ):
        raise _counted(hub, Problem("rate_limited", "too many messages at once, slow down"))


async def _ask(hub: Hub, visitor: VisitorPass, command: ConversationCommand) -> Done:
    outcome = await hub.ask(visitor.stream, command)
    if not isinstance(outcome, Accepted):
        raise _counted(hub, Problem(outcome.code, outcome.detail))
    return Done(id=command.id, version=outcome.version, duplicate=outcome.duplicate)


def _counted(hub: Hub, problem: Problem) -> Problem:
    hub.metrics.rejected.labels(problem.code).inc()
    return problem
