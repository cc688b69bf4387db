"""The built pages and the widget: files of one folder, under a strict content policy.

`make` builds them into `serve_apps/web/dist`; they are never committed.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from pathlib import Path

import anyio
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from serve_apps.gateway.hub import Hub

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self' data:; "
    "connect-src 'self' ws: wss:; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
CONTENT_POLICY = _POLICY.format(styles="'self'")
DOCS_POLICY = _POLICY.format(styles="'self' 'unsafe-inline'")
"""Swagger UI sets styles on elements; nothing else may."""

_NAMED_BY_CONTENT = re.compile(r"[-.][A-Za-z0-9]{8,}\.[a-z0-9]+\Z")
_REVALIDATE = "public, no-cache"
_FOREVER = "public, max-age=31536000, immutable"
_PAGES = {
    "": "index.html",
    "console": "console.html",
    "replay": "replay.html",
    "knowledge": "knowledge.html",
    "docs": "docs.html",
}

_NOT_BUILT = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tandem: pages not built</title></head>
<body><h1>The pages are not built yet</h1>
<p>The gateway runs, its API answers under <code>/v1</code> and <a href="/openapi.json">is
described here</a>. Run <code>make</code> to build the pages.</p></body></html>
"""

router = APIRouter(include_in_schema=False)


@router.get("/{path:path}")
@router.head("/{path:path}")
async def page(request: Request, path: str) -> Response:
    """A page or a file of the build; 404 when there is none of that name."""
    hub: Hub = request.app.state.hub
    root = hub.ports.dist
    found = await anyio.to_thread.run_sync(_read, root, path)
    if found is None:
        if path in _PAGES and not await anyio.Path(root / "index.html").is_file():
            return _not_built()
        raise HTTPException(404, f"there is no /{path[:200]} here")
    name, content = found
    headers = _headers(name, content)
    if headers["ETag"] in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=_media_type(name))


def _read(root: Path, path: str) -> tuple[str, bytes] | None:
    """The file for a path, never one outside of `root`: (name, content)."""
    clean = path.strip("/")
    if "\0" in clean:
        return None
    for name in (_PAGES.get(clean, clean), f"{clean}/index.html", f"{clean}.html"):
        file = (root / name).resolve()
        hidden = any(part.startswith(".") for part in Path(name).parts)
        if not hidden and file.is_relative_to(root.resolve()) and file.is_file():
            return name, file.read_bytes()
    return None


def _headers(name: str, content: bytes) -> dict[str, str]:
    headers = {
        "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "Cache-Control": _FOREVER if _NAMED_BY_CONTENT.search(name) else _REVALIDATE,
        "Content-Security-Policy": DOCS_POLICY if name == "docs.html" else CONTENT_POLICY,
    }
    if name.endswith((".js", ".css", ".map", ".woff2")):
        # The widget's tag stands on other people's pages.
        headers["Access-Control-Allow-Origin"] = "*"
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return headers


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]


def _media_type(name: str) -> str:
    if name.endswith(".js"):
        return "text/javascript; charset=utf-8"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _not_built() -> Response:
    headers = {"Content-Security-Policy": CONTENT_POLICY, "Cache-Control": "no-store"}
    return Response(_NOT_BUILT, 503, headers, "text/html")
