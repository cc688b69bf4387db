"""Keeps an HNSW index for each tenant that has grown too large to look at every chunk.

One partial index a tenant and space, so that a search walks through nobody else's vectors and
needs no filter for the tenant. Indexes are no facts: they are made on the tables of the live
build, beside what is written there, and after a rebuild on those of the next one. Until one is
ready the exact search answers.
"""

from __future__ import annotations

import asyncio

import asyncpg
import msgspec
import structlog

from projections.engine.builds import live_build
from projections.engine.security import WRITER_ROLE
from projections.knowledge.search.large import index_name, predicate
from projections.knowledge.search.search import EXACT_UP_TO

NAME = "knowledge"
"""The projection whose tables they are on."""
TABLE = "chunk_vectors"
EVERY_S = 30.0
CONNECT_TIMEOUT_S = 10.0
LOCK = 0x686E7377  # any number that others do not take
DROP_BELOW = 0.5
"""Of the size from which one is made: a tenant about that size keeps its index."""
M, EF_CONSTRUCTION = 16, 40
"""pgvector's own defaults are 16 and 64; a smaller second number builds sooner, and the recall of
the walk is set by `search_large.EF_SEARCH` (`benchmarks/knowledge_scale.py` prints both)."""

_log = structlog.get_logger(__name__)


class Wanted(msgspec.Struct, frozen=True):
    """An index that there should be."""

    tenant: str
    space: str

    @property
    def name(self) -> str:
        return index_name(self.tenant, self.space)


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at the tenants' sizes led to, by index name."""

    made: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


async def keep_indexes(
    dsn: str, *, above: int = EXACT_UP_TO, memory: str = "512MB", every_s: float = EVERY_S
) -> None:
    """Make and drop indexes as tenants grow and shrink, until cancelled. Never raises.

    `above` is the number of chunks, `memory` Postgres' maintenance_work_mem while one is built.
    Several may run at once: one of them works.
    """
    while True:
        try:
            await renew_indexes(dsn, above=above, memory=memory)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            _log.warning("hnsw_not_kept", error=repr(error))
        await asyncio.sleep(every_s)


async def renew_indexes(dsn: str, *, above: int, memory: str = "512MB") -> Changed:
    """One round: the indexes are then those that the tenants' sizes ask for.

    Nothing is done while another holds the lock, or before anything was indexed. One that cannot
    be made is logged, and tried again in the next round. Raises what asyncpg raises, OSError and
    TimeoutError.
    """
    connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            return Changed()
        live = await live_build(connection, NAME)
        if live is None or live.version < 2:  # version 1 knew no spaces
            return Changed()
        return await _renew(connection, live.schema, above, memory)
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


async def _renew(connection: asyncpg.Connection, schema: str, above: int, memory: str) -> Changed:
    await connection.execute(f"SET ROLE {WRITER_ROLE}")
    valid, broken = await _present(connection, schema)
    wanted = await _wanted(connection, schema, above)
    kept = {one.name for one in await _wanted(connection, schema, int(above * DROP_BELOW))}
    dropped = sorted(broken | (valid - kept))
    for name in dropped:
        await connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema}.{name}")
    made: list[str] = []
    for one in wanted:
        if one.name in valid:
            continue
        try:
            if await _make(connection, schema, one, memory):
                made.append(one.name)
        except (asyncpg.PostgresError, ValueError) as error:  # the others get theirs all the same
            _log.warning("hnsw_not_made", tenant=one.tenant, space=one.space, error=repr(error))
    if made or dropped:
        _log.info("hnsw_changed", schema=schema, made=made, dropped=dropped)
    return Changed(made=tuple(made), dropped=tuple(dropped))


async def _present(connection: asyncpg.Connection, schema: str) -> tuple[set[str], set[str]]:
    """The names of the indexes that can be used, and of those whose building was broken off."""
    rows = await connection.fetch(
        "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = to_regclass($1) AND c.relname LIKE 'hnsw\\_%'",
        f"{schema}.{TABLE}",
    )
    valid = {str(row["relname"]) for row in rows if row["indisvalid"]}
    return valid, {str(row["relname"]) for row in rows} - valid


async def _wanted(connection: asyncpg.Connection, schema: str, above: int) -> list[Wanted]:
    """A tenant's spaces that are filled beside the searched one have theirs too, so that a
    switch is at full speed from its first search on."""
    rows = await connection.fetch(
        f"SELECT s.tenant, s.space FROM {schema}.spaces s"
        f" JOIN {schema}.generations g USING (tenant)"
        " WHERE s.state <> 'closed' AND g.chunks > $1 ORDER BY g.chunks DESC, s.tenant, s.space",
        above,
    )
    return [Wanted(row["tenant"], row["space"]) for row in rows]


async def _make(connection: asyncpg.Connection, schema: str, one: Wanted, memory: str) -> bool:
    """False where there is no vector yet whose dimensions could be asked for."""
    vector = await _vector_schema(connection)
    dimensions: int | None = await connection.fetchval(
        f"SELECT {vector}.vector_dims(embedding) FROM {schema}.{TABLE}"
        " WHERE tenant = $1 AND space = $2 LIMIT 1",
        one.tenant,
        one.space,
    )
    if dimensions is None:
        return False
    await connection.execute("SELECT set_config('maintenance_work_mem', $1, false)", memory)
    await connection.execute(
        f"CREATE INDEX CONCURRENTLY {one.name} ON {schema}.{TABLE} USING hnsw"
        f" ((embedding::{vector}.halfvec({dimensions})) {vector}.halfvec_ip_ops)"
        f" WITH (m = {M}, ef_construction = {EF_CONSTRUCTION})"
        f" WHERE {predicate(one.tenant, one.space)}"
    )
    return True


async def _vector_schema(connection: asyncpg.Connection) -> str:
    """Where the extension's types are."""
    return await connection.fetchval(
        "SELECT quote_ident(n.nspname) FROM pg_extension e"
        " JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'"
    )
