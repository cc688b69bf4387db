"""What a projection is: the protocol that every read model fits, and what may go wrong.

A projection is fed by a *lane*: one reader of the log that hands it commits in log order. The
rows of one batch and the checkpoint are written in one transaction (`runner`), so
each build of a projection takes in every commit exactly once, whoever dies in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from events.log.event_log import Commit
from events.log.stream import Kind

Connection: TypeAlias = asyncpg.Connection | PoolConnectionProxy
"""What a pool lends, or what `asyncpg.connect` gives."""


class Projection(Protocol):
    """One read model: its tables, and how commits become rows.

    It must be deterministic: no clock, no randomness, no sequence numbers of the database.
    What goes into a row comes from the commits and from rows of the same build, so that a
    rebuild equals the live build row for row.
    """

    @property
    def name(self) -> str:
        """Names the build's schema and the checkpoint: `[a-z][a-z0-9_]*`, 40 characters at most."""
        ...

    @property
    def version(self) -> int:
        """The schema version, from 1. A new one is built beside the old one, then swapped in."""
        ...

    @property
    def kind(self) -> Kind:
        """The kind of streams it reads: one JetStream stream, all tenants."""
        ...

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that `ddl` creates; each gets a view of its name in the schema `read`.

        Each has a column `tenant text not null`; row-level security is put on it by the runner.
        """
        ...

    @property
    def inexact(self) -> frozenset[str]:
        """Columns (`table.column`) that a rebuild compares for null or not null only.

        For figures that arithmetic cannot give twice to the last bit (an embedding computed in
        another batch). Empty for everything else.
        """
        ...

    @property
    def batch_size(self) -> int:
        """Commits in one transaction at most."""
        ...

    @property
    def apply_timeout_s(self) -> float:
        """How long `apply` may take for one batch, embedding and all, before it counts as stuck."""
        ...

    def ddl(self) -> str:
        """CREATE TABLE and CREATE INDEX statements with bare names, no BEGIN or COMMIT.

        They run once in the build's own, empty schema, which is first on the search path (the
        extension `vector` is found too).
        """
        ...

    async def apply(self, connection: Connection, commits: Sequence[Commit]) -> None:
        """Write the rows of `commits` (oldest first, never one that was applied before).

        Runs in a transaction with the build's schema first on the search path, as the role
        `tandem_writer`; it must not begin, commit or roll back, nor name a schema. jsonb travels
        as text (str); vectors travel as `pgvector` values. What it raises ends the batch: nothing
        of it is kept, the lane stops, says so, and reads again from the checkpoint.
        """
        ...


class ProjectionError(Exception):
    """Base of what a projection's runner may raise."""


class VersionGap(ProjectionError):
    """A batch begins behind the checkpoint's next place: something between was not delivered."""

    def __init__(self, projection: str, checkpoint: int, after: int) -> None:
        super().__init__(
            f"{projection}: the checkpoint is {checkpoint}, but the batch begins after {after}"
        )
        self.checkpoint, self.after = checkpoint, after


class OrphanFact(ProjectionError):
    """A fact about something that never began: an earlier one is missing from the log."""
