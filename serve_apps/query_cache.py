"""The vectors of a process's newest questions: what is asked for twice is embedded once.

A turn needs the vector of the visitor's message for its search and for its signals, at the same
time; what an operator said is compared with every question after it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serve_apps.encoder import Vectors

SIZE = 1024
"""1.5 KB each."""


class QueryCache:
    """Stands before an `embed_query`. Use in one event loop."""

    def __init__(self, embed_query: Callable[[str], Awaitable[Vectors]], *, size: int = SIZE):
        self._ask, self._size = embed_query, size
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._asked: dict[str, asyncio.Task[Vectors]] = {}

    async def embed_query(self, text: str) -> Vectors:
        """Shape (384,). Raises what the embedder raises, which is not remembered. A caller that
        is cancelled takes nothing from others who wait for the same."""
        if text in self._known:
            self._known.move_to_end(text)
            return self._known[text]
        asked = self._asked.get(text)
        if asked is None:
            asked = self._asked[text] = asyncio.create_task(self._embedded(text))
            asked.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(asked)

    async def _embedded(self, text: str) -> Vectors:
        try:
            vector = self._known[text] = await self._ask(text)
        finally:
            del self._asked[text]
        while len(self._known) > self._size:
            self._known.popitem(last=False)
        return vector
