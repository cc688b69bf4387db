"""The read model `queue`: one row a conversation, as operators work on it.

`taken_in` is pure, and folds live commits for the gateway's board as well as the table's rows, so
that both always say the same. Times are milliseconds since 1970, UTC, as on the operators' wire.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal

import msgspec

from events import conversation as e
from events.log.event_log import Commit
from events.log.stream import Kind
from projections.engine.projection import Connection
from projections.engine.rows import Table

PREVIEW_CHARS = 200

Who = Literal["", "visitor", "assistant", "operator", "system"]


class QueueRow(msgspec.Struct, kw_only=True):
    """A conversation as it stood at `version`. Treat it as a value: `taken_in` gives a new one."""

    tenant: str
    conversation: str
    version: int = 0
    commits: int = 0
    """The number of the last commit taken in: the next one must be one more."""
    visitor: str = ""
    channel: str = ""
    locale: str = ""
    started_at: int
    last_at: int
    last_text: str = ""
    """The newest that a person or the AI said; notices and notes leave it as it is."""
    last_who: Who = ""
    messages: int = 0
    unanswered: int = 0
    """The visitor's messages since anybody answered."""
    status: Literal["open", "resolved"] = "open"
    mode: e.Mode = "ai"
    epoch: int = 1
    operator: str = ""
    operator_name: str = ""
    waiting_since: int | None = None
    """When a person was first asked for, while none has come."""
    reason: str = ""
    """Of the newest request, whether it waits or was taken."""
    evidence: str = ""
    draft: str = ""
    """The draft that waits for a decision."""
    handoffs: int = 0
    rating: int | None = None
    resolved_at: int | None = None


def taken_in(row: QueueRow | None, commit: Commit) -> QueueRow:
    """The row after `commit`; `row` itself when it holds that commit already.

    `row` is None for a conversation's first commit. It is never changed. Whether commits between
    are missing is the caller's to see: `commit.number` must then be `row.commits + 1`.
    """
    if row is None:
        began = commit.facts[0].at
        row = QueueRow(
            tenant=commit.stream.tenant,
            conversation=commit.stream.id,
            started_at=began,
            last_at=began,
        )
    elif commit.version <= row.version:
        return row
    else:
        row = copy.copy(row)
    for fact in commit.facts:
        _take_in_fact(row, fact)
        row.last_at = max(row.last_at, fact.at)
    row.version, row.commits = commit.version, commit.number
    return row


def needs_a_person(row: QueueRow) -> bool:
    """Nobody has it, and somebody is wanted: it waits, or what the AI drafts does."""
    return (
        row.status == "open"
        and not row.operator
        and (row.waiting_since is not None or (row.mode != "ai" and row.unanswered > 0))
    )


def _take_in_fact(row: QueueRow, fact: e.Fact) -> None:
    match fact:
        case e.ConversationStarted():
            row.visitor, row.channel, row.locale = fact.visitor, fact.channel, fact.locale
        case e.MessageReceived():
            row.locale = fact.locale or row.locale
            row.unanswered += 1
            _said(row, "visitor", fact.text)
        case e.AnswerRecorded():
            row.unanswered, row.draft = 0, ""
            _said(row, "assistant", fact.text)
        case e.OperatorReplied():
            row.unanswered = 0
            _said(row, "operator", fact.text)
        case e.HandoffRequested():
            _asked_for_a_person(row, fact)
        case e.ModeChanged():
            _changed_hands(row, fact)
        case e.DraftProposed():
            row.draft = fact.draft
        case e.DraftApproved() | e.DraftRejected() | e.DraftVoided():
            row.draft = ""
        case e.ConversationResolved():
            row.status, row.resolved_at = "resolved", fact.at
            row.waiting_since, row.unanswered = None, 0
        case e.ConversationReopened():
            row.status, row.resolved_at = "open", None
        case e.AnswerRated():
            row.rating = fact.score
        case _:
            pass  # turns, summaries, notices and notes change nothing that this row tells


def _said(row: QueueRow, who: Who, text: str) -> None:
    row.messages += 1
    row.last_text, row.last_who = text[:PREVIEW_CHARS], who


def _asked_for_a_person(row: QueueRow, fact: e.HandoffRequested) -> None:
    row.handoffs += 1
    row.reason, row.evidence = fact.reason, fact.evidence
    if row.waiting_since is None:
        row.waiting_since = fact.at


def _changed_hands(row: QueueRow, fact: e.ModeChanged) -> None:
    """A release to the queue asks for a person again after it, in the same commit."""
    owned = fact.mode != "ai"
    row.mode, row.epoch = fact.mode, fact.epoch
    row.operator = fact.operator if owned else ""
    row.operator_name = fact.operator_name if owned else ""
    row.waiting_since, row.draft = None, ""


QUEUE = Table("queue", QueueRow, ("tenant", "conversation"))
UNASSIGNED = (
    "status = 'open' AND operator = ''"
    " AND (waiting_since IS NOT NULL OR (mode <> 'ai' AND unanswered > 0))"
)
"""SQL: `needs_a_person`."""


class QueueProjection:
    """Kind `conversation`, table `queue`."""

    name = "queue"
    version = 1
    kind: Kind = "conversation"
    tables = ("queue",)
    inexact: frozenset[str] = frozenset()
    batch_size = 500
    apply_timeout_s = 30.0

    def ddl(self) -> str:
        """See Projection.ddl. An index for each list that operators look at."""
        return f"""
            CREATE TABLE queue (
                tenant text NOT NULL,
                conversation text NOT NULL,
                version bigint NOT NULL,
                commits int NOT NULL,
                visitor text NOT NULL,
                channel text NOT NULL,
                locale text NOT NULL,
                started_at bigint NOT NULL,
                last_at bigint NOT NULL,
                last_text text NOT NULL,
                last_who text NOT NULL,
                messages int NOT NULL,
                unanswered int NOT NULL,
                status text NOT NULL,
                mode text NOT NULL,
                epoch int NOT NULL,
                operator text NOT NULL,
                operator_name text NOT NULL,
                waiting_since bigint,
                reason text NOT NULL,
                evidence text NOT NULL,
                draft text NOT NULL,
                handoffs int NOT NULL,
                rating int,
                resolved_at bigint,
                rank bigint NOT NULL GENERATED ALWAYS AS (CASE
                    WHEN status = 'resolved' THEN 18000000000000000 - resolved_at
                    ELSE coalesce(waiting_since, 9000000000000000 - last_at) END) STORED,
                PRIMARY KEY (tenant, conversation)
            );
            COMMENT ON TABLE queue IS 'times are milliseconds since 1970, UTC';
            COMMENT ON COLUMN queue.rank IS
                'ascending: those that wait longest, the newest, those resolved last';
            CREATE INDEX ON queue (tenant, rank, conversation) WHERE status = 'open';
            CREATE INDEX ON queue (tenant, rank, conversation) WHERE {UNASSIGNED};
            CREATE INDEX ON queue (tenant, operator, rank, conversation) WHERE operator <> '';
            CREATE INDEX ON queue (tenant, rank, conversation) WHERE draft <> '';
            CREATE INDEX ON queue (tenant, rank, conversation) WHERE status = 'resolved';
            CREATE INDEX ON queue (tenant, visitor, started_at DESC) WHERE visitor <> '';
        """

    async def apply(self, connection: Connection, commits: Sequence[Commit]) -> None:
        """See Projection.apply."""
        rows = await QUEUE.load(connection, {(c.stream.tenant, c.stream.id) for c in commits})
        for commit in commits:
            key = (commit.stream.tenant, commit.stream.id)
            rows[key] = taken_in(rows.get(key), commit)
        await QUEUE.upsert(connection, [rows[key] for key in sorted(rows)])
