"""The door of the operators' WebSocket: who is let in before a single frame is read."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from serve_apps.gateway.hub import Hub
from serve_apps.gateway.operators.console_session import ConsoleSession
from serve_apps.gateway.operators.frames import SUBPROTOCOL, ConsoleFrame
from serve_apps.gateway.shared.codec import JsonCodec
from serve_apps.gateway.shared.guards import by_own_page
from serve_apps.gateway.shared.problems import Problem
from serve_apps.gateway.visitors.socket import deny

router = APIRouter()

_CODEC: JsonCodec[ConsoleFrame] = JsonCodec(SUBPROTOCOL, ConsoleFrame)


@router.websocket("/v1/operator/socket")
async def serve_console(socket: WebSocket) -> None:
    """See docs/operator-api.md."""
    hub: Hub = socket.app.state.hub
    offered: list[str] = socket.scope["subprotocols"]
    if offered and SUBPROTOCOL not in offered:
        await deny(socket, 400, "unknown_subprotocol", f"this socket speaks {SUBPROTOCOL}")
        return
    if not by_own_page(socket.scope):
        await deny(socket, 403, "foreign_origin", "this site's own pages only")
        return
    if hub.leaving:
        await deny(socket, 503, "not_ready", "the gateway is stopping, come back")
        return
    await socket.accept(subprotocol=SUBPROTOCOL if offered else None)
    address = hub.address(socket.client.host if socket.client else None)
    await ConsoleSession(hub, socket, _CODEC, address=address).run()


@router.get("/v1/operator/socket", include_in_schema=False)
async def not_a_socket() -> None:
    raise Problem("upgrade_required", "this is a WebSocket, see docs/operator-api.md", status=426)
