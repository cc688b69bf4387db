"""The plain retrieval methods that the real search is held against, in NumPy alone.

Scores are arrays of shape (questions, entries); higher is better.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
DEPTH = 10


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """How well the right entries are ranked, each 0 to 1."""

    r_at_1: float
    hit_at_5: float
    mrr_at_10: float
    ndcg_at_10: float


def quality(rankings: Sequence[Sequence[int]], right: Sequence[set[int]]) -> Quality:
    """Mean over the questions. `rankings` are entries best first, `right` those that answer."""
    first = five = mrr = ndcg = 0.0
    for ranking, wanted in zip(rankings, right, strict=True):
        hits = [entry in wanted for entry in ranking[:DEPTH]]
        first += any(hits[:1])
        five += any(hits[:5])
        mrr += next((1 / (place + 1) for place, hit in enumerate(hits) if hit), 0.0)
        gain = sum(1 / math.log2(place + 2) for place, hit in enumerate(hits) if hit)
        ideal = sum(1 / math.log2(place + 2) for place in range(min(len(wanted), DEPTH)))
        ndcg += gain / ideal
    n = len(right)
    return Quality(r_at_1=first / n, hit_at_5=five / n, mrr_at_10=mrr / n, ndcg_at_10=ndcg / n)


def ranked(scores: Scores) -> list[list[int]]:
    """Entries best first; equal ones in their order."""
    return [[int(i) for i in row] for row in np.argsort(-scores, axis=1, kind="stable")]


def bm25(entries: Sequence[str], questions: Sequence[str]) -> Scores:
    """Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75; words in lower case, not stemmed."""
    counts = [Counter(_words(entry)) for entry in entries]
    lengths = np.array([sum(count.values()) for count in counts])
    found_in = Counter(word for count in counts for word in count)
    scores = np.zeros((len(questions), len(entries)))
    for row, question in enumerate(questions):
        for word in _words(question):
            if not (documents := found_in.get(word, 0)):
                continue
            idf = math.log(1 + (len(entries) - documents + 0.5) / (documents + 0.5))
            times = np.array([count.get(word, 0) for count in counts])
            scores[row] += (
                idf * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * lengths / lengths.mean()))
            )
    return scores


def rank_fusion(one: Scores, other: Scores) -> Scores:
    """Reciprocal rank fusion, Cormack et al. 2009, k = 60."""
    return 1 / (60 + _places(one)) + 1 / (60 + _places(other))


def z_fusion(dense: Scores, words: Scores, *, dense_weight: float = 0.7) -> Scores:
    """Each question's scores made comparable by their mean and deviation, then added."""
    return dense_weight * z_scores(dense) + (1 - dense_weight) * z_scores(words)


def z_scores(scores: Scores) -> Scores:
    """(score - mean) / deviation over each question's entries."""
    deviation = scores.std(axis=1, keepdims=True)
    return (scores - scores.mean(axis=1, keepdims=True)) / np.maximum(deviation, 1e-9)


def reranked(first: Scores, second: Scores, *, depth: int = 20) -> Scores:
    """The best `depth` by `first`, ordered by the mean of both z-scores among them."""
    scores = np.full(first.shape, -np.inf)
    for row, best in enumerate(np.argsort(-first, axis=1, kind="stable")[:, :depth]):
        pair = z_scores(np.stack([first[row, best], second[row, best]]))
        scores[row, best] = pair.mean(axis=0)
    return scores


def max_sim(
    questions: Sequence[NDArray[np.float32]], entries: Sequence[NDArray[np.float32]]
) -> Scores:
    """ColBERT's late interaction (Khattab and Zaharia 2020): the mean over the question's tokens
    of the closest token of the entry. Token vectors are unit rows."""
    return np.array(
        [[float((q @ entry.T).max(axis=1).mean()) for entry in entries] for q in questions]
    )


def separation(answerable: Sequence[float], other: Sequence[float]) -> float:
    """The chance that an answerable question scores higher than another one (area under ROC)."""
    high, low = np.asarray(answerable)[:, None], np.asarray(other)[None, :]
    return float((high > low).mean() + 0.5 * (high == low).mean())


def _places(scores: Scores) -> Scores:
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.argsort(order, axis=1, kind="stable").astype(np.float64) + 1


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())
