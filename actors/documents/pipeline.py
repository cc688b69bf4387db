"""Carries a document through: what is owed is done, said in the log, and looked at again.

Nothing is kept here between two stages but the log's own word, so whoever died is followed by
another who reads it and goes on. What came too late the decider drops.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec
import structlog

from actors.documents import decide as d
from actors.documents.embedding_spaces import Spaces
from actors.documents.index_settings import load_spaces
from actors.documents.ports import DependencyUnavailable, StageFailed
from actors.documents.progress import Progress, Publish
from actors.documents.stages import Stages
from actors.documents.state import Work
from actors.documents.stream import Standing, carry_out, load
from events.knowledge import DocumentFailed, KnowledgeFact, Stage
from events.log.event_log import EventLog, LogUnavailable
from events.log.stream import StreamName

PATIENCE_S = 600.0
"""How long a document waits for the embedder, the log or the object store before it is given up
for now; the message stays, and is tried again later."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 15.0

Part = Literal["fetch", "work"]
_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


def stage_of(step: d.Owed) -> Stage:
    match step:
        case d.Fetch():
            return "fetch"
        case d.Parse():
            return "parse"
        case d.Chunk():
            return "chunk"
        case d.Embed() | d.Index():
            return "index"


class Reached(msgspec.Struct, frozen=True):
    """Where the document stands: nothing is owed through `version`, or `step` is what is next."""

    version: int
    step: d.Owed | None = None


def part_of(step: d.Owed) -> Part:
    """Who fetches waits, for a host; who works needs this machine."""
    return "fetch" if isinstance(step, d.Fetch) else "work"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`now` is ms since 1970, UTC."""

    log: EventLog
    stages: Stages
    publish: Publish
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    patience_s: float = PATIENCE_S

    async def work(self, stream: StreamName, *, only: Part | None = None) -> Reached:
        """Do all that is owed to the document; with `only` as long as that is of this part.

        Raises LogUnavailable when the log or the object store stays away, CorruptStream,
        UnknownFact.
        """
        standing = await self._patiently(lambda: load(self.log, stream))
        before = standing.state.answers
        while True:
            spaces = await self._patiently(lambda: load_spaces(self.log, stream.tenant))
            step = d.owed(standing.state, spaces.active)
            if step is None and only != "fetch":
                standing = await self._in_other_spaces(stream, standing, before, spaces)
            if step is None or only not in (None, part_of(step)):
                return Reached(standing.head.version, step)
            facts = await self._facts(step, before)
            record = d.Record(version=step.work.version, facts=facts)
            standing = await self._append(stream, record, standing)

    async def _in_other_spaces(
        self, stream: StreamName, standing: Standing, before: Work | None, spaces: Spaces
    ) -> Standing:
        """Vectors for the spaces that are not searched in. The document answers already: what
        fails here fails nothing, and is waited for only where it is searched in by now."""
        for step in d.wanting(standing.state, spaces.open):
            patience = self.patience_s if step.space == spaces.active else 0.0
            try:
                facts = await self._done(step, before, patience)
            except (StageFailed, DependencyUnavailable) as error:
                where = {"document": stream.subject, "space": step.space}
                _log.warning("not embedded in an open space", why=str(error), **where)
                continue
            record = d.Record(version=step.work.version, facts=facts)
            standing = await self._append(stream, record, standing)
        return standing

    async def give_up(self, stream: StreamName, reason: str) -> Reached:
        """Whoever worked at it died each time: it is said to have failed. Returns and raises as
        `work` does."""
        standing = await load(self.log, stream)
        active = (await load_spaces(self.log, stream.tenant)).active
        step = d.owed(standing.state, active)
        if step is None:
            return Reached(standing.head.version)
        failed = self._failed(step, StageFailed(stage_of(step), "crashed", reason))
        record = d.Record(version=step.work.version, facts=(failed,))
        return Reached((await self._append(stream, record, standing)).head.version)

    async def _done(
        self, step: d.Owed, before: Work | None, patience: float
    ) -> tuple[KnowledgeFact, ...]:
        progress, at = Progress(self.publish, step.work), self.now()
        return await self._patiently(
            lambda: self.stages.do(step, before, at=at, progress=progress), patience
        )

    async def _facts(self, step: d.Owed, before: Work | None) -> tuple[KnowledgeFact, ...]:
        """What the stage brings; a failure is a fact too."""
        try:
            return await self._done(step, before, self.patience_s)
        except StageFailed as error:
            return (self._failed(step, error),)
        except DependencyUnavailable as error:
            reason = (
                f"{error} It was tried for {self.patience_s / 60:.0f} minutes: ingest it again."
            )
            stage = stage_of(step)
            code = "fetch_failed" if stage == "fetch" else "embedder_failed"
            return (self._failed(step, StageFailed(stage, code, reason)),)

    def _failed(self, step: d.Owed, error: StageFailed) -> DocumentFailed:
        asked = step.work.asked
        _log.info("document failed", document=asked.document, stage=error.stage, code=error.code)
        return DocumentFailed(
            at=self.now(),
            version=step.work.version,
            stage=error.stage,
            code=error.code,
            reason=error.reason,
            where=error.where,
        )

    async def _append(self, stream: StreamName, record: d.Record, known: Standing) -> Standing:
        return (await self._patiently(lambda: carry_out(self.log, stream, record, known=known)))[0]

    async def _patiently(
        self, attempt: Callable[[], Awaitable[_T]], patience: float | None = None
    ) -> _T:
        """Tried again while what it stands on is away. Raises what it raised last."""
        deadline = time.monotonic() + (self.patience_s if patience is None else patience)
        pause = FIRST_PAUSE_S
        while True:
            try:
                return await attempt()
            except (LogUnavailable, DependencyUnavailable) as error:
                if time.monotonic() + pause >= deadline:
                    raise
                _log.info("document waits", why=str(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
