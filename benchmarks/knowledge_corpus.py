"""A corpus as large as one likes, with neighbours and words that are real enough.

The vectors are mixtures of real MiniLM vectors of some four thousand real sentences, with noise,
so each chunk has others near it as in a real corpus; the texts are the same sentences, so words
and meaning go together. Questions are real sentences that no chunk was made of. The same numbers
give the same corpus.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

SENTENCES = Path(__file__).parents[1] / "config" / "handoff" / "examples.csv"
SEED = 20
HELD_OUT = 300
"""Sentences that are asked and not written."""
PER_DOCUMENT = 10
BATCH = 10_000
NOISE = 0.35
"""Length of the random vector that is added to a mixture of length 1."""


class Seeds(msgspec.Struct, frozen=True, kw_only=True):
    """Real sentences by language, `written` and `asked`, each with a unit vector."""

    written: list[tuple[str, str]]
    """(text, locale)"""
    vectors: Vectors
    asked: list[tuple[str, str]]
    asked_vectors: Vectors


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One chunk. `vector` and `sentence_vector` have length 1, float16."""

    tenant: str
    chunk: str
    document: str
    ordinal: int
    heading: str
    text: str
    parts: tuple[str, str]
    """The sentences that `text` is made of."""
    locale: str
    vector: NDArray[np.float16]
    sentence: str
    sentence_vector: NDArray[np.float16]


def read_sentences() -> list[tuple[str, str]]:
    """(text, locale) of every distinct example, in the file's order."""
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        rows = [(row["text"].strip(), row["locale"]) for row in csv.DictReader(file)]
    return list(dict.fromkeys(row for row in rows if len(row[0].split()) >= 4))


def seeds(kept: Path | None = None) -> Seeds:
    """The sentences with the packaged model's vectors, which are kept in the file `kept`."""
    sentences = read_sentences()
    if kept is not None and kept.exists():
        vectors: Vectors = np.load(kept)
    else:
        from serve_apps.embedding.encoder import EmbeddingModel  # noqa: PLC0415 it loads torch

        vectors = EmbeddingModel().encode_many([text for text, _ in sentences])
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.save(kept, vectors)
    order = np.random.default_rng(SEED).permutation(len(sentences))
    asked, written = np.sort(order[:HELD_OUT]), np.sort(order[HELD_OUT:])
    return Seeds(
        written=[sentences[i] for i in written],
        vectors=vectors[written],
        asked=[sentences[i] for i in asked],
        asked_vectors=vectors[asked],
    )


def tenant_name(number: int) -> str:
    return f"bench-{number:04d}"


def corpus(found: Seeds, *, chunks: int, tenants: int) -> Iterator[list[Row]]:
    """`chunks` rows in batches, documents of ten chunks, dealt out to the tenants in turn as
    they would come in from many companies at once."""
    by_locale = {
        locale: np.array([i for i, (_, other) in enumerate(found.written) if other == locale])
        for locale in sorted({locale for _, locale in found.written})
    }
    locales = list(by_locale)
    for start in range(0, chunks, BATCH):
        random = np.random.default_rng((SEED, start))
        numbers = np.arange(start, min(start + BATCH, chunks))
        spoken = [locales[n // PER_DOCUMENT % len(locales)] for n in numbers]
        first = np.array([random.choice(by_locale[locale]) for locale in spoken])
        second = np.array([random.choice(by_locale[locale]) for locale in spoken])
        share = random.uniform(0.5, 1.0, size=(len(numbers), 1)).astype(np.float32)
        mixed = share * found.vectors[first] + (1 - share) * found.vectors[second]
        vectors = _unit(_unit(mixed).astype(np.float32) + _noise(random, mixed.shape))
        rows: list[Row] = []
        told = _unit(found.vectors[first] + _noise(random, mixed.shape))
        for n, row in enumerate(numbers):
            document = int(row) // PER_DOCUMENT
            tenant = tenant_name(document % tenants)
            one, other = found.written[first[n]], found.written[second[n]]
            rows.append(
                Row(
                    tenant=tenant,
                    chunk=hashlib.sha256(f"{tenant}/{row}".encode()).hexdigest()[:32],
                    document=f"doc-{document}",
                    ordinal=int(row) % PER_DOCUMENT,
                    heading=f"Case {row}",
                    text=f"{one[0]} {other[0]}",
                    parts=(one[0], other[0]),
                    locale=one[1],
                    vector=vectors[n],
                    sentence=one[0],
                    sentence_vector=told[n],
                )
            )
        yield rows


def _noise(random: np.random.Generator, shape: tuple[int, ...]) -> Vectors:
    noise = random.standard_normal(shape, dtype=np.float32)
    return (NOISE / np.sqrt(shape[1])) * noise


def _unit(rows: NDArray[Any]) -> NDArray[np.float16]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
