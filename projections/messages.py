"""The read model `messages`: one row for each thing that was said, by whomever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from events import conversation as e
from events.log import Commit
from events.stream import Kind
from projections.projection import Connection
from projections.rows import Table, moment


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """`version` and `index` are the message's place: its commit, and the fact in it from 0."""

    tenant: str
    conversation: str
    version: int
    index: int
    message: str
    author: Literal["visitor", "assistant", "operator"]
    kind: str
    text: str
    at: datetime
    locale: str = ""
    turn: str | None = None
    operator: str | None = None
    in_reply_to: tuple[str, ...] = ()
    sources: tuple[e.Source, ...] = ()


MESSAGES = Table("messages", MessageRow, ("tenant", "conversation", "version", "index"))


class MessagesProjection:
    """Kind `conversation`, table `messages`; rows are added and never changed."""

    name = "messages"
    version = 1
    kind: Kind = "conversation"
    tables = ("messages",)
    inexact: frozenset[str] = frozenset()
    batch_size = 500
    apply_timeout_s = 30.0

    def ddl(self) -> str:
        """See Projection.ddl. `in_reply_to` is a list of message ids, `sources` of citations."""
        return """
            CREATE TABLE messages (
                tenant text NOT NULL,
                conversation text NOT NULL,
                version bigint NOT NULL,
                index int NOT NULL,
                message text NOT NULL,
                author text NOT NULL,
                kind text NOT NULL,
                text text NOT NULL,
                at timestamptz NOT NULL,
                locale text NOT NULL,
                turn text,
                operator text,
                in_reply_to jsonb NOT NULL,
                sources jsonb NOT NULL,
                PRIMARY KEY (tenant, conversation, version, index)
            );
        """

    async def apply(self, connection: Connection, commits: Sequence[Commit]) -> None:
        """See Projection.apply."""
        rows = [row for commit in commits for row in said_in(commit)]
        await MESSAGES.insert(connection, rows)


def said_in(commit: Commit) -> list[MessageRow]:
    """The messages that one commit holds, in order."""
    rows = (_message(commit, index, fact) for index, fact in enumerate(commit.facts))
    return [row for row in rows if row is not None]


def _message(commit: Commit, index: int, fact: e.Fact) -> MessageRow | None:
    match fact:
        case e.MessageReceived():
            return MessageRow(
                tenant=commit.stream.tenant,
                conversation=commit.stream.id,
                version=commit.version,
                index=index,
                message=fact.message,
                author="visitor",
                kind="message",
                text=fact.text,
                at=moment(fact.at),
                locale=fact.locale,
            )
        case e.AnswerRecorded():
            return MessageRow(
                tenant=commit.stream.tenant,
                conversation=commit.stream.id,
                version=commit.version,
                index=index,
                message=fact.message,
                author="assistant",
                kind=fact.kind,
                text=fact.text,
                at=moment(fact.at),
                locale=fact.locale,
                turn=fact.turn,
                in_reply_to=fact.in_reply_to,
                sources=fact.sources,
            )
        case e.OperatorReplied():
            return MessageRow(
                tenant=commit.stream.tenant,
                conversation=commit.stream.id,
                version=commit.version,
                index=index,
                message=fact.message,
                author="operator",
                kind="message",
                text=fact.text,
                at=moment(fact.at),
                operator=fact.operator,
            )
        case _:
            return None
