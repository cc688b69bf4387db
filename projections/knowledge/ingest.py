"""Taking a document in: checked, kept in the object store, then a fact in the log.

The content stands before the fact that names it, so no fact ever points at nothing. What is
submitted twice changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from events.knowledge import DocumentRemoved, DocumentSubmitted, KnowledgeFact, MediaType
from events.log import Commit, EventLog, Head, NewCommit, VersionConflict
from events.objects import Documents
from events.stream import is_token, knowledge_stream
from projections.database import tenant_transaction
from projections.knowledge.chunking import UnreadableDocument, front_matter, read_table

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

MAX_BYTES = 10 * 1024 * 1024
MEDIA_TYPES: dict[str, MediaType] = {
    ".csv": "text/csv",
    ".tsv": "text/csv",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".text": "text/plain",
}
ATTEMPTS = 5
"""Writers of one document who come at the same moment: more than this is a fault elsewhere."""
POLL_S = 0.05

_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """Where a document stands in the log. `changed` is False when it stood there already."""

    tenant: str
    document: str
    version: int
    changed: bool


class NotIndexed(Exception):
    """A document did not become searchable in time, or cannot; the message says which."""


def document_id(name: str) -> str:
    """A stream token derived from a document's name: the same name is the same document.

    A name that is no token is shortened and gets a hash of the whole, so that no two meet.
    """
    if is_token(name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    readable = _UNFIT.sub("-", name).strip("-")[:50]
    return f"{readable}-{digest}" if readable else digest


def media_type_of(name: str) -> MediaType:
    """By the ending of `name`. Raises UnreadableDocument for one that is not known."""
    suffix = Path(name).suffix.lower()
    try:
        return MEDIA_TYPES[suffix]
    except KeyError:
        known = " ".join(sorted(MEDIA_TYPES))
        raise UnreadableDocument(f"{name}: cannot read {suffix!r} files, only {known}") from None


def decoded(name: str, content: bytes) -> str:
    """The text of a document, without a byte order mark.

    Raises UnreadableDocument when it is empty, larger than 10 MB or not UTF-8.
    """
    if len(content) > MAX_BYTES:
        size = len(content) / 1024 / 1024
        raise UnreadableDocument(f"{name}: {size:.1f} MB is too large, the limit is 10 MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableDocument(f"{name}: not UTF-8 (byte {error.start})") from error
    if not any(char.isalnum() for char in text):
        raise UnreadableDocument(f"{name}: empty, there is no word in it")
    return text


def read_document(path: Path) -> bytes:
    """The bytes at `path`. Raises UnreadableDocument: no such file, a folder, no permission."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnreadableDocument(f"{path}: too large, the limit is 10 MB")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableDocument(f"{path}: {error.strerror or error}") from error


async def submit(
    log: EventLog,
    documents: Documents,
    *,
    tenant: str,
    name: str,
    content: bytes,
    at: int,
    title: str = "",
    url: str = "",
    locale: str = "",
) -> Submitted:
    """Make `content` the document `name` of `tenant`; `at` is the time (ms since 1970, UTC).

    A Markdown file's front matter may say `title`, `url` and `locale`; arguments win over it.
    Returns the version that holds this content: the one that was there when nothing changed.
    Raises UnreadableDocument, ValueError (tenant), LogUnavailable, VersionConflict.
    """
    media_type = media_type_of(name)
    text = decoded(name, content)
    fields = front_matter(text)[0] if media_type == "text/markdown" else {}
    if media_type == "text/csv":
        try:
            read_table(text)
        except UnreadableDocument as error:
            raise UnreadableDocument(f"{name}: {error}") from error
    ident = document_id(name)
    fact = DocumentSubmitted(
        at=at,
        tenant=tenant,
        document=ident,
        title=title or fields.get("title") or Path(name).stem,
        media_type=media_type,
        content_hash=await documents.put(tenant, content),
        size=len(content),
        url=url or fields.get("url", ""),
        locale=locale or fields.get("locale") or fields.get("lang", ""),
    )
    commit, changed = await _append(log, fact)
    return Submitted(tenant=tenant, document=ident, version=commit.version, changed=changed)


async def remove(log: EventLog, *, tenant: str, name: str, at: int) -> Submitted:
    """Take the document `name` out of search; its past stays readable.

    Raises UnreadableDocument when there is no such document, ValueError, LogUnavailable,
    VersionConflict.
    """
    ident = document_id(name)
    if await log.last(knowledge_stream(tenant, ident)) is None:
        raise UnreadableDocument(f"{name}: no document of this name")
    commit, changed = await _append(log, DocumentRemoved(at=at, tenant=tenant, document=ident))
    return Submitted(tenant=tenant, document=ident, version=commit.version, changed=changed)


def _says_nothing_new(last: Commit | None, fact: KnowledgeFact) -> bool:
    if last is None or not last.facts:
        return False
    held = last.facts[-1]
    return type(held) is type(fact) and msgspec.structs.replace(held, at=fact.at) == fact


async def _append(log: EventLog, fact: KnowledgeFact) -> tuple[Commit, bool]:
    """Append unless the document stands so already; decided again when another was first."""
    stream = knowledge_stream(fact.tenant, fact.document)
    for attempt in range(1, ATTEMPTS + 1):
        last = await log.last(stream)
        if last is not None and _says_nothing_new(last, fact):
            return last, False
        head = last.head if last is not None else Head()
        said = msgspec.json.encode(msgspec.structs.replace(fact, at=0))
        digest = hashlib.sha256(said + str(head.version).encode()).hexdigest()
        new = NewCommit(commit_id=f"document-{digest[:32]}", facts=(fact,))
        try:
            return await log.append(stream, new, expected=head), True
        except VersionConflict:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


async def wait_indexed(
    pool: asyncpg.Pool, submitted: Sequence[Submitted], *, timeout: float
) -> dict[str, int]:
    """Wait until all of `submitted` is searchable (or gone, for a removal).

    Returns the number of chunks by document. Raises NotIndexed when one cannot be read by the
    index, or when `timeout` seconds have passed.
    """
    chunks: dict[str, int] = {}
    waiting = {(one.tenant, one.document): one for one in submitted}
    deadline = time.monotonic() + timeout
    while waiting:
        for key, one in list(waiting.items()):
            row = await _indexed(pool, one)
            if row is None:
                continue
            if row["state"] == "unreadable" and row["version"] >= one.version:
                raise NotIndexed(f"{one.document}: {row['reason']}")
            chunks[one.document] = row["chunks"]
            del waiting[key]
        if waiting and time.monotonic() > deadline:
            names = ", ".join(sorted(one.document for one in waiting.values()))
            raise NotIndexed(f"not searchable after {timeout:g} s: {names}")
        if waiting:
            await asyncio.sleep(POLL_S)
    return chunks


async def _indexed(pool: asyncpg.Pool, one: Submitted) -> asyncpg.Record | None:
    """The document's row of this version or a later one; None while there is none."""
    connection: PoolConnectionProxy
    try:
        async with tenant_transaction(pool, one.tenant) as connection:
            return await connection.fetchrow(
                "SELECT state, reason, chunks, version FROM read.documents WHERE tenant = $1"
                " AND document = $2 AND (version >= $3 OR closed_at >= $3)"
                " ORDER BY version DESC LIMIT 1",
                one.tenant,
                one.document,
                one.version,
            )
    except asyncpg.UndefinedTableError:
        return None  # the projection has not been built yet
