"""The read model `handoffs`: each time a person was asked for or took a conversation, and how it
went."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from events import conversation as e
from events.log.event_log import Commit
from events.log.stream import Kind
from projections.engine.projection import Connection
from projections.engine.rows import Table, milliseconds, moment

HandoffState = Literal["waiting", "taken", "released", "lapsed", "taken_over", "resolved"]
"""`waiting` and `taken` go on. `released` is back to the AI or to the queue, and `taken_over` by
a colleague: what goes on there is a row of its own. One that was never taken ends too, as
`released` or `resolved`: then `taken_at` is null."""


class HandoffRow(msgspec.Struct, kw_only=True):
    """The `n`-th handoff of a conversation, from 1. Durations are whole milliseconds."""

    tenant: str
    conversation: str
    n: int
    state: HandoffState
    began_at: datetime
    """When it was requested, or else taken."""
    requested_at: datetime | None = None
    """Null where an operator took the conversation unasked, or from a colleague."""
    reason: str = ""
    evidence: str = ""
    message: str = ""
    score: float = 0.0
    taken_at: datetime | None = None
    operator: str = ""
    operator_name: str = ""
    first_reply_at: datetime | None = None
    """The operator's first reply, or the first draft that they let out."""
    ended_at: datetime | None = None
    wait_ms: int | None = None
    """From the request until it was taken."""
    first_reply_ms: int | None = None
    """From its beginning to the first reply."""
    rating: int | None = None
    """What the visitor gave last after it was taken, and before the next one was."""


HANDOFFS = Table("handoffs", HandoffRow, ("tenant", "conversation", "n"))
_ENDS: dict[str, HandoffState] = {"lease_lapsed": "lapsed", "resolved": "resolved"}
"""By the reason of the change back to the AI; all else is a release."""
HandoffFact = (
    e.HandoffRequested
    | e.ModeChanged
    | e.OperatorReplied
    | e.DraftApproved
    | e.ConversationResolved
    | e.AnswerRated
)


class HandoffsProjection:
    """Kind `conversation`, table `handoffs`."""

    name = "handoffs"
    version = 1
    kind: Kind = "conversation"
    tables = ("handoffs",)
    inexact: frozenset[str] = frozenset()
    batch_size = 500
    apply_timeout_s = 30.0

    def ddl(self) -> str:
        """See Projection.ddl. The indexes are for figures over a period."""
        return """
            CREATE TABLE handoffs (
                tenant text NOT NULL,
                conversation text NOT NULL,
                n int NOT NULL,
                state text NOT NULL,
                began_at timestamptz NOT NULL,
                requested_at timestamptz,
                reason text NOT NULL,
                evidence text NOT NULL,
                message text NOT NULL,
                score double precision NOT NULL,
                taken_at timestamptz,
                operator text NOT NULL,
                operator_name text NOT NULL,
                first_reply_at timestamptz,
                ended_at timestamptz,
                wait_ms bigint,
                first_reply_ms bigint,
                rating int,
                PRIMARY KEY (tenant, conversation, n)
            );
            CREATE INDEX ON handoffs (tenant, began_at);
            CREATE INDEX ON handoffs (tenant, first_reply_at);
        """

    async def apply(self, connection: Connection, commits: Sequence[Commit]) -> None:
        """See Projection.apply."""
        work = [
            ((commit.stream.tenant, commit.stream.id), fact)
            for commit in commits
            for fact in commit.facts
            if isinstance(fact, HandoffFact)
        ]
        known = await HANDOFFS.load(
            connection, {key for key, _ in work}, by=("tenant", "conversation")
        )
        rows: dict[tuple[str, ...], list[HandoffRow]] = {key: [] for key, _ in work}
        for key in sorted(known):
            rows[key[:2]].append(known[key])
        for key, fact in work:
            take_in(rows[key], key, fact)
        await HANDOFFS.upsert(connection, [row for key in sorted(rows) for row in rows[key]])


def take_in(rows: list[HandoffRow], key: tuple[str, ...], fact: HandoffFact) -> None:
    """Change `rows`, all handoffs of the conversation `key` in order, by one fact.

    Only the last one can be going on.
    """
    going_on = rows[-1] if rows and rows[-1].ended_at is None else None
    match fact:
        case e.HandoffRequested():
            if going_on is None:  # or else that one is asked for again
                rows.append(_requested(key, len(rows) + 1, fact))
        case e.ModeChanged():
            _changed_hands(rows, key, going_on, fact)
        case e.OperatorReplied() | e.DraftApproved():
            if going_on is not None and going_on.operator == fact.operator:
                _replied(going_on, moment(fact.at))
        case e.ConversationResolved():
            if going_on is not None:  # nobody has it: who had gave it back before, see ModeChanged
                _end(going_on, "resolved", moment(fact.at))
        case e.AnswerRated():
            taken = next((row for row in reversed(rows) if row.taken_at is not None), None)
            if taken is not None:
                taken.rating = fact.score


def _requested(key: tuple[str, ...], n: int, fact: e.HandoffRequested) -> HandoffRow:
    tenant, conversation = key
    return HandoffRow(
        tenant=tenant,
        conversation=conversation,
        n=n,
        state="waiting",
        began_at=moment(fact.at),
        requested_at=moment(fact.at),
        reason=fact.reason,
        evidence=fact.evidence,
        message=fact.message,
        score=fact.score,
    )


def _changed_hands(
    rows: list[HandoffRow], key: tuple[str, ...], going_on: HandoffRow | None, fact: e.ModeChanged
) -> None:
    at = moment(fact.at)
    owner = fact.operator if fact.mode != "ai" else ""
    if going_on is not None and going_on.operator and going_on.operator == owner:
        return  # from answering to supervising, or the other way round
    if going_on is not None and (going_on.operator or not owner):
        _end(going_on, _end_of(fact, owner), at)
        going_on = None
    if not owner:
        return
    if going_on is None:
        tenant, conversation = key
        going_on = HandoffRow(
            tenant=tenant,
            conversation=conversation,
            n=len(rows) + 1,
            state="taken",
            began_at=at,
            reason="operator_choice",
        )
        rows.append(going_on)
    _taken(going_on, fact, at)


def _end_of(fact: e.ModeChanged, owner: str) -> HandoffState:
    if owner:
        return "taken_over"
    return _ENDS.get(fact.reason, "released")


def _taken(row: HandoffRow, fact: e.ModeChanged, at: datetime) -> None:
    row.state, row.taken_at = "taken", at
    row.operator, row.operator_name = fact.operator, fact.operator_name
    if row.requested_at is not None:
        row.wait_ms = milliseconds(at - row.requested_at)


def _replied(row: HandoffRow, at: datetime) -> None:
    if row.first_reply_at is None:
        row.first_reply_at, row.first_reply_ms = at, milliseconds(at - row.began_at)


def _end(row: HandoffRow, state: HandoffState, at: datetime) -> None:
    row.state, row.ended_at = state, at
