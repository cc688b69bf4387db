"""The read model `citations`: which answer stood on which text, and from there back: who was
told this?

What a person said in the conversation may be a source too; it is no document, and left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from events import conversation as e
from events.log.event_log import Commit
from events.log.stream import Kind
from projections.engine.database import tenant_transaction
from projections.engine.projection import Connection
from projections.engine.rows import Table, as_ms, moment
from projections.read_models.operator_queries import BadPlace

PAGE_LIMIT = 200
SAID = "message:"
"""Begins the `chunk` of a source that is a message and no document."""


class CitationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One source of one answer. `version` and `index` are the answer's place, as in `messages`;
    `document_version` is 0 where the answer did not know it."""

    tenant: str
    conversation: str
    version: int
    index: int
    n: int
    message: str
    at: datetime
    chunk: str
    document: str
    document_version: int
    title: str
    quote: str
    url: str
    place: e.Place
    approved_by: str


CITATIONS = Table("citations", CitationRow, ("tenant", "conversation", "version", "index", "n"))


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One answer that cited the text asked about. `current`: the same text of the same document
    still answers. `at` in milliseconds since 1970, UTC; `approved_by` an operator's id."""

    conversation: str
    message: str
    at: int
    question: str
    answer: str
    quote: str
    title: str
    chunk: str
    document: str
    version: int
    place: e.Place
    current: bool
    visitor: str
    locale: str
    approved_by: str


class ToldPage(msgspec.Struct, frozen=True, kw_only=True):
    """`next` is the `before` of the following page; empty on the last one."""

    rows: tuple[Told, ...]
    next: str = ""


class CitationsProjection:
    """Kind `conversation`, table `citations`; rows are added, never changed."""

    name = "citations"
    version = 1
    kind: Kind = "conversation"
    tables = ("citations",)
    inexact: frozenset[str] = frozenset()
    batch_size = 500
    apply_timeout_s = 30.0

    def ddl(self) -> str:
        """See Projection.ddl. The indexes are the two ways to ask who was told."""
        return """
            CREATE TABLE citations (
                tenant text NOT NULL,
                conversation text NOT NULL,
                version bigint NOT NULL,
                index int NOT NULL,
                n int NOT NULL,
                message text NOT NULL,
                at timestamptz NOT NULL,
                chunk text COLLATE "C" NOT NULL,
                document text COLLATE "C" NOT NULL,
                document_version bigint NOT NULL,
                title text NOT NULL,
                quote text NOT NULL,
                url text NOT NULL,
                place jsonb NOT NULL,
                approved_by text NOT NULL,
                PRIMARY KEY (tenant, conversation, version, index, n)
            );
            CREATE INDEX ON citations (tenant, chunk, version);
            CREATE INDEX ON citations (tenant, document, version);
            COMMENT ON COLUMN citations.version IS 'of the answer''s commit in the log';
            COMMENT ON COLUMN citations.n IS 'the number that the answer cites it by';
        """

    async def apply(self, connection: Connection, commits: Sequence[Commit]) -> None:
        """See Projection.apply."""
        await CITATIONS.insert(connection, [row for commit in commits for row in cited_in(commit)])


def cited_in(commit: Commit) -> list[CitationRow]:
    """The citations of the answers in one commit, approved drafts among them; of sources with
    the same number the first."""
    rows: list[CitationRow] = []
    for index, fact in enumerate(commit.facts):
        if isinstance(fact, e.AnswerRecorded):
            numbered = {source.n: source for source in reversed(fact.sources)}
            rows += [
                _row(commit, index, fact, source)
                for _, source in sorted(numbered.items())
                if not source.chunk.startswith(SAID)
            ]
    return rows


def _row(commit: Commit, index: int, fact: e.AnswerRecorded, source: e.Source) -> CitationRow:
    return CitationRow(
        tenant=commit.stream.tenant,
        conversation=commit.stream.id,
        version=commit.version,
        index=index,
        n=source.n,
        message=fact.message,
        at=moment(fact.at),
        chunk=source.chunk,
        document=source.document,
        document_version=source.version,
        title=source.title,
        quote=source.quote,
        url=source.url,
        place=source.place or e.Place(),
        approved_by=fact.approved_by,
    )


_TOLD = """
    SELECT t.conversation, t.version, t.index, t.n, t.message, t.at, t.quote, t.title, t.chunk,
        t.document, t.document_version, t.place, t.approved_by, m.text AS answer, m.locale,
        c.visitor,
        coalesce((
            SELECT string_agg(q.text, E'\\n' ORDER BY q.version, q.index) FROM read.messages q
            WHERE q.tenant = $1 AND q.conversation = t.conversation AND q.author = 'visitor'
            AND m.in_reply_to ? q.message
        ), '') AS question,
        EXISTS (
            SELECT FROM read.chunks old JOIN read.chunks living ON living.tenant = $1
                AND living.text_hash = old.text_hash AND living.document = old.document
                AND living.closed_at IS NULL
            WHERE old.tenant = $1 AND old.chunk = t.chunk
        ) AS current
    FROM read.citations t
    JOIN read.messages m ON m.tenant = $1 AND m.conversation = t.conversation
        AND m.version = t.version AND m.index = t.index
    JOIN read.conversations c ON c.tenant = $1 AND c.conversation = t.conversation
    WHERE t.tenant = $1 AND ($2 = '' OR t.chunk = $2) AND ($3 = '' OR t.document = $3)
        AND ($4::bigint IS NULL OR t.document_version = $4)
        AND ($5::bigint IS NULL OR (t.version, t.index, t.n) < ($5, $6, $7))
    ORDER BY t.version DESC, t.index DESC, t.n DESC LIMIT $8
"""


async def told_page(
    pool: asyncpg.Pool,
    tenant: str,
    *,
    chunk: str = "",
    document: str = "",
    version: int | None = None,
    limit: int = 50,
    before: str = "",
) -> ToldPage:
    """Every answer that cited `chunk`, or `document` (in `version`, or in any), newest first, 200
    on a page at most. An answer that cited several of its chunks is there for each.

    `before` is the `next` of the page before. Raises BadPlace when it is none, ValueError when
    neither chunk nor document is named.
    """
    if not chunk and not document:
        raise ValueError("who was told what? name a chunk or a document")
    size = max(1, min(limit, PAGE_LIMIT))
    async with tenant_transaction(pool, tenant) as connection:
        rows = await connection.fetch(
            _TOLD, tenant, chunk, document, version, *_place(before), size + 1
        )
    page = tuple(map(_told, rows[:size]))
    if len(rows) <= size:
        return ToldPage(rows=page)
    last = rows[size - 1]
    return ToldPage(rows=page, next=f"{last['version']}.{last['index']}.{last['n']}")


def _place(before: str) -> tuple[int | None, int, int]:
    if not before:
        return None, 0, 0
    parts = before.split(".")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 19 for part in parts):
        raise BadPlace(f"{before!r} begins no place in this list")
    version, index, n = map(int, parts)
    return version, min(index, 2**31 - 1), min(n, 2**31 - 1)


def _told(row: asyncpg.Record) -> Told:
    columns = dict(row)
    columns["at"] = as_ms(row["at"])
    columns["version"] = row["document_version"]
    columns["place"] = msgspec.json.decode(row["place"])
    return msgspec.convert(columns, Told)
