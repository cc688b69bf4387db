"""A gateway over a knowledge base of its own: real Postgres, real library, parser and index; the
log and the object store in memory, words counted in the model's place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any


async def word_counts(space: str, texts: Sequence[str]) -> Any:
    """Unit vectors: texts that share words are close."""
    import numpy as np

    from events.spaces import parse_space

    size = parse_space(space).dimensions
    rows = np.zeros((len(texts), size), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in re.findall(r"\w+", text.lower()):
            row[int(hashlib.sha256(word.encode()).hexdigest(), 16) % size] += 1
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


@asynccontextmanager
async def knowledge_house(dsn: str, **ports: Any) -> AsyncIterator[Any]:
    """The house has a `shelf`: `submit`, or `work` and `apply` what was handed over by HTTP."""
    from gateway_house import serving

    from benchmarks.shelf import Shelf
    from events.spaces import DEFAULT_SPACE
    from projections.engine.builds import ensure_live
    from projections.engine.database import open_pool
    from projections.engine.schema import ensure_schema
    from projections.knowledge.search.search import KnowledgeSearch
    from projections.read_models.catalogue import read_models
    from serve_apps.gateway.knowledge.ports import KnowledgePorts, PostgresKnowledge
    from serve_apps.retrieval.retriever import KnowledgeRetriever

    async def embed_query(text: str, *, space: str = DEFAULT_SPACE) -> Any:
        return (await word_counts(space, [text]))[0]

    async def embed_texts(texts: Sequence[str]) -> Any:
        return await word_counts(DEFAULT_SPACE, texts)

    await ensure_schema(dsn)
    pool = await open_pool(dsn, max_size=4)
    shelf = Shelf(pool, word_counts)
    await shelf.start()
    for model in read_models():
        await ensure_live(pool, model)
    knowledge = KnowledgePorts(
        library=shelf.library,
        originals=shelf.documents,
        readings=PostgresKnowledge(pool, embed_texts),
        look=KnowledgeRetriever(KnowledgeSearch(pool), embed_query).look,
    )
    try:
        async with serving(log=shelf.log, knowledge=knowledge, **ports) as house:
            house.shelf = shelf
            yield house
    finally:
        await pool.close()


async def project(house: Any) -> None:
    """Let the read models of conversations take in all that was said."""
    from projections.engine.builds import ensure_live
    from projections.engine.runner import Batch, feed_live
    from projections.read_models.catalogue import read_models

    newest = house.log.newest("conversation")
    commits: list[Any] = []
    async for commit in house.log.subscribe("conversation"):
        commits.append(commit)
        if commit.version == newest:
            break
    for model in read_models():
        after = (await ensure_live(house.shelf.pool, model)).checkpoint
        batch = tuple(commit for commit in commits if commit.version > after)
        if batch:
            await feed_live(
                house.shelf.pool, model, Batch(after=after, commits=batch, through=newest)
            )
