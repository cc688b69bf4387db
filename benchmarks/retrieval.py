"""How well is the right entry found? `python -m benchmarks.retrieval [PATH_TO_covid_faq]`

The questions of a corpus (`benchmarks/corpora.py`) against its entries, by the real path: handed
over, parsed, cut, embedded and indexed into a real Postgres, then asked through the real search.
Beside it the plain methods, computed in the same run. Without a path only the project's own
documents are asked.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks import plain_methods as plain
from benchmarks.corpora import Corpus, covid_faq, own_docs
from benchmarks.figures import Figure, Section, percentile
from benchmarks.searching import Embedder, ask, open_shelf, put
from events.knowledge import ChunkSettings
from serve_apps.embedding.encoder import EmbeddingModel

REAL = "Tandem's search"
TABLE = {
    "BM25": (0.475, 0.721, 0.577, 0.629),
    "dense cosine": (0.570, 0.857, 0.696, 0.757),
    "reciprocal rank fusion": (0.537, 0.824, 0.663, 0.716),
    "z-score fusion, 0.7 dense": (0.590, 0.873, 0.715, 0.773),
    "RRF top 20, then MaxSim": (0.602, 0.877, 0.719, 0.769),
}
"""What the README of covid_faq prints, for 244 questions of which ours are 138."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """`methods` by name; times in ms; `scores` are the best passages' `Passage.score`."""

    corpus: str
    entries: int
    questions: int
    methods: dict[str, plain.Quality]
    index_s: float
    embed_ms: list[float]
    search_ms: list[float]
    scores: list[float]
    other_scores: list[float]


def _other_questions(folder: Path) -> list[str]:
    """Bank customers' messages, which the FAQ does not answer, where they lie beside it."""
    path = folder.parent / "banking77" / "queries.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)][::5]


def _plain(corpus: Corpus, model: EmbeddingModel) -> dict[str, plain.Scores]:
    """Each entry, heading and text, as one text, cut at the embedder's 256 tokens."""
    texts = [entry.passage for entry in corpus.entries]
    asked = model.encode_many(corpus.questions)
    dense = (asked @ model.encode_many(texts).T).astype(np.float64)
    headings = [entry.heading or entry.text for entry in corpus.entries]
    headed = (asked @ model.encode_many(headings).T).astype(np.float64)
    words = plain.bm25(texts, corpus.questions)
    fused = plain.rank_fusion(words, dense)
    tokens = plain.max_sim(model.encode_tokens(corpus.questions), model.encode_tokens(texts))
    z = plain.z_fusion(dense, words)
    with_headings = plain.z_fusion((dense + headed) / 2, words)
    return {
        "BM25": words,
        "dense cosine": dense,
        "reciprocal rank fusion": fused,
        "z-score fusion, 0.7 dense": z,
        "RRF top 20, then MaxSim": plain.reranked(fused, tokens),
        "z-score fusion top 20, then MaxSim": plain.reranked(z, tokens),
        "z-score fusion with headings": with_headings,
        "the same top 20, then MaxSim": plain.reranked(with_headings, tokens),
    }


async def measure(folder: Path, *, dsn: str = "") -> Result:
    """covid_faq in `folder`, with questions that it does not answer where they lie beside it.
    `dsn` names a Postgres to use; empty starts one for the run."""
    return await measured(covid_faq(folder), others=_other_questions(folder), dsn=dsn)


async def measure_own_docs(*, dsn: str = "") -> Result:
    """The same with the project's own documents."""
    return await measured(own_docs(), dsn=dsn)


async def measured(corpus: Corpus, *, others: Sequence[str] = (), dsn: str = "") -> Result:
    """Everything, in one run. `others` are questions that the corpus does not answer."""
    embed = Embedder()
    methods = {
        name: plain.quality(plain.ranked(scores), corpus.right)
        for name, scores in _plain(corpus, embed.model).items()
    }
    async with open_shelf(embed, dsn=dsn) as shelf:
        index_s = await put(shelf, "bench", corpus)
        asked = await ask(shelf, "bench", corpus, embed, ChunkSettings())
        unanswered = msgspec.structs.replace(
            corpus, questions=tuple(others), right=tuple(set[int]() for _ in others)
        )
        other = await ask(shelf, "bench", unanswered, embed, ChunkSettings())
    methods[REAL] = plain.quality(asked.rankings, corpus.right)
    return Result(
        corpus=corpus.name,
        entries=len(corpus.entries),
        questions=len(corpus.questions),
        methods=methods,
        index_s=index_s,
        embed_ms=asked.embed_ms,
        search_ms=asked.search_ms,
        scores=asked.scores,
        other_scores=other.scores,
    )


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
    title = "Retrieval" if result.corpus == "covid_faq" else f"Retrieval, {result.corpus}"
    named = ("BM25", "dense cosine", "reciprocal rank fusion")
    return Section(
        title,
        f"{result.questions} questions of {result.corpus} against its {result.entries} entries,"
        " through ingest, index and search on a real Postgres; beside it plain methods of the same"
        " run, the last the best of eight by each measure.",
        [
            *(Figure(n, v, "", "higher") for n, v in zip(names, _row(real), strict=True)),
            *(
                Figure(f"{n}, {method}", v, "", "higher")
                for method in named
                for n, v in zip(names, _row(result.methods[method]), strict=True)
            ),
            *(
                Figure(f"{n}, best plain method", v, "", "higher")
                for n, v in zip(names, best, strict=True)
            ),
            Figure(f"index {result.entries} entries", result.index_s, "s"),
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
    """True when the real search is as good as the best plain method (of covid_faq, as the
    printed table too), by each of the four measures."""
    rows = [*map(_row, _others(result)), *(TABLE.values() if result.corpus == "covid_faq" else ())]
    return all(
        ours >= max(row[i] for row in rows) - 1e-9
        for i, ours in enumerate(_row(result.methods[REAL]))
    )


def _report(result: Result) -> str:
    lines = [f"{result.corpus}: {result.questions} questions, {result.entries} entries"]
    lines.append(f"{'method':<36}   R@1  hit@5  MRR@10  nDCG@10")
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


async def _all(folder: Path | None, dsn: str) -> list[Result]:
    return [
        await measure_own_docs(dsn=dsn),
        *([await measure(folder, dsn=dsn)] if folder else []),
    ]


def main() -> None:
    """The command line. Exit code 1 when the real search is worse than a plain method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", type=Path, nargs="?", help="the folder with faq.csv and paraphrases.csv"
    )
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    parser.add_argument("--dsn", default=os.environ.get("TANDEM_POSTGRES_DSN", ""))
    arguments = parser.parse_args()
    results = asyncio.run(_all(arguments.folder, arguments.dsn))
    if arguments.json:
        print(json.dumps({result.corpus: as_dict(result) for result in results}, indent=2))
    else:
        print("\n\n".join(map(_report, results)))
    raise SystemExit(0 if all(map(no_worse, results)) else 1)


if __name__ == "__main__":
    main()
