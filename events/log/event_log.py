"""The log: append, load, subscribe. Its contract, its errors; no I/O here.

A *commit* is all facts of one decision, appended as one message, so a decision is
atomic on any server. A stream's *version* is the stream sequence of its last commit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from events.conversation import Fact
from events.log.stream import Kind, StreamName

GENESIS_HASH = ""


class Head(msgspec.Struct, frozen=True):
    """Where a stream ends: what an append expects, and what links the chain.

    `version` is 0, `number` 0 and `hash` empty for a stream with no commit.
    """

    version: int = 0
    number: int = 0
    hash: str = GENESIS_HASH


EMPTY = Head()


class NewCommit(msgspec.Struct, frozen=True, kw_only=True):
    """What a writer appends. `commit_id` is its idempotency key: 1 to 128 characters."""

    commit_id: str
    facts: tuple[Fact, ...]
    correlation_id: str = ""
    """The id of the visitor's message (or other outside cause) that all of this serves."""
    causation_id: str = ""
    """The id of the command or commit that caused this one."""


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """What the log keeps: facts with their place in the stream and their chain."""

    stream: StreamName
    version: int
    number: int
    """Counts this stream's commits from 1, without holes."""
    commit_id: str
    hash: str
    """sha256 (hex) of the commit's payload."""
    previous_hash: str
    facts: tuple[Fact, ...]
    correlation_id: str = ""
    causation_id: str = ""

    @property
    def head(self) -> Head:
        return Head(self.version, self.number, self.hash)


class LogError(Exception):
    """Base of what a log may raise."""


class VersionConflict(LogError):
    """Another writer was first: reload and decide again."""

    def __init__(self, stream: StreamName, expected: int, actual: int | None) -> None:
        super().__init__(f"{stream.subject}: expected version {expected}, found {actual}")
        self.stream, self.expected, self.actual = stream, expected, actual


class LogUnavailable(LogError):
    """No answer in time: whether the commit is stored is not known. Ask again with its id."""


class CorruptStream(LogError):
    """A hole or a fork in a stream's chain, or a payload that cannot be read."""


class UnknownFact(LogError):
    """An event type that this program does not know: a newer program wrote it."""


class EventLog(Protocol):
    """The port. Implementations: `events.jetstream.log.JetStreamLog`, `memory.MemoryLog`."""

    async def append(self, stream: StreamName, new: NewCommit, *, expected: Head) -> Commit:
        """Store `new` after `expected`, durably, once.

        Appending the same `commit_id` again returns the stored commit, when it is the
        stream's last. Raises VersionConflict, LogUnavailable.
        """
        ...

    async def load(
        self, stream: StreamName, *, after: Head = EMPTY, limit: int | None = None
    ) -> Sequence[Commit]:
        """The commits after `after`, oldest first, the chain checked against `after`.

        When `after.number` is 0 and `after.version` is not, the place is known only by its
        version (a client's `after`), and the chain is checked from the first commit read on.
        Raises CorruptStream, UnknownFact, LogUnavailable.
        """
        ...

    async def last(self, stream: StreamName) -> Commit | None:
        """The stream's newest commit, read from the leader."""
        ...

    def subscribe(self, kind: Kind, *, after: int = 0) -> AsyncIterator[Commit]:
        """Every commit of `kind` over all tenants, in log order from version `after` + 1, and
        then the new ones as they come. Ends when the iterator is closed."""
        ...
