"""`tandem ingest PATH...`: documents into the knowledge base; returns when they are searchable."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import Settings
from tandem.addresses import Addresses, read_running
from tandem.errors import UserError

if TYPE_CHECKING:
    from projections.knowledge.ingest import Submitted

WAIT_S = 1800.0


def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(help="CSV, Markdown or text files, or folders of them.", metavar="PATH..."),
    ],
    tenant: Annotated[str, typer.Option(help="Whose knowledge it becomes.")] = "demo",
    locale: Annotated[
        str, typer.Option(help="The documents' language (en, es); found out when not given.")
    ] = "",
) -> None:
    """Take documents into the knowledge base. Returns when they are searchable."""
    files = _files(paths)
    began = time.monotonic()
    chunks = asyncio.run(_ingest(read_running(Settings()), files, tenant, locale))
    for name, count in chunks.items():
        print(f"{name}: {count} chunks searchable")
    total = sum(chunks.values())
    print(f"{len(files)} documents, {total} chunks, {time.monotonic() - began:.1f} s")


def _files(paths: list[Path]) -> dict[str, Path]:
    """Files by the names that they get: a file's own, or its path below the folder that was given,
    so that `a/index.md` and `b/index.md` are two documents."""
    from projections.knowledge.ingest import MEDIA_TYPES

    files: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
        found = [path]
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() in MEDIA_TYPES)
            if not found:
                known = " ".join(sorted(MEDIA_TYPES))
                raise UserError(f"{path}: no documents in this folder (known: {known})")
        for file in found:
            name = file.relative_to(path).as_posix() if path.is_dir() else file.name
            if name in files:
                raise UserError(f"{files[name]} and {file} would be one document, {name}")
            files[name] = file
    return files


async def _ingest(
    house: Addresses, files: dict[str, Path], tenant: str, locale: str
) -> dict[str, int]:
    from events.log import LogError
    from projections.database import open_pool
    from projections.knowledge.chunking import UnreadableDocument
    from projections.knowledge.ingest import NotIndexed, wait_indexed

    try:
        submitted = await _submit(house, files, tenant, locale)
        pool = await open_pool(house.postgres_dsn, min_size=1, max_size=1)
        try:
            indexed = await wait_indexed(pool, submitted, timeout=WAIT_S)
        finally:
            await pool.close()
    except (UnreadableDocument, NotIndexed, LogError, ValueError) as error:
        raise UserError(str(error)) from None
    return {name: indexed[one.document] for name, one in zip(files, submitted, strict=True)}


async def _submit(
    house: Addresses, files: dict[str, Path], tenant: str, locale: str
) -> list[Submitted]:
    from events.jetstream import JetStreamLog
    from events.objects import NatsDocuments
    from events.stream import tenancy_stream
    from projections.knowledge.ingest import read_document, submit

    # All can be read, or nothing is taken in.
    contents = [read_document(path) for path in files.values()]
    log = await JetStreamLog.connect(house.nats_url, name="tandem-ingest")
    try:
        if await log.last(tenancy_stream(tenant)) is None:
            raise UserError(f"there is no tenant {tenant}")
        documents = NatsDocuments(log.connection)
        return [
            await submit(
                log,
                documents,
                tenant=tenant,
                name=name,
                content=content,
                at=time.time_ns() // 1_000_000,
                locale=locale,
            )
            for name, content in zip(files, contents, strict=True)
        ]
    finally:
        await log.close()
