"""`tandem knowledge ...`: documents and texts of the house that runs here, searched and shown."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from tandem.errors import UserError
from tandem.operator_options import FOR_OPERATORS, AsJson

if TYPE_CHECKING:
    from serve_apps.retrieval.retriever import SearchExplanation

PANEL = FOR_OPERATORS
GROUP = typer.Typer(help="Documents, their texts, search, and what nobody could answer.")

Tenant = Annotated[str, typer.Option("--tenant", help="Whose knowledge it is.")]
Document = Annotated[str, typer.Argument(help="Its id, as `knowledge list` shows it.")]
Version = Annotated[
    int, typer.Option("--version", help="Of this version; 0: the one that answers.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="How many at most.")]


@GROUP.command("list")
def list_documents(
    state: Annotated[str, typer.Option(help="Only so: indexed, failed, removed, ...")] = "",
    search: Annotated[str, typer.Option(help="A part of the name or title.")] = "",
    as_json: AsJson = False,
    tenant: Tenant = "demo",
) -> None:
    """The documents by name, each with its newest version."""

    async def read() -> list[Any]:
        from projections.knowledge.documents import documents_page
        from tandem.knowledge_reading import read_models

        rows: list[Any] = []
        async with read_models() as pool:
            page = await documents_page(pool, tenant, state=state, search=search, limit=200)
            rows += page.rows
            while page.next:
                page = await documents_page(
                    pool, tenant, state=state, search=search, limit=200, before=page.next
                )
                rows += page.rows
        return rows

    _show(asyncio.run(read()), as_json, "print_documents", "no documents")


@GROUP.command("versions")
def versions(document: Document, as_json: AsJson = False, tenant: Tenant = "demo") -> None:
    """All versions of a document, newest first."""

    async def read() -> Sequence[Any]:
        from projections.knowledge.documents import UnknownDocument, document_versions
        from tandem.knowledge_reading import read_models

        async with read_models() as pool:
            try:
                return await document_versions(pool, tenant, document)
            except UnknownDocument:
                raise UserError(f"there is no document {document}") from None

    _show(asyncio.run(read()), as_json, "print_versions", "")


@GROUP.command("chunks")
def chunks(
    document: Document,
    version: Version = 0,
    limit: Limit = 200,
    as_json: AsJson = False,
    tenant: Tenant = "demo",
) -> None:
    """The texts that a document is cut into, in its order."""

    async def read() -> Sequence[Any]:
        from projections.knowledge.documents import UnknownDocument, UnknownVersion, chunks_page
        from tandem.knowledge_reading import read_models

        async with read_models() as pool:
            try:
                page = await chunks_page(
                    pool, tenant, document, version=version or None, limit=limit
                )
            except UnknownDocument:
                raise UserError(f"there is no document {document}") from None
            except UnknownVersion:
                raise UserError(f"{document} has no version {version}") from None
            return page.rows

    _show(asyncio.run(read()), as_json, "print_chunks", "no text of it answers")


@GROUP.command("show")
def show(
    chunk: Annotated[str, typer.Argument(help="The text's id.")],
    as_json: AsJson = False,
    tenant: Tenant = "demo",
) -> None:
    """A text as it stood, its place and its document's version; also one that answers no more."""

    async def read() -> Any:
        from projections.knowledge.documents import chunk_by_id
        from tandem.knowledge_reading import read_models

        async with read_models() as pool:
            return await chunk_by_id(pool, tenant, chunk)

    found = asyncio.run(read())
    if found is None:
        raise UserError(f"there is no text {chunk}")
    if as_json:
        return _json([found])
    from tandem.output.knowledge import print_text

    print_text(found)


@GROUP.command("search")
def search(
    question: str,
    locale: Annotated[str, typer.Option(help="The visitor's language (en, es).")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=50)] = 8,
    as_json: AsJson = False,
    tenant: Tenant = "demo",
) -> None:
    """Search as a turn does; shows the scores by part."""
    _shown(asyncio.run(_look(tenant, question, locale, limit, None)), as_json)


@GROUP.command("as-of")
def as_of(  # noqa: PLR0917 # Typer names them on the command line
    version: Annotated[int, typer.Argument(help="A version of the log; not with --answer.")] = 0,
    answer: Annotated[
        tuple[str, str],
        typer.Option(help="As it was when this answer was given.", metavar="CONVERSATION MESSAGE"),
    ] = ("", ""),
    question: Annotated[
        str, typer.Option(help="What to search; of an answer what it was searched for.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=50)] = 8,
    as_json: AsJson = False,
    tenant: Tenant = "demo",
) -> None:
    """Search the knowledge as it stood then."""
    if bool(version) == bool(answer[0]):
        raise UserError("name a version, or --answer CONVERSATION MESSAGE")

    async def read() -> SearchExplanation:
        from tandem.knowledge_reading import answer_of

        then, asked, locale = version, question, ""
        if answer[0]:
            given, searched = await answer_of(tenant, *answer)
            then, asked, locale = given.cost.knowledge, question or searched, given.locale
            if not then:
                raise UserError("this answer did not note what it was searched in")
        if not asked:
            raise UserError("--question: what to search for")
        return await _look(tenant, asked, locale, limit, then)

    _shown(asyncio.run(read()), as_json)


@GROUP.command("remove")
def remove(document: Document, tenant: Tenant = "demo") -> None:
    """Take a document out of new answers; what was answered still resolves."""
    changed = asyncio.run(_change(tenant, document, "remove"))
    print(f"{document}: {'removed' if changed else 'was removed already'}")


@GROUP.command("reingest")
def reingest(document: Document, tenant: Tenant = "demo") -> None:
    """Work at a document again from its original, with the settings of now.

    A page whose fetch failed is fetched again; `ingest` with its address fetches any page anew.
    """
    changed = asyncio.run(_change(tenant, document, "reingest"))
    print(f"{document}: {'to be worked at again' if changed else 'is being worked at already'}")


@GROUP.command("settings")
def settings(
    max_tokens: Annotated[int, typer.Option(help="The longest chunk, in tokens.")] = 0,
    overlap_tokens: Annotated[int, typer.Option(help="What two chunks share.")] = -1,
    tenant: Tenant = "demo",
) -> None:
    """Show how documents are cut, or set it for what is handed over from here on."""

    async def work() -> tuple[int, int]:
        from events.knowledge import ChunkSettings
        from tandem.knowledge_reading import library, now_ms

        async with library(tenant) as (shelf, _, _log):
            held = await shelf.chunking(tenant)
            if max_tokens or overlap_tokens >= 0:
                held = ChunkSettings(
                    max_tokens=max_tokens or held.max_tokens,
                    overlap_tokens=held.overlap_tokens if overlap_tokens < 0 else overlap_tokens,
                )
                await shelf.set_chunking(tenant, held, at=now_ms())
            return held.max_tokens, held.overlap_tokens

    most, overlap = asyncio.run(work())
    print(f"max_tokens {most}, overlap_tokens {overlap}")


@GROUP.command("gaps")
def gaps(
    days: Annotated[int, typer.Option(min=1, max=366, help="How far back.")] = 30,
    as_json: AsJson = False,
    tenant: Tenant = "demo",
) -> None:
    """Questions that found nothing, alike ones together."""

    async def read() -> Sequence[Any]:
        from tandem.knowledge_reading import now_ms, searching

        async with searching(tenant) as ports:
            return await ports.readings.gaps(tenant, since=now_ms() - days * 86_400_000, limit=500)

    _show(asyncio.run(read()), as_json, "print_gaps", "every question found something")


@GROUP.command("counts")
def counts(as_json: AsJson = False, tenant: Tenant = "demo") -> None:
    """How much there is, by state, kind and source."""

    async def read() -> Any:
        from projections.knowledge.counts import counts as count
        from tandem.knowledge_reading import read_models

        async with read_models() as pool:
            return await count(pool, tenant)

    found = asyncio.run(read())
    if as_json:
        return _json([found])
    from tandem.output.knowledge import print_counts

    print_counts(found)


@GROUP.command("original")
def original(
    document: Document,
    version: Annotated[int, typer.Option(help="Of this version; 0: the newest.")] = 0,
    output: Annotated[str, typer.Option("--output", "-o", help="A file; - for stdout.")] = "-",
    tenant: Tenant = "demo",
) -> None:
    """A document as it was handed over."""

    async def read() -> bytes:
        from events.objects.store import CorruptDocument, NoSuchDocument
        from projections.knowledge.documents import UnknownDocument, document_versions
        from tandem.knowledge_reading import library, read_models

        async with read_models() as pool, library(tenant) as (_, originals, _log):
            try:
                rows = await document_versions(pool, tenant, document)
                held = [row for row in rows if row.content_hash and version in (0, row.version)]
                if not held:
                    raise UserError("there is no original of this version")
                return await originals.get(tenant, held[0].content_hash)
            except UnknownDocument:
                raise UserError(f"there is no document {document}") from None
            except (NoSuchDocument, CorruptDocument) as error:
                raise UserError(f"its original is not kept any more: {error}") from None

    content = asyncio.run(read())
    if output == "-":
        sys.stdout.buffer.write(content)
    else:
        Path(output).write_bytes(content)


async def _look(
    tenant: str, question: str, locale: str, limit: int, version: int | None
) -> SearchExplanation:
    from actors.ports import RetrievalFailed
    from tandem.knowledge_reading import searching

    async with searching(tenant) as ports:
        try:
            return await ports.look(tenant, question, locale=locale, limit=limit, as_of=version)
        except RetrievalFailed as error:
            raise UserError(str(error)) from None


async def _change(tenant: str, document: str, what: str) -> bool:
    from tandem.knowledge_reading import library, now_ms

    async with library(tenant) as (shelf, _, _log):
        change = shelf.remove if what == "remove" else shelf.reingest
        return (await change(tenant, document, at=now_ms())).changed


def _shown(looked: SearchExplanation, as_json: bool) -> None:
    if as_json:
        return _json([looked])
    from tandem.output.knowledge import print_hits

    print_hits(looked.hits)
    took = ", ".join(f"{stage} {ms:.1f} ms" for stage, ms in looked.latency_ms.items())
    answers = "a turn would answer from these" if looked.answerable else "a turn would not answer"
    print(f"{answers}; version {looked.knowledge}, {looked.space}, {looked.how}; {took}")


def _show(rows: Sequence[Any], as_json: bool, printer: str, nothing: str) -> None:
    if as_json:
        return _json(rows)
    if not rows:
        print(nothing)
        return
    from tandem.output import knowledge as knowledge_print

    getattr(knowledge_print, printer)(rows)


def _json(rows: Sequence[Any]) -> None:
    for row in rows:
        print(json.dumps(msgspec.to_builtins(row), ensure_ascii=False))
