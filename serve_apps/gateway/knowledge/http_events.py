"""What happens to documents, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from serve_apps.gateway.hub import Hub
from serve_apps.gateway.knowledge.asking import PortsOf
from serve_apps.gateway.knowledge.changes import Change, DocumentChanges
from serve_apps.gateway.knowledge.shapes import DocumentView
from serve_apps.gateway.operators.accounts.http_access import PROBLEMS, HubOf, Viewer
from serve_apps.gateway.operators.accounts.identity import SignedIn
from serve_apps.gateway.operators.board.readings import ReadingsUnavailable
from serve_apps.gateway.shared.outbox import Outbox
from serve_apps.gateway.shared.problems import Problem
from serve_apps.gateway.shared.refusal import Refusal

_RETRY = b"retry: 2000\n\n"
_HEARTBEAT = b": still here\n\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_log = structlog.get_logger(__name__)

router = APIRouter(prefix="/v1/knowledge", tags=["knowledge"], responses=PROBLEMS)


@router.get(
    "/events",
    summary="What happens to documents",
    response_class=Response,
    responses={
        200: {
            "description": "`document`: a row, whenever it changes; `progress`: how far one has"
            " come. It ends with the token: come back with a fresh one and read the list again",
            "content": {"text/event-stream": {}},
        }
    },
)
async def follow(
    hub: HubOf, who: Viewer, _: PortsOf, authorization: Annotated[str, Header()] = ""
) -> Response:
    if hub.leaving or hub.document_changes is None:
        raise Problem("not_ready", "the gateway is stopping, come back")
    token = authorization.partition(" ")[2].strip()
    return _Events(DocumentStream(hub, hub.document_changes, who, token))


class DocumentStream:
    """One open stream, of one operator. It ends with their session, with the token, when the
    gateway leaves, or when what comes is not read."""

    def __init__(self, hub: Hub, changes: DocumentChanges, who: SignedIn, token: str) -> None:
        self._hub, self._changes, self._who, self._token = hub, changes, who, token
        self._outbox: Outbox[Change] | None = None

    def leave(self) -> None:
        if self._outbox is not None:
            self._outbox.finish()

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Watching once entered. Raises Problem `rate_limited` or `unavailable`."""
        hub, me = self._hub, self._who.me
        open_now, person = hub.document_streams, (me.tenant, me.operator)
        if open_now[person] >= hub.limits.document_streams:
            raise Problem("rate_limited", "too many streams of one operator are open")
        open_now[person] += 1
        try:
            async with self._changes.watching(me.tenant) as self._outbox:
                hub.joined(self)
                hub.metrics.streams.inc()
                checking = asyncio.create_task(self._check(), name="document-stream")
                try:
                    yield self._chunks(self._outbox)
                finally:
                    checking.cancel()
                    hub.metrics.streams.dec()
                    hub.left(self)
        except ReadingsUnavailable as error:
            raise Problem("unavailable", "changes cannot be watched now, try again") from error
        finally:
            open_now[person] -= 1
            if not open_now[person]:
                del open_now[person]

    async def _chunks(self, outbox: Outbox[Change]) -> AsyncIterator[bytes]:
        yield _RETRY
        while True:
            try:
                async with asyncio.timeout(self._hub.limits.heartbeat_s):
                    change = await outbox.next()
            except TimeoutError:
                yield _HEARTBEAT
                continue
            if change is None:
                return
            name = b"document" if isinstance(change, DocumentView) else b"progress"
            yield b"event: " + name + b"\ndata: " + msgspec.json.encode(change) + b"\n\n"

    async def _check(self) -> None:
        """End the stream when whoever reads it may not any more."""
        while True:
            left_s = (self._who.expires_at - self._hub.ports.clock()) / 1000
            await asyncio.sleep(max(0.01, min(self._hub.limits.session_check_s, left_s)))
            try:
                await self._hub.identity.of(self._token)
            except Refusal as refused:
                if refused.code != "unavailable":  # else it is not known: ask again
                    self.leave()
                    return


class _Events(Response):
    """The stream is open for exactly as long as its answer is being sent."""

    def __init__(self, stream: DocumentStream) -> None:
        super().__init__()
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._stream.opened() as chunks:
            sent = StreamingResponse(chunks, media_type="text/event-stream", headers=_HEADERS)
            await sent(scope, receive, send)
