"""The read model `gaps`: questions that the knowledge did not answer, and alike ones together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import numpy as np

from events import conversation as e
from events.log.event_log import Commit
from events.log.stream import Kind
from projections.engine.database import tenant_transaction
from projections.engine.projection import Connection
from projections.engine.rows import Table, as_ms, moment

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUESTIONS_LIMIT = 1000
ALIKE = 0.6
"""From this cosine on two questions are taken to ask the same (docs/decisions/0033)."""
EXAMPLES = 5


class GapRow(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that said that it does not know. `version` and `index` are its place, as in
    `messages`; `cosine` is how near the nearest text came, null where the generator failed the
    question; `searched` is what was searched for, where that is not what the visitor wrote."""

    tenant: str
    conversation: str
    version: int
    index: int
    turn: str
    message: str
    at: datetime
    locale: str
    reason: str
    cosine: float | None
    searched: str


GAPS = Table("gaps", GapRow, ("tenant", "conversation", "version", "index"))


class Unanswered(msgspec.Struct, frozen=True, kw_only=True):
    """A question that found nothing. `at` in milliseconds since 1970, UTC."""

    question: str
    searched: str
    """The question with what it refers to; the question itself where that is all."""
    conversation: str
    message: str
    at: int
    locale: str
    reason: str
    cosine: float | None


class Example(msgspec.Struct, frozen=True, kw_only=True):
    question: str
    conversation: str
    at: int


class GapGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Questions that ask the same. `question` is the one nearest to all of them."""

    question: str
    count: int
    last_at: int
    examples: tuple[Example, ...]
    """The newest first."""


class GapsProjection:
    """Kind `conversation`, table `gaps`; rows are added, never changed."""

    name = "gaps"
    version = 1
    kind: Kind = "conversation"
    tables = ("gaps",)
    inexact: frozenset[str] = frozenset()
    batch_size = 500
    apply_timeout_s = 30.0

    def ddl(self) -> str:
        """See Projection.ddl."""
        return """
            CREATE TABLE gaps (
                tenant text NOT NULL,
                conversation text NOT NULL,
                version bigint NOT NULL,
                index int NOT NULL,
                turn text NOT NULL,
                message text NOT NULL,
                at timestamptz NOT NULL,
                locale text NOT NULL,
                reason text NOT NULL,
                cosine double precision,
                searched text NOT NULL,
                PRIMARY KEY (tenant, conversation, version, index)
            );
            CREATE INDEX ON gaps (tenant, at);
        """

    async def apply(self, connection: Connection, commits: Sequence[Commit]) -> None:
        """See Projection.apply."""
        await GAPS.insert(connection, [row for commit in commits for row in gaps_in(commit)])


def gaps_in(commit: Commit) -> list[GapRow]:
    """The answers in one commit that said that they do not know, approved drafts among them."""
    return [
        _row(commit, index, fact)
        for index, fact in enumerate(commit.facts)
        if isinstance(fact, e.AnswerRecorded) and fact.kind == "unknown"
    ]


def _row(commit: Commit, index: int, fact: e.AnswerRecorded) -> GapRow:
    cosine = fact.guard.get("cosine")
    return GapRow(
        tenant=commit.stream.tenant,
        conversation=commit.stream.id,
        version=commit.version,
        index=index,
        turn=fact.turn,
        message=fact.message,
        at=moment(fact.at),
        locale=fact.locale,
        reason=str(fact.guard.get("reason") or fact.guard.get("dropped") or ""),
        cosine=float(cosine) if isinstance(cosine, int | float) else None,
        searched=fact.cost.searched,
    )


_UNANSWERED = """
    SELECT g.conversation, g.message, g.at, g.locale, g.reason, g.cosine, q.question,
        coalesce(nullif(g.searched, ''), q.question) AS searched
    FROM read.gaps g
    JOIN read.messages m ON m.tenant = $1 AND m.conversation = g.conversation
        AND m.version = g.version AND m.index = g.index
    CROSS JOIN LATERAL (
        SELECT string_agg(q.text, E'\\n' ORDER BY q.version, q.index) AS question
        FROM read.messages q
        WHERE q.tenant = $1 AND q.conversation = g.conversation AND q.author = 'visitor'
        AND m.in_reply_to ? q.message
    ) q
    WHERE g.tenant = $1 AND g.at >= $2 AND q.question IS NOT NULL
    ORDER BY g.at DESC, g.version DESC, g.index DESC LIMIT $3
"""


async def unanswered(
    pool: asyncpg.Pool, tenant: str, *, since: int, limit: int = 500
) -> list[Unanswered]:
    """Questions since `since` (ms since 1970, UTC) that found nothing, newest first, 1,000 at
    most."""
    size = max(1, min(limit, QUESTIONS_LIMIT))
    async with tenant_transaction(pool, tenant) as connection:
        rows = await connection.fetch(_UNANSWERED, tenant, moment(since), size)
    return [msgspec.convert(dict(row) | {"at": as_ms(row["at"])}, Unanswered) for row in rows]


def grouped(
    questions: Sequence[Unanswered], vectors: NDArray[np.float32], threshold: float = ALIKE
) -> list[GapGroup]:
    """Questions that ask the same, together; the largest group first.

    `vectors` are the unit vectors of what each question searched for, shape (questions,
    dimensions). The question with the most others within `threshold` (a cosine) gathers them,
    then the next of what is left: each question is in one group, and none is far from its middle.
    """
    if not questions:
        return []
    alike = (vectors @ vectors.T) >= threshold
    np.fill_diagonal(alike, val=True)  # a vector of zeros is not even like itself
    reach = alike.sum(axis=1)
    groups: list[list[int]] = []
    while reach.max() > 0:
        middle = int(reach.argmax())  # of equals the newest
        members = np.flatnonzero(alike[middle] & (reach > 0))
        groups.append(members.tolist())
        reach -= alike[:, members].sum(axis=1)
        reach[members] = 0
    found = [_group([questions[at] for at in group], vectors[group]) for group in groups]
    return sorted(found, key=lambda group: (-group.count, -group.last_at, group.question))


def _group(questions: Sequence[Unanswered], vectors: NDArray[np.float32]) -> GapGroup:
    nearest = int((vectors @ vectors.sum(axis=0)).argmax())
    newest = sorted(questions, key=lambda each: -each.at)
    return GapGroup(
        question=questions[nearest].searched,
        count=len(questions),
        last_at=newest[0].at,
        examples=tuple(
            Example(question=each.question, conversation=each.conversation, at=each.at)
            for each in newest[:EXAMPLES]
        ),
    )
