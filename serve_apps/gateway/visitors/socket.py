"""The door of the WebSocket: who is let in before a single frame is read."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from serve_apps.gateway.hub import Hub
from serve_apps.gateway.shared.codec import Codec
from serve_apps.gateway.shared.problems import Problem, problem_response
from serve_apps.gateway.visitors.frames import CODECS, JSON_SUBPROTOCOL, ClientFrame
from serve_apps.gateway.visitors.session import Session

router = APIRouter()


@router.websocket("/v1/socket")
async def serve_socket(socket: WebSocket) -> None:
    """Protocol version 1, see docs/protocol.md."""
    hub: Hub = socket.app.state.hub
    origin = socket.headers.get("origin")
    offered: list[str] = socket.scope["subprotocols"]
    codec = _chosen(offered)
    if codec is None:
        known = ", ".join(CODECS)
        await deny(socket, 400, "unknown_subprotocol", f"this server speaks {known}")
        return
    if hub.leaving or not hub.directory.known:
        await deny(socket, 503, "not_ready", "the gateway is starting or stopping, come back")
        return
    if hub.directory.caught_up() and not hub.directory.any_allows(origin):
        await deny(socket, 403, "foreign_origin", "no key may be used from this origin")
        return
    await socket.accept(subprotocol=codec.subprotocol if offered else None)
    address = hub.address(socket.client.host if socket.client else None)
    await Session(hub, socket, codec, origin=origin, address=address).run()


@router.get("/v1/socket", include_in_schema=False)
async def not_a_socket() -> None:
    raise Problem("upgrade_required", "this is a WebSocket, see docs/protocol.md", status=426)


def _chosen(offered: list[str]) -> Codec[ClientFrame] | None:
    if not offered:
        return CODECS[JSON_SUBPROTOCOL]
    return next((CODECS[name] for name in offered if name in CODECS), None)


async def deny(socket: WebSocket, status: int, code: str, detail: str) -> None:
    """Refuse the handshake, with a reason where the web server can carry one."""
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(problem_response(status, code, detail))
    else:
        await socket.close()  # a bare 403
