"""A document's stream, read and written: load, decide, append, and decide again when another
writer was first."""

from __future__ import annotations

import hashlib
from typing import cast

import msgspec

from actors.documents.decide import (
    DocumentCommand,
    Record,
    Reingest,
    Remove,
    Request,
    Submit,
    decide,
)
from actors.documents.state import UNKNOWN, DocumentState, evolve
from events.knowledge import KnowledgeFact
from events.log.event_log import EMPTY, Commit, EventLog, Head, NewCommit, VersionConflict
from events.log.stream import StreamName

_KEYED = "key-"
ATTEMPTS = 8
"""Writers of one document who come at the same moment: more than this is a fault elsewhere."""


class Standing(msgspec.Struct, frozen=True):
    """A document as its stream says, and where that stream ends."""

    state: DocumentState = UNKNOWN
    head: Head = EMPTY
    keyed: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """Where the commits of commands that came with an idempotency key stand, by commit id."""

    def after(self, commit: Commit) -> Standing:
        state, keyed = self.state, self.keyed
        for fact in commit.facts:
            state = evolve(state, cast(KnowledgeFact, fact), commit.version)
        if commit.commit_id.startswith(_KEYED):
            keyed = {**keyed, commit.commit_id: commit.version}
        return Standing(state, commit.head, keyed)


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
    key: str = "",
) -> tuple[Standing, bool]:
    """Append what `command` comes to; says how the document stands then, and whether anything
    changed. `known` spares the first read. The same command with the same `key` is carried out
    once, whatever happened to the document since.

    Raises DocumentRefused, LogUnavailable, CorruptStream, UnknownFact, and VersionConflict when
    others were first each time.
    """
    standing = known if known is not None else await load(log, stream)
    keyed = keyed_id(command, key) if key else ""
    for attempt in range(1, ATTEMPTS + 1):
        if keyed in standing.keyed:
            return standing, False
        facts = decide(standing.state, command)
        if not facts:
            return standing, False
        new = _commit(facts, standing.head, keyed)
        try:
            commit = await log.append(stream, new, expected=standing.head)
        except VersionConflict:
            if attempt == ATTEMPTS:
                raise
            standing = await load(log, stream)
        else:
            return standing.after(commit), True
    raise AssertionError("unreachable: the last attempt returns or raises")


def keyed_id(command: DocumentCommand, key: str) -> str:
    """The commit id of `command` with this idempotency key: when it is given, and by whom, is no
    part of what is asked for."""
    said = command
    match command:
        case Submit(submission):
            said = Submit(msgspec.structs.replace(submission, at=0, by=""))
        case Request(request):
            said = Request(msgspec.structs.replace(request, at=0, by=""), command.since)
        case Reingest() | Remove():
            said = msgspec.structs.replace(command, at=0, by="")
        case Record():
            pass
    digest = hashlib.sha256(f"{type(said).__name__}\n{key}\n".encode())
    digest.update(msgspec.json.encode(said))
    return f"{_KEYED}{digest.hexdigest()[:32]}"


def _commit(facts: tuple[KnowledgeFact, ...], head: Head, keyed: str) -> NewCommit:
    """The same facts after the same commit are the same commit, whoever says them, and when."""
    said = msgspec.json.encode([msgspec.structs.replace(fact, at=0) for fact in facts])
    digest = hashlib.sha256(said + str(head.version).encode()).hexdigest()
    return NewCommit(commit_id=keyed or f"document-{digest[:32]}", facts=facts)
