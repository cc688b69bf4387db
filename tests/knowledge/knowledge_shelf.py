"""One knowledge index on a real Postgres, fed by hand, with a log and originals in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


async def bag_of_words(texts: Sequence[str]) -> Any:
    """An embedder without a model: texts that share words are close. Unit rows, (n, 384)."""
    import re

    import numpy as np

    rows = np.zeros((len(texts), 384), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in re.findall(r"\w+", text.lower()):
            row[int(hashlib.sha256(word.encode()).hexdigest(), 16) % 384] += 1
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


class Shelf:
    """What a test says: submit, remove, search; every fact is applied at once."""

    def __init__(self, pool: Any, embed: Any) -> None:
        from events.memory import MemoryLog
        from events.objects import MemoryDocuments
        from projections.knowledge.index import KnowledgeIndex
        from projections.knowledge.search import KnowledgeSearch
        from projections.knowledge.tokens import load_token_counter

        self.pool, self.embed = pool, embed
        self.log, self.documents = MemoryLog(), MemoryDocuments()
        self.index = KnowledgeIndex(embed, self.documents, load_token_counter())
        self.knowledge = KnowledgeSearch(pool)
        self.applied = 0

    async def start(self) -> None:
        from projections.builds import ensure_live

        await ensure_live(self.pool, self.index)

    async def commits(self) -> list[Any]:
        """Everything in the log that this shelf did not apply yet."""
        found: list[Any] = []
        seen = len(self.log._messages.get("knowledge", ()))  # the log has no count of its own
        if seen > self.applied:
            async for commit in self.log.subscribe("knowledge", after=self.applied):
                found.append(commit)
                if commit.version == seen:
                    break
        return found

    async def apply(self) -> None:
        from projections.runner import Batch, feed_live

        if commits := tuple(await self.commits()):
            through = commits[-1].version
            batch = Batch(after=self.applied, commits=commits, through=through)
            self.applied = await feed_live(self.pool, self.index, batch)

    async def submit(self, tenant: str, name: str, content: str | bytes, **more: Any) -> Any:
        from projections.knowledge.ingest import submit

        raw = content.encode() if isinstance(content, str) else content
        submitted = await submit(
            self.log, self.documents, tenant=tenant, name=name, content=raw, at=1, **more
        )
        await self.apply()
        return submitted

    async def remove(self, tenant: str, name: str) -> Any:
        from projections.knowledge.ingest import remove

        removed = await remove(self.log, tenant=tenant, name=name, at=2)
        await self.apply()
        return removed

    async def search(self, tenant: str, question: str, *, locale: str = "", limit: int = 8) -> Any:
        vector = (await self.embed([question]))[0]
        return await self.knowledge.search(tenant, question, vector, locale=locale, limit=limit)


async def open_shelf(dsn: str, embed: Any) -> Shelf:
    from projections.database import open_pool
    from projections.schema import ensure_schema

    await ensure_schema(dsn)
    shelf = Shelf(await open_pool(dsn, max_size=2), embed)
    await shelf.start()
    return shelf
