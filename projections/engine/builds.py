"""Builds: where a projection's tables stand, which build is live, how far each has come.

A build is one schema (`messages_v1_b2`: schema version 1, build 2) with the projection's tables.
`tandem.projections` names the live one and is the row that everybody locks who writes to it or
swaps it. `tandem.builds` keeps the checkpoints. The views in the schema `read` are what readers
know; they move to another build in one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import asyncpg
import msgspec

from projections.engine.projection import Connection, Projection, ProjectionError
from projections.engine.security import READER_ROLE, WRITER_ROLE, identifier, row_security

if TYPE_CHECKING:
    from collections.abc import Iterable

BuildState = Literal["building", "live", "retired", "dropped"]

BOOKKEEPING = f"""
    CREATE SCHEMA IF NOT EXISTS tandem;
    CREATE TABLE IF NOT EXISTS tandem.projections (
        name text PRIMARY KEY,
        live_version int,
        live_build int
    );
    CREATE TABLE IF NOT EXISTS tandem.builds (
        projection text NOT NULL REFERENCES tandem.projections (name),
        version int NOT NULL,
        build int NOT NULL,
        tables text[] NOT NULL,
        state text NOT NULL CHECK (state IN ('building', 'live', 'retired', 'dropped')),
        checkpoint bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (projection, version, build)
    );
    CREATE SCHEMA IF NOT EXISTS read AUTHORIZATION {WRITER_ROLE};
    GRANT USAGE ON SCHEMA read TO {READER_ROLE};
"""
"""Idempotent, but not safe beside itself: `projections.engine.schema` runs it under a lock."""


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """One build as it stood when it was read. `checkpoint` is the last version applied."""

    projection: str
    version: int
    build: int
    checkpoint: int = 0

    @property
    def schema(self) -> str:
        return identifier(f"{self.projection}_v{self.version}_b{self.build}")


class NoSuchBuild(ProjectionError):
    """The build that was to be written is not there any more, or not in that state."""


class NewerBuild(ProjectionError):
    """The live build was made by a newer program; this one would take it back."""


async def enter_build(connection: Connection, build: Build) -> None:
    """For the rest of the transaction: be the writer, with the build's schema found first.

    Losing the last commits in a crash of Postgres is allowed (`synchronous_commit` off): rows
    and checkpoint go together, and the lane notices that the checkpoint stepped back. Plans are
    made anew for each batch: one made while a table was empty would read the whole of it for ever.
    """
    await connection.execute(
        "SELECT set_config('search_path', $1 || ', ' || current_setting('search_path'), true),"
        " set_config('synchronous_commit', 'off', true), set_config('role', $2, true),"
        " set_config('plan_cache_mode', 'force_custom_plan', true)",
        build.schema,
        WRITER_ROLE,
    )


async def lock_live(connection: Connection, name: str) -> Build | None:
    """The live build of `name`, which stays live and unwritten by others until the transaction
    ends; None when there is none yet. Two statements: the second sees what the first waited for.
    """
    await connection.execute("SELECT FROM tandem.projections WHERE name = $1 FOR UPDATE", name)
    return await live_build(connection, name)


async def live_build(connection: Connection, name: str) -> Build | None:
    """The live build of `name`, without a lock; None when there is none yet."""
    row = await connection.fetchrow(
        "SELECT b.projection, b.version, b.build, b.checkpoint FROM tandem.projections p"
        " JOIN tandem.builds b"
        " ON (b.projection, b.version, b.build) = (p.name, p.live_version, p.live_build)"
        " WHERE p.name = $1",
        name,
    )
    return None if row is None else Build(**dict(row))


async def move_checkpoint(
    connection: Connection, build: Build, checkpoint: int, *, state: BuildState
) -> None:
    """Set the checkpoint of `build`. Raises NoSuchBuild when it is not in `state` any more."""
    moved = await connection.fetchval(
        "UPDATE tandem.builds SET checkpoint = $4"
        " WHERE (projection, version, build) = ($1, $2, $3) AND state = $5 RETURNING true",
        build.projection,
        build.version,
        build.build,
        checkpoint,
        state,
    )
    if not moved:
        raise NoSuchBuild(f"{build.schema} is not {state} any more")


async def create_build(connection: Connection, projection: Projection) -> Build:
    """A new, empty build in the state `building`, walled by tenant. Within a transaction."""
    number = await connection.fetchval(
        "SELECT coalesce(max(build), 0) + 1 FROM tandem.builds WHERE projection = $1",
        projection.name,
    )
    build = Build(projection=projection.name, version=projection.version, build=number)
    await connection.execute(
        "INSERT INTO tandem.builds (projection, version, build, tables, state)"
        " VALUES ($1, $2, $3, $4, 'building')",
        build.projection,
        build.version,
        build.build,
        list(projection.tables),
    )
    await connection.execute(
        f"CREATE SCHEMA {build.schema} AUTHORIZATION {WRITER_ROLE};"
        f"GRANT USAGE ON SCHEMA {build.schema} TO {READER_ROLE};"
    )
    before = await connection.fetchrow(
        "SELECT current_setting('role') AS role, current_setting('search_path') AS path"
    )
    assert before is not None
    await enter_build(connection, build)
    await connection.execute(projection.ddl())
    for table in projection.tables:
        await connection.execute(row_security(table))
    await connection.execute(
        "SELECT set_config('role', $1, true), set_config('search_path', $2, true)",
        before["role"],
        before["path"],
    )
    return build


async def point_views(
    connection: Connection, projection: Projection, build: Build, *, replace: Build | None
) -> None:
    """Let the views in `read` show `build` instead of `replace`. Within a transaction.

    Of the same schema version the views are replaced in place, so views that others built on
    them live on. Another version may have other columns: the old views are dropped, and Postgres
    refuses when something stands on them.
    """
    if replace is not None and replace.version != build.version:
        for table in await build_tables(connection, replace):
            await connection.execute(f"DROP VIEW IF EXISTS read.{identifier(table)}")
    await connection.execute(f"SET LOCAL ROLE {WRITER_ROLE}")
    for table in map(identifier, projection.tables):
        await connection.execute(
            f"CREATE OR REPLACE VIEW read.{table} WITH (security_invoker = true)"
            f" AS SELECT * FROM {build.schema}.{table};"
            f" GRANT SELECT ON read.{table} TO {READER_ROLE};"
        )
    await connection.execute("RESET ROLE")


async def make_live(
    connection: Connection, projection: Projection, build: Build, *, replace: Build | None
) -> None:
    """`build` is live from the end of this transaction on; `replace` is retired."""
    await point_views(connection, projection, build, replace=replace)
    if replace is not None:
        await _set_state(connection, replace, "retired")
    await _set_state(connection, build, "live")
    await connection.execute(
        "UPDATE tandem.projections SET live_version = $2, live_build = $3 WHERE name = $1",
        build.projection,
        build.version,
        build.build,
    )


async def ensure_live(pool: asyncpg.Pool, projection: Projection) -> Build:
    """The live build; made, empty, when there is none yet.

    Its version may be lower than the projection's: then `rebuild` has work to do.
    Raises NewerBuild when it is higher.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO tandem.projections (name) VALUES ($1) ON CONFLICT DO NOTHING",
            projection.name,
        )
        live = await lock_live(connection, projection.name)
        if live is None:
            live = await create_build(connection, projection)
            await make_live(connection, projection, live, replace=None)
    check_version(projection, live)
    return live


def check_version(projection: Projection, live: Build) -> None:
    """Raises NewerBuild when a newer program has made `live`."""
    if live.version > projection.version:
        raise NewerBuild(
            f"{projection.name}: the live build has schema version {live.version},"
            f" this program knows {projection.version}: start the newer program"
        )


async def build_tables(connection: Connection, build: Build) -> Iterable[str]:
    """The tables that `build` was made with."""
    tables: list[str] | None = await connection.fetchval(
        "SELECT tables FROM tandem.builds WHERE (projection, version, build) = ($1, $2, $3)",
        build.projection,
        build.version,
        build.build,
    )
    return tables or ()


async def discarded_builds(connection: Connection, name: str) -> list[Build]:
    """Builds of `name` that nobody will read again: retired, or left half-made.

    Only the holder of the projection's rebuild lock may call a build half-made.
    """
    rows = await connection.fetch(
        "SELECT projection, version, build, checkpoint FROM tandem.builds"
        " WHERE projection = $1 AND state IN ('building', 'retired') ORDER BY build",
        name,
    )
    return [Build(**dict(row)) for row in rows]


async def drop_build(connection: Connection, build: Build) -> None:
    """Drop the tables of a build that is not live. Within a transaction."""
    await _set_state(connection, build, "dropped")
    await connection.execute(f"DROP SCHEMA IF EXISTS {build.schema} CASCADE")


async def _set_state(connection: Connection, build: Build, state: BuildState) -> None:
    await connection.execute(
        "UPDATE tandem.builds SET state = $4 WHERE (projection, version, build) = ($1, $2, $3)",
        build.projection,
        build.version,
        build.build,
        state,
    )
