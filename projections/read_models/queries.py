"""What is asked of the read models. Rows of one tenant only, but for the house's own watchers.

What operators ask stands in `operator_queries` and `projections.analytics.figures`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from events.conversation import Mode
from events.log.stream import StreamName, conversation_stream
from projections.engine.builds import live_build
from projections.engine.database import CONNECT_TIMEOUT_S, tenant_transaction
from projections.engine.rows import moment
from projections.engine.security import WRITER_ROLE

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

LIST_LIMIT = 500


class ListedConversation(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a list of conversations, as it stood at `version`."""

    conversation: str
    started_at: datetime
    last_at: datetime
    locale: str
    channel: str
    visitor: str
    status: str
    mode: str
    epoch: int
    operator: str
    operator_name: str
    messages: int
    turns: int
    last_text: str
    rating: int | None
    handoff_requested: bool
    open_turn: str | None
    open_since: datetime | None
    version: int


class OpenTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that was begun and not ended; `begun_at` in UTC."""

    tenant: str
    conversation: str
    turn: str
    begun_at: datetime


class OwnedConversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that an operator has."""

    stream: StreamName
    operator: str
    epoch: int
    mode: Mode


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many there are of one tenant. Notices and notes are no messages."""

    conversations: int
    messages: int
    open_turns: int
    answered_turns: int
    failed_turns: int


_COLUMNS = ", ".join(ListedConversation.__struct_fields__)


async def list_conversations(
    pool: asyncpg.Pool, tenant: str, *, limit: int = 50, before: tuple[datetime, str] | None = None
) -> list[ListedConversation]:
    """The tenant's conversations, those with the newest fact first, 500 at most.

    `before` is (`last_at`, `conversation`) of the last one that the reader has: the next page.
    """
    last_at, conversation = before or (None, None)
    async with tenant_transaction(pool, tenant) as connection:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM read.conversations WHERE tenant = $1"
            " AND ($2::timestamptz IS NULL OR last_at <= $2)"
            " AND ($2::timestamptz IS NULL OR last_at < $2 OR conversation > $3)"
            " ORDER BY last_at DESC, conversation LIMIT $4",
            tenant,
            last_at,
            conversation,
            min(limit, LIST_LIMIT),
        )
    return [ListedConversation(**dict(row)) for row in rows]


async def counts(pool: asyncpg.Pool, tenant: str) -> Counts:
    """How many conversations, messages and turns the tenant has."""
    async with tenant_transaction(pool, tenant) as connection:
        row = await connection.fetchrow(
            "SELECT (SELECT count(*) FROM read.conversations WHERE tenant = $1) AS conversations,"
            " (SELECT count(*) FROM read.messages WHERE tenant = $1"
            " AND author IN ('visitor', 'assistant', 'operator')) AS messages,"
            " count(*) FILTER (WHERE state = 'open') AS open_turns,"
            " count(*) FILTER (WHERE state = 'answered') AS answered_turns,"
            " count(*) FILTER (WHERE state = 'failed') AS failed_turns"
            " FROM read.turns WHERE tenant = $1",
            tenant,
        )
    assert row is not None
    return Counts(**dict(row))


async def open_turns(pool: asyncpg.Pool, *, before: int, limit: int = 100) -> list[OpenTurn]:
    """Turns of all tenants that were begun, and resumed if ever, before `before` (ms since 1970,
    UTC) and have not ended; oldest first. For the watchdog, which serves all tenants.
    """
    async with every_tenant(pool) as connection:
        rows = await connection.fetch(
            "SELECT tenant, conversation, turn, begun_at FROM read.turns WHERE state = 'open'"
            " AND coalesce(resumed_at, begun_at) < $1"
            " ORDER BY coalesce(resumed_at, begun_at), tenant, conversation LIMIT $2",
            moment(before),
            limit,
        )
    return [OpenTurn(**dict(row)) for row in rows]


async def owned_conversations(pool: asyncpg.Pool) -> list[OwnedConversation]:
    """All that operators have, of all tenants. For the lease keeper, which serves all tenants."""
    async with every_tenant(pool) as connection:
        rows = await connection.fetch(
            "SELECT tenant, conversation, operator, epoch, mode FROM read.queue"
            " WHERE operator <> '' ORDER BY tenant, conversation"
        )
    return [
        OwnedConversation(
            stream=conversation_stream(row["tenant"], row["conversation"]),
            operator=row["operator"],
            epoch=row["epoch"],
            mode=row["mode"],
        )
        for row in rows
    ]


async def checkpoint(pool: asyncpg.Pool, projection: str) -> int:
    """The version up to which the live build of `projection` has come; 0 when there is none.

    A commit is visible in the read model once the checkpoint has reached its version.
    """
    async with pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection, connection.transaction():
        live = await live_build(connection, projection)
    return live.checkpoint if live is not None else 0


@asynccontextmanager
async def every_tenant(pool: asyncpg.Pool) -> AsyncGenerator[PoolConnectionProxy]:
    """A read-only transaction that sees all tenants: for the house itself, never for a request."""
    async with (
        pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection,
        connection.transaction(readonly=True),
    ):
        await connection.execute(f"SET LOCAL ROLE {WRITER_ROLE}")
        yield connection
