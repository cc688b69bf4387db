"""How fast do documents become answers? `python -m benchmarks.ingest_rate`

The project's own documents through the real path in one process: handed over, parsed, cut,
embedded (each chunk's heading, its text, each of its sentences), indexed. Beside it, in the same
run and on as many threads, what one writes first: `SentenceTransformer.encode` of each chunk's
text alone and one INSERT a chunk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import asyncpg
from pgvector import HalfVector

from benchmarks.corpora import own_docs
from benchmarks.figures import Figure, Section, shown
from benchmarks.searching import Embedder, open_shelf
from benchmarks.shelf import Shelf
from events.knowledge import DocumentChunked
from events.objects.artifacts import Chunks, decode_chunks, texts_of
from serve_apps.embedding.batches import cpu_threads
from serve_apps.embedding.models import DEFAULT, model_folder

TENANT = "bench"
PLAIN_BATCH = 32


async def section(*, dsn: str = "") -> Section:
    """`dsn` names an empty Postgres to use; empty starts one for the run."""
    corpus = own_docs()
    embed = Embedder()
    await embed.question("warm")
    async with open_shelf(embed, dsn=dsn) as shelf:
        began = time.perf_counter()
        for name, content in corpus.documents:
            await shelf.submit(TENANT, name, content)
        took = time.perf_counter() - began
        cut = await _cut(shelf)
        passages = [chunk.passage for one in cut for chunk in one.chunks]
        embedding = await _embedding(cut)
        plain = await _plain(shelf.pool, passages)
    count, texts = len(passages), sum(len(texts_of(one)) for one in cut)
    return Section(
        "Ingest: documents into answers",
        f"The project's own {len(corpus.documents)} documents, {count} chunks, on"
        f" {cpu_threads()} thread(s): parsed, cut, embedded and indexed, log and blobs in memory,"
        " a real Postgres. Plain: `SentenceTransformer.encode` of each chunk's text alone, in"
        f" batches of {PLAIN_BATCH}, and one INSERT a chunk.",
        [
            Figure("from file to search", count / took, "chunks/s", "higher"),
            Figure("texts embedded a chunk", texts / count, ""),
            Figure("texts embedded, embedding alone", texts / embedding, "/s", "higher"),
            Figure("share of embedding", embedding / took, ""),
            Figure("plain", count / plain, "chunks/s", "higher"),
            Figure("from file to search, ratio to plain", plain / took, "x"),
        ],
    )


async def _cut(shelf: Shelf) -> list[Chunks]:
    """Of each document."""
    facts = [fact for commit in await shelf.commits() for fact in commit.facts]
    hashes = [fact.chunks_hash for fact in facts if isinstance(fact, DocumentChunked)]
    return [decode_chunks(await shelf.documents.get(TENANT, one)) for one in hashes]


async def _embedding(cut: Sequence[Chunks]) -> float:
    """Seconds for the same texts again, by an embedder that knows none of them."""
    embed = Embedder()
    await embed.question("warm")
    began = time.perf_counter()
    for one in cut:
        await embed("", texts_of(one))
    took = time.perf_counter() - began
    await embed.queue.close()
    return took


async def _plain(pool: asyncpg.Pool, passages: Sequence[str]) -> float:
    """Seconds."""
    import torch  # noqa: PLC0415  # five seconds of imports, for whoever measures only
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415  # likewise

    torch.set_num_threads(cpu_threads())
    folder = str(model_folder(DEFAULT.model))
    model: Any = SentenceTransformer(folder, device="cpu", local_files_only=True)
    model.encode(["warm"])
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "CREATE TEMPORARY TABLE plain (chunk int PRIMARY KEY, text text, embedding halfvec)"
        )
        began = time.perf_counter()
        for start in range(0, len(passages), PLAIN_BATCH):
            some = passages[start : start + PLAIN_BATCH]
            for at, (text, vector) in enumerate(zip(some, model.encode(some), strict=True), start):
                await connection.execute(
                    "INSERT INTO plain VALUES ($1, $2, $3)", at, text, HalfVector(vector)
                )
        return time.perf_counter() - began


def main() -> None:
    found = asyncio.run(section())
    print(f"{found.title}\n{found.method}")
    for figure in found.figures:
        print(f"  {figure.name:<52} {shown(figure)}")


if __name__ == "__main__":
    main()
