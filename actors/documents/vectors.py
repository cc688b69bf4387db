"""The vectors of a document's chunks in one space: what the last version had is used again, so
that a small edit costs a small part."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from actors.documents.ports import Embed, StageFailed
from actors.documents.state import Work
from events.objects.artifacts import (
    BadArtifact,
    Chunks,
    Vectors,
    decode_chunks,
    decode_vectors,
    encode_vectors,
    texts_of,
)
from events.objects.store import CorruptDocument, Documents, NoSuchDocument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Halves = NDArray[np.float16]

SLICE = 512
"""Texts in one call: progress is told after each."""

Tell = Callable[[int, int], Awaitable[None]]


async def embed_chunks(
    embed: Embed,
    chunks: Chunks,
    chunks_hash: str,
    space: str,
    *,
    known: dict[str, Halves],
    tell: Tell,
) -> bytes:
    """An encoded `artifacts.Vectors`. `known` holds vectors of this space by their text; `tell`
    gets the texts that are done, and all. Raises StageFailed, DependencyUnavailable."""
    import numpy as np  # noqa: PLC0415  # only who embeds needs it

    texts = texts_of(chunks)
    # Texts of one length lie together, so that a batch of the model's has little to fill up.
    missing = sorted((text for text in texts if text not in known), key=len)
    rows = dict(known)
    for start in range(0, len(missing), SLICE):
        await tell(len(texts) - len(missing) + start, len(texts))
        part = missing[start : start + SLICE]
        found = await embed(space, part)
        if found.ndim != 2 or len(found) != len(part) or not np.isfinite(found).all():
            raise StageFailed(
                "index", "embedder_failed", f"{space}: the embedder's vectors are bad"
            )
        rows.update(zip(part, found.astype("<f2"), strict=True))
    await tell(len(texts), len(texts))
    matrix = np.stack([rows[text] for text in texts])
    vectors = Vectors(
        space=space,
        chunks_hash=chunks_hash,
        dimensions=matrix.shape[1],
        count=matrix.shape[0],
        rows=matrix.tobytes(),
    )
    return encode_vectors(vectors)


async def known_vectors(
    documents: Documents, tenant: str, works: Sequence[Work | None], space: str
) -> dict[str, Halves]:
    """What earlier versions know in `space`, by text; nothing where it cannot be read: then it
    is computed again. Raises LogUnavailable."""
    known: dict[str, Halves] = {}
    for work in works:
        told = work.vectors_in(space) if work is not None else None
        if told is None:
            continue
        try:
            chunks, vectors = await asyncio.gather(
                documents.get(tenant, told.chunks_hash), documents.get(tenant, told.vectors_hash)
            )
            known.update(await asyncio.to_thread(_by_text, chunks, vectors))
        except (NoSuchDocument, CorruptDocument, BadArtifact):
            continue
    return known


def _by_text(chunks: bytes, vectors: bytes) -> dict[str, Halves]:
    import numpy as np  # noqa: PLC0415  # see above

    texts, held = texts_of(decode_chunks(chunks)), decode_vectors(vectors)
    if len(texts) != held.count:
        raise BadArtifact(f"{held.count} vectors for {len(texts)} texts")
    matrix = np.frombuffer(held.rows, dtype="<f2").reshape(held.count, held.dimensions)
    return dict(zip(texts, matrix, strict=True))
