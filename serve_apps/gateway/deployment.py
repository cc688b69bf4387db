"""The gateway as a Ray Serve deployment.

The app is built inside the replica (`__serve_build_asgi_app__`): its ports hold connections,
which cannot be pickled, and belong to the replica's own event loop. Everything is on one app,
so nothing is mounted (a mounted app inside an ingress class has been ignored, ray#39725).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from ray import serve

from serve_apps.gateway.app import create_app
from serve_apps.gateway.hub import GatewayPorts, Hub

PortsFactory = Callable[[], Awaitable[GatewayPorts]]

MAX_ONGOING_REQUESTS = 20_000
"""Serve counts open sockets here: one handshake more just waits."""


class GatewayReplica:
    """One gateway process. Plain and importable, so that Ray pickles it by name."""

    def __init__(self, factory: PortsFactory) -> None:
        self._factory = factory
        self._hub: Hub | None = None

    async def __serve_build_asgi_app__(self) -> FastAPI:
        """Called by Serve in the replica, after the constructor. Raises what `factory` raises."""
        app = create_app(await self._factory())
        self._hub = app.state.hub
        return app

    async def leave(self) -> None:
        """Send every client of this replica away with 1012, before it is stopped.

        Serve waits for open sockets to end by themselves first and calls destructors last, so
        whoever stops the gateway calls this before (`handle.leave.remote()`); with HAProxy the
        web server sends 1012 itself once the draining time is over.
        """
        if self._hub is not None:
            await self._hub.leave()


Gateway = serve.deployment(
    name="Gateway",
    max_ongoing_requests=MAX_ONGOING_REQUESTS,
    graceful_shutdown_timeout_s=10,
    graceful_shutdown_wait_loop_s=0.5,
)(serve.ingress()(GatewayReplica))
"""Bind it with an async function that makes the ports: `Gateway.bind(build_ports)`."""
