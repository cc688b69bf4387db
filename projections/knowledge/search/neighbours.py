"""Chunks of one document that stand beside each other in it, and in a result.

Each keeps its own id, so that a citation resolves to the exact chunk; none is glued to another.
They are put side by side, and what two of them share by overlap is said once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from projections.knowledge.search.search import Hit

SHARED = 20
"""Fewer characters in common are chance."""


def without_overlaps(hits: Sequence[Hit]) -> list[Hit]:
    """`hits`, best first, each without what a better neighbour holds already. One of which no
    sentence is left is left out."""
    kept: list[Hit] = []
    for hit in hits:
        own: Hit | None = hit
        for better in kept:
            if own is not None and beside(better, own):
                own = _rest(own, better)
        if own is not None:
            kept.append(own)
    return kept


def side_by_side(hits: Sequence[Hit]) -> list[Hit]:
    """`hits`, best first, with neighbours after the best of them in the order of the document."""
    runs: list[list[Hit]] = []
    for hit in hits:
        near = [run for run in runs if any(beside(one, hit) for one in run)]
        if not near:
            runs.append([hit])
            continue
        near[0].append(hit)
        for other in near[1:]:  # it stands between two runs and makes one of them
            near[0].extend(other)
            runs.remove(other)
    return [one for run in runs for one in _in_order(run)]


def beside(one: Hit, other: Hit) -> bool:
    """Next to each other in one version of a document, under one heading."""
    return abs(one.ordinal - other.ordinal) == 1 and (one.document, one.version, one.heading) == (
        other.document,
        other.version,
        other.heading,
    )


def _in_order(run: list[Hit]) -> list[Hit]:
    best, *others = run
    return [best, *sorted(others, key=lambda hit: hit.ordinal)]


def _rest(hit: Hit, better: Hit) -> Hit | None:
    follows = hit.ordinal > better.ordinal
    shared = _overlap(better.text, hit.text) if follows else _overlap(hit.text, better.text)
    if not shared:
        return hit
    text = hit.text[shared:].lstrip() if follows else hit.text[:-shared].rstrip()
    sentences = tuple((said, score) for said, score in hit.sentences if said in text)
    if not sentences:
        return None
    return msgspec.structs.replace(hit, text=text, sentences=sentences)


def _overlap(first: str, second: str) -> int:
    """How many characters at the end of `first` stand at the beginning of `second`."""
    for length in range(min(len(first), len(second)), SHARED - 1, -1):
        if first.endswith(second[:length]):
            return length
    return 0
