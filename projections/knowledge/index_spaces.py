"""The embedding spaces of a tenant as rows, and what its searches go by: its generation."""

from __future__ import annotations

from collections.abc import Iterable

from events.knowledge import SpaceClosed, SpaceOpened, SpaceSwitched
from projections.knowledge.index_tables import IN_A_SPACE
from projections.projection import Connection
from projections.rows import as_json, moment

SpaceFact = SpaceOpened | SpaceSwitched | SpaceClosed


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


async def take_in(connection: Connection, tenant: str, version: int, fact: SpaceFact) -> None:
    """One fact about a space. What the decider would not have let happen changes nothing."""
    match fact:
        case SpaceOpened():
            await _opened(connection, tenant, version, fact.space)
        case SpaceSwitched():
            await _switched(connection, tenant, version, fact)
        case SpaceClosed():
            await _closed(connection, tenant, version, fact.space)


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


async def _opened(connection: Connection, tenant: str, version: int, space: str) -> None:
    await connection.execute(
        "INSERT INTO spaces (tenant, space, state, opened_at) VALUES ($1, $2, 'open', $3)"
        " ON CONFLICT (tenant, space) DO UPDATE SET state = 'open',"
        " opened_at = EXCLUDED.opened_at, active_at = NULL, closed_at = NULL"
        " WHERE spaces.state = 'closed'",
        tenant,
        space,
        version,
    )


async def _switched(connection: Connection, tenant: str, version: int, fact: SpaceSwitched) -> None:
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


async def _closed(connection: Connection, tenant: str, version: int, space: str) -> None:
    """Its living vectors leave. Opened again, it is filled by new facts: older ones are spent."""
    closed = await connection.fetchval(
        "UPDATE spaces SET state = 'closed', closed_at = $3"
        " WHERE tenant = $1 AND space = $2 AND state = 'open' RETURNING true",
        tenant,
        space,
        version,
    )
    if closed:
        for table in (*IN_A_SPACE, "embeddings"):
            await connection.execute(
                f"DELETE FROM {table} WHERE tenant = $1 AND space = $2", tenant, space
            )
