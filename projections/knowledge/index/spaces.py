"""The embedding spaces of a tenant as rows, and what its searches go by: its generation."""

from __future__ import annotations

from collections.abc import Iterable

from events.knowledge import SpaceSwitched
from projections.engine.projection import Connection
from projections.engine.rows import as_json, moment
from projections.knowledge.index.tables import IN_A_SPACE


async def begin(connection: Connection, tenants: Iterable[str], default_space: str) -> None:
    """A tenant of whom nothing was said yet is searched in the default space, since ever."""
    await connection.execute(
        "INSERT INTO spaces (tenant, space, state, opened_at, active_at)"
        " SELECT t.tenant, $2, 'active', 0, 0 FROM unnest($1::text[]) AS t (tenant)"
        " WHERE NOT EXISTS (SELECT FROM spaces s WHERE s.tenant = t.tenant)",
        sorted(set(tenants)),
        default_space,
    )


async def open_spaces(connection: Connection, tenant: str) -> list[str]:
    """The spaces that vectors are kept in."""
    rows = await connection.fetch(
        "SELECT space FROM spaces WHERE tenant = $1 AND state <> 'closed' ORDER BY space", tenant
    )
    return [row["space"] for row in rows]


async def is_active(connection: Connection, tenant: str, space: str) -> bool:
    """Whether the tenant's searches are in `space`."""
    found: bool | None = await connection.fetchval(
        "SELECT true FROM spaces WHERE tenant = $1 AND space = $2 AND state = 'active'",
        tenant,
        space,
    )
    return bool(found)


async def changed(connection: Connection, tenant: str, version: int, *, chunks: int) -> None:
    """From `version` on other things are found; `chunks` more are living (or fewer)."""
    await connection.execute(
        "INSERT INTO generations (tenant, version, space, chunks)"
        " SELECT $1, $2, space, $3 FROM spaces WHERE tenant = $1 AND state = 'active'"
        " ON CONFLICT (tenant) DO UPDATE SET version = EXCLUDED.version, space = EXCLUDED.space,"
        " chunks = generations.chunks + EXCLUDED.chunks",
        tenant,
        version,
        chunks,
    )


async def opened(connection: Connection, tenant: str, version: int, space: str) -> bool:
    """From here on vectors are kept in `space`; False when they were already."""
    newly: bool | None = await connection.fetchval(
        "INSERT INTO spaces (tenant, space, state, opened_at) VALUES ($1, $2, 'open', $3)"
        " ON CONFLICT (tenant, space) DO UPDATE SET state = 'open',"
        " opened_at = EXCLUDED.opened_at, active_at = NULL, closed_at = NULL"
        " WHERE spaces.state = 'closed' RETURNING true",
        tenant,
        space,
        version,
    )
    return bool(newly)


async def switched(connection: Connection, tenant: str, version: int, fact: SpaceSwitched) -> None:
    """From here on searches are in the fact's space; the one before stays open."""
    await connection.execute(
        "UPDATE spaces SET state = 'open' WHERE tenant = $1 AND state = 'active'", tenant
    )
    await connection.execute(
        "INSERT INTO spaces (tenant, space, state, opened_at, active_at)"
        " VALUES ($1, $2, 'active', $3, $3)"
        " ON CONFLICT (tenant, space) DO UPDATE SET state = 'active',"
        " active_at = EXCLUDED.active_at, closed_at = NULL",
        tenant,
        fact.space,
        version,
    )
    await connection.execute(
        "INSERT INTO space_switches (tenant, version, space, previous, recall, quality, by, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        tenant,
        version,
        fact.space,
        fact.previous,
        fact.recall,
        as_json(fact.quality),
        fact.by,
        moment(fact.at),
    )
    await changed(connection, tenant, version, chunks=0)


async def closed(connection: Connection, tenant: str, version: int, space: str) -> None:
    """The living vectors of `space` leave. The one that is searched in cannot be closed."""
    found = await connection.fetchval(
        "UPDATE spaces SET state = 'closed', closed_at = $3"
        " WHERE tenant = $1 AND space = $2 AND state = 'open' RETURNING true",
        tenant,
        space,
        version,
    )
    if found:
        for table in IN_A_SPACE:
            await connection.execute(
                f"DELETE FROM {table} WHERE tenant = $1 AND space = $2", tenant, space
            )
