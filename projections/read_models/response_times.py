"""The read model `response_times`: how long visitors waited for what operators wrote or let out."""

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


class ResponseRow(msgspec.Struct, frozen=True, kw_only=True):
    """One reply or approved draft, at its place in the conversation (see `messages`)."""

    tenant: str
    conversation: str
    version: int
    index: int
    message: str
    kind: Literal["reply", "draft"]
    waited_since: datetime | None
    """The oldest of the visitor's messages that nobody had answered, or the request for a person
    that this is the first reply to; null where the visitor waited for nothing."""
    replied_at: datetime
    ms: int | None
    """From `waited_since` to `replied_at`."""
    operator: str
    operator_name: str
    first: bool
    """The operator's first since they took the conversation."""


class ReplyClock(msgspec.Struct, kw_only=True):
    """Who waits for what in a conversation; kept only while there is something to keep."""

    tenant: str
    conversation: str
    unanswered_since: datetime | None = None
    requested_at: datetime | None = None
    """A person was asked for, and none has said anything yet."""
    operator: str = ""
    replied: bool = False
    """The operator has, since they took it."""

    @property
    def idle(self) -> bool:
        return not (self.unanswered_since or self.requested_at or self.operator or self.replied)


RESPONSES = Table("response_times", ResponseRow, ("tenant", "conversation", "version", "index"))
CLOCKS = Table("reply_clocks", ReplyClock, ("tenant", "conversation"))


class ResponseTimesProjection:
    """Kind `conversation`, tables `response_times` (rows are added and never changed) and
    `reply_clocks`, which it counts with."""

    name = "response_times"
    version = 1
    kind: Kind = "conversation"
    tables = ("response_times", "reply_clocks")
    inexact: frozenset[str] = frozenset()
    batch_size = 500
    apply_timeout_s = 30.0

    def ddl(self) -> str:
        """See Projection.ddl."""
        return """
            CREATE TABLE response_times (
                tenant text NOT NULL,
                conversation text NOT NULL,
                version bigint NOT NULL,
                index int NOT NULL,
                message text NOT NULL,
                kind text NOT NULL,
                waited_since timestamptz,
                replied_at timestamptz NOT NULL,
                ms bigint,
                operator text NOT NULL,
                operator_name text NOT NULL,
                first boolean NOT NULL,
                PRIMARY KEY (tenant, conversation, version, index)
            );
            CREATE INDEX ON response_times (tenant, replied_at);
            CREATE TABLE reply_clocks (
                tenant text NOT NULL,
                conversation text NOT NULL,
                unanswered_since timestamptz,
                requested_at timestamptz,
                operator text NOT NULL,
                replied boolean NOT NULL,
                PRIMARY KEY (tenant, conversation)
            );
        """

    async def apply(self, connection: Connection, commits: Sequence[Commit]) -> None:
        """See Projection.apply."""
        keys: set[tuple[str, ...]] = {(c.stream.tenant, c.stream.id) for c in commits}
        kept = await CLOCKS.load(connection, keys)
        clocks = {
            key: kept.get(key) or ReplyClock(tenant=key[0], conversation=key[1]) for key in keys
        }
        rows = [
            row
            for commit in commits
            for row in take_in(clocks[commit.stream.tenant, commit.stream.id], commit)
        ]
        await RESPONSES.insert(connection, rows)
        running = [clocks[key] for key in sorted(keys) if not clocks[key].idle]
        await CLOCKS.upsert(connection, running)
        await CLOCKS.delete(connection, [key for key in sorted(kept) if clocks[key].idle])


def take_in(clock: ReplyClock, commit: Commit) -> list[ResponseRow]:
    """Change `clock` by one commit; the responses that the commit holds, in order."""
    rows: list[ResponseRow] = []
    names = {f.draft: f.operator_name for f in commit.facts if isinstance(f, e.DraftApproved)}
    for index, fact in enumerate(commit.facts):
        match fact:
            case e.MessageReceived():
                clock.unanswered_since = clock.unanswered_since or moment(fact.at)
            case e.OperatorReplied():
                rows.append(_response(clock, commit, index, fact, name=fact.operator_name))
            case e.AnswerRecorded() if fact.draft:
                name = names.get(fact.draft, "")
                rows.append(_response(clock, commit, index, fact, name=name))
            case e.AnswerRecorded():
                clock.unanswered_since = None
            case e.HandoffRequested():
                clock.requested_at = clock.requested_at or moment(fact.at)
            case e.ModeChanged():
                _changed_hands(clock, fact)
            case e.ConversationResolved():
                clock.unanswered_since = clock.requested_at = None
            case _:
                pass  # nothing that anybody waits for, or waited for
    return rows


def _changed_hands(clock: ReplyClock, fact: e.ModeChanged) -> None:
    owner = fact.operator if fact.mode != "ai" else ""
    if owner != clock.operator or not owner:
        clock.operator, clock.replied = owner, False
    if not owner:
        clock.requested_at = None


def _response(
    clock: ReplyClock,
    commit: Commit,
    index: int,
    fact: e.OperatorReplied | e.AnswerRecorded,
    *,
    name: str,
) -> ResponseRow:
    at = moment(fact.at)
    waits = [since for since in (clock.unanswered_since, clock.requested_at) if since is not None]
    since = min(waits, default=None)
    row = ResponseRow(
        tenant=commit.stream.tenant,
        conversation=commit.stream.id,
        version=commit.version,
        index=index,
        message=fact.message,
        kind="reply" if isinstance(fact, e.OperatorReplied) else "draft",
        waited_since=since,
        replied_at=at,
        ms=None if since is None else milliseconds(at - since),
        operator=fact.operator if isinstance(fact, e.OperatorReplied) else fact.approved_by,
        operator_name=name,
        first=not clock.replied,
    )
    clock.unanswered_since = clock.requested_at = None
    clock.replied = True
    return row
