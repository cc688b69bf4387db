"""Figures of a tenant's work with operators, from the read models. One tenant's rows only."""

from __future__ import annotations

from datetime import datetime

import asyncpg
import msgspec

from projections.engine.database import tenant_transaction
from projections.engine.projection import Connection
from projections.engine.rows import moment
from projections.read_models.queue import UNASSIGNED

WEEK_MS = 7 * 24 * 3600 * 1000


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Of `count` durations; null where there is none."""

    count: int
    median_ms: int | None
    p90_ms: int | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """As they stand at `at`; what counts events counts the last seven days, but for today's."""

    at: int
    waiting: int
    longest_wait_ms: int | None
    owned: int
    """Conversations that an operator has."""
    drafts_waiting: int
    first_response_today: Spread
    """From the visitor's message or request for a person to the operator's first reply."""
    first_response_week: Spread
    handoffs_by_reason: dict[str, int]
    drafts_by_outcome: dict[str, int]
    rating: float | None
    """The mean of the visitors' scores, 1 to 5, over conversations of the week."""
    ratings: int


async def figures(pool: asyncpg.Pool, tenant: str, *, now: int, today: int) -> Figures:
    """`now` and `today`, when the tenant's day began, in ms since 1970, UTC."""
    week = moment(now - WEEK_MS)
    async with tenant_transaction(pool, tenant) as connection:
        queue = await connection.fetchrow(
            "SELECT"
            " (SELECT count(*) FROM read.queue WHERE tenant = $1 AND operator <> '') AS owned,"
            " (SELECT count(*) FROM read.drafts WHERE tenant = $1 AND decided_at IS NULL)"
            " AS drafts_waiting, count(*) AS waiting, min(waiting_since) AS since FROM read.queue"
            f" WHERE tenant = $1 AND {UNASSIGNED} AND waiting_since IS NOT NULL",
            tenant,
        )
        rating = await connection.fetchrow(
            "SELECT avg(rating)::float8 AS mean, count(rating) AS ratings FROM read.conversations"
            " WHERE tenant = $1 AND last_at >= $2",
            tenant,
            week,
        )
        assert queue is not None
        assert rating is not None
        return Figures(
            at=now,
            waiting=queue["waiting"],
            longest_wait_ms=None if queue["since"] is None else max(0, now - queue["since"]),
            owned=queue["owned"],
            drafts_waiting=queue["drafts_waiting"],
            first_response_today=await _first_responses(connection, tenant, moment(today)),
            first_response_week=await _first_responses(connection, tenant, week),
            handoffs_by_reason=await _counted(
                connection,
                "SELECT reason AS name, count(*) AS times FROM read.handoffs"
                " WHERE tenant = $1 AND began_at >= $2 GROUP BY reason",
                tenant,
                week,
            ),
            drafts_by_outcome=await _counted(
                connection,
                "SELECT outcome AS name, count(*) AS times FROM read.drafts"
                " WHERE tenant = $1 AND proposed_at >= $2 GROUP BY outcome",
                tenant,
                week,
            ),
            rating=rating["mean"],
            ratings=rating["ratings"],
        )


async def _first_responses(connection: Connection, tenant: str, since: datetime) -> Spread:
    row = await connection.fetchrow(
        "SELECT count(*) AS times,"
        " percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY ms) AS spread"
        " FROM read.response_times WHERE tenant = $1 AND first AND ms IS NOT NULL"
        " AND replied_at >= $2",
        tenant,
        since,
    )
    assert row is not None
    median, p90 = map(round, row["spread"]) if row["times"] else (None, None)
    return Spread(count=row["times"], median_ms=median, p90_ms=p90)


async def _counted(
    connection: Connection, query: str, tenant: str, since: datetime
) -> dict[str, int]:
    rows = await connection.fetch(query, tenant, since)
    return {row["name"]: row["times"] for row in sorted(rows, key=lambda row: row["name"])}
