"""How fast, how small and how good is the embedder? `python -m benchmarks.embedder [--faq PATH]`

Plain `SentenceTransformer.encode` (torch, float32) against our ways to compute the same space, in
one run, on as many threads. Each way runs in a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import psutil

from benchmarks.figures import Figure, Section, percentile
from serve_apps.embedding.batches import QUERY_BATCH, cpu_threads
from serve_apps.embedding.models import DEFAULT, model_folder

if TYPE_CHECKING:
    from serve_apps.embedding.batches import Vectors

    Encode = Callable[[Sequence[str]], Vectors]

PLAIN = "plain encode"
OURS = "torch"
FLOAT = "ONNX float32"
INT8 = "ONNX int8"
WAYS = (PLAIN, OURS, FLOAT, INT8)
ALONE = 60
ROUNDS = 3
WAY_TIMEOUT_S = 3600.0
DATA = Path("../shared/data/covid_faq")
DEMO = Path(__file__).parent.parent / "config" / "demo"


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """`questions` are asked alone and in batches, `entries` are embedded in bulk. `right[i]` are
    the entries that answer question i; empty where that is not known."""

    questions: list[str]
    entries: list[str]
    spanish: list[str]
    right: list[list[int]] = []


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """What one process measured. Times in s, memory in MB, vectors by what they are of."""

    load_s: float
    memory_mb: float
    alone_ms: float
    questions_s: float
    entries_s: float
    vectors: dict[str, list[list[float]]]


def texts(faq: Path) -> Texts:
    """The FAQ where it is there, else the demo's pages, with the first words as questions."""
    pages = sorted(path for path in DEMO.rglob("*.md"))
    lines = {path: _lines(path) for path in pages}
    spanish = [line for path in pages if "es" in path.parts for line in lines[path]]
    if not (faq / "faq.csv").exists():
        entries = [line for path in pages for line in lines[path]]
        questions = [" ".join(line.split()[:8]) for line in entries]
        return Texts(questions=questions, entries=entries, spanish=spanish)
    with (faq / "faq.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["question"], row["answer"]) for row in csv.DictReader(file)]
    with (faq / "paraphrases.csv").open(encoding="utf-8", newline="") as file:
        asked = [(row["query"], row["question"]) for row in csv.DictReader(file)]
    return Texts(
        questions=[query for query, _ in asked],
        entries=[f"{question}\n{answer}" for question, answer in rows],
        spanish=spanish,
        right=[[at for at, row in enumerate(rows) if row[0] == name] for _, name in asked],
    )


def _lines(path: Path) -> list[str]:
    found = (line.strip("#-* ") for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in found if len(line) > 20]


def _loaded(way: str, cache: Path) -> tuple[Encode, Encode]:
    """How it embeds one batch, and any number of texts."""
    folder = model_folder(DEFAULT.model)
    if way == PLAIN:
        import torch  # noqa: PLC0415  # each way loads its own libraries only
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415

        torch.set_num_threads(cpu_threads())
        model: Any = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        plain: Encode = lambda some: model.encode(list(some))  # noqa: E731
        return plain, plain
    if way == OURS:
        from serve_apps.embedding.encoder import EmbeddingModel  # noqa: PLC0415

        ours = EmbeddingModel(str(folder))
        return ours.encode, ours.encode_many
    from serve_apps.embedding.onnx_encoder import OnnxModel  # noqa: PLC0415

    file = cache / ("float32.onnx" if way == FLOAT else "int8.onnx")
    onnx = OnnxModel(file, folder, max_tokens=DEFAULT.max_tokens)
    return onnx.encode, onnx.encode_many


def _batches(encode: Encode, questions: Sequence[str]) -> Vectors:
    starts = range(0, len(questions), QUERY_BATCH)
    return np.concatenate([encode(questions[at : at + QUERY_BATCH]) for at in starts])


def measured(way: str, cache: Path, given: Texts) -> Way:
    """In this process. The best of three rounds: what else runs only makes it slower."""
    began = time.perf_counter()
    encode, many = _loaded(way, cache)
    encode(["warm"])
    load_s = time.perf_counter() - began
    alone: list[float] = []
    for question in given.questions[:ALONE]:
        began = time.perf_counter()
        encode([question])
        alone.append(1000 * (time.perf_counter() - began))
    questions_s, questions = _best(lambda: _batches(encode, given.questions))
    entries_s, entries = _best(lambda: many(given.entries))
    memory = psutil.Process().memory_info().rss / 2**20
    found = {"questions": questions, "entries": entries, "spanish": many(given.spanish)}
    return Way(
        load_s=load_s,
        memory_mb=memory,
        alone_ms=percentile(alone, 0.5),
        questions_s=questions_s,
        entries_s=entries_s,
        vectors={name: vectors.tolist() for name, vectors in found.items()},
    )


def _best(work: Callable[[], Vectors]) -> tuple[float, Vectors]:
    times: list[float] = []
    found: Vectors = np.zeros((0, DEFAULT.dimensions), dtype=np.float32)
    for _ in range(ROUNDS):
        began = time.perf_counter()
        found = work()
        times.append(time.perf_counter() - began)
    return min(times), found


def section(faq: Path = DATA) -> Section:
    """Takes some minutes. Raises CalledProcessError when a way fails."""
    from serve_apps.embedding.onnx_export import export, quantise  # noqa: PLC0415  # loads nothing yet

    given = texts(faq)
    with tempfile.TemporaryDirectory(prefix="tandem-embedder-") as folder:
        cache = Path(folder)
        began = time.perf_counter()
        export(model_folder(DEFAULT.model), cache / "float32.onnx")
        quantise(cache / "float32.onnx", cache / "int8.onnx")
        made_s = time.perf_counter() - began
        file = cache / "texts.json"
        file.write_bytes(msgspec.json.encode(given))
        ways = {way: _apart(way, cache, file) for way in WAYS}
    figures = [Figure("making the ONNX int8 file, once", made_s, "s")]
    for way, one in ways.items():
        figures += _figures(way, one, ways[PLAIN], given)
    return Section(
        title="The embedder",
        method=(
            f"all-MiniLM-L6-v2, {cpu_threads()} threads, each way in a process of its own; "
            f"{len(given.questions)} questions alone and in batches of {QUERY_BATCH}, "
            f"{len(given.entries)} entries, {len(given.spanish)} Spanish lines; the best of "
            f"{ROUNDS} rounds. Ratios and cosines are to plain SentenceTransformer.encode. `mixed`:"
            " questions in this way, entries in float32."
        ),
        figures=figures,
    )


def _apart(way: str, cache: Path, file: Path) -> Way:
    command = [sys.executable, "-m", "benchmarks.embedder", "--way", way]
    done = subprocess.run(
        [*command, "--cache", str(cache), "--texts", str(file)],
        capture_output=True,
        check=True,
        timeout=WAY_TIMEOUT_S,
    )
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Way)


def _figures(way: str, one: Way, plain: Way, given: Texts) -> list[Figure]:
    count, entries = len(given.questions), len(given.entries)
    found = [
        Figure(f"{way}: load", one.load_s, "s"),
        Figure(f"{way}: memory", one.memory_mb, "MB"),
        Figure(f"{way}: a question alone, p50", one.alone_ms, "ms"),
        Figure(f"{way}: questions", count / one.questions_s, "/s", "higher"),
        Figure(f"{way}: entries", entries / one.entries_s, "/s", "higher"),
    ]
    if one is not plain:
        found += [
            Figure(f"{way}: questions, ratio", plain.questions_s / one.questions_s, "×", "higher"),
            Figure(f"{way}: entries, ratio", plain.entries_s / one.entries_s, "×", "higher"),
            *_cosines(way, one, plain),
        ]
    if given.right:
        found += _quality(way, one, one, given)
        if way == INT8:
            found += _quality(f"{way}, mixed", one, plain, given)
    return found


def _cosines(way: str, one: Way, plain: Way) -> list[Figure]:
    found: list[Figure] = []
    for name, vectors in one.vectors.items():
        close = (np.array(vectors) * np.array(plain.vectors[name])).sum(axis=1)
        found += [
            Figure(f"{way}: cosine, {name}, mean", float(close.mean()), "", "higher"),
            Figure(f"{way}: cosine, {name}, least", float(close.min()), "", "higher"),
        ]
    return found


def _quality(name: str, asked: Way, kept: Way, given: Texts) -> list[Figure]:
    """Exact search by cosine alone."""
    scores = np.array(asked.vectors["questions"]) @ np.array(kept.vectors["entries"]).T
    ranks = [
        1 + min(int((row > row[at]).sum()) for at in right)
        for row, right in zip(scores, given.right, strict=True)
    ]
    return [
        Figure(f"{name}: R@1", sum(rank == 1 for rank in ranks) / len(ranks), "", "higher"),
        Figure(f"{name}: MRR", sum(1 / rank for rank in ranks) / len(ranks), "", "higher"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faq", type=Path, default=DATA)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--texts", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        given = msgspec.json.decode(arguments.texts.read_bytes(), type=Texts)
        print(json.dumps(msgspec.to_builtins(measured(arguments.way, arguments.cache, given))))
        return
    found = section(arguments.faq)
    print(f"{found.title}\n{found.method}")
    for figure in found.figures:
        print(f"  {figure.name:<44} {figure.value:10.3f} {figure.unit}")


if __name__ == "__main__":
    main()
