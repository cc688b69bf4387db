"""What a process's newest searches found, as long as it would be found again.

A result holds for one generation of a tenant's knowledge, in one embedding space. The generation
is asked for at each search and never remembered, so nothing has to be told to the cache when a
document is indexed, replaced or removed: its next search has another generation.
"""

from __future__ import annotations

import unicodedata
from collections import OrderedDict

import msgspec

from projections.knowledge.search.search import Filters, SearchResult, Standing

SIZE = 256
"""Up to 60 KB each."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a result depends on, besides what is known."""

    tenant: str
    question: str
    locale: str
    limit: int
    filters: Filters


def normalised(question: str) -> str:
    """One form of what reads alike. Case stays: it may make a difference to a model."""
    return " ".join(unicodedata.normalize("NFC", question).split())


class ResultCache:
    """The least recently asked is forgotten first. Use in one event loop."""

    def __init__(self, *, size: int = SIZE) -> None:
        self._size = size
        self._known: OrderedDict[Asked, SearchResult] = OrderedDict()

    def get(self, asked: Asked, standing: Standing, space: str) -> SearchResult | None:
        """What was found when the tenant's knowledge stood as it does; None when it did not."""
        found = self._known.get(asked)
        if found is None or (found.knowledge, found.space) != (standing.knowledge, space):
            return None
        self._known.move_to_end(asked)
        return found

    def put(self, asked: Asked, found: SearchResult) -> None:
        self._known[asked] = found
        self._known.move_to_end(asked)
        while len(self._known) > self._size:
            self._known.popitem(last=False)
