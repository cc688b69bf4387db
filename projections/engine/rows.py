"""Rows in and out of a table, a whole batch in one round trip.

A table's row is a msgspec struct with the table's columns as its fields. Rows travel as one JSON
text each way and Postgres takes them apart by the table's own row type, so a column is named in
two places only: the struct and the DDL. COPY would be faster, but Postgres refuses it under
row-level security.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from projections.engine.projection import Connection
from projections.engine.security import identifier

Row = TypeVar("Row", bound=msgspec.Struct)

_NUL = b"\\u0000"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at: int) -> datetime:
    """A fact's `at` (ms since 1970, UTC) as Postgres keeps it, exact to the millisecond."""
    return _EPOCH + timedelta(milliseconds=at)


def as_ms(at: datetime) -> int:
    """What `moment` made a moment of."""
    return milliseconds(at - _EPOCH)


def milliseconds(span: timedelta) -> int:
    """Between two moments: whole milliseconds, exact."""
    return span // timedelta(milliseconds=1)


class Table(Generic[Row]):
    """One table: its name, the type of its rows, and the columns of its primary key."""

    def __init__(self, name: str, row: type[Row], key: tuple[str, ...]) -> None:
        self.name = identifier(name)
        self.columns = tuple(identifier(column) for column in row.__struct_fields__)
        self.key = key
        columns = ", ".join(self.columns)
        changes = ", ".join(f"{c} = EXCLUDED.{c}" for c in self.columns if c not in key)
        self._insert = (
            f"INSERT INTO {name} ({columns}) SELECT {columns}"
            f" FROM json_populate_recordset(NULL::{name}, $1::json)"
        )
        self._upsert = f"{self._insert} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
        self._delete = (
            f"DELETE FROM {name} t USING json_populate_recordset(NULL::{name}, $1::json) k"
            f" WHERE ({', '.join(f't.{c}' for c in key)}) = ({', '.join(f'k.{c}' for c in key)})"
        )
        self._decoder = msgspec.json.Decoder(list[row])

    async def insert(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Rows that are new. Raises asyncpg.UniqueViolationError when one is not."""
        if rows:
            await connection.execute(self._insert, as_json(rows))

    async def upsert(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Rows that are new or take the place of the one with their key; each key once."""
        if rows:
            await connection.execute(self._upsert, as_json(rows))

    async def load(
        self,
        connection: Connection,
        keys: Iterable[tuple[str, ...]],
        *,
        by: tuple[str, ...] | None = None,
    ) -> dict[tuple[str, ...], Row]:
        """The rows that stand under `keys`: values of the key's columns, or of the columns `by`."""
        columns = self.key if by is None else by
        wanted = [dict(zip(columns, key, strict=True)) for key in keys]
        if not wanted:
            return {}
        text: str = await connection.fetchval(self._load(columns), as_json(wanted))
        rows = self._decoder.decode(text)
        return {tuple(getattr(row, column) for column in self.key): row for row in rows}

    async def delete(self, connection: Connection, keys: Iterable[tuple[str, ...]]) -> None:
        """The rows that stand under `keys` go, where there are any."""
        wanted = [dict(zip(self.key, key, strict=True)) for key in keys]
        if wanted:
            await connection.execute(self._delete, as_json(wanted))

    def _load(self, columns: Sequence[str]) -> str:
        wanted = ", ".join(map(identifier, columns))
        return (
            f"SELECT coalesce(json_agg(t), '[]')::text FROM {self.name} t JOIN (SELECT DISTINCT"
            f" {wanted} FROM json_populate_recordset(NULL::{self.name}, $1::json)) k"
            f" USING ({wanted})"
        )


def as_json(rows: object) -> str:
    """JSON that Postgres takes: it can keep every character but U+0000, which becomes U+FFFD."""
    encoded = msgspec.json.encode(rows)
    if _NUL in encoded:
        encoded = msgspec.json.encode(_without_nul(msgspec.json.decode(encoded)))
    return encoded.decode()


def _without_nul(value: object) -> object:
    match value:
        case str():
            return value.replace("\x00", "\ufffd")
        case list():
            return [_without_nul(item) for item in value]
        case dict():
            return {_without_nul(key): _without_nul(item) for key, item in value.items()}
        case _:
            return value
