"""A tenant's embedding spaces and chunk settings, read from and written to its index stream."""

from __future__ import annotations

import hashlib

import msgspec

from actors.documents.embedding_spaces import IndexCommand, Spaces, decide, fold
from actors.documents.stream import ATTEMPTS
from events.log.event_log import EMPTY, EventLog, Head, NewCommit, VersionConflict
from events.log.stream import index_stream


async def load_spaces(log: EventLog, tenant: str, *, before: int | None = None) -> Spaces:
    """As they stand now, or stood when the commit `before` was made: all knowledge shares one
    order. Raises LogUnavailable, CorruptStream, UnknownFact."""
    return (await _load(log, tenant, before))[0]


async def change_index(log: EventLog, tenant: str, command: IndexCommand) -> bool:
    """Append what `command` comes to; False when it was so already.

    Raises SpaceRefused, LogUnavailable, CorruptStream, UnknownFact, and VersionConflict when
    others were first each time.
    """
    stream = index_stream(tenant)
    for attempt in range(1, ATTEMPTS + 1):
        spaces, head = await _load(log, tenant, None)
        facts = decide(spaces, command)
        if not facts:
            return False
        said = msgspec.json.encode([msgspec.structs.replace(fact, at=0) for fact in facts])
        digest = hashlib.sha256(said + str(head.version).encode()).hexdigest()
        new = NewCommit(commit_id=f"index-{digest[:32]}", facts=facts)
        try:
            await log.append(stream, new, expected=head)
        except VersionConflict:
            if attempt == ATTEMPTS:
                raise
        else:
            return True
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _load(log: EventLog, tenant: str, before: int | None) -> tuple[Spaces, Head]:
    spaces, head = Spaces(), EMPTY
    for commit in await log.load(index_stream(tenant)):
        if before is not None and commit.version > before:
            break
        spaces, head = fold(spaces, commit.version, commit.facts), commit.head
    return spaces, head
