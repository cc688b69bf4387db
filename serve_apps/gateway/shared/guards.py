"""What stands before every HTTP route: body size, cross-origin rules, security headers.

Plain ASGI, so that streams and sockets pass through untouched.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_apps.gateway.hub import Hub
from serve_apps.gateway.shared.origins import same_origin
from serve_apps.gateway.shared.problems import BodyTooBig, problem_response

_ALLOWED_HEADERS = "authorization, content-type, last-event-id, x-tandem-key"
OPERATORS = ("/v1/operator", "/v1/knowledge")
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class BodySize:
    """Refuse a request whose body is larger than `most` bytes, announced or not.

    `uploads` is the path where a form may be larger, and how large. FastAPI's own `max_body_size`
    knows one bound, and answers in plain text.
    """

    def __init__(self, app: ASGIApp, most: int, uploads: tuple[str, int]) -> None:
        self._app, self._most, self._uploads = app, most, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        announced, most = headers.get("content-length", "0"), self._bound(scope, headers)
        detail = f"a request has {most} bytes at most"
        if announced.isdigit() and int(announced) > most:
            await problem_response(413, "body_size", detail)(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                # FastAPI lets this one through where it reads bodies; it becomes a problem.
                raise BodyTooBig(413, detail)
            return message

        await self._app(scope, counted, send)

    def _bound(self, scope: Scope, headers: Headers) -> int:
        path, larger = self._uploads
        is_form = headers.get("content-type", "").lower().startswith("multipart/form-data")
        return larger if is_form and scope["path"] == path else self._most


class TenantCors:
    """Cross-origin rules of `/v1`: a page may call when some tenant allows its origin.

    A preflight names no key, so it can only be answered so. The call itself is checked
    against its own tenant by the routes.
    """

    def __init__(self, app: ASGIApp, hub: Hub) -> None:
        self._app, self._hub = app, hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_operators(scope) or not _is_api(scope):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None:
            await self._app(scope, receive, send)
            return
        allowed = self._hub.directory.any_allows(origin)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await self._preflight(origin, allowed)(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                sent.add_vary_header("Origin")
                if allowed:
                    sent["Access-Control-Allow-Origin"] = origin
                    sent["Access-Control-Expose-Headers"] = "Tandem-Version, Retry-After"
            await send(message)

        await self._app(scope, receive, marked)

    def _preflight(self, origin: str, allowed: bool) -> Response:
        if not allowed:
            return problem_response(403, "foreign_origin", "no key may be used from this origin")
        return Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Methods": "GET, POST",
                "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
                "Access-Control-Max-Age": "600",
                "Vary": "Origin",
            },
        )


class OperatorOrigin:
    """The operators' routes are for this gateway's own pages, and for programs: no page of
    another origin may call them, and no answer ever says that one could.

    A browser says itself whose page asks (`Sec-Fetch-Site`), which holds also behind a proxy
    that renames the host; older ones only name the page's origin.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_operators(scope) and not by_own_page(scope):
            refused = problem_response(403, "foreign_origin", "this site's own pages only")
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_api(scope: Scope) -> bool:
    return str(scope["path"]).startswith("/v1/")


def is_operators(scope: Scope) -> bool:
    path = str(scope["path"])
    return path.startswith(tuple(f"{place}/" for place in OPERATORS)) or path in OPERATORS


def by_own_page(scope: Scope) -> bool:
    """Of an HTTP request or a WebSocket's handshake."""
    headers = Headers(scope=scope)
    if scope.get("method") == "OPTIONS":
        return False  # a preflight: only another origin's page sends one
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    return same_origin(headers.get("origin"), headers.get("host"))


class SecurityHeaders:
    """Headers that every answer carries; a page brings its own, wider content policy."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in _SECURITY.items():
                    sent.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, marked if scope["type"] == "http" else send)
