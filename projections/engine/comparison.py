"""Row for row: does a rebuilt projection equal the live one?"""

from __future__ import annotations

import msgspec

from projections.engine.builds import Build
from projections.engine.projection import Connection, Projection
from projections.engine.security import identifier

EXAMPLES = 5


class TableComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one table in both builds. A row that differs counts on both sides."""

    table: str
    live_rows: int
    rebuilt_rows: int
    only_live: int
    only_rebuilt: int
    live_examples: tuple[str, ...] = ()
    """A few rows that only the live build has, as JSON."""
    rebuilt_examples: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        return not self.only_live and not self.only_rebuilt


async def compare(
    connection: Connection, projection: Projection, live: Build, rebuilt: Build
) -> tuple[TableComparison, ...]:
    """Compare all tables as the connection's transaction sees them (repeatable read).

    Must run as a role that sees every tenant.
    """
    return tuple(
        [
            await _compare_table(connection, projection, table, live, rebuilt)
            for table in projection.tables
        ]
    )


async def _compare_table(
    connection: Connection, projection: Projection, table: str, live: Build, rebuilt: Build
) -> TableComparison:
    one, other = (f"{build.schema}.{identifier(table)}" for build in (live, rebuilt))
    columns = await _columns(connection, projection, table, live)
    live_rows, rebuilt_rows = [
        await connection.fetchval(f"SELECT count(*) FROM {name}") for name in (one, other)
    ]
    only_live, live_examples = await _only_in(connection, columns, one, other)
    only_rebuilt, rebuilt_examples = await _only_in(connection, columns, other, one)
    return TableComparison(
        table=table,
        live_rows=live_rows,
        rebuilt_rows=rebuilt_rows,
        only_live=only_live,
        only_rebuilt=only_rebuilt,
        live_examples=live_examples,
        rebuilt_examples=rebuilt_examples,
    )


async def _columns(connection: Connection, projection: Projection, table: str, build: Build) -> str:
    """What is compared of each row; of inexact columns, whether there is anything."""
    rows = await connection.fetch(
        "SELECT quote_ident(attname) AS quoted, attname AS name FROM pg_attribute"
        " WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        f"{build.schema}.{table}",
    )
    return ", ".join(
        f"({row['quoted']} IS NULL) AS {row['quoted']}"
        if f"{table}.{row['name']}" in projection.inexact
        else str(row["quoted"])
        for row in rows
    )


async def _only_in(
    connection: Connection, columns: str, one: str, other: str
) -> tuple[int, tuple[str, ...]]:
    row = await connection.fetchrow(
        f"WITH extra AS MATERIALIZED"
        f" (SELECT {columns} FROM {one} EXCEPT ALL SELECT {columns} FROM {other})"
        f" SELECT (SELECT count(*) FROM extra) AS rows,"
        f" ARRAY(SELECT row_to_json(extra)::text FROM extra LIMIT {EXAMPLES}) AS examples"
    )
    assert row is not None
    return row["rows"], tuple(row["examples"])
