"""The embedder as a Ray Serve deployment, and the adapter over its handle.

    app = embedding_app()              # serve.run(app, name="embedding", ...)
    embedder = ServeEmbedder(handle)   # embed_query, embed_texts

Serve collects questions into batches (`serve.batch`); within the replica they go before slices
of bulk work, so that a long ingest does not hold up who is asking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException

from serve_apps.encoder import QUERY_BATCH, EmbeddingModel, EmbeddingQueue

if TYPE_CHECKING:
    from serve_apps.encoder import Vectors

NAME = "embedding"
BATCH_WAIT_S = 0.0
"""A lone question does not wait for others; while one batch runs, the next one collects."""
QUERY_TIMEOUT_S = 10.0
BULK_TIMEOUT_S = 1800.0
BULK_TEXTS = 2048
"""Texts in one call at most: a call is answered as a whole and held in memory."""


class EmbeddingFailed(Exception):
    """The embedder did not answer, or failed at it."""


class Embedding:
    """The replica. The model is loaded here, so whoever imports this module pays nothing."""

    def __init__(self, model: str = "", threads: int = 0) -> None:
        self._model = EmbeddingModel(model, threads=threads)
        self._queue = EmbeddingQueue(self._model)

    async def embed_query(self, text: str) -> Vectors:
        """The unit vector of a question, shape (384,), float32."""
        return await self._batched(text)

    @serve.batch(max_batch_size=QUERY_BATCH, batch_wait_timeout_s=BATCH_WAIT_S)
    async def _batched(self, texts: list[str]) -> list[Vectors]:
        return await self._queue.embed_queries(texts)

    async def embed_texts(self, texts: list[str]) -> Vectors:
        """Unit vectors, shape (len(texts), 384), float32."""
        return await self._queue.embed_texts(texts)

    async def count_tokens(self, texts: list[str]) -> list[int]:
        """How many tokens the model reads of each text."""
        return await asyncio.to_thread(self._model.count_tokens, texts)

    async def about(self) -> dict[str, str | int]:
        """Device, number type and longest text, for `tandem doctor` and benchmarks."""
        model = self._model
        return {"device": model.device, "dtype": model.dtype, "max_tokens": model.max_tokens}


def embedding_app(
    *, model: str = "", threads: int = 0, replicas: int = 1, cpus: float = 0.0, gpus: float = 0.0
) -> Any:
    """The Serve application. `model` is a folder, empty for the packaged MiniLM; `cpus` and
    `gpus` are what Ray books for a replica."""
    deployment: Any = serve.deployment(
        name=NAME,
        num_replicas=replicas,
        max_ongoing_requests=1024,
        ray_actor_options={"num_cpus": cpus, "num_gpus": gpus},
        graceful_shutdown_timeout_s=5,
    )(Embedding)
    return deployment.bind(model, threads)


class ServeEmbedder:
    """What search and ingest need, over a handle to `Embedding`."""

    def __init__(
        self,
        handle: Any,
        *,
        query_timeout_s: float = QUERY_TIMEOUT_S,
        bulk_timeout_s: float = BULK_TIMEOUT_S,
    ) -> None:
        self._handle = handle
        self._query_timeout_s, self._bulk_timeout_s = query_timeout_s, bulk_timeout_s

    async def embed_query(self, text: str) -> Vectors:
        """Shape (384,). Raises EmbeddingFailed."""
        return await self._answer(self._handle.embed_query.remote(text), self._query_timeout_s)

    async def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), 384), asked for in calls of bounded size. Raises EmbeddingFailed.

        The time-out is for one call.
        """
        import numpy as np  # noqa: PLC0415  # only who embeds in bulk needs it

        parts: list[Vectors] = [np.zeros((0, 384), dtype=np.float32)]
        for start in range(0, len(texts), BULK_TEXTS):
            part = list(texts[start : start + BULK_TEXTS])
            parts.append(
                await self._answer(self._handle.embed_texts.remote(part), self._bulk_timeout_s)
            )
        return np.concatenate(parts)

    async def _answer(self, response: Any, timeout: float) -> Vectors:
        try:
            async with asyncio.timeout(timeout):
                return await response
        except TimeoutError as error:
            response.cancel()
            raise EmbeddingFailed(f"the embedder did not answer within {timeout:g} s") from error
        except (RayError, RayServeException) as error:
            raise EmbeddingFailed(f"{type(error).__name__}: {error}"[:300]) from error
