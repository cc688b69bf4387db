"""Is the gateway up, is it ready, what does it count."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response

from actors.conversation.commands import RateAnswer
from actors.ports import Unavailable
from events.log.event_log import LogError
from events.log.stream import conversation_stream, tenancy_stream
from serve_apps.gateway.hub import Hub
from serve_apps.gateway.shared.metrics import CONTENT_TYPE
from serve_apps.gateway.shared.problems import FieldError, problem_response
from serve_apps.gateway.shared.tokens import now_ms

PROBE_TENANT = "tandem-probe"
PROBE_TIMEOUT_S = 3.0

router = APIRouter(tags=["operations"])


@router.get("/healthz", summary="The process is up")
async def healthz() -> dict[str, str]:
    return {"status": "up"}


@router.get("/readyz", summary="Everything a visitor needs answers")
async def readyz(request: Request) -> Response:
    """200 when the log, the tenants and a shard are there; 503 with what is missing."""
    hub: Hub = request.app.state.hub
    checks: dict[str, Callable[[Hub], Awaitable[str]]] = {
        "log": _log_answers, "tenants": _tenants_known, "conversations": _shard_answers,
    }  # fmt: skip
    found = await asyncio.gather(*(check(hub) for check in checks.values()))
    missing = tuple(
        FieldError(name, detail) for name, detail in zip(checks, found, strict=True) if detail
    )
    if hub.leaving:
        missing = (*missing, FieldError("gateway", "it is stopping"))
    if missing:
        return problem_response(503, "not_ready", "something is missing", errors=missing)
    return Response(b'{"status":"ready"}', media_type="application/json")


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    hub: Hub = request.app.state.hub
    return Response(hub.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})


async def _log_answers(hub: Hub) -> str:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            await hub.ports.log.last(tenancy_stream(PROBE_TENANT))
    except (LogError, TimeoutError) as error:
        return f"the log does not answer: {error}"
    return ""


async def _tenants_known(hub: Hub) -> str:
    return "" if hub.directory.caught_up() else "no tenant is known yet"


async def _shard_answers(hub: Hub) -> str:
    """Ask for what is always refused, so that nothing changes: a score of 0."""
    command = RateAnswer(id="probe", at=now_ms(), score=0)
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            stream = conversation_stream(PROBE_TENANT, "probe")
            outcome = await hub.ports.conversations.ask(stream, command)
    except (Unavailable, TimeoutError) as error:
        return f"no shard answers: {error}"
    unavailable = getattr(outcome, "code", "") == "unavailable"
    return "the shard cannot reach its log" if unavailable else ""
