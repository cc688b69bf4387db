"""Documents handed over, asked for, worked at again and taken away.

The content stands before the fact that names it, so no fact ever points at nothing. What is
done twice changes nothing. What is wrong inside a file is found out by the worker, and the file
is kept all the same; only what no worker could read is refused here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from actors.documents.decide import (
    DocumentCommand,
    DocumentRefused,
    Reingest,
    Remove,
    Request,
    Submit,
)
from actors.documents.embedding_spaces import SetChunking, SpaceRefused
from actors.documents.index_settings import change_index, load_spaces
from actors.documents.stream import carry_out, keyed_id
from events.knowledge import (
    ChunkSettings,
    DocumentRequested,
    DocumentSubmitted,
    MediaType,
    Origin,
)
from events.log.event_log import EventLog
from events.log.stream import is_token, knowledge_stream
from events.objects.store import Documents

__all__ = ["MAX_BYTES", "DocumentRefused", "Library", "Sniff", "Submitted", "document_id"]

MAX_BYTES = 10 * 1024 * 1024
MAX_NAME = 1024
MAX_URL = 2048
MAX_DEPTH = 5

_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")

Sniff = Callable[[str, bytes], MediaType]
"""The media type of a file by its name and content. Raises DocumentRefused for a kind of which
there is no reader."""


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """Where a document stands in the log. `changed` is False when it stood there already."""

    tenant: str
    document: str
    version: int
    changed: bool


def document_id(name: str) -> str:
    """A stream token derived from a document's name: the same name is the same document.

    A name that is no token is shortened and gets a hash of the whole, so that no two meet.
    Raises DocumentRefused for a name that is empty, too long, or one of the house's own (`_...`).
    """
    if not name.strip() or len(name) > MAX_NAME:
        raise DocumentRefused("document_name", f"a name has 1 to {MAX_NAME} characters")
    if is_token(name):
        if name.startswith("_"):
            raise DocumentRefused("document_name", f"{name}: a name cannot begin with _")
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    readable = _UNFIT.sub("-", name).strip("-")[:50]
    return f"{readable}-{digest}" if readable else digest


class Library:
    """The way in for a tenant's documents. `max_bytes` is the largest one.

    All methods: `at` is the time (ms since 1970, UTC), `by` the operator's id, empty from the
    command line, `key` an idempotency key: the same again with the same key changes nothing, and
    gives the version that it made the first time. Durable when they return. They raise
    DocumentRefused, ValueError (`tenant` is no token), LogUnavailable and VersionConflict.
    """

    def __init__(
        self, log: EventLog, documents: Documents, sniff: Sniff, *, max_bytes: int = MAX_BYTES
    ) -> None:
        self._log, self._documents, self._sniff = log, documents, sniff
        self.max_bytes = max_bytes

    async def submit(
        self,
        tenant: str,
        *,
        name: str,
        content: bytes,
        at: int,
        by: str = "",
        title: str = "",
        url: str = "",
        locale: str = "",
        origin: Origin = "upload",
        key: str = "",
    ) -> Submitted:
        """Make `content` the document `name`. An empty `title` is left to the document itself.

        The version is the one that holds this content: that which was there when nothing
        changed. The same content is worked at again only when it failed for a passing reason.
        """
        ident = document_id(name)
        if len(content) > self.max_bytes:
            raise DocumentRefused("too_large", _too_large(name, len(content), self.max_bytes))
        submission = DocumentSubmitted(
            at=at,
            tenant=tenant,
            document=ident,
            title=title,
            media_type=self._sniff(name, content),
            content_hash=await self._documents.put(tenant, content),
            size=len(content),
            url=url,
            locale=locale,
            name=name,
            origin=origin,
            by=by,
        )
        return await self._carry_out(tenant, ident, Submit(submission), key)

    async def request(
        self,
        tenant: str,
        *,
        url: str,
        at: int,
        what: Literal["page", "sitemap"] = "page",
        depth: int = 0,
        by: str = "",
        locale: str = "",
        key: str = "",
    ) -> Submitted:
        """Have a page, or the pages of a sitemap, fetched soon. The address is its name."""
        check_address(url)
        if not 0 <= depth <= MAX_DEPTH:
            raise DocumentRefused("depth", f"depth is 0 to {MAX_DEPTH}")
        ident = document_id(url)
        request = DocumentRequested(
            at=at,
            tenant=tenant,
            document=ident,
            url=url,
            what=what,
            depth=depth,
            locale=locale,
            by=by,
        )
        return await self._carry_out(tenant, ident, Request(request), key)

    async def reingest(
        self, tenant: str, document: str, *, at: int, by: str = "", key: str = ""
    ) -> Submitted:
        """Work at the newest version again, with the settings of now; a page whose fetch failed
        is fetched again."""
        return await self._carry_out(tenant, document, Reingest(at=at, by=by), key)

    async def remove(
        self, tenant: str, document: str, *, at: int, by: str = "", key: str = ""
    ) -> Submitted:
        """Take it out of new answers; its past stays readable."""
        return await self._carry_out(tenant, document, Remove(at=at, by=by), key)

    async def chunking(self, tenant: str) -> ChunkSettings:
        """How documents that are submitted now are cut."""
        return (await load_spaces(self._log, tenant)).settings

    async def set_chunking(
        self, tenant: str, settings: ChunkSettings, *, at: int, by: str = ""
    ) -> bool:
        """Holds for what is submitted, or submitted again, from here on; False: it stood so."""
        command = SetChunking(tenant=tenant, settings=settings, at=at, by=by)
        try:
            return await change_index(self._log, tenant, command)
        except SpaceRefused as error:
            raise DocumentRefused(error.code, error.reason) from None

    async def _carry_out(
        self, tenant: str, document: str, command: DocumentCommand, key: str
    ) -> Submitted:
        if not is_token(document) or document.startswith("_"):
            raise DocumentRefused("unknown_document", f"there is no document {document[:80]!r}")
        stream = knowledge_stream(tenant, document)
        standing, changed = await carry_out(self._log, stream, command, key=key)
        then = standing.keyed.get(keyed_id(command, key)) if key else None
        newest = standing.state.newest
        assert newest is not None, "a command that was not refused leaves a document"
        gone = isinstance(command, Remove)
        version = then or (standing.head.version if gone else newest.version)
        return Submitted(tenant=tenant, document=document, version=version, changed=changed)


def check_address(url: str) -> None:
    """Raises DocumentRefused for what is no http(s) address. Whether it is a private one is
    found out when it is fetched."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        fits = False
    if not fits or len(url) > MAX_URL:
        raise DocumentRefused("refused_address", f"{url[:80]}: no http or https address")


def _too_large(name: str, size: int, limit: int) -> str:
    megabyte = 1024 * 1024
    return f"{name}: {size / megabyte:.1f} MB is too large, the limit is {limit / megabyte:g} MB"
