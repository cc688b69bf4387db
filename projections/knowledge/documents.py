"""What is asked of the documents: lists, versions, chunks, counts, and whether one is indexed yet.

Rows of one tenant only. Times are milliseconds since 1970, UTC; `opened_at` and `closed_at` are
versions of the log.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import PurePath
from typing import Protocol

import asyncpg
import msgspec

from events.conversation import Place
from events.knowledge import Flag
from projections.engine.database import tenant_transaction
from projections.engine.projection import Connection
from projections.engine.rows import as_ms
from projections.read_models.operator_queries import BadPlace

PAGE_LIMIT = 200
VERSIONS_LIMIT = 500
POLL_S = 0.05


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a version was not indexed; `reason` is for a person."""

    stage: str
    code: str
    reason: str
    where: str


class DocumentVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One submission or request of a document. `answers` is the version that is searched, 0 when
    none is; `by` an operator's id, empty from the command line."""

    document: str
    name: str
    title: str
    version: int
    state: str
    answers: int
    media_type: str
    content_hash: str
    size: int
    url: str
    locale: str
    origin: str
    pages: int
    characters: int
    chunks: int
    parser: str
    flags: tuple[Flag, ...]
    failure: Failure | None
    submitted_at: int
    indexed_at: int | None
    by: str
    closed_at: int | None


class DocumentsPage(msgspec.Struct, frozen=True, kw_only=True):
    """`next` is the `before` of the following page; empty on the last one."""

    rows: tuple[DocumentVersion, ...]
    next: str = ""


class ChunkRow(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk as it stood, living or not. `start` and `end` are characters in its block."""

    chunk: str
    document: str
    version: int
    ordinal: int
    title: str
    heading: str
    text: str
    place: Place
    url: str
    source: str
    locale: str
    start: int
    end: int
    tokens: int
    hash: str
    opened_at: int
    closed_at: int | None


class ChunksPage(msgspec.Struct, frozen=True, kw_only=True):
    """`next` is the `after` of the following page; None on the last one."""

    rows: tuple[ChunkRow, ...]
    next: int | None = None


class ChunkInContext(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk and its neighbours' texts, empty where there are none."""

    chunk: ChunkRow
    document_title: str
    before: str
    after: str


class UnknownDocument(LookupError):
    """The tenant has no such document."""


class UnknownVersion(LookupError):
    """The document has no such version."""


class NotIndexed(Exception):
    """A document did not become searchable in time, or cannot; the message says which."""


class Awaited(Protocol):
    """What a library says of a document that it took in."""

    @property
    def tenant(self) -> str: ...
    @property
    def document(self) -> str: ...
    @property
    def version(self) -> int: ...


_VERSION = """
    SELECT d.*, coalesce(a.version, 0) AS answers FROM read.documents d
    LEFT JOIN read.documents a ON a.tenant = d.tenant AND a.document = d.document
        AND a.opened_at IS NOT NULL AND a.closed_at IS NULL
    WHERE d.tenant = $1
"""
_CHUNK = """
    SELECT chunk, document, version, ordinal, title, heading, text, place, url, source, locale,
        start_at AS start, end_at AS end, tokens, text_hash AS hash, opened_at, closed_at
    FROM read.chunks WHERE tenant = $1
"""


async def documents_page(
    pool: asyncpg.Pool,
    tenant: str,
    *,
    state: str = "",
    search: str = "",
    limit: int = 50,
    before: str = "",
) -> DocumentsPage:
    """The tenant's documents by name, each with its newest version, 200 at most.

    Without `state` all but the removed. `search` is a part of the name, title or address, in any
    case, as the page's own list has it (`fits` in `shelf.ts`).
    `before` is the `next` of the page before. Raises BadPlace when it is none.
    """
    async with tenant_transaction(pool, tenant) as connection:
        name, document = await _place(connection, tenant, before) if before else (None, "")
        rows = await connection.fetch(
            f"{_VERSION} AND d.newest"
            " AND CASE WHEN $2 = '' THEN d.state <> 'removed' ELSE d.state = $2 END"
            " AND (strpos(lower(d.name), lower($3)) > 0 OR strpos(lower(d.title), lower($3)) > 0"
            " OR strpos(lower(d.url), lower($3)) > 0)"
            " AND ($4::text IS NULL OR (d.name, d.document) > ($4, $5))"
            " ORDER BY d.name, d.document LIMIT $6",
            tenant,
            state,
            search.strip(),
            name,
            document,
            (size := _size(limit)) + 1,
        )
    page = tuple(map(_document, rows[:size]))
    return DocumentsPage(rows=page, next=page[-1].document if len(rows) > size else "")


async def document_versions(
    pool: asyncpg.Pool, tenant: str, document: str
) -> tuple[DocumentVersion, ...]:
    """All versions of a document, newest first, 500 at most. Raises UnknownDocument."""
    async with tenant_transaction(pool, tenant) as connection:
        rows = await connection.fetch(
            f"{_VERSION} AND d.document = $2 ORDER BY d.version DESC LIMIT {VERSIONS_LIMIT}",
            tenant,
            document,
        )
    if not rows:
        raise UnknownDocument(document)
    return tuple(map(_document, rows))


async def chunks_page(
    pool: asyncpg.Pool,
    tenant: str,
    document: str,
    *,
    version: int | None = None,
    limit: int = 50,
    after: int = -1,
) -> ChunksPage:
    """The chunks of a document's version in text order, 200 at most; without `version` of the
    one that answers, or, where none does, nothing. `after` is an ordinal.

    Raises UnknownDocument, UnknownVersion.
    """
    versions = await document_versions(pool, tenant, document)
    wanted = versions[0].answers if version is None else version
    if version is not None and all(each.version != version for each in versions):
        raise UnknownVersion(f"{document} {version}")
    async with tenant_transaction(pool, tenant) as connection:
        rows = await connection.fetch(
            f"{_CHUNK} AND document = $2 AND version = $3 AND ordinal > $4"
            " ORDER BY ordinal LIMIT $5",
            tenant,
            document,
            wanted,
            after,
            (size := _size(limit)) + 1,
        )
    page = tuple(map(_chunk, rows[:size]))
    return ChunksPage(rows=page, next=page[-1].ordinal if len(rows) > size else None)


async def chunk_by_id(pool: asyncpg.Pool, tenant: str, chunk: str) -> ChunkInContext | None:
    """A chunk with its neighbours, also one that is closed; None where there is none."""
    async with tenant_transaction(pool, tenant) as connection:
        row = await connection.fetchrow(f"{_CHUNK} AND chunk = $2", tenant, chunk)
        if row is None:
            return None
        found = _chunk(row)
        beside = await connection.fetch(
            "SELECT ordinal, text FROM read.chunks WHERE tenant = $1 AND document = $2"
            " AND version = $3 AND ordinal = ANY ($4::int[])",
            tenant,
            found.document,
            found.version,
            [found.ordinal - 1, found.ordinal + 1],
        )
        document = await connection.fetchrow(
            "SELECT title, name FROM read.documents"
            " WHERE tenant = $1 AND document = $2 AND version = $3",
            tenant,
            found.document,
            found.version,
        )
    assert document is not None, "a chunk stands with its document"
    texts = {each["ordinal"]: each["text"] for each in beside}
    return ChunkInContext(
        chunk=found,
        document_title=_title(document),
        before=texts.get(found.ordinal - 1, ""),
        after=texts.get(found.ordinal + 1, ""),
    )


async def wait_indexed(
    pool: asyncpg.Pool, submitted: Iterable[Awaited], *, timeout: float
) -> dict[str, int]:
    """Wait until all of `submitted` is searchable (or gone, for a removal).

    Returns the number of chunks by document. A version that was overtaken is waited for in its
    successor. Raises NotIndexed with the reason of the first that failed, or when `timeout`
    seconds have passed.
    """
    chunks: dict[str, int] = {}
    waiting = {(one.tenant, one.document): one for one in submitted}
    deadline = time.monotonic() + timeout
    while waiting:
        for key, one in list(waiting.items()):
            found = await _settled(pool, one)
            if found is not None:
                chunks[one.document] = found
                del waiting[key]
        if waiting and time.monotonic() > deadline:
            names = ", ".join(sorted(one.document for one in waiting.values()))
            raise NotIndexed(f"not searchable after {timeout:g} s: {names}")
        if waiting:
            await asyncio.sleep(POLL_S)
    return chunks


async def _settled(pool: asyncpg.Pool, one: Awaited) -> int | None:
    """How many chunks answer; None while it is not decided. Raises NotIndexed."""
    try:
        async with tenant_transaction(pool, one.tenant) as connection:
            row = await connection.fetchrow(
                "SELECT name, state, reason, failed_where, chunks FROM read.documents"
                " WHERE tenant = $1 AND document = $2 AND newest"
                " AND (version >= $3 OR closed_at >= $3)",
                one.tenant,
                one.document,
                one.version,
            )
    except asyncpg.UndefinedTableError:
        return None  # the projection has not been built yet
    if row is None:
        return None
    match row["state"]:
        case "indexed":
            return row["chunks"]
        case "removed":
            return 0
        case "failed":
            where = f" ({row['failed_where']})" if row["failed_where"] else ""
            raise NotIndexed(f"{row['name']}: {row['reason']}{where}")
        case _:
            return None


async def _place(connection: Connection, tenant: str, before: str) -> tuple[str, str]:
    name: str | None = await connection.fetchval(
        "SELECT name FROM read.documents WHERE tenant = $1 AND document = $2 AND newest",
        tenant,
        before,
    )
    if name is None:
        raise BadPlace(f"{before!r} begins no place in this list")
    return name, before


def _size(limit: int) -> int:
    return max(1, min(limit, PAGE_LIMIT))


def _title(row: asyncpg.Record) -> str:
    """What a reader is shown: as it was given, or as it says itself, or the file's name."""
    return row["title"] or PurePath(row["name"]).stem or row["name"]


def _failure(row: asyncpg.Record) -> Failure:
    return Failure(
        stage=row["failed_stage"],
        code=row["failed_code"],
        reason=row["reason"],
        where=row["failed_where"],
    )


def _document(row: asyncpg.Record) -> DocumentVersion:
    columns = dict(row)
    columns["title"] = _title(row)
    columns["flags"] = msgspec.json.decode(row["flags"])
    columns["submitted_at"] = as_ms(row["submitted_at"])
    columns["indexed_at"] = as_ms(row["indexed_at"]) if row["indexed_at"] else None
    columns["by"] = row["submitted_by"]
    columns["failure"] = _failure(row) if row["failed_code"] else None
    return msgspec.convert(columns, DocumentVersion)


def _chunk(row: asyncpg.Record) -> ChunkRow:
    return msgspec.convert(dict(row) | {"place": msgspec.json.decode(row["place"])}, ChunkRow)
