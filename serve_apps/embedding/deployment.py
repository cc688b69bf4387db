"""The embedder as a Ray Serve deployment, and the adapter over its handle.

    app = embedding_app()              # serve.run(app, name="embedding", ...)
    embedder = ServeEmbedder(handle)   # embed_query, embed_texts

Serve collects questions into batches (`serve.batch`); within the replica they go before slices
of bulk work, so that a long ingest does not hold up who is asking. A space's model is loaded when
it is first asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException

from config.settings import Settings
from serve_apps.embedding.batches import QUERY_BATCH
from serve_apps.embedding.models import DEFAULT_SPACE, parse_space

if TYPE_CHECKING:
    from serve_apps.embedding.batches import Vectors
    from serve_apps.embedding.pool import Runtime

NAME = "embedding"
BATCH_WAIT_S = 0.0
"""A lone question does not wait for others; while one batch runs, the next one collects."""
QUERY_TIMEOUT_S = 10.0
BULK_TIMEOUT_S = 1800.0
BULK_TEXTS = 512
"""Texts in one call at most: a call is answered as a whole and held in memory."""

Progress = Callable[[int, int], object]
"""Called with how many of how many texts are embedded."""


class EmbeddingFailed(Exception):
    """The embedder did not answer, or failed at it."""


class Embedding:
    """The replica. Models are loaded here, so whoever imports this module pays nothing."""

    def __init__(self, cache: str, runtime: Runtime = "auto", threads: int = 0) -> None:
        from serve_apps.embedding.pool import EncoderPool, Loader  # as above

        self._pool = EncoderPool(Loader(Path(cache), runtime, threads))

    async def embed_query(self, text: str, space: str = DEFAULT_SPACE) -> Vectors:
        """The unit vector of a question, shape (dimensions of the space,), float32."""
        return await self._batched((text, space))

    @serve.batch(max_batch_size=QUERY_BATCH, batch_wait_timeout_s=BATCH_WAIT_S)
    async def _batched(self, asked: list[tuple[str, str]]) -> list[Vectors]:
        spaces = sorted({space for _, space in asked})
        found = await asyncio.gather(
            *(
                self._pool.embed_queries([t for t, s in asked if s == space], parse_space(space))
                for space in spaces
            )
        )
        answers = {space: iter(vectors) for space, vectors in zip(spaces, found, strict=True)}
        return [next(answers[space]) for _, space in asked]

    async def embed_texts(self, texts: list[str], space: str = DEFAULT_SPACE) -> Vectors:
        """Unit vectors, shape (len(texts), dimensions of the space), float32."""
        return await self._pool.embed_texts(texts, parse_space(space))

    async def count_tokens(self, texts: list[str]) -> list[int]:
        """How many tokens the default space's model reads of each text."""
        return await asyncio.to_thread(self._pool.default.count_tokens, texts)

    async def about(self) -> dict[str, str | int]:
        """Device, number type and longest text, for `tandem doctor` and benchmarks."""
        model = self._pool.default
        return {"device": model.device, "dtype": model.dtype, "max_tokens": model.max_tokens}


def embedding_app(
    settings: Settings,
    *,
    threads: int = 0,
    replicas: int = 1,
    cpus: float = 0.0,
    gpus: float = 0.0,
) -> Any:
    """The Serve application. `cpus` and `gpus` are what Ray books for a replica."""
    deployment: Any = serve.deployment(
        name=NAME,
        num_replicas=replicas,
        max_ongoing_requests=1024,
        ray_actor_options={"num_cpus": cpus, "num_gpus": gpus},
        graceful_shutdown_timeout_s=5,
    )(Embedding)
    return deployment.bind(str(models_cache(settings)), settings.embedding, threads)


def models_cache(settings: Settings) -> Path:
    """Where what is made of models is kept; it can be dropped at any moment."""
    return settings.home_dir / "models"


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

    async def embed_query(self, text: str, *, space: str = DEFAULT_SPACE) -> Vectors:
        """Shape (dimensions of the space,). Raises EmbeddingFailed."""
        asked = self._handle.embed_query.remote(text, space)
        return await self._answer(asked, self._query_timeout_s)

    async def embed_texts(
        self,
        texts: Sequence[str],
        *,
        space: str = DEFAULT_SPACE,
        on_progress: Progress | None = None,
    ) -> Vectors:
        """Shape (len(texts), dimensions of the space), in the order of `texts`.

        Asked for in calls of bounded size, texts of like length together; the time-out is for one
        call. Raises EmbeddingFailed, BadSpace.
        """
        found = np.zeros((len(texts), parse_space(space).dimensions), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda at: (len(texts[at]), texts[at]))
        for start in range(0, len(order), BULK_TEXTS):
            part = order[start : start + BULK_TEXTS]
            asked = self._handle.embed_texts.remote([texts[at] for at in part], space)
            found[part] = await self._answer(asked, self._bulk_timeout_s)
            if on_progress is not None:
                on_progress(start + len(part), len(texts))
        return found

    async def _answer(self, response: Any, timeout: float) -> Vectors:
        try:
            async with asyncio.timeout(timeout):
                return await response
        except TimeoutError as error:
            response.cancel()
            raise EmbeddingFailed(f"the embedder did not answer within {timeout:g} s") from error
        except RayTaskError as error:  # what the replica raised, without where
            said = f"{type(error.cause).__name__}: {error.cause}"
            raise EmbeddingFailed(said[:300]) from error
        except (RayError, RayServeException) as error:
            raise EmbeddingFailed(f"{type(error).__name__}: {error}"[:300]) from error
