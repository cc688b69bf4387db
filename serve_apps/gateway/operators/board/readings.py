"""What operators read of the read models, as a port, and its implementation on Postgres.

Everything is of one tenant, the reader's. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import asyncpg
import msgspec
import structlog

from projections.analytics.figures import Figures, figures
from projections.read_models import operator_queries as queries
from projections.read_models.drafts import DraftRow
from projections.read_models.operator_queries import (
    BadPlace,
    DraftsPage,
    QueuePage,
    QueueRead,
    QueueView,
)
from projections.read_models.queue import QueueRow
from serve_apps.gateway.shared.tokens import now_ms

__all__ = [
    "BadPlace",
    "DraftRow",
    "DraftsPage",
    "Figures",
    "PostgresReadings",
    "QueuePage",
    "QueueRead",
    "QueueRow",
    "QueueView",
    "Readings",
    "ReadingsUnavailable",
]

READ_TIMEOUT_S = 8.0
BOARD_ROWS = 1000
RESOLVED_MS = 3_600_000

_log = structlog.get_logger(__name__)


class ReadingsUnavailable(Exception):
    """The read models cannot be asked now. Everything that rests on the log goes on."""


class Readings(Protocol):
    """The port. Everything raises ReadingsUnavailable; pages raise BadPlace (`before`)."""

    async def queue_page(
        self, tenant: str, *, view: QueueView, operator: str, search: str, limit: int, before: str
    ) -> QueuePage:
        """See projections.read_models.operator_queries.queue_page."""
        ...

    async def queue_rows(self, tenant: str) -> QueueRead:
        """What a live board starts from, of one snapshot: open conversations, those that come
        first, and those resolved in the last hour."""
        ...

    async def related(self, tenant: str, conversation: str) -> Sequence[QueueRow]:
        """The same visitor's other conversations, newest first."""
        ...

    async def drafts_page(self, tenant: str, *, limit: int, before: str) -> DraftsPage:
        """The ledger of drafts, newest first."""
        ...

    async def figures(self, tenant: str, *, now: int, today: int) -> Figures:
        """`today` is when the tenant's day began, ms."""
        ...


class PostgresReadings:
    """Over a pool of `projections.engine.database.open_pool`. `clock` gives ms since 1970, UTC."""

    def __init__(self, pool: asyncpg.Pool, *, clock: Callable[[], int] = now_ms) -> None:
        self._pool, self._clock = pool, clock

    async def queue_page(
        self, tenant: str, *, view: QueueView, operator: str, search: str, limit: int, before: str
    ) -> QueuePage:
        """See Readings.queue_page."""
        async with reading(tenant):
            return await queries.queue_page(
                self._pool,
                tenant,
                view=view,
                operator=operator,
                search=search,
                limit=limit,
                before=before,
            )

    async def queue_rows(self, tenant: str) -> QueueRead:
        """See Readings.queue_rows."""
        since = self._clock() - RESOLVED_MS
        async with reading(tenant):
            return await queries.queue_rows(
                self._pool, tenant, limit=BOARD_ROWS, resolved_after=since
            )

    async def related(self, tenant: str, conversation: str) -> Sequence[QueueRow]:
        """See Readings.related."""
        async with reading(tenant):
            return await queries.related(self._pool, tenant, conversation)

    async def drafts_page(self, tenant: str, *, limit: int, before: str) -> DraftsPage:
        """See Readings.drafts_page."""
        async with reading(tenant):
            return await queries.drafts_page(self._pool, tenant, limit=limit, before=before)

    async def figures(self, tenant: str, *, now: int, today: int) -> Figures:
        """See Readings.figures."""
        async with reading(tenant):
            return await figures(self._pool, tenant, now=now, today=today)


@asynccontextmanager
async def reading(tenant: str) -> AsyncGenerator[None]:
    """Around a question to the read models: what Postgres fails at becomes ReadingsUnavailable,
    within READ_TIMEOUT_S."""
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            yield
    except BadPlace:
        raise
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        _log.warning("the read models do not answer", tenant=tenant, error=repr(error))
        raise ReadingsUnavailable(repr(error)) from error


class DraftLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A draft in the ledger, as operators are shown it."""

    conversation: str
    draft: str
    turn: str
    epoch: int
    outcome: str
    text: str
    reason: str = ""
    final_text: str | None = None
    edit_distance: int | None = None
    message: str | None = None
    kind: str
    locale: str
    confidence: float
    model: str
    prompt_version: str
    proposed_at: int
    decided_at: int | None = None
    decided_ms: int | None = None
    operator: str = ""
    operator_name: str = ""


def draft_line(row: DraftRow) -> DraftLine:
    """`row` without what is large (its sources stand in the conversation), times in ms."""
    fields = {name: getattr(row, name) for name in DraftLine.__struct_fields__}
    decided = row.decided_at
    fields["proposed_at"] = _ms(row.proposed_at.timestamp())
    fields["decided_at"] = None if decided is None else _ms(decided.timestamp())
    return DraftLine(**fields)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
