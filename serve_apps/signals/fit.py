"""Fits the model of the signals: `python -m serve_apps.signals.fit [--check]`

`--check` writes nothing and prints what five-fold cross-validation gives on the examples; the
benchmark's labelled set is not read here, nor is anything of `../shared/data`.
Logistic regression, one against the rest, by L-BFGS.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serve_apps.embedding.encoder import EmbeddingModel
from serve_apps.embedding.models import DEFAULT
from serve_apps.signals import features
from serve_apps.signals.model import (
    FILE,
    GRAMS_SCALE,
    NAMES,
    VECTOR_SCALE,
    Linear,
    Numbers,
    Weights,
    save,
    scores,
)
from serve_apps.signals.phrases import alike, piece

LOOSE = 3.0
"""The inverse of the regularisation's strength (C in scikit-learn's words)."""
CAUTION = {"person": 0.4, "distress": 0.8, "authority": 0.8}
"""Taken off the scores before they are squeezed to 0..1: a false handoff costs a person's time,
and a wish that was missed is said again."""
PHRASES_LOOSE = 3.0
FOLDS = 5
STEPS = 120
"""Of L-BFGS: further ones change no third digit."""


class Example(NamedTuple):
    text: str
    locale: str
    label: str


class Pair(NamedTuple):
    """`text` says the same as `phrase` or not; `kind` is `request` or `never`."""

    phrase: str
    kind: str
    text: str
    same: bool


def load_examples() -> list[Example]:
    return [Example(r["text"], r["locale"], r["label"]) for r in _rows("examples.csv")]


def load_pairs() -> list[Pair]:
    return [Pair(r["phrase"], r["kind"], r["text"], r["same"] == "1") for r in _rows("phrases.csv")]


def _rows(name: str) -> list[dict[str, str]]:
    text = files("config").joinpath(f"handoff/{name}").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def mixed(examples: Sequence[Example]) -> list[Example]:
    """Each example among others that call for nothing, as people type without full stops: once
    in one breath, once with commas. What it calls for stays the same."""
    rng = random.Random(1)
    harmless = {
        locale: [e.text for e in examples if (e.locale, e.label) == (locale, "none")]
        for locale in ("en", "es")
    }
    found: list[Example] = []
    for breath in (True, False):
        for example in examples:
            parts = rng.sample(harmless[example.locale], rng.choice((1, 1, 2)))
            parts.insert(rng.randrange(len(parts) + 1), example.text)
            text = " ".join(map(_bare, parts)) if breath else ", ".join(map(_open, parts))
            found.append(example._replace(text=text))
    return found


def _bare(text: str) -> str:
    return re.sub(r"[^\w\s'@-]", "", text).lower()


def _open(text: str) -> str:
    return text.rstrip(".?!").lstrip("¿¡")


def matrix(vectors: Numbers, read: Sequence[features.Indices]) -> Any:
    """A sparse matrix of shape (messages, 384 + 2 × BUCKETS), scaled as `model.scores` does."""
    from scipy.sparse import csr_matrix, hstack  # noqa: PLC0415 only a fit needs it

    rows, columns, values = list[int](), list[int](), list[float]()
    for row, places in enumerate(read):
        below = int((places < features.BUCKETS).sum())
        for at, place in enumerate(places):
            size = below if at < below else len(places) - below
            rows.append(row)
            columns.append(int(place))
            values.append(GRAMS_SCALE / np.sqrt(size))
    shape = (len(read), 2 * features.BUCKETS)
    grams = csr_matrix((values, (rows, columns)), shape=shape)
    return hstack([csr_matrix(VECTOR_SCALE * vectors), grams]).tocsr()


def fit(inputs: Any, wanted: NDArray[np.bool_], *, loose: float = LOOSE) -> NDArray[np.float32]:
    """The weights, and the bias behind them, that tell the rows that are `wanted` from the rest.
    `inputs` is an array or a sparse matrix of shape (rows, columns)."""
    from scipy.optimize import minimize  # noqa: PLC0415 likewise

    sign = np.where(wanted, 1.0, -1.0)

    def loss(solution: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        inner, bias = solution[:-1], solution[-1]
        margin = sign * (inputs @ inner + bias)
        slope = -sign / (1 + np.exp(np.clip(margin, -50, 50)))
        value = loose * np.logaddexp(0, -margin).sum() + 0.5 * inner @ inner
        return float(value), np.append(loose * (inputs.T @ slope) + inner, loose * slope.sum())

    start = np.zeros(inputs.shape[1] + 1)
    found: Any = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return found.x.astype(np.float32)


def linear_of(inputs: Any, labels: NDArray[Any]) -> Linear:
    """`inputs` are those of `matrix`, or the n-grams' columns of it alone."""
    fitted = np.stack([fit(inputs, labels == name) for name in NAMES])
    width = fitted.shape[1] - 1 - 2 * features.BUCKETS  # of the vector; 0 when it is left out
    bias = fitted[:, -1] - np.array([CAUTION[name] for name in NAMES], dtype=np.float32)
    return Linear(fitted[:, :width], fitted[:, width:-1], bias)


def fit_phrases(pairs: Sequence[Pair], embed: Callable[[Sequence[str]], Numbers]) -> Numbers:
    """What `phrases.likeness` learned: shape (7,)."""
    return fit(_alike(pairs, embed), np.array([pair.same for pair in pairs]), loose=PHRASES_LOOSE)


def _alike(pairs: Sequence[Pair], embed: Callable[[Sequence[str]], Numbers]) -> Numbers:
    texts = sorted({text for pair in pairs for text in (pair.phrase, pair.text)})
    known = {text: piece(text, vector) for text, vector in zip(texts, embed(texts), strict=True)}
    return np.stack(
        [
            alike(known[pair.text], known[pair.phrase], request=pair.kind == "request")
            for pair in pairs
        ]
    )


def cross_validated(
    examples: Sequence[Example], vectors: Numbers, read: Sequence[features.Indices], *, blind: bool
) -> Numbers:
    """Scores of shape (examples, 3), each by a model that has not seen the example. Mixtures are
    left out: one of them may hold it."""
    labels = np.array([example.label for example in examples])
    inputs = matrix(vectors, read)
    if blind:
        inputs = inputs[:, DEFAULT.dimensions :]
    fold = np.random.default_rng(0).permutation(len(examples)) % FOLDS
    found = np.zeros((len(examples), len(NAMES)), dtype=np.float32)
    for number in range(FOLDS):
        learned = linear_of(inputs[fold != number], labels[fold != number])
        for at in map(int, np.flatnonzero(fold == number)):
            found[at] = scores(None if blind else vectors[at], read[at], learned)
    return found


def check_phrases(pairs: Sequence[Pair], embed: Callable[[Sequence[str]], Numbers]) -> str:
    """Precision and recall at 0.5 on phrases that the model has not seen."""
    inputs, same = _alike(pairs, embed), np.array([pair.same for pair in pairs])
    names = sorted({pair.phrase for pair in pairs})
    fold = np.array([names.index(pair.phrase) % FOLDS for pair in pairs])
    found = np.zeros(len(pairs), dtype=bool)
    for number in range(FOLDS):
        learned = fit(inputs[fold != number], same[fold != number], loose=PHRASES_LOOSE)
        found[fold == number] = inputs[fold == number] @ learned[:-1] + learned[-1] >= 0
    right = (found & same).sum()
    return f"phrases {right / found.sum():.3f}/{right / same.sum():.3f} of {len(pairs)} pairs"


def report(examples: Sequence[Example], found: Numbers) -> list[str]:
    """Precision and recall at 0.5 by language and signal, and how many of none fire."""
    labels = np.array([example.label for example in examples])
    locales = np.array([example.locale for example in examples])
    fires = found.max(axis=1) >= 0.5
    said = np.where(fires, np.array(NAMES)[found.argmax(axis=1)], "none")
    lines: list[str] = []
    for locale in ("en", "es"):
        here = locales == locale
        parts: list[str] = []
        for name in NAMES:
            right = ((said == name) & (labels == name) & here).sum()
            precision = right / max(1, ((said == name) & here).sum())
            recall = right / max(1, ((labels == name) & here).sum())
            parts.append(f"{name} {precision:.3f}/{recall:.3f}")
        alarms = (fires & (labels == "none") & here).sum() / ((labels == "none") & here).sum()
        wanted = (labels != "none") & here
        parts.append(f"any {(fires & wanted).sum() / wanted.sum():.3f}, false {alarms:.3f}")
        lines.append(f"{locale}  " + "  ".join(parts))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m serve_apps.signals.fit", description=__doc__)
    parser.add_argument("--check", action="store_true", help="cross-validate, write nothing")
    check = parser.parse_args().check
    embed = EmbeddingModel().encode_many
    examples, pairs = load_examples(), load_pairs()
    if not check:
        examples += mixed(examples)
    vectors = embed([example.text for example in examples])
    read = [features.read(example.text) for example in examples]
    if check:
        print(f"{len(examples)} examples, {FOLDS} folds, precision/recall at 0.5")
        for blind in (False, True):
            print("without the embedder:" if blind else "with the embedder:")
            found = cross_validated(examples, vectors, read, blind=blind)
            print("\n".join(report(examples, found)))
        print(check_phrases(pairs, embed))
        return
    inputs, labels = matrix(vectors, read), np.array([example.label for example in examples])
    learned = Weights(
        whole=linear_of(inputs, labels),
        blind=linear_of(inputs[:, DEFAULT.dimensions :], labels),
        phrases=fit_phrases(pairs, embed),
    )
    path = Path(str(files("config").joinpath(f"handoff/{FILE}")))
    save(path, learned)
    print(f"{len(examples)} examples → {path.name}, {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
