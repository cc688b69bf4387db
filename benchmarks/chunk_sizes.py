"""How large should a chunk be? `python -m benchmarks.chunk_sizes PATH_TO_covid_faq`

Each size and overlap by the real path (parsed, cut, embedded, indexed, searched) on both corpora
of `benchmarks/corpora.py`. all-MiniLM-L6-v2 reads 256 tokens: of a chunk of 500 it sees the first
half, which is what a cut at 500 tokens with 50 of overlap comes to with this model.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks import plain_methods as plain
from benchmarks.corpora import Corpus, covid_faq, own_docs
from benchmarks.figures import Figure, Section
from benchmarks.searching import Embedder, ask, chunks_of, open_shelf, put
from events.knowledge import ChunkSettings

SIZES = (96, 128, 192, 256)
OVERLAPS = (0.0, 0.1, 0.2)
FIXED = ChunkSettings(max_tokens=500, overlap_tokens=50)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    corpus: str
    settings: ChunkSettings
    chunks: int
    mean_tokens: float
    quality: plain.Quality


def tried() -> list[ChunkSettings]:
    """Every setting that is measured."""
    return [
        *(
            ChunkSettings(max_tokens=size, overlap_tokens=round(size * overlap))
            for size in SIZES
            for overlap in OVERLAPS
        ),
        FIXED,
    ]


async def measure(corpora: Sequence[Corpus], *, dsn: str = "") -> list[Row]:
    """Everything, in one run. `dsn` names a Postgres to use; empty starts one for the run."""
    embed = Embedder()
    rows: list[Row] = []
    async with open_shelf(embed, dsn=dsn) as shelf:
        for n, settings in enumerate(tried()):
            for corpus in corpora:
                tenant = f"cut-{n}-{corpus.name.replace(' ', '-').replace('_', '-')}"
                await put(shelf, tenant, corpus, settings)
                asked = await ask(shelf, tenant, corpus, embed, settings)
                lengths = [tokens for *_, tokens in chunks_of(corpus, settings)]
                rows.append(
                    Row(
                        corpus=corpus.name,
                        settings=settings,
                        chunks=len(lengths),
                        mean_tokens=sum(lengths) / len(lengths),
                        quality=plain.quality(asked.rankings, corpus.right),
                    )
                )
    return rows


def report(rows: Sequence[Row]) -> str:
    """A table, a line for each corpus and setting."""
    lines = ["corpus      tokens overlap chunks  mean    R@1  hit@5  MRR@10  nDCG@10"]
    for row in sorted(rows, key=lambda row: row.corpus):
        s, q = row.settings, row.quality
        lines.append(
            f"{row.corpus:<11} {s.max_tokens:>6} {s.overlap_tokens:>7} {row.chunks:>6}"
            f" {row.mean_tokens:>5.0f}  {q.r_at_1:.3f}  {q.hit_at_5:.3f}   {q.mrr_at_10:.3f}"
            f"    {q.ndcg_at_10:.3f}"
        )
    return "\n".join(lines)


def section(rows: Sequence[Row]) -> Section:
    """The same for `benchmarks/RESULTS.md`: MRR@10 by setting."""
    return Section(
        "Chunk sizes",
        "MRR@10 of the real search on covid_faq and on the project's own documents, by chunk size"
        " and overlap in tokens; the embedder reads 256.",
        [
            Figure(
                f"{row.corpus}, {row.settings.max_tokens}/{row.settings.overlap_tokens}",
                row.quality.mrr_at_10,
                "",
                "higher",
            )
            for row in sorted(rows, key=lambda row: row.corpus)
        ],
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faq", type=Path, nargs="?", help="the folder of covid_faq")
    parser.add_argument("--dsn", default=os.environ.get("TANDEM_POSTGRES_DSN", ""))
    arguments = parser.parse_args()
    corpora = [own_docs(), *([covid_faq(arguments.faq)] if arguments.faq else [])]
    print(report(asyncio.run(measure(corpora, dsn=arguments.dsn))))


if __name__ == "__main__":
    main()
