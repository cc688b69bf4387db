"""Commits for tests, in one line each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from events.conversation import MessageReceived, TurnBegun
from events.log.chain import START
from events.log.event_log import Commit, EventLog, Head, NewCommit
from events.log.stream import StreamName

NOW = 1_767_225_600_000
PATIENCE_S = 20.0


def message(number: int, text: str = "hello") -> MessageReceived:
    return MessageReceived(at=NOW + number, message=f"m{number}", text=text)


def turn(number: int) -> TurnBegun:
    return TurnBegun(at=NOW + number, turn=f"t{number}", epoch=1, answers=(f"m{number}",))


def new_commit(number: int, *facts: MessageReceived | TurnBegun, commit_id: str = "") -> NewCommit:
    return NewCommit(
        commit_id=commit_id or f"commit-{number}",
        facts=facts or (message(number),),
        correlation_id=f"m{number}",
        causation_id=f"command-{number}",
    )


async def append_many(
    log: EventLog, stream: StreamName, count: int, *, after: Head = START
) -> list[Commit]:
    commits = []
    for number in range(after.number + 1, after.number + count + 1):
        commits.append(await log.append(stream, new_commit(number), expected=after))
        after = commits[-1].head
    return commits


async def take(source: AsyncIterator, count: int) -> list:
    """The next `count` items, or TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        return [await anext(source) for _ in range(count)]
