"""A document's stream, read and written: load, decide, append, and decide again when another
writer was first."""

from __future__ import annotations

import hashlib
from typing import cast

import msgspec

from actors.documents.decide import DocumentCommand, decide
from actors.documents.state import UNKNOWN, DocumentState, evolve
from events.knowledge import KnowledgeFact
from events.log import EMPTY, Commit, EventLog, Head, NewCommit, VersionConflict
from events.stream import StreamName

ATTEMPTS = 8
"""Writers of one document who come at the same moment: more than this is a fault elsewhere."""


class Standing(msgspec.Struct, frozen=True):
    """A document as its stream says, and where that stream ends."""

    state: DocumentState = UNKNOWN
    head: Head = EMPTY

    def after(self, commit: Commit) -> Standing:
        state = self.state
        for fact in commit.facts:
            state = evolve(state, cast(KnowledgeFact, fact), commit.version)
        return Standing(state, commit.head)


async def load(log: EventLog, stream: StreamName) -> Standing:
    """Raises LogUnavailable, CorruptStream, UnknownFact."""
    standing = Standing()
    for commit in await log.load(stream):
        standing = standing.after(commit)
    return standing


async def carry_out(
    log: EventLog,
    stream: StreamName,
    command: DocumentCommand,
    *,
    known: Standing | None = None,
) -> tuple[Standing, bool]:
    """Append what `command` comes to; says how the document stands then, and whether anything
    changed. `known` spares the first read.

    Raises DocumentRefused, LogUnavailable, CorruptStream, UnknownFact, and VersionConflict when
    others were first each time.
    """
    standing = known if known is not None else await load(log, stream)
    for attempt in range(1, ATTEMPTS + 1):
        facts = decide(standing.state, command)
        if not facts:
            return standing, False
        try:
            commit = await log.append(stream, _commit(facts, standing.head), expected=standing.head)
        except VersionConflict:
            if attempt == ATTEMPTS:
                raise
            standing = await load(log, stream)
        else:
            return standing.after(commit), True
    raise AssertionError("unreachable: the last attempt returns or raises")


def _commit(facts: tuple[KnowledgeFact, ...], head: Head) -> NewCommit:
    """The same facts after the same commit are the same commit, whoever says them, and when."""
    said = msgspec.json.encode([msgspec.structs.replace(fact, at=0) for fact in facts])
    digest = hashlib.sha256(said + str(head.version).encode()).hexdigest()
    return NewCommit(commit_id=f"document-{digest[:32]}", facts=facts)
