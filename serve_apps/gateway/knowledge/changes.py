"""What happens to documents, for those who watch: how far each has come, and its row whenever
that changes.

Progress comes as live frames and may be lost. Rows are the truth: the log says which document
changed, and once the read model has come so far the row is read, so that nothing that was told is
ever older than what a list shows. One reader of the log serves all tenants that are watched; with
nobody watching nothing is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import structlog

from events.live.frames import DocumentProgress, LiveFeed
from events.log.event_log import EventLog, LogError, LogUnavailable
from events.log.stream import documents_live
from projections.knowledge.documents import UnknownDocument
from serve_apps.gateway.knowledge.ports import KnowledgePorts
from serve_apps.gateway.knowledge.shapes import (
    DocumentView,
    ProgressView,
    document_view,
    progress_view,
)
from serve_apps.gateway.operators.board.readings import READ_TIMEOUT_S, ReadingsUnavailable
from serve_apps.gateway.shared.outbox import Outbox

AT_ONCE = 50
"""Rows that are read between two pauses: a whole folder at once must not keep Postgres busy."""
_AGAIN_S = 1.0

_log = structlog.get_logger(__name__)

Change = DocumentView | ProgressView


class DocumentChanges:
    """One for a gateway. `close` it."""

    def __init__(
        self, ports: KnowledgePorts, log: EventLog, live: LiveFeed, *, every_s: float, frames: int
    ) -> None:
        self._ports, self._events, self._live = ports, log, live
        self._every_s, self._frames = every_s, frames
        self._desks: dict[str, _Desk] = {}
        self._reader: asyncio.Task[None] | None = None
        self._from = asyncio.Event()
        self._after = 0

    @asynccontextmanager
    async def watching(self, tenant: str) -> AsyncGenerator[Outbox[Change]]:
        """What happens from here on: all that a list read later does not show yet. The outbox
        is finished when its reader is too slow: come back, and read the list again.

        Raises ReadingsUnavailable when these do not say in time how far they are.
        """
        outbox: Outbox[Change] = Outbox(frames=self._frames)
        desk = self._desks.setdefault(tenant, _Desk(tenant, self))
        desk.outboxes.add(outbox)
        try:
            if self._reader is None:
                self._reader = asyncio.create_task(_kept_up(self._read), name="document-changes")
            desk.begin()
            await self._begun()
            yield outbox
        finally:
            desk.outboxes.discard(outbox)
            if not desk.outboxes:
                del self._desks[tenant]
                desk.end()
            if not self._desks:
                self._rest()

    async def close(self) -> None:
        for desk in self._desks.values():
            desk.end()
        self._rest()

    async def _begun(self) -> None:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                await self._from.wait()
        except TimeoutError as error:
            raise ReadingsUnavailable("the read models do not say how far they are") from error

    def _rest(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        self._reader = None
        self._from.clear()

    async def _read(self) -> None:
        """Every commit of a document, told to the desk of its tenant."""
        if not self._from.is_set():
            self._after = await self._ports.readings.checkpoint()
            self._from.set()
        async for commit in self._events.subscribe("knowledge", after=self._after):
            self._after = commit.version
            if desk := self._desks.get(commit.stream.tenant):
                desk.note(commit.stream.id, commit.version)
        raise LogUnavailable("the subscription to the documents ended")

    # For a desk.

    async def checkpoint(self) -> int:
        return await self._ports.readings.checkpoint()

    async def row(self, tenant: str, document: str) -> DocumentView | None:
        try:
            return document_view((await self._ports.readings.versions(tenant, document))[0])
        except UnknownDocument:
            return None

    async def follow(self, tenant: str) -> AsyncGenerator[ProgressView]:
        async with self._live.watch(documents_live(tenant)) as frames:
            async for frame in frames:
                if isinstance(frame, DocumentProgress):
                    yield progress_view(frame)

    @property
    def every_s(self) -> float:
        return self._every_s


class _Desk:
    """One tenant's: who watches, and which documents changed since they were told."""

    def __init__(self, tenant: str, changes: DocumentChanges) -> None:
        self._tenant, self._changes = tenant, changes
        self.outboxes: set[Outbox[Change]] = set()
        self._changed: dict[str, int] = {}
        self._some = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(_kept_up(self._tell_progress), name="document-progress"),
                asyncio.create_task(_kept_up(self._tell_rows), name="document-rows"),
            ]

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        for outbox in self.outboxes:
            outbox.finish()

    def note(self, document: str, version: int) -> None:
        if not document.startswith("_"):
            self._changed[document] = version
            self._some.set()

    async def _tell_progress(self) -> None:
        async with aclosing(self._changes.follow(self._tenant)) as coming:
            async for progress in coming:
                for outbox in self.outboxes:
                    outbox.offer(progress)  # lost where there is no room: the row comes

    async def _tell_rows(self) -> None:
        while True:
            await self._some.wait()
            seen = await self._changes.checkpoint()
            ready = [one for one, version in self._changed.items() if version <= seen][:AT_ONCE]
            for document in ready:
                version = self._changed[document]
                row = await self._changes.row(self._tenant, document)
                if self._changed[document] == version:
                    del self._changed[document]
                if row is not None:
                    self._tell(row)
            if not self._changed:
                self._some.clear()
            await asyncio.sleep(self._changes.every_s)

    def _tell(self, row: DocumentView) -> None:
        for outbox in self.outboxes:
            if not outbox.offer(row):
                outbox.finish(drop=True)


async def _kept_up(work: Callable[[], Awaitable[None]]) -> None:
    """Until it is cancelled: what fails is logged, and begun again."""
    while True:
        try:
            await work()
        except (LogError, ReadingsUnavailable) as error:
            _log.warning("changes of documents are not told", error=str(error))
        except Exception as error:  # noqa: BLE001  # as above
            _log.error("changes of documents are not told", exc_info=error)
        await asyncio.sleep(_AGAIN_S)
