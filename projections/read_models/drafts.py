"""The read model `drafts`: the ledger of what the AI proposed and what a person made of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from events import conversation as e
from events.log.event_log import Commit
from events.log.stream import Kind
from projections.engine.projection import Connection, OrphanFact
from projections.engine.rows import Table, milliseconds, moment

Outcome = Literal["waiting", "approved", "edited", "rejected", "void"]
"""`approved` went out as it was, `edited` with another text."""


class DraftRow(msgspec.Struct, kw_only=True):
    """One draft. `reason` is why it was rejected, or what made it void."""

    tenant: str
    conversation: str
    draft: str
    turn: str
    epoch: int
    text: str
    in_reply_to: tuple[str, ...]
    outcome: Outcome = "waiting"
    reason: str = ""
    final_text: str | None = None
    """What went out; null until something did."""
    edit_distance: int | None = None
    """Levenshtein's, in characters, from `text` to `final_text`."""
    message: str | None = None
    """The message that it became."""
    kind: str
    locale: str
    sources: tuple[e.Source, ...] = ()
    confidence: float
    guard: dict[str, str | float | bool] = {}
    model: str
    prompt_version: str
    proposed_at: datetime
    decided_at: datetime | None = None
    decided_ms: int | None = None
    """How long it waited for whatever became of it."""
    operator: str = ""
    operator_name: str = ""


DRAFTS = Table("drafts", DraftRow, ("tenant", "conversation", "draft"))
DraftEnd = e.DraftApproved | e.DraftRejected | e.DraftVoided
DraftFact = e.DraftProposed | DraftEnd | e.AnswerRecorded
_Key = tuple[str, ...]


class DraftsProjection:
    """Kind `conversation`, table `drafts`."""

    name = "drafts"
    version = 1
    kind: Kind = "conversation"
    tables = ("drafts",)
    inexact: frozenset[str] = frozenset()
    batch_size = 500
    apply_timeout_s = 30.0

    def ddl(self) -> str:
        """See Projection.ddl. The first index is the ledger's order, newest first."""
        return """
            CREATE TABLE drafts (
                tenant text NOT NULL,
                conversation text NOT NULL,
                draft text NOT NULL,
                turn text NOT NULL,
                epoch int NOT NULL,
                text text NOT NULL,
                in_reply_to jsonb NOT NULL,
                outcome text NOT NULL,
                reason text NOT NULL,
                final_text text,
                edit_distance int,
                message text,
                kind text NOT NULL,
                locale text NOT NULL,
                sources jsonb NOT NULL,
                confidence double precision NOT NULL,
                guard jsonb NOT NULL,
                model text NOT NULL,
                prompt_version text NOT NULL,
                proposed_at timestamptz NOT NULL,
                decided_at timestamptz,
                decided_ms bigint,
                operator text NOT NULL,
                operator_name text NOT NULL,
                PRIMARY KEY (tenant, conversation, draft)
            );
            CREATE INDEX ON drafts (tenant, proposed_at DESC, conversation, draft);
            CREATE INDEX ON drafts (tenant) WHERE decided_at IS NULL;
        """

    async def apply(self, connection: Connection, commits: Sequence[Commit]) -> None:
        """See Projection.apply. Raises OrphanFact for a decision on what was never proposed."""
        work = [
            ((commit.stream.tenant, commit.stream.id, fact.draft), fact)
            for commit in commits
            for fact in commit.facts
            if isinstance(fact, DraftFact) and fact.draft
        ]
        first: dict[_Key, DraftFact] = {}
        for key, fact in work:
            first.setdefault(key, fact)
        older = [key for key, fact in first.items() if not isinstance(fact, e.DraftProposed)]
        rows = await DRAFTS.load(connection, sorted(older))
        for key, fact in work:
            rows[key] = taken_in(key, rows.get(key), fact)
        await DRAFTS.upsert(connection, [rows[key] for key in sorted(rows)])


def taken_in(key: _Key, row: DraftRow | None, fact: DraftFact) -> DraftRow:
    """The row of the draft `key` after `fact`. Raises OrphanFact."""
    if isinstance(fact, e.DraftProposed):
        return _proposed(key, fact)
    if row is None:
        raise OrphanFact(f"{'/'.join(key)}: {type(fact).__name__}, but no such draft was proposed")
    if isinstance(fact, e.AnswerRecorded):
        row.message = fact.message
        return row
    row.decided_at = moment(fact.at)
    row.decided_ms = milliseconds(row.decided_at - row.proposed_at)
    match fact:
        case e.DraftApproved():
            row.outcome = "edited" if fact.edit_distance else "approved"
            row.final_text, row.edit_distance = fact.text, fact.edit_distance
            row.operator, row.operator_name = fact.operator, fact.operator_name
        case e.DraftRejected():
            row.outcome, row.reason = "rejected", fact.reason
            row.operator, row.operator_name = fact.operator, fact.operator_name
        case e.DraftVoided():
            row.outcome, row.reason = "void", fact.reason
    return row


def _proposed(key: _Key, fact: e.DraftProposed) -> DraftRow:
    tenant, conversation, draft = key
    return DraftRow(
        tenant=tenant,
        conversation=conversation,
        draft=draft,
        turn=fact.turn,
        epoch=fact.epoch,
        text=fact.text,
        in_reply_to=fact.in_reply_to,
        kind=fact.kind,
        locale=fact.locale,
        sources=fact.sources,
        confidence=fact.confidence,
        guard=fact.guard,
        model=fact.cost.model,
        prompt_version=fact.cost.prompt_version,
        proposed_at=moment(fact.at),
    )
