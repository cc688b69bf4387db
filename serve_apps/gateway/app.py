"""The gateway as one FastAPI app: pure assembly of its parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from serve_apps.gateway import pages
from serve_apps.gateway.hub import GatewayPorts, Hub
from serve_apps.gateway.knowledge import http_documents, http_events, http_search
from serve_apps.gateway.operators import socket as operator_socket
from serve_apps.gateway.operators.accounts import http_session
from serve_apps.gateway.operators.orders import http_company, http_conversations
from serve_apps.gateway.operators.orders.bodies import install_schemas
from serve_apps.gateway.shared import operations
from serve_apps.gateway.shared.guards import BodySize, OperatorOrigin, SecurityHeaders, TenantCors
from serve_apps.gateway.shared.problems import install_problems
from serve_apps.gateway.visitors import http, socket

_DESCRIPTION = """Ask a company's assistant, hand over to a person, follow what happens.

Browsers use the WebSocket at `/v1/socket` (docs/protocol.md); everything a visitor can do is
here over plain HTTP as well. Errors are problem details (RFC 9457)."""


def create_app(ports: GatewayPorts) -> FastAPI:
    """The gateway over `ports`. Its lifespan reads the tenants in, and at the end sends every
    client away in good order and closes the ports. Raises ValueError on a short secret."""
    hub = Hub(ports)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        directory = asyncio.create_task(hub.directory.run(), name="tenant-directory")
        try:
            yield
        finally:
            await hub.leave()
            await hub.boards.close()
            if hub.document_changes is not None:
                await hub.document_changes.close()
            directory.cancel()
            await asyncio.wait({directory})
            hub.passwords.close()
            await ports.close()

    app = FastAPI(
        title="Tandem gateway",
        version="1",
        description=_DESCRIPTION,
        lifespan=lifespan,
        openapi_url="/openapi.json",
        docs_url=None,  # /docs is a page of our own build: no script from elsewhere
        redoc_url=None,
    )
    app.state.hub = hub
    install_problems(app)
    app.include_router(socket.router)
    app.include_router(http.router)
    app.include_router(operations.router)
    app.include_router(operator_socket.router)
    app.include_router(http_session.router)
    app.include_router(http_conversations.router)
    app.include_router(http_company.router)
    app.include_router(http_events.router)
    app.include_router(http_documents.router)
    app.include_router(http_search.router)
    install_schemas(app)
    app.include_router(pages.router)  # last: it takes every other path
    uploads = (http_documents.UPLOAD_PATH, ports.limits.upload_bytes)
    app.add_middleware(BodySize, most=ports.limits.frame_bytes, uploads=uploads)
    app.add_middleware(TenantCors, hub=hub)
    app.add_middleware(OperatorOrigin)
    app.add_middleware(SecurityHeaders)
    return app
