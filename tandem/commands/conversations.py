"""`tandem conversations`: the newest conversations, from the read model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.settings import Settings
from tandem.addresses import read_running
from tandem.errors import UserError
from tandem.output.operators import one_line, who_has

if TYPE_CHECKING:
    from projections.read_models.queries import ListedConversation


def conversations(
    tenant: Annotated[str, typer.Option(help="Whose conversations.")] = "demo",
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines.")] = False,
) -> None:
    """List the newest conversations: who asked what, and how it stands."""
    rows = asyncio.run(_rows(read_running(Settings()).postgres_dsn, tenant, limit))
    if as_json:
        for row in rows:
            print(msgspec.json.encode(row).decode())
        return
    if not rows:
        print(f"tenant {tenant} has no conversations yet")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("conversation", "last (UTC)", "with", "messages"):
        table.add_column(name, no_wrap=True)
    table.add_column("newest text", no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        table.add_row(
            Text(row.conversation),
            f"{row.last_at:%m-%d %H:%M:%S}",
            Text(_with(row)),
            str(row.messages),
            Text(one_line(row.last_text)),
        )
    Console().print(table)


def _with(row: ListedConversation) -> str:
    if row.handoff_requested:
        return "waits for a person"
    return who_has(msgspec.to_builtins(row))


async def _rows(dsn: str, tenant: str, limit: int) -> list[ListedConversation]:
    import asyncpg

    from projections.engine.database import open_pool
    from projections.read_models.queries import list_conversations

    try:
        pool = await open_pool(dsn, max_size=1)
        try:
            return await list_conversations(pool, tenant, limit=limit)
        finally:
            await pool.close()
    except (OSError, asyncpg.PostgresError) as error:
        raise UserError(f"the read models cannot be read: {error}") from None
