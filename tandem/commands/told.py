"""`tandem told`: every answer that stood on a text, so that each customer can be put right."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from tandem.errors import UserError
from tandem.operator_options import FOR_OPERATORS, AsJson

if TYPE_CHECKING:
    import asyncpg

PANEL = FOR_OPERATORS


def told(  # noqa: PLR0917 # Typer names them on the command line
    chunk: Annotated[str, typer.Option(help="The id of a text, as `knowledge` shows it.")] = "",
    document: Annotated[str, typer.Option(help="The id of a document.")] = "",
    version: Annotated[int, typer.Option(help="Only in this version; 0: in any.")] = 0,
    answer: Annotated[
        tuple[str, str],
        typer.Option(help="An answer: all that was told the same.", metavar="CONVERSATION MESSAGE"),
    ] = ("", ""),
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 100,
    as_json: AsJson = False,
    tenant: Annotated[str, typer.Option(help="Whose knowledge it is.")] = "demo",
) -> None:
    """Who was told this? The answers that cited a text or a document, newest first."""
    if sum(map(bool, (chunk, document, answer[0]))) != 1:
        raise UserError("name one of --chunk, --document and --answer CONVERSATION MESSAGE")
    rows = asyncio.run(
        _told(
            tenant,
            chunk=chunk,
            document=document,
            version=version or None,
            answer=answer,
            limit=limit,
        )
    )
    if len(rows) > limit:
        typer.echo(f"these are the newest {limit}, there are more: --limit shows them", err=True)
    rows = rows[:limit]
    if as_json:
        for row in rows:
            print(json.dumps(msgspec.to_builtins(row), ensure_ascii=False))
    elif not rows:
        print("nobody was told this")
    else:
        from tandem.output.knowledge import print_told

        print_told(rows)


async def _told(
    tenant: str,
    *,
    chunk: str,
    document: str,
    version: int | None,
    answer: tuple[str, str],
    limit: int,
) -> list[Any]:
    """The newest first, one more than `limit` where there are more."""
    from tandem.knowledge_reading import answer_of, read_models

    chunks = [chunk]
    if answer[0]:
        cited, _ = await answer_of(tenant, *answer)
        chunks = list(dict.fromkeys(source.chunk for source in cited.sources))
    rows: list[Any] = []
    async with read_models() as pool:
        for one in chunks:
            rows += await _of(
                pool, tenant, chunk=one, document=document, version=version, most=limit + 1
            )
    return sorted(rows, key=lambda row: -row.at)[: limit + 1]


async def _of(
    pool: asyncpg.Pool, tenant: str, *, chunk: str, document: str, version: int | None, most: int
) -> list[Any]:
    """The newest `most`: of several texts each is asked for all that the list may show, for
    nobody knows before whose answers are the newest."""
    from projections.read_models.citations import told_page

    rows: list[Any] = []
    before = ""
    while len(rows) < most:
        page = await told_page(
            pool,
            tenant,
            chunk=chunk,
            document=document,
            version=version,
            limit=min(200, most - len(rows)),
            before=before,
        )
        rows += page.rows
        before = page.next
        if not before:
            break
    return rows
