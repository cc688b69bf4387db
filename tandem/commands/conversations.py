"""`tandem conversations`: the newest conversations, from the read model."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from config.settings import Settings
from tandem.addresses import read_running
from tandem.errors import UserError


def conversations(
    tenant: Annotated[str, typer.Option(help="Whose conversations.")] = "demo",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines.")] = False,
) -> None:
    """List the newest conversations: who asked what, and how it stands."""
    rows = asyncio.run(_rows(read_running(Settings()).postgres_dsn, tenant, limit))
    if as_json:
        for row in rows:
            print(msgspec.json.encode(row, enc_hook=str).decode())
        return
    if not rows:
        print(f"tenant {tenant} has no conversations yet")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("conversation", "last", "locale", "mode", "messages", "version", "newest text"):
        table.add_column(name, overflow="fold" if name == "conversation" else "ellipsis")
    for row in rows:
        table.add_row(
            row["conversation"],
            f"{row['last_at']:%Y-%m-%d %H:%M:%S}",
            row["locale"] or "",
            row["mode"],
            str(row["messages"]),
            str(row["version"]),
            (row["last_text"] or "").replace("\n", " ")[:60],
        )
    Console().print(table)


async def _rows(dsn: str, tenant: str, limit: int) -> list[dict[str, Any]]:
    import asyncpg  # noqa: PLC0415 --help must not wait for it

    from projections.queries import list_conversations  # noqa: PLC0415 likewise

    try:
        async with asyncpg.create_pool(dsn, min_size=1, max_size=1, timeout=10) as pool:
            return [dict(row) for row in await list_conversations(pool, tenant, limit=limit)]
    except (OSError, asyncpg.PostgresError) as error:
        raise UserError(f"the read models cannot be read: {error}") from None
