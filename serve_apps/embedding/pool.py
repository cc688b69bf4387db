"""The models of one replica: loaded when a space first needs them, and put away when others do.

Spaces that differ in their dimensions alone share a model; its vectors are shortened for each.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import structlog

from serve_apps.embedding.batches import Encoder, unit
from serve_apps.embedding.encoder import EmbeddingModel, EmbeddingQueue
from serve_apps.embedding.models import DEFAULT, Precision, Space, model_folder
from serve_apps.embedding.onnx_encoder import OnnxModel
from serve_apps.embedding.onnx_export import ExportFailed, quantised

if TYPE_CHECKING:
    from serve_apps.embedding.batches import Vectors

Runtime = Literal["auto", "torch", "onnx-int8"]
LOADED = 2
"""Models in memory at once, the default one among them: a move needs two."""

_log = structlog.get_logger(__name__)


class ModelKey(NamedTuple):
    """What must be equal for two spaces to share a loaded model."""

    model: str
    max_tokens: int
    precision: Precision


def key_of(space: Space) -> ModelKey:
    return ModelKey(space.model, space.max_tokens, space.precision)


Load = Callable[[ModelKey], Encoder]


class Loader(NamedTuple):
    """How models are loaded. `cache` keeps what is made of them (see `onnx_export`)."""

    cache: Path
    runtime: Runtime = "auto"
    threads: int = 0

    def __call__(self, key: ModelKey) -> Encoder:
        """Takes seconds; minutes when an ONNX file is made first. Raises NoSuchModel, OSError,
        and ExportFailed for a space that is nothing but ONNX; another one is loaded by torch."""
        folder = model_folder(key.model)
        if key.precision == "int8" or self.runtime == "onnx-int8":
            try:
                file = quantised(folder, self.cache)
            except ExportFailed as error:
                if key.precision == "int8":
                    raise
                _log.warning("no ONNX file: the model is run by torch", error=str(error))
            else:
                return OnnxModel(file, folder, max_tokens=key.max_tokens, threads=self.threads)
        return EmbeddingModel(str(folder), threads=self.threads, max_tokens=key.max_tokens)


class EncoderPool:
    """Use in one event loop. The default space's model is loaded at once and stays."""

    def __init__(self, load: Load, *, loaded: int = LOADED) -> None:
        """Takes seconds. Raises what `load` raises."""
        self._load, self._loaded = load, loaded
        self._default = key_of(DEFAULT)
        self.default = load(self._default)
        self._queues = OrderedDict({self._default: EmbeddingQueue(self.default)})
        self._loading: dict[ModelKey, asyncio.Task[EmbeddingQueue]] = {}

    async def embed_queries(self, texts: Sequence[str], space: Space) -> list[Vectors]:
        """A vector of shape (space.dimensions,) for each question."""
        found = await (await self._queue(space)).embed_queries(texts)
        return list(shortened(np.stack(found), space)) if found else []

    async def embed_texts(self, texts: Sequence[str], space: Space) -> Vectors:
        """Shape (len(texts), space.dimensions). Waiting questions go before it."""
        return shortened(await (await self._queue(space)).embed_texts(texts), space)

    async def _queue(self, space: Space) -> EmbeddingQueue:
        key = key_of(space)
        if key in self._queues:
            self._queues.move_to_end(key)
            return self._queues[key]
        if key not in self._loading:
            self._loading[key] = asyncio.create_task(self._opened(key))
            self._loading[key].add_done_callback(lambda _: self._loading.pop(key))
        return await asyncio.shield(self._loading[key])

    async def _opened(self, key: ModelKey) -> EmbeddingQueue:
        queue = self._queues[key] = EmbeddingQueue(await asyncio.to_thread(self._load, key))
        spare = [old for old in self._queues if old not in (key, self._default)]
        while len(self._queues) > max(self._loaded, 2) and spare:
            # Not closed: whoever still waits in it gets an answer, then it goes.
            del self._queues[spare.pop(0)]
        return queue


def shortened(vectors: Vectors, space: Space) -> Vectors:
    """The first `space.dimensions` numbers of each row, made length 1 again.

    Raises ValueError when the model has fewer.
    """
    own = vectors.shape[1]
    if own < space.dimensions:
        raise ValueError(f"{space.name}: the model has {own} dimensions")
    return vectors if own == space.dimensions else unit(vectors, space.dimensions)
