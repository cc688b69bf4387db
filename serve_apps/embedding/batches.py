"""What every encoder shares: texts of like length together, the same batches for the same texts."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

QUERY_BATCH = 32
SLICE_TOKENS = {"cpu": 256, "cuda": 32_768}
"""Padded tokens in one slice of a bulk job. A question waits for one slice at most, so a smaller
one answers sooner and does a little less bulk work."""


class Encoder(ABC):
    """Texts in, unit vectors out. Not safe for many threads."""

    device: str
    dtype: str
    max_tokens: int
    dimensions: int

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> Vectors:
        """One batch: shape (len(texts), dimensions), float32, each row of length 1."""

    @abstractmethod
    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens the model reads of each text, special tokens and truncation included."""

    def slices(self, texts: Sequence[str], *, tokens: int = 0) -> list[list[int]]:
        """Indices of `texts` in batches of like length, each at most `tokens` when padded.

        The same texts always give the same batches, so that they give the same vectors.
        """
        tokens = tokens or SLICE_TOKENS[self.device]
        lengths = self.count_tokens(texts)
        order = sorted(range(len(texts)), key=lambda index: (lengths[index], texts[index]))
        batches: list[list[int]] = []
        for index in order:
            if batches and lengths[index] * (len(batches[-1]) + 1) <= tokens:
                batches[-1].append(index)
            else:
                batches.append([index])
        return batches

    def encode_many(self, texts: Sequence[str], *, tokens: int = 0) -> Vectors:
        """Any number of texts, in order: shape (len(texts), dimensions). `tokens`: see slices."""
        found = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for indices in self.slices(texts, tokens=tokens):
            found[indices] = self.encode([texts[index] for index in indices])
        return found


def unit(vectors: Vectors, dimensions: int = 0) -> Vectors:
    """Rows of length 1, of the first `dimensions` numbers (0: all)."""
    kept = vectors[:, :dimensions] if dimensions else vectors
    norms = np.linalg.norm(kept, axis=1, keepdims=True)
    return (kept / np.maximum(norms, 1e-12)).astype(np.float32)


def cpu_threads(threads: int = 0) -> int:
    """`threads`, or half the cores, 4 at most: the other half serves who is asking."""
    return threads or max(1, min(4, (os.cpu_count() or 1) // 2))
