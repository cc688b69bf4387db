"""What Ray Data runs, several at a time and on GPUs where asked: documents in, vectors kept.

Only names go in and out; chunks are read from the object store, and vectors are put there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from events.objects.artifacts import (
    BadArtifact,
    Chunks,
    Vectors,
    decode_chunks,
    encode_vectors,
    texts_of,
)
from events.objects.store import CorruptDocument, Documents, NoSuchDocument
from events.spaces import Space

if TYPE_CHECKING:
    from serve_apps.embedding.batches import Encoder
    from serve_apps.embedding.pool import Load

SLICE_TOKENS = {"cpu": 4096, "cuda": 65_536}
"""Padded tokens at once. Nobody waits behind them for an answer, as somebody may in the house's
own embedder."""

OpenDocuments = Callable[[], Documents]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done, the same for all documents. It travels to other machines."""

    tenant: str
    space: Space
    load: Load
    open_documents: OpenDocuments


class ChunksLost(Exception):
    """The object store does not hold the chunks of a document, or not as they were."""


class EmbedDocuments:
    """One worker: its model, its way to the object store. Called with batches of rows
    `document`, `version`, `chunks_hash`; adds `vectors_hash`, and `failed`: why the batch could
    not be done, else empty. An exception would come out of Ray as a page of text."""

    def __init__(self, order: Order) -> None:
        from serve_apps.embedding.pool import key_of  # noqa: PLC0415  # where a model is loaded only

        self._order = order
        self._encoder: Encoder = order.load(key_of(order.space))
        self._documents = order.open_documents()
        # One loop for the worker's life: the connection to the store belongs to it.
        self._loop = asyncio.new_event_loop()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        names = [str(one) for one in batch["document"]]
        hashes = [str(one) for one in batch["chunks_hash"]]
        failed = ""
        try:
            kept = self._loop.run_until_complete(self._embed(names, hashes))
        except ChunksLost as error:
            kept, failed = [""] * len(names), str(error)
        return {
            **batch,
            "vectors_hash": np.array(kept),
            "failed": np.array([failed] * len(names)),
        }

    async def _embed(self, names: list[str], hashes: list[str]) -> list[str]:
        """Each text of the batch once, those of like length together."""
        tenant = self._order.tenant
        chunks = await asyncio.gather(*map(self._chunks, names, hashes))
        texts = sorted({text for one in chunks for text in texts_of(one)})
        tokens = SLICE_TOKENS[self._encoder.device]
        rows = await asyncio.to_thread(self._encoder.encode_many, texts, tokens=tokens)
        at = dict(zip(texts, rows, strict=True))
        return [
            await self._documents.put(tenant, self._packed(one, name, at))
            for one, name in zip(chunks, hashes, strict=True)
        ]

    async def _chunks(self, document: str, chunks_hash: str) -> Chunks:
        try:
            return decode_chunks(await self._documents.get(self._order.tenant, chunks_hash))
        except (NoSuchDocument, CorruptDocument, BadArtifact) as error:
            raise ChunksLost(f"{document}: its chunks are lost or damaged ({error})") from error

    def _packed(self, chunks: Chunks, chunks_hash: str, at: dict[str, Any]) -> bytes:
        from serve_apps.embedding.pool import shortened  # noqa: PLC0415  # see __init__

        space = self._order.space
        rows = shortened(np.stack([at[text] for text in texts_of(chunks)]), space).astype("<f2")
        return encode_vectors(
            Vectors(
                space=space.name,
                chunks_hash=chunks_hash,
                dimensions=space.dimensions,
                count=len(rows),
                rows=rows.tobytes(),
            )
        )
