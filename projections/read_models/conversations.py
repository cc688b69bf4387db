"""The read model `conversations`: one row a conversation, as it stands now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from events import conversation as e
from events.log.chain import check_chain
from events.log.event_log import Commit, Head
from events.log.stream import Kind
from projections.engine.projection import Connection
from projections.engine.rows import Table, moment

PREVIEW_CHARS = 200


class ConversationRow(msgspec.Struct, kw_only=True):
    tenant: str
    conversation: str
    started_at: datetime
    last_at: datetime
    locale: str = ""
    channel: str = ""
    visitor: str = ""
    status: Literal["open", "resolved"] = "open"
    mode: e.Mode = "ai"
    epoch: int = 1
    operator: str = ""
    operator_name: str = ""
    messages: int = 0
    turns: int = 0
    last_text: str = ""
    rating: int | None = None
    handoff_requested: bool = False
    open_turn: str | None = None
    open_since: datetime | None = None
    version: int = 0
    commits: int = 0
    head: str = ""


CONVERSATIONS = Table("conversations", ConversationRow, ("tenant", "conversation"))


class ConversationsProjection:
    """Kind `conversation`, table `conversations`.

    It is also where a hole or a fork in a conversation's chain comes to light for all read
    models: it keeps each conversation's last commit's number and hash.
    """

    name = "conversations"
    version = 2
    kind: Kind = "conversation"
    tables = ("conversations",)
    inexact: frozenset[str] = frozenset()
    batch_size = 500
    apply_timeout_s = 30.0

    def ddl(self) -> str:
        """See Projection.ddl."""
        return """
            CREATE TABLE conversations (
                tenant text NOT NULL,
                conversation text NOT NULL,
                started_at timestamptz NOT NULL,
                last_at timestamptz NOT NULL,
                locale text NOT NULL,
                channel text NOT NULL,
                visitor text NOT NULL,
                status text NOT NULL,
                mode text NOT NULL,
                epoch int NOT NULL,
                operator text NOT NULL,
                operator_name text NOT NULL,
                messages int NOT NULL,
                turns int NOT NULL,
                last_text text NOT NULL,
                rating int,
                handoff_requested boolean NOT NULL,
                open_turn text,
                open_since timestamptz,
                version bigint NOT NULL,
                commits int NOT NULL,
                head text NOT NULL,
                PRIMARY KEY (tenant, conversation)
            );
            CREATE INDEX ON conversations (tenant, last_at DESC, conversation);
        """

    async def apply(self, connection: Connection, commits: Sequence[Commit]) -> None:
        """See Projection.apply. Raises CorruptStream where a chain is broken."""
        keys = {(c.stream.tenant, c.stream.id) for c in commits}
        rows = await CONVERSATIONS.load(connection, keys)
        for commit in commits:
            key = (commit.stream.tenant, commit.stream.id)
            row = rows.get(key)
            if row is None:
                began = moment(commit.facts[0].at)
                row = rows[key] = ConversationRow(
                    tenant=key[0], conversation=key[1], started_at=began, last_at=began
                )
            take_in(row, commit)
        await CONVERSATIONS.upsert(connection, [rows[key] for key in sorted(keys)])


def take_in(row: ConversationRow, commit: Commit) -> None:
    """Change `row` by one commit. Raises CorruptStream when it does not follow the last one."""
    check_chain([commit], after=Head(row.version, row.commits, row.head))
    for fact in commit.facts:
        _take_in_fact(row, fact)
        row.last_at = max(row.last_at, moment(fact.at))
    row.version, row.commits, row.head = commit.version, commit.number, commit.hash


def _take_in_fact(row: ConversationRow, fact: e.Fact) -> None:
    match fact:
        case e.ConversationStarted():
            row.locale, row.channel, row.visitor = fact.locale, fact.channel, fact.visitor
        case e.MessageReceived():
            row.locale = fact.locale or row.locale
            _count_message(row, fact.text)
        case e.OperatorReplied():
            _count_message(row, fact.text)
        case e.AnswerRecorded():
            _count_message(row, fact.text)
            row.open_turn = row.open_since = None
        case e.TurnBegun():
            row.turns += 1
            row.open_turn, row.open_since = fact.turn, moment(fact.at)
        case e.TurnCancelled() | e.TurnFailed() | e.DraftProposed():
            row.open_turn = row.open_since = None
        case e.HandoffRequested():
            row.handoff_requested = True
        case e.ModeChanged():
            _changed_hands(row, fact)
        case e.ConversationResolved():
            row.status, row.handoff_requested = "resolved", False
        case e.ConversationReopened():
            row.status = "open"
        case e.AnswerRated():
            row.rating = fact.score
        case _:
            pass  # what else happens changes nothing that this row tells


def _changed_hands(row: ConversationRow, fact: e.ModeChanged) -> None:
    owned = fact.mode != "ai"
    row.mode, row.epoch, row.handoff_requested = fact.mode, fact.epoch, False
    row.operator = fact.operator if owned else ""
    row.operator_name = fact.operator_name if owned else ""


def _count_message(row: ConversationRow, text: str) -> None:
    row.messages += 1
    row.last_text = text[:PREVIEW_CHARS]
