"""The vectors of a process's newest questions: what is asked for twice is embedded once.

A turn needs the vector of the visitor's message for its search and for its signals, at the same
time; what an operator said is compared with every question after it. A vector depends on nothing
but its text and its space, so none ever grows old.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from events.spaces import DEFAULT_SPACE

if TYPE_CHECKING:
    from serve_apps.embedding.encoder import Vectors

SIZE = 1024
"""1.5 KB each."""


class EmbedQuery(Protocol):
    async def __call__(self, text: str, *, space: str = DEFAULT_SPACE) -> Vectors:
        """The text's vector, shape (dimensions of the space,), length 1."""
        ...


class QueryCache:
    """Stands before an `embed_query`. Use in one event loop."""

    def __init__(self, embed_query: EmbedQuery, *, size: int = SIZE) -> None:
        self._ask, self._size = embed_query, size
        self._known: OrderedDict[tuple[str, str], Vectors] = OrderedDict()
        self._asked: dict[tuple[str, str], asyncio.Task[Vectors]] = {}

    async def embed_query(self, text: str, *, space: str = DEFAULT_SPACE) -> Vectors:
        """See EmbedQuery. Raises what the embedder raises, which is not remembered. A caller that
        is cancelled takes nothing from others who wait for the same."""
        key = (space, text)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(self._embedded(key))
            asked.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(asked)

    async def _embedded(self, key: tuple[str, str]) -> Vectors:
        space, text = key
        try:
            vector = self._known[key] = await self._ask(text, space=space)
        finally:
            del self._asked[key]
        while len(self._known) > self._size:
            self._known.popitem(last=False)
        return vector
