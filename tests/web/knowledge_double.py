"""A server of the knowledge API in memory (docs/knowledge-api.md), for the knowledge page's tests.

Real HTTP, real server-sent events, the headers that the gateway sends. It can be slow, refuse,
and end its streams. What a page did wrong is in `complaints`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from console_accounts import Accounts, Refusal

from serve_apps.gateway.pages import CONTENT_POLICY

NOW = 1_760_000_000_000
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SEARCH_FIELDS = {"question", "locale", "limit", "filters", "as_of"}


class KnowledgeDouble:
    """`url` is where it listens once started."""

    def __init__(self, dist: Path) -> None:
        self._dist = dist
        self.url = ""
        self.complaints: list[str] = []
        self.accounts = Accounts(lambda: NOW, self.complaints)
        self.documents: dict[str, list[dict[str, Any]]] = {}
        """Versions by document, newest first."""
        self.chunks: dict[str, dict[str, Any]] = {}
        self.told: list[dict[str, Any]] = []
        self.gaps: list[dict[str, Any]] = []
        self.counts: dict[str, Any] = {"documents": 0, "chunks": 0}
        self.found: dict[str, Any] = {"hits": []}
        self.settings = {"max_tokens": 192, "overlap_tokens": 0}
        self.refusals: dict[str, Refusal] = {}
        """What uploads of these names are refused with."""
        self.away = False
        """Every read is answered 503."""
        self.searched: list[dict[str, Any]] = []
        self.uploads: list[tuple[str, bytes]] = []
        self.requests_with_files = self.too_fast = 0
        self.asked_urls: list[dict[str, Any]] = []
        self.done: list[tuple[str, str]] = []
        self.page_size = 100
        self.listening = asyncio.Event()
        self._streams: set[asyncio.Queue[bytes | None]] = set()
        self._version = 100

    # What a test does to it.

    def hold(self, name: str, *, state: str = "indexed", **fields: Any) -> dict[str, Any]:
        """Keep a document's newest version; the older ones stay below it."""
        self._version += 10
        ident = fields.pop("document", name.lower())
        version = {
            "document": ident, "name": name, "version": self._version, "state": state,
            "media_type": "text/markdown", "size": 4200, "submitted_at": NOW, "by": "op-ana",
        } | fields  # fmt: skip
        versions = self.documents.setdefault(ident, [])
        answered = versions[0].get("answers", 0) if versions else 0
        if state == "indexed":
            version = {"indexed_at": NOW + 2000, "answers": version["version"]} | version
            for older in versions:
                if older["state"] == "indexed":
                    older |= {"state": "replaced", "closed_at": self._version + 1}
        versions.insert(0, version)
        for one in versions:
            one["answers"] = version.get("answers", answered)
        return version

    def write(self, version: dict[str, Any], *texts: str, **fields: Any) -> list[str]:
        """Keep the chunks of a version; their ids. Offsets follow one another unless `starts`."""
        starts: list[int] = fields.pop("starts", [])
        places: list[Any] = fields.pop("places", [None] * len(texts))
        at = 0
        for ordinal, (text, place) in enumerate(zip(texts, places, strict=True)):
            at = starts[ordinal] if starts else at
            ident = f"{version['version']:08x}{ordinal:024x}"
            self.chunks[ident] = {
                "chunk": ident, "document": version["document"], "version": version["version"],
                "ordinal": ordinal, "title": version.get("title", version["name"]), "text": text,
                "start": at, "end": at + len(text), "tokens": len(text.split()), "locale": "en",
                "opened_at": version["version"] + 1, "place": place,
            } | fields  # fmt: skip
            at += len(text)
        version["chunks"] = len(texts)
        return [one for one, chunk in self.chunks.items() if chunk["version"] == version["version"]]

    def tell(self, event: str, data: dict[str, Any]) -> None:
        """To everybody who listens now."""
        text = f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()
        # Cut in the middle, as a network may.
        for stream in self._streams:
            stream.put_nowait(text[:9])
            stream.put_nowait(text[9:])

    def change(self, version: dict[str, Any], **fields: Any) -> None:
        version |= fields
        self.tell("document", version)

    def end_streams(self) -> None:
        self.listening.clear()
        for stream in self._streams:
            stream.put_nowait(None)

    # Serving.

    @asynccontextmanager
    async def running(self) -> AsyncIterator[KnowledgeDouble]:
        app = web.Application(client_max_size=20_000_000, middlewares=[self._answering])
        self.accounts.add_routes(app, "/v1/operator")
        app.router.add_get("/v1/operator/operators", self._operators)
        at = "/v1/knowledge"
        app.router.add_get(f"{at}/documents", self._list)
        app.router.add_post(f"{at}/documents", self._add)
        app.router.add_get(f"{at}/documents/{{id}}", self._document)
        app.router.add_delete(f"{at}/documents/{{id}}", self._remove)
        app.router.add_get(f"{at}/documents/{{id}}/chunks", self._chunks)
        app.router.add_get(f"{at}/documents/{{id}}/original", self._original)
        app.router.add_post(f"{at}/documents/{{id}}/reingest", self._reingest)
        app.router.add_get(f"{at}/events", self._events)
        app.router.add_post(f"{at}/search", self._search)
        app.router.add_get(f"{at}/chunks/{{id}}", self._chunk)
        app.router.add_get(f"{at}/told", self._told)
        app.router.add_get(f"{at}/counts", self._give("counts"))
        app.router.add_get(f"{at}/gaps", self._give("gaps"))
        app.router.add_get(f"{at}/settings", self._give("settings"))
        app.router.add_put(f"{at}/settings", self._set)
        app.router.add_get("/{path:.*}", self._page)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            self.end_streams()
            await runner.cleanup()

    @web.middleware
    async def _answering(self, request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            if request.path.startswith("/v1/knowledge"):
                view = self.accounts.caller(request)
                if request.method in ("POST", "PUT", "DELETE") and "search" not in request.path:
                    least = "admin" if request.path.endswith("settings") else "manager"
                    if view.role == "viewer" or (least == "admin" and view.role != "admin"):
                        self.complaints.append(f"a {view.role} asked {request.path}")
                        raise Refusal(403, "forbidden", "your role may not do this")
                if self.away and request.method == "GET":
                    raise Refusal(503, "unavailable", "the read models are away")
            return await handler(request)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status, headers=refusal.headers)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["path"] or "index.html"
        if not (self._dist / name).is_file():
            name = f"{name}.html"
        if not (self._dist / name).is_file():
            raise web.HTTPNotFound
        policy = {"Content-Security-Policy": CONTENT_POLICY}
        return web.FileResponse(self._dist / name, headers=policy)

    async def _operators(self, request: web.Request) -> web.Response:
        self.accounts.caller(request)
        people = self.accounts.people.values()
        rows = [{"operator": one.operator, "name": one.name, "role": one.role} for one in people]
        return web.json_response(rows)

    async def _list(self, request: web.Request) -> web.Response:
        state, words = request.query.get("state", ""), request.query.get("search", "").lower()
        newest = [versions[0] for versions in self.documents.values()]
        rows = sorted(
            (
                row
                for row in newest
                if (row["state"] == state if state else row["state"] != "removed")
                and words in f"{row['name']} {row.get('title', '')} {row.get('url', '')}".lower()
            ),
            key=lambda row: row["name"],
        )
        begin = int(request.query.get("before", 0))
        page: dict[str, Any] = {"rows": rows[begin : begin + self.page_size]}
        if begin + self.page_size < len(rows):
            page["next"] = str(begin + self.page_size)
        return web.json_response(page)

    def _versions(self, request: web.Request) -> list[dict[str, Any]]:
        versions = self.documents.get(request.match_info["id"])
        if not versions:
            raise Refusal(404, "unknown_document", "there is none of that id")
        return versions

    async def _document(self, request: web.Request) -> web.Response:
        versions = self._versions(request)
        return web.json_response({"document": request.match_info["id"], "versions": versions})

    async def _chunks(self, request: web.Request) -> web.Response:
        answers = self._versions(request)[0].get("answers", 0)
        version = int(request.query.get("version", answers))
        rows = [chunk for chunk in self.chunks.values() if chunk["version"] == version]
        begin = int(request.query.get("after", 0))
        page: dict[str, Any] = {"rows": rows[begin : begin + self.page_size]}
        if begin + self.page_size < len(rows):
            page["next"] = str(begin + self.page_size)
        return web.json_response(page)

    async def _original(self, request: web.Request) -> web.Response:
        version = request.query.get("version", "")
        headers = {"Content-Disposition": "attachment"}
        return web.Response(body=f"original of {version}".encode(), headers=headers)

    async def _add(self, request: web.Request) -> web.Response:
        if request.content_type == "application/json":
            asked = await request.json()
            self.asked_urls.append(asked)
            version = self.hold(asked["url"], state="requested", url=asked["url"], size=0)
            return _taken(version)
        form = await request.post()
        files = form.getall("file")
        if len(files) > 20:
            self.complaints.append(f"{len(files)} files in one request: 20 at most")
        self.requests_with_files += 1
        if self.too_fast:
            self.too_fast -= 1
            raise Refusal(429, "rate_limited", "slow down", headers={"Retry-After": "1"})
        taken: list[dict[str, Any]] = []
        refused: list[dict[str, str]] = []
        for file in files:
            assert isinstance(file, web.FileField)
            if refusal := self.refusals.get(file.filename):
                if len(files) == 1:
                    raise refusal
                told = {part: refusal.body[part] for part in ("code", "detail")}
                refused.append({"name": file.filename} | told)
                continue
            taken.append(self._uploaded(file.filename, file.file.read()))
        return web.json_response({"documents": taken, "refused": refused}, status=202)

    def _uploaded(self, name: str, content: bytes) -> dict[str, Any]:
        self.uploads.append((name, content))
        known = self.documents.get(name.lower())
        if known and known[0].get("size") == len(content):
            return _outcome(known[0], name, changed=False)
        return _outcome(self.hold(name, state="submitted", size=len(content)), name)

    async def _reingest(self, request: web.Request) -> web.Response:
        [newest, *_] = self._versions(request)
        self.done.append(("reingest", newest["document"]))
        return _taken(newest)

    async def _remove(self, request: web.Request) -> web.Response:
        [newest, *_] = self._versions(request)
        self.done.append(("remove", newest["document"]))
        self.change(newest, state="removed", answers=0)
        return _taken(newest)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b": hello\n\n")
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._streams.add(queue)
        self.listening.set()
        try:
            while (text := await queue.get()) is not None:
                await response.write(text)
        except ConnectionResetError:
            pass
        finally:
            self._streams.discard(queue)
        return response

    async def _search(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.searched.append(asked)
        if unknown := set(asked) - SEARCH_FIELDS:
            self.complaints.append(f"a search with {unknown}")
        return web.json_response(self.found)

    async def _chunk(self, request: web.Request) -> web.Response:
        chunk = self.chunks.get(request.match_info["id"])
        if chunk is None:
            raise Refusal(404, "unknown_chunk", "there is none of that id")
        rows = [one for one in self.chunks.values() if one["version"] == chunk["version"]]
        at = rows.index(chunk)
        shown = chunk | {"document_title": chunk["title"]}
        if at:
            shown["before"] = rows[at - 1]["text"]
        if at + 1 < len(rows):
            shown["after"] = rows[at + 1]["text"]
        return web.json_response(shown)

    async def _told(self, request: web.Request) -> web.Response:
        query = request.query
        if not {"chunk", "document"} & set(query):
            self.complaints.append("told of nothing")
        rows = [
            row
            for row in self.told
            if row["chunk"] == query.get("chunk", row["chunk"])
            and row["document"] == query.get("document", row["document"])
            and row["version"] == int(query.get("version", row["version"]))
        ]
        return web.json_response({"rows": rows})

    async def _set(self, request: web.Request) -> web.Response:
        self.settings = await request.json()
        return web.json_response(self.settings)

    def _give(self, name: str) -> Any:
        async def give(_: web.Request) -> web.Response:
            value = getattr(self, name)
            return web.json_response({"groups": value} if name == "gaps" else value)

        return give


def _outcome(version: dict[str, Any], name: str, *, changed: bool = True) -> dict[str, Any]:
    told = {field: version[field] for field in ("document", "version")}
    return told | {"name": name, "changed": changed}


def _taken(version: dict[str, Any], *, changed: bool = True) -> web.Response:
    taken = _outcome(version, version["name"], changed=changed)
    return web.json_response({"documents": [taken]} | taken, status=202)
