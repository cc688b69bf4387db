"""What the index reads from the object store: chunks and vectors, a few of them ahead."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from events.objects.artifacts import BadArtifact, Chunks, decode_chunks, decode_vectors
from events.objects.store import CorruptDocument, Documents, NoSuchDocument

if TYPE_CHECKING:
    from numpy.typing import NDArray

AHEAD = 4
"""Blobs that are fetched before they are asked for: the largest has 100 MB."""

Key = tuple[str, str]
"""Tenant and hash."""


class Lost(Exception):
    """The object store does not hold what a fact names, or holds something else under its name."""


class Blobs:
    """Blobs of one batch of commits. `expected` are asked for in this order, or left out.

    Close it, so that nothing is fetched after it.
    """

    def __init__(self, documents: Documents, expected: Iterable[Key]) -> None:
        self._documents = documents
        self._later = deque(expected)
        self._coming: dict[Key, asyncio.Task[bytes]] = {}
        self._fetch_ahead()

    async def chunks(self, tenant: str, chunks_hash: str) -> Chunks:
        """Raises Lost and LogUnavailable."""
        content = await self._get(tenant, chunks_hash)
        try:
            return await asyncio.to_thread(decode_chunks, content)
        except BadArtifact as error:
            raise Lost(str(error)) from error

    async def vectors(
        self, tenant: str, vectors_hash: str, *, chunks_hash: str, count: int
    ) -> NDArray[np.float16]:
        """Unit vectors, shape (count, dimensions). Raises Lost and LogUnavailable."""
        content = await self._get(tenant, vectors_hash)
        try:
            kept = decode_vectors(content)
        except BadArtifact as error:
            raise Lost(str(error)) from error
        if (kept.chunks_hash, kept.count) != (chunks_hash, count):
            raise Lost(f"{kept.count} vectors of chunks {kept.chunks_hash}")
        rows = np.frombuffer(kept.rows, dtype="<f2").reshape(count, kept.dimensions)
        if not np.isfinite(rows).all():
            raise Lost("vectors that are not finite")
        return rows

    async def close(self) -> None:
        """Fetch nothing more."""
        self._later.clear()
        await _cancelled(self._coming.values())
        self._coming.clear()

    async def _get(self, tenant: str, content_hash: str) -> bytes:
        key = (tenant, content_hash)
        task = await self._passed_on_to(key)
        try:
            return await (task or self._documents.get(tenant, content_hash))
        except (NoSuchDocument, CorruptDocument) as error:
            raise Lost(repr(error)) from error

    async def _passed_on_to(self, key: Key) -> asyncio.Task[bytes] | None:
        """The fetch of `key` where it has begun; what was expected before it is not awaited."""
        if key not in self._coming:
            return None
        for earlier in list(self._coming):
            task = self._coming.pop(earlier)
            if earlier == key:
                self._fetch_ahead()
                return task
            await _cancelled([task])
        raise AssertionError("unreachable: the key is among them")

    def _fetch_ahead(self) -> None:
        while self._later and len(self._coming) < AHEAD:
            key = self._later.popleft()
            if key not in self._coming:
                self._coming[key] = asyncio.create_task(self._documents.get(*key))


async def _cancelled(tasks: Iterable[asyncio.Task[bytes]]) -> None:
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    if waiting:
        await asyncio.gather(*waiting, return_exceptions=True)
