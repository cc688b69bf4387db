"""A linear model over the embedder's vector and the message's features: three scores, 0 to 1.

Fitted by `python -m serve_apps.signals.fit` from `config/handoff/examples.csv`; what it learned is
`config/handoff/weights.npz`, so that starting costs the reading of one small file.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serve_apps.signals.features import BUCKETS, Indices

FILE = "weights.npz"
NAMES = ("person", "distress", "authority")
VECTOR_SCALE = 3.0
GRAMS_SCALE = 6.0
"""How much the embedder's vector and the n-grams weigh against each other, before fitting."""

Numbers = NDArray[np.float32]


class Linear(NamedTuple):
    """`vector` (3, 384), `grams` (3, 2 × BUCKETS), `bias` (3,)."""

    vector: Numbers
    grams: Numbers
    bias: Numbers


class Weights(NamedTuple):
    """`whole` reads the vector and the features; `blind` the features alone, for when the embedder
    does not answer; `phrases` is for `phrases.likeness`."""

    whole: Linear
    blind: Linear
    phrases: Numbers


@lru_cache(maxsize=1)
def weights() -> Weights:
    """Raises FileNotFoundError when the model was never fitted."""
    with as_file(files("config").joinpath(f"handoff/{FILE}")) as path, np.load(path) as held:
        whole, blind = (
            Linear(*(held[f"{kind}_{name}"].astype(np.float32) for name in Linear._fields))
            for kind in ("whole", "blind")
        )
        found = Weights(whole, blind, held["phrases"].astype(np.float32))
    if found.whole.grams.shape != (len(NAMES), 2 * BUCKETS):
        raise ValueError(f"{FILE} is of other features: fit it again")
    return found


def save(path: Path, learned: Weights) -> None:
    parts = {
        f"{kind}_{name}": getattr(linear, name).astype(np.float16)
        for kind, linear in (("whole", learned.whole), ("blind", learned.blind))
        for name in Linear._fields
    }
    np.savez_compressed(path, phrases=learned.phrases, **parts)


def scores(vector: Numbers | None, places: Indices, learned: Linear) -> Numbers:
    """How surely the message asks for a person, is distressed, orders: shape (3,), 0 to 1.
    `vector` is its unit vector (None for a blind model), `places` what `features.read` gave."""
    total = learned.bias
    if vector is not None:
        total = total + VECTOR_SCALE * (learned.vector @ vector)
    for start in (0, BUCKETS):
        block = places[(places >= start) & (places < start + BUCKETS)]
        if block.size:
            total = total + GRAMS_SCALE * learned.grams[:, block].sum(axis=1) / np.sqrt(block.size)
    return (1 / (1 + np.exp(-total))).astype(np.float32)
