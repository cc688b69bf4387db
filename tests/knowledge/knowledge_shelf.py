"""One knowledge index on a real Postgres, fed by hand, with a log and originals in memory."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks import shelf as core
from events.spaces import DEFAULT_SPACE, parse_space

if TYPE_CHECKING:
    import asyncpg

OTHER_SPACE = "all-MiniLM-L6-v2.d64.l2.t256"


async def bag_of_words(space: str, texts: Sequence[str]) -> Any:
    """An embedder without a model: texts that share words are close. Unit rows; each space has
    vectors of its own."""
    import numpy as np

    dimensions = parse_space(space).dimensions
    rows = np.zeros((len(texts), dimensions), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in re.findall(r"\w+", text.lower()):
            row[int(hashlib.sha256(word.encode()).hexdigest(), 16) % dimensions] += 1
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


class Shelf(core.Shelf):
    """What a test says: submit, remove, search; every fact is applied at once."""

    def __init__(self, pool: asyncpg.Pool, embed: Any = bag_of_words) -> None:
        from projections.knowledge.search.search import KnowledgeSearch

        super().__init__(pool, embed)
        self.knowledge = KnowledgeSearch(pool)

    async def search(
        self, tenant: str, question: str, *, space: str = DEFAULT_SPACE, **more: Any
    ) -> Sequence[Any]:
        vector = (await self.embed(space, [question]))[0]
        found = await self.knowledge.search(tenant, question, vector, space=space, **more)
        return list(found.hits)

    def lose(self, tenant: str, content_hash: str) -> None:
        """As if the object store had never had it."""
        del self.documents._kept[f"{tenant}/{content_hash}"]

    async def rows(self, table: str, tenant: str) -> list[dict[str, Any]]:
        """The tenant's rows of a table, ordered by their columns from the first on."""
        from projections.read_models.queries import every_tenant

        async with every_tenant(self.pool) as connection:
            rows = await connection.fetch(
                f"SELECT t.* FROM read.{table} t WHERE tenant = $1 ORDER BY t::text", tenant
            )
        return [dict(row) for row in rows]


async def open_shelf(dsn: str, embed: Any = bag_of_words) -> Shelf:
    """Close its pool when it is not needed any more."""
    from projections.engine.database import open_pool
    from projections.engine.schema import ensure_schema

    await ensure_schema(dsn)
    shelf = Shelf(await open_pool(dsn, max_size=3), embed)
    await shelf.start()
    return shelf
