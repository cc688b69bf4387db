"""A cross-encoder behind Ray Serve, when `TANDEM_RERANK_MODEL` names one. By default there is none.

What stands in its place is in the search itself: late interaction of the question with the
vectors of each candidate's sentences, which costs no model at question time. Over token vectors
(MaxSim) it measured no better; `benchmarks/retrieval.py` prints both (docs/decisions).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException

from config.settings import Settings

NAME = "rerank"
TIMEOUT_S = 3.0
BATCH = 32


class RerankFailed(Exception):
    """The cross-encoder did not answer, or failed at it. The search's own order still stands."""


class CrossEncoderModel:
    """A sentence-transformers cross-encoder in this process. Not safe for many threads."""

    def __init__(self, model: str, *, threads: int = 0) -> None:
        """`model` is a folder or a name on the model hub. Raises OSError when there is none."""
        # Five seconds of imports: paid by the replica, not by whoever imports this module.
        import torch
        from sentence_transformers import CrossEncoder

        cuda = torch.cuda.is_available()
        if not cuda:
            torch.set_num_threads(threads or max(1, min(4, (os.cpu_count() or 1) // 2)))
        dtype = torch.float16 if cuda else torch.float32
        self._model = CrossEncoder(
            model, device="cuda" if cuda else "cpu", model_kwargs={"dtype": dtype}
        )

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question; higher is better, on the model's own scale."""
        if not texts:
            return []
        pairs = [(question, text) for text in texts]
        scores: Any = self._model.predict(pairs, batch_size=BATCH, show_progress_bar=False)
        return [float(score) for score in scores]


class Rerank:
    """The replica: one model, one thread of work."""

    def __init__(self, model: str, threads: int = 0) -> None:
        self._model = CrossEncoderModel(model, threads=threads)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rerank")

    async def score(self, question: str, texts: list[str]) -> list[float]:
        """See CrossEncoderModel.score."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._model.score, question, texts)


def rerank_app(
    settings: Settings, *, replicas: int = 1, cpus: float = 0.0, gpus: float = 0.0
) -> Any | None:
    """The Serve application, or None when no cross-encoder is set."""
    if not settings.rerank_model:
        return None
    deployment: Any = serve.deployment(
        name=NAME,
        num_replicas=replicas,
        max_ongoing_requests=64,
        ray_actor_options={"num_cpus": cpus, "num_gpus": gpus},
        graceful_shutdown_timeout_s=5,
    )(Rerank)
    return deployment.bind(settings.rerank_model)


class ServeReranker:
    """Scores over a handle to `Rerank`."""

    def __init__(self, handle: Any, *, timeout_s: float = TIMEOUT_S) -> None:
        self._handle, self._timeout_s = handle, timeout_s

    async def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """See CrossEncoderModel.score. Raises RerankFailed."""
        response: Any = self._handle.score.remote(question, list(texts))
        try:
            async with asyncio.timeout(self._timeout_s):
                return await response
        except TimeoutError as error:
            response.cancel()
            raise RerankFailed(f"no scores within {self._timeout_s:g} s") from error
        except (RayError, RayServeException) as error:
            raise RerankFailed(f"{type(error).__name__}: {error}"[:300]) from error
