"""The read model `turns`: what the AI owed, how it ended, from what, and what it took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from events import conversation as e
from events.log.event_log import Commit
from events.log.stream import Kind
from projections.engine.projection import Connection, OrphanFact
from projections.engine.rows import Table, moment

TurnState = Literal["open", "answered", "drafted", "failed", "cancelled"]
"""`drafted`: it ended in a draft that was not published, or not yet (see `drafts`)."""


class TurnRow(msgspec.Struct, kw_only=True):
    """`confidence` is null until the turn is answered or drafted; `latency_ms` is by stage name.

    Of a turn that was drafted and then approved, `ended_at` is when the draft was proposed.
    """

    tenant: str
    conversation: str
    turn: str
    epoch: int
    answers: tuple[str, ...]
    begun_at: datetime
    resumed_at: datetime | None = None
    ended_at: datetime | None = None
    state: TurnState = "open"
    attempts: int = 1
    message: str | None = None
    kind: str | None = None
    model: str = ""
    prompt_version: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    latency_ms: dict[str, float] = {}
    sources: tuple[e.Source, ...] = ()
    confidence: float | None = None
    guard: dict[str, str | float | bool] = {}
    reason: str = ""
    detail: str = ""


TURNS = Table("turns", TurnRow, ("tenant", "conversation", "turn"))
TurnFact = (
    e.TurnBegun
    | e.TurnResumed
    | e.AnswerRecorded
    | e.DraftProposed
    | e.TurnFailed
    | e.TurnCancelled
)
_Key = tuple[str, ...]


class TurnsProjection:
    """Kind `conversation`, table `turns`."""

    name = "turns"
    version = 2
    kind: Kind = "conversation"
    tables = ("turns",)
    inexact: frozenset[str] = frozenset()
    batch_size = 500
    apply_timeout_s = 30.0

    def ddl(self) -> str:
        """See Projection.ddl. The partial index is the watchdog's: few turns are open."""
        return """
            CREATE TABLE turns (
                tenant text NOT NULL,
                conversation text NOT NULL,
                turn text NOT NULL,
                epoch int NOT NULL,
                answers jsonb NOT NULL,
                begun_at timestamptz NOT NULL,
                resumed_at timestamptz,
                ended_at timestamptz,
                state text NOT NULL,
                attempts int NOT NULL,
                message text,
                kind text,
                model text NOT NULL,
                prompt_version text NOT NULL,
                input_tokens int NOT NULL,
                output_tokens int NOT NULL,
                latency_ms jsonb NOT NULL,
                sources jsonb NOT NULL,
                confidence double precision,
                guard jsonb NOT NULL,
                reason text NOT NULL,
                detail text NOT NULL,
                PRIMARY KEY (tenant, conversation, turn)
            );
            CREATE INDEX ON turns (coalesce(resumed_at, begun_at)) WHERE state = 'open';
        """

    async def apply(self, connection: Connection, commits: Sequence[Commit]) -> None:
        """See Projection.apply. Raises OrphanFact for the end of a turn that never began."""
        work = [
            ((commit.stream.tenant, commit.stream.id, fact.turn), fact)
            for commit in commits
            for fact in commit.facts
            if isinstance(fact, TurnFact)
        ]
        first: dict[_Key, TurnFact] = {}
        for key, fact in work:
            first.setdefault(key, fact)
        older = [key for key, fact in first.items() if not isinstance(fact, e.TurnBegun)]
        rows = await TURNS.load(connection, sorted(older))
        for key, fact in work:
            rows[key] = taken_in(key, rows.get(key), fact)
        await TURNS.upsert(connection, [rows[key] for key in sorted(rows)])


def taken_in(key: _Key, row: TurnRow | None, fact: TurnFact) -> TurnRow:
    """The row of the turn `key` after `fact`. Raises OrphanFact."""
    if isinstance(fact, e.TurnBegun):
        tenant, conversation, turn = key
        return TurnRow(
            tenant=tenant,
            conversation=conversation,
            turn=turn,
            epoch=fact.epoch,
            answers=fact.answers,
            begun_at=moment(fact.at),
        )
    if row is None:
        raise OrphanFact(f"{'/'.join(key)}: {type(fact).__name__}, but the turn never began")
    if isinstance(fact, e.TurnResumed):
        row.attempts, row.resumed_at = fact.attempt, moment(fact.at)
        return row
    row.ended_at = row.ended_at or moment(fact.at)
    match fact:
        case e.AnswerRecorded():
            row.state, row.message = "answered", fact.message
            _worked_out(row, fact)
        case e.DraftProposed():
            row.state = "drafted"
            _worked_out(row, fact)
        case e.TurnFailed():
            row.state, row.reason, row.detail = "failed", fact.reason, fact.detail
        case e.TurnCancelled():
            row.state, row.reason = "cancelled", fact.reason
    return row


def _worked_out(row: TurnRow, fact: e.AnswerRecorded | e.DraftProposed) -> None:
    row.kind, row.sources = fact.kind, fact.sources
    row.confidence, row.guard = fact.confidence, fact.guard
    row.model, row.prompt_version = fact.cost.model, fact.cost.prompt_version
    row.input_tokens, row.output_tokens = fact.cost.input_tokens, fact.cost.output_tokens
    row.latency_ms = fact.cost.latency_ms
