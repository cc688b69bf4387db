"""A pipeline with real parsing and cutting in this process, and doubles that a test can hold up."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from actors.documents.pipeline import Pipeline
from actors.documents.ports import Cut, DependencyUnavailable, PageFetched, ParseJob, StageFailed
from actors.documents.service import Library, Submitted
from actors.documents.stages import Stages
from events.live.frames import LiveFrame
from events.log.event_log import EventLog
from events.log.stream import StreamName, knowledge_stream
from events.objects.store import Documents
from tandem.wiring.cutting import cut
from tandem.wiring.library import media_type

WAIT_S = 120.0


def bag_of_words(texts: Sequence[str], dimensions: int = 64) -> Any:
    rows = np.zeros((len(texts), dimensions), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in re.findall(r"\w+", text.lower()):
            row[int(hashlib.sha256(word.encode()).hexdigest(), 16) % dimensions] += 1
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


async def until(holds: Callable[[], Any], what: str) -> Any:
    """Waits for a condition, async or not, and gives what it gave."""
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while True:
        found = holds()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        assert asyncio.get_running_loop().time() < deadline, f"not in {WAIT_S:g} s: {what}"
        await asyncio.sleep(0.05)


class Bench:
    """A tenant's library and a pipeline over the same log. `embedded` lists the texts of each
    call, `frames` what was told of progress; `before_embedding` runs first of all there,
    `before_page` gets each address that is fetched, `before_space` each space that is
    embedded in."""

    def __init__(self, tenant: str, log: EventLog, documents: Documents) -> None:
        self.tenant, self.log, self.documents = tenant, log, documents
        self.server: Any = None
        self.library = Library(log, documents, media_type)
        self.embedded: list[tuple[str, list[str]]] = []
        self.frames: list[Any] = []
        self.pages: dict[str, PageFetched | list[str] | Exception] = {}
        self.before_page: Callable[[str], Any] | None = None
        self.before_embedding: Callable[[], Any] | None = None
        self.before_space: Callable[[str], Any] | None = None
        self.cutter: Callable[[ParseJob], Any] = cut
        stages = Stages(
            log=log, documents=documents, cutter=self._cut, embed=self._embed, fetch=self
        )
        self.pipeline = Pipeline(log, stages, self._publish, now=lambda: 7, patience_s=1.0)

    async def submit(self, name: str = "help.md", content: str = "", **more: Any) -> Submitted:
        content = content or "# Delivery\n\nParcels arrive in two days."
        return await self.library.submit(
            self.tenant, name=name, content=content.encode(), at=1, **more
        )

    def stream(self, one: Submitted) -> StreamName:
        return knowledge_stream(self.tenant, one.document)

    async def work(self, one: Submitted) -> list[Any]:
        """Do what is owed, and give all facts of the document."""
        await self.pipeline.work(self.stream(one))
        return await self.facts(one)

    async def facts(self, one: Submitted) -> list[Any]:
        commits = await self.log.load(self.stream(one))
        return [fact for commit in commits for fact in commit.facts]

    async def kinds(self, one: Submitted) -> Counter[str]:
        return Counter(
            type(fact).__name__.removeprefix("Document") for fact in await self.facts(one)
        )

    async def page(self, request: Any) -> PageFetched:
        if self.before_page is not None:
            await self.before_page(request.url)
        return self._page(request.url)

    async def sitemap(self, request: Any) -> list[str]:
        return self._page(request.url)

    def _page(self, url: str) -> Any:
        page = self.pages.get(url, StageFailed("fetch", "not_found", f"{url} is not there"))
        if isinstance(page, Exception):
            raise page
        return page

    async def _cut(self, cutting: ParseJob) -> Cut:
        return self.cutter(cutting)

    async def _embed(self, space: str, texts: Sequence[str]) -> Any:
        if self.before_embedding is not None:
            await self.before_embedding()
        if self.before_space is not None:
            await self.before_space(space)
        self.embedded.append((space, list(texts)))
        return bag_of_words(texts)

    async def _publish(self, stream: StreamName, frame: LiveFrame) -> None:
        self.frames.append((stream.live, frame))


class Away:
    """An embedder that is not there the first `times`."""

    def __init__(self, times: int) -> None:
        self.times = times

    async def __call__(self) -> None:
        self.times -= 1
        if self.times >= 0:
            raise DependencyUnavailable("no embedder")
