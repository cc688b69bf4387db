"""The read model `messages`: one row for each thing that was said, by whomever, and the words that
conversations are found by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from events import conversation as e
from events.log.event_log import Commit
from events.log.stream import Kind
from projections.engine.projection import Connection
from projections.engine.rows import Table, moment
from projections.read_models.words import words_of

Author = Literal["visitor", "assistant", "operator", "system", "note"]
"""`system` is the house itself; a `note` is for operators only and never reaches a visitor."""


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """`version` and `index` are the message's place: its commit, and the fact in it from 0.

    `kind` is the answer's kind, or the notice's. `operator` wrote it, or approved it, or is whom
    the notice is about.
    """

    tenant: str
    conversation: str
    version: int
    index: int
    message: str
    author: Author
    kind: str
    text: str
    at: datetime
    locale: str = ""
    turn: str | None = None
    operator: str | None = None
    operator_name: str | None = None
    in_reply_to: tuple[str, ...] = ()
    sources: tuple[e.Source, ...] = ()


MESSAGES = Table("messages", MessageRow, ("tenant", "conversation", "version", "index"))
_ADD_WORDS = """
    INSERT INTO message_words (tenant, conversation, word)
    SELECT tenant, conversation, unnest(string_to_array(words, ' '))
    FROM unnest($1::text[], $2::text[], $3::text[]) AS found (tenant, conversation, words)
    ON CONFLICT DO NOTHING
"""


class MessagesProjection:
    """Kind `conversation`, tables `messages` and `message_words`; rows are added, never changed.

    `message_words` and no text-search vector: behind row-level security Postgres uses an index
    only with operators that it knows to leak nothing, and `@@` is none of them.
    """

    name = "messages"
    version = 2
    kind: Kind = "conversation"
    tables = ("messages", "message_words")
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
                operator_name text,
                in_reply_to jsonb NOT NULL,
                sources jsonb NOT NULL,
                PRIMARY KEY (tenant, conversation, version, index)
            );
            CREATE TABLE message_words (
                tenant text NOT NULL,
                word text COLLATE "C" NOT NULL,
                conversation text NOT NULL,
                PRIMARY KEY (tenant, word, conversation)
            );
        """

    async def apply(self, connection: Connection, commits: Sequence[Commit]) -> None:
        """See Projection.apply."""
        rows = [row for commit in commits for row in said_in(commit)]
        await MESSAGES.insert(connection, rows)
        words: dict[tuple[str, str], set[str]] = {}
        for row in rows:
            if row.author != "system":
                words.setdefault((row.tenant, row.conversation), set()).update(words_of(row.text))
        found = [(*key, " ".join(sorted(words[key]))) for key in sorted(words) if words[key]]
        if found:
            await connection.execute(_ADD_WORDS, *map(list, zip(*found, strict=True)))


def said_in(commit: Commit) -> list[MessageRow]:
    """The messages that one commit holds, in order."""
    rows = (_message(commit, index, fact) for index, fact in enumerate(commit.facts))
    return [row for row in rows if row is not None]


def _message(commit: Commit, index: int, fact: e.Fact) -> MessageRow | None:
    match fact:
        case e.MessageReceived():
            return _row(
                commit, index, fact, message=fact.message, author="visitor", locale=fact.locale
            )
        case e.AnswerRecorded():
            return _row(
                commit,
                index,
                fact,
                message=fact.message,
                author="assistant",
                kind=fact.kind,
                locale=fact.locale,
                turn=fact.turn,
                operator=fact.approved_by or None,
                operator_name=_approver(commit, fact),
                in_reply_to=fact.in_reply_to,
                sources=fact.sources,
            )
        case e.OperatorReplied():
            return _row(
                commit,
                index,
                fact,
                message=fact.message,
                author="operator",
                operator=fact.operator,
                operator_name=fact.operator_name,
            )
        case e.NoticePosted():
            return _row(
                commit,
                index,
                fact,
                message=fact.message,
                author="system",
                kind=fact.notice,
                locale=fact.locale,
                operator=fact.operator or None,
                operator_name=fact.operator_name or None,
            )
        case e.NoteAdded():
            return _row(
                commit,
                index,
                fact,
                message=fact.note,
                author="note",
                operator=fact.operator,
                operator_name=fact.operator_name,
            )
        case _:
            return None


_Said = e.MessageReceived | e.AnswerRecorded | e.OperatorReplied | e.NoticePosted | e.NoteAdded


def _row(
    commit: Commit,
    index: int,
    fact: _Said,
    *,
    message: str,
    author: Author,
    kind: str = "message",
    locale: str = "",
    turn: str | None = None,
    operator: str | None = None,
    operator_name: str | None = None,
    in_reply_to: tuple[str, ...] = (),
    sources: tuple[e.Source, ...] = (),
) -> MessageRow:
    return MessageRow(
        tenant=commit.stream.tenant,
        conversation=commit.stream.id,
        version=commit.version,
        index=index,
        message=message,
        author=author,
        kind=kind,
        text=fact.text,
        at=moment(fact.at),
        locale=locale,
        turn=turn,
        operator=operator,
        operator_name=operator_name,
        in_reply_to=in_reply_to,
        sources=sources,
    )


def _approver(commit: Commit, answer: e.AnswerRecorded) -> str | None:
    """Who let a drafted answer out; the approval stands in the same commit."""
    if not answer.draft:
        return None
    return next(
        (
            fact.operator_name
            for fact in commit.facts
            if isinstance(fact, e.DraftApproved) and fact.draft == answer.draft
        ),
        None,
    )
