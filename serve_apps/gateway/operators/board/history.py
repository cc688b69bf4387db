"""A conversation as the log has it, read page by page: folded, as frames, as JSON Lines."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import cast

import msgspec

from actors.conversation.decide import State, fold, initial
from events.conversation import ConversationFact
from events.json_lines import commit_lines, state_line
from events.log.event_log import EMPTY, Commit, EventLog
from events.log.stream import StreamName
from projections.read_models.queue import QueueRow, taken_in
from serve_apps.gateway.operators.frames import CommitFrame

PAGE_COMMITS = 1000


class Folded(msgspec.Struct, frozen=True):
    """As it stood at `version`, its last commit then."""

    row: QueueRow
    state: State
    version: int


async def pages(log: EventLog, stream: StreamName) -> AsyncGenerator[Sequence[Commit]]:
    """All commits, oldest first, so many at once that others get their turn between.
    Raises what EventLog.load does."""
    head = EMPTY
    while commits := await log.load(stream, after=head, limit=PAGE_COMMITS):
        yield commits
        head = commits[-1].head
        if len(commits) < PAGE_COMMITS:
            return


async def folded(log: EventLog, stream: StreamName, version: int | None = None) -> Folded | None:
    """The conversation as it stands, or as it stood at `version`; None when it had not begun.
    Raises what EventLog.load does."""
    row: QueueRow | None = None
    state = initial(stream.tenant, stream.id)
    async for commits in pages(log, stream):
        for commit in commits:
            if version is not None and commit.version > version:
                return _folded(row, state)
            row = taken_in(row, commit)
            state = fold(state, commit.version, commit.facts)
    return _folded(row, state)


def _folded(row: QueueRow | None, state: State) -> Folded | None:
    return None if row is None else Folded(row, state, row.version)


def commit_frame(commit: Commit) -> CommitFrame:
    """A commit of a conversation as operators' programs read it."""
    return CommitFrame(
        conversation=commit.stream.id,
        version=commit.version,
        number=commit.number,
        commit=commit.commit_id,
        hash=commit.hash,
        previous_hash=commit.previous_hash,
        correlation=commit.correlation_id,
        causation=commit.causation_id,
        facts=cast("tuple[ConversationFact, ...]", commit.facts),
    )


async def exported(
    stream: StreamName, read: AsyncGenerator[Sequence[Commit]]
) -> AsyncGenerator[bytes]:
    """`pages` as JSON Lines, a page at once; State as it stands at their end comes last."""
    state = initial(stream.tenant, stream.id)
    async for commits in read:
        lines: list[bytes] = []
        for commit in commits:
            lines.extend(commit_lines(commit))
            state = fold(state, commit.version, commit.facts)
        yield b"\n".join(lines) + b"\n"
    yield state_line(state) + b"\n"
