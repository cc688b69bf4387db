"""What operators ask of the read models: the queue, a visitor's past, the ledger of drafts. One
tenant's rows only. Figures stand in `projections.analytics.figures`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import asyncpg
import msgspec

from projections.engine.builds import live_build
from projections.engine.database import CONNECT_TIMEOUT_S, become_reader, tenant_transaction
from projections.engine.projection import Connection
from projections.engine.rows import as_ms, moment
from projections.read_models.drafts import DraftRow
from projections.read_models.queue import UNASSIGNED, QueueRow
from projections.read_models.words import words_of

QueueView = Literal["unassigned", "mine", "all", "resolved"]
"""`unassigned`: nobody has it and somebody is wanted (`queue.needs_a_person`).
`mine`: open, and the operator's. `all`: every open one; a search in it finds resolved ones too."""
PAGE_LIMIT = 500
SEARCH_WORDS = 8
PREFIX_CHARS = 3
"""A word of a search that is so long finds the words that begin with it; a shorter one itself."""
SEARCH_TIMEOUT_S = 10.0

_COLUMNS = ", ".join(QueueRow.__struct_fields__)
_DRAFT_COLUMNS = ", ".join(DraftRow.__struct_fields__)
_WAITING = f"{UNASSIGNED} AND waiting_since IS NOT NULL"
_LAST = "\U0010ffff"
"""Greater than whatever may follow a prefix."""


class QueuePage(msgspec.Struct, frozen=True, kw_only=True):
    """`next` is what to ask for as `before` to get the following page; empty on the last one."""

    rows: tuple[QueueRow, ...]
    next: str = ""


class QueueRead(msgspec.Struct, frozen=True, kw_only=True):
    """Rows as they stood when the read model had come to `checkpoint`, in one snapshot."""

    rows: tuple[QueueRow, ...]
    checkpoint: int


class DraftsPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: tuple[DraftRow, ...]
    next: str = ""


class BadPlace(ValueError):
    """`before` is no place in this list."""


async def queue_page(
    pool: asyncpg.Pool,
    tenant: str,
    *,
    view: QueueView,
    operator: str = "",
    search: str = "",
    limit: int = 50,
    before: str = "",
) -> QueuePage:
    """A page of the queue, those that wait longest first and then the newest; resolved ones by
    when they were resolved, newest first.

    `operator` is who asks, for `mine`. `search` finds conversations in which all of its words
    were said, or the one with that id. Raises BadPlace, TimeoutError, asyncpg.PostgresError.
    """
    limit = max(1, min(limit, PAGE_LIMIT))
    query = _Query(tenant)
    query.where(_VIEWS[view] if not (view == "all" and search.strip()) else "true")
    if view == "mine":
        query.where(f"operator = {query.value(operator)}")
    if search.strip():
        query.where(f"conversation IN ({_found(query, search)})")
    if before:
        place, _, conversation = before.partition(".")
        here = f"{query.value(_number(place))}::bigint, {query.value(conversation)}::text"
        query.where(f"(rank, conversation) > ({here})")
    async with tenant_transaction(pool, tenant) as connection:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS}, rank FROM read.queue WHERE {query.conditions}"
            f" ORDER BY rank, conversation LIMIT {limit + 1}",
            *query.values,
            timeout=SEARCH_TIMEOUT_S,
        )
    shown = rows[:limit]
    more = f"{shown[-1]['rank']}.{shown[-1]['conversation']}" if len(rows) > limit else ""
    return QueuePage(rows=tuple(map(_queue_row, shown)), next=more)


async def queue_rows(
    pool: asyncpg.Pool, tenant: str, *, limit: int = PAGE_LIMIT, resolved_after: int
) -> QueueRead:
    """What a live board starts from: the open conversations, those that wait longest first and
    then the newest; those that somebody has, or a draft waits in, however old; those resolved
    since `resolved_after` (ms). `limit` of each at most.

    Raises asyncpg.PostgresError, UndefinedTableError where nothing was ever projected.
    """
    parts = ("status = 'open'", "operator <> ''", "draft <> ''", "status = 'resolved'")
    rows: dict[str, QueueRow] = {}
    async with (
        pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        live = await live_build(connection, "queue")  # the first statement takes the snapshot
        await become_reader(connection, tenant)
        for part in parts:
            found = await connection.fetch(
                f"SELECT {_COLUMNS} FROM read.queue WHERE tenant = $1 AND {part}"
                " AND (resolved_at IS NULL OR resolved_at > $2)"
                " ORDER BY rank, conversation LIMIT $3",
                tenant,
                resolved_after,
                limit,
            )
            rows |= {row["conversation"]: _queue_row(row) for row in found}
    return QueueRead(
        rows=tuple(rows.values()), checkpoint=live.checkpoint if live is not None else 0
    )


async def queue_row(pool: asyncpg.Pool, tenant: str, conversation: str) -> QueueRow | None:
    """One conversation; None when the read model has none of that id."""
    async with tenant_transaction(pool, tenant) as connection:
        return await _one(connection, tenant, conversation)


async def related(
    pool: asyncpg.Pool, tenant: str, conversation: str, *, limit: int = 50
) -> list[QueueRow]:
    """The same visitor's other conversations, newest first; none where the visitor is unknown."""
    async with tenant_transaction(pool, tenant) as connection:
        row = await _one(connection, tenant, conversation)
        if row is None or not row.visitor:
            return []
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM read.queue WHERE tenant = $1 AND visitor = $2"
            " AND visitor <> '' AND conversation <> $3"
            " ORDER BY started_at DESC, conversation LIMIT $4",
            tenant,
            row.visitor,
            conversation,
            min(limit, PAGE_LIMIT),
        )
    return list(map(_queue_row, rows))


async def place_of(pool: asyncpg.Pool, tenant: str, conversation: str) -> int:
    """Its place among those that wait for a person, from 1; 0 when it does not wait."""
    return (await all_places(pool, tenant)).get(conversation, 0)


async def place_for(pool: asyncpg.Pool, tenant: str, conversation: str) -> int:
    """Its place, or the one that it would get if it began to wait now."""
    places = await all_places(pool, tenant)
    return places.get(conversation, len(places) + 1)


async def all_places(pool: asyncpg.Pool, tenant: str) -> dict[str, int]:
    """Each conversation that waits for a person and its place, from 1."""
    async with tenant_transaction(pool, tenant) as connection:
        rows = await connection.fetch(
            f"SELECT conversation FROM read.queue WHERE tenant = $1 AND {_WAITING}"
            " ORDER BY rank, conversation",
            tenant,
        )
    return {row["conversation"]: place for place, row in enumerate(rows, 1)}


async def drafts_page(
    pool: asyncpg.Pool, tenant: str, *, limit: int = 50, before: str = ""
) -> DraftsPage:
    """A page of the ledger of drafts, newest first. Raises BadPlace."""
    limit = max(1, min(limit, PAGE_LIMIT))
    query = _Query(tenant)
    if before:
        at, _, rest = before.partition(".")
        conversation, _, draft = rest.partition(".")
        newest = query.value(_moment(at))
        here = f"{query.value(conversation)}::text, {query.value(draft)}::text"
        query.where(f"proposed_at <= {newest}::timestamptz")
        query.where(f"(proposed_at < {newest} OR (conversation, draft) > ({here}))")
    async with tenant_transaction(pool, tenant) as connection:
        rows = await connection.fetch(
            f"SELECT {_DRAFT_COLUMNS} FROM read.drafts WHERE {query.conditions}"
            f" ORDER BY proposed_at DESC, conversation, draft LIMIT {limit + 1}",
            *query.values,
        )
    drafts = tuple(map(_draft_row, rows[:limit]))
    if len(rows) <= limit:
        return DraftsPage(rows=drafts)
    last = drafts[-1]
    place = f"{as_ms(last.proposed_at)}.{last.conversation}.{last.draft}"
    return DraftsPage(rows=drafts, next=place)


_VIEWS: Mapping[QueueView, str] = {
    "unassigned": UNASSIGNED,
    "mine": "status = 'open' AND operator <> ''",
    "all": "status = 'open'",
    "resolved": "status = 'resolved'",
}


class _Query:
    """Conditions of one tenant, and the values they speak of."""

    def __init__(self, tenant: str) -> None:
        self.values: list[object] = [tenant]
        self._conditions = ["tenant = $1"]

    def value(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def where(self, condition: str) -> None:
        self._conditions.append(f"({condition})")

    @property
    def conditions(self) -> str:
        return " AND ".join(self._conditions)


def _found(query: _Query, search: str) -> str:
    """SQL: the ids of conversations that `search` finds."""
    by_id = f"SELECT {query.value(search.strip())}::text"
    words = sorted(words_of(search), key=len, reverse=True)[:SEARCH_WORDS]
    if not words:
        return by_id
    by_words = " INTERSECT ".join(
        "SELECT conversation FROM read.message_words WHERE tenant = $1"
        f" AND word >= {query.value(word)} AND word <= {query.value(_up_to(word))}"
        for word in words
    )
    return f"({by_words}) UNION {by_id}"


def _up_to(word: str) -> str:
    return word + _LAST if len(word) >= PREFIX_CHARS else word


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadPlace(f"{text!r} begins no place in this list") from None


def _moment(text: str) -> object:
    try:
        return moment(_number(text))
    except OverflowError:
        raise BadPlace(f"{text!r} begins no place in this list") from None


async def _one(connection: Connection, tenant: str, conversation: str) -> QueueRow | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM read.queue WHERE tenant = $1 AND conversation = $2",
        tenant,
        conversation,
    )
    return None if row is None else _queue_row(row)


def _queue_row(row: asyncpg.Record) -> QueueRow:
    return QueueRow(**{name: row[name] for name in QueueRow.__struct_fields__})


def _draft_row(row: asyncpg.Record) -> DraftRow:
    columns = dict(row)
    for name in ("in_reply_to", "sources", "guard"):
        columns[name] = msgspec.json.decode(columns[name])
    return msgspec.convert(columns, DraftRow)
