"""How far documents have come, as bars on a terminal; nothing where nobody looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from events.live.frames import DocumentProgress, LiveFeed
from events.log.event_log import LogError
from events.log.stream import documents_live

SHOWN = 12
"""Bars at once; a folder of thousands must not fill the screen."""


@asynccontextmanager
async def bars(
    live: LiveFeed, tenant: str, names: dict[str, str]
) -> AsyncGenerator[Callable[[str], None]]:
    """Bars for `names` (by document). Gives what is to be called with each that is ready."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with Progress(
        TextColumn("{task.description}", markup=False),  # names of files may hold brackets
        BarColumn(),
        TextColumn("{task.fields[stage]}"),
        console=console,
        transient=True,
    ) as progress:
        whole = progress.add_task("all", total=len(names), stage="")
        shown = _Bars(progress, names)
        following = asyncio.create_task(shown.follow(live, tenant), name="ingest-bars")

        def ready(document: str) -> None:
            progress.advance(whole)
            shown.end(document)

        try:
            yield ready
        finally:
            following.cancel()
            await asyncio.wait({following})


class _Bars:
    def __init__(self, progress: Progress, names: dict[str, str]) -> None:
        self._progress, self._names = progress, names
        self._tasks: dict[str, TaskID] = {}

    async def follow(self, live: LiveFeed, tenant: str) -> None:
        with suppress(LogError):  # no bars then; the documents come all the same
            async with live.watch(documents_live(tenant)) as frames:
                async for frame in frames:
                    if isinstance(frame, DocumentProgress) and frame.document in self._names:
                        self._show(frame)

    def end(self, document: str) -> None:
        self._names.pop(document, None)
        if (task := self._tasks.pop(document, None)) is not None:
            self._progress.remove_task(task)

    def _show(self, frame: DocumentProgress) -> None:
        task = self._tasks.get(frame.document)
        if task is None:
            if len(self._tasks) >= SHOWN:
                return
            name = self._names[frame.document][-40:]
            task = self._tasks[frame.document] = self._progress.add_task(name, stage="")
        counted = f" {frame.done}/{frame.total}" if frame.total else ""
        self._progress.update(
            task,
            completed=frame.done,
            total=frame.total or None,
            stage=f"{frame.stage}{counted}",
        )
