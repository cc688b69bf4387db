"""How fast the knowledge index takes documents in: facts and blobs into rows of a real Postgres.

python -m benchmarks.index_rate

Parsing, cutting and embedding lie behind it: this is what a rebuild costs, and the last step of
every ingest. Beside it the plain way, one INSERT a row, in the same run.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import numpy as np
from pgvector import HalfVector

from benchmarks.figures import Figure, Run, Section, machine, markdown
from benchmarks.shelf import Shelf
from events.knowledge import DocumentChunked
from events.objects.artifacts import decode_chunks
from events.spaces import DEFAULT_SPACE, parse_space
from projections.engine.database import open_pool
from projections.engine.schema import ensure_schema

if TYPE_CHECKING:
    from numpy.typing import NDArray

TENANT = "bench"
WORDS = ("lamp", "delivery", "return", "switch", "cable", "paper", "garden", "light", "order")
PLAIN = 500


async def random_vectors(space: str, texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors without a model."""
    rng = np.random.default_rng(len(texts))
    rows = rng.standard_normal((len(texts), parse_space(space).dimensions), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def guide(sections: int, seed: int) -> str:
    """A Markdown document of `sections` short sections, three sentences each."""
    rng = np.random.default_rng(seed)

    def sentence() -> str:
        return " ".join(rng.choice(WORDS, 12).tolist()).capitalize() + "."

    parts = (f"# Section {n}\n\n{' '.join(sentence() for _ in range(3))}" for n in range(sections))
    return "\n\n".join(parts)


async def index_rate(dsn: str, *, chunks: int = 20_000, small: int = 200) -> Section:
    """One document of `chunks` chunks, and as many chunks again in documents of `small` chunks;
    `dsn` must be of an empty database."""
    await ensure_schema(dsn)
    pool = await open_pool(dsn)
    try:
        shelf = Shelf(pool, random_vectors)
        await shelf.start()
        one = await _rate(shelf, [guide(chunks, 0)])
        many = await _rate(shelf, [guide(small, n + 1) for n in range(chunks // small)])
        plain = await _plain_rate(shelf, pool)
    finally:
        await pool.close()
    figures = [
        Figure(f"one document of {chunks:,} chunks", one, "chunks/s", "higher"),
        Figure(f"documents of {small} chunks", many, "chunks/s", "higher"),
        Figure("plain: one INSERT a row, chunks and vectors only", plain, "chunks/s", "higher"),
        Figure(f"documents of {small} chunks, ratio to plain", many / plain, "x", "higher"),
    ]
    return Section(
        "Knowledge index: facts and blobs into rows",
        "Chunks with their vectors, words and sentences, by the projection, the log and the blobs"
        " in memory. Plain: a chunk, its text vector and its sentences, one INSERT each.",
        figures,
    )


async def _rate(shelf: Shelf, texts: Sequence[str]) -> float:
    """Chunks a second, from commits in hand to rows committed."""
    wanted = 0
    for text in texts:
        submitted = await shelf.library.submit(
            TENANT, name=f"{len(text)}-{shelf.tick()}.md", content=text.encode(), at=shelf.tick()
        )
        await shelf.work(TENANT, submitted.document)
    for commit in await shelf.commits(after=shelf.applied):
        wanted += sum(fact.chunks for fact in commit.facts if isinstance(fact, DocumentChunked))
    began = time.perf_counter()
    await shelf.apply()
    return wanted / (time.perf_counter() - began)


async def _plain_rate(shelf: Shelf, pool: asyncpg.Pool) -> float:
    """What a straightforward program does: a row at a time, in one transaction."""
    (cut, *_) = [
        fact
        for commit in await shelf.commits()
        for fact in commit.facts
        if isinstance(fact, DocumentChunked)
    ]
    found = decode_chunks(await shelf.documents.get(TENANT, cut.chunks_hash)).chunks[:PLAIN]
    vectors = await random_vectors(DEFAULT_SPACE, [chunk.text for chunk in found])
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "CREATE TEMPORARY TABLE plain (chunk int, n int, title text, text text,"
            " words tsvector, embedding halfvec, PRIMARY KEY (chunk, n))"
        )
        began = time.perf_counter()
        for at, (chunk, vector) in enumerate(zip(found, vectors, strict=True)):
            await connection.execute(
                "INSERT INTO plain VALUES ($1, 0, $2, $3, to_tsvector('english', $3), $4)",
                at,
                chunk.title,
                chunk.text,
                HalfVector(vector),
            )
            for n, sentence in enumerate(chunk.sentences, start=1):
                await connection.execute(
                    "INSERT INTO plain VALUES ($1, $2, '', $3, NULL, $4)",
                    at,
                    n,
                    sentence,
                    HalfVector(vector),
                )
        took = time.perf_counter() - began
    return len(found) / took


async def main() -> None:
    """Start a Postgres of its own, measure, print."""
    from tandem.embedded.postgres import EmbeddedPostgres  # noqa: PLC0415 only when run by itself

    with tempfile.TemporaryDirectory(prefix="tb-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        await asyncio.to_thread(home.chmod, 0o755)
        postgres = EmbeddedPostgres(home / "pg", sockets=home / "s")
        dsn = await postgres.start()
        try:
            section = await index_rate(dsn)
        finally:
            await postgres.stop()
    print(markdown(Run(machine=machine(), taken_at="now", sections=[section])))


if __name__ == "__main__":
    asyncio.run(main())
