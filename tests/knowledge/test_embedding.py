"""The embedder: unit vectors, questions before bulk work, the same texts in the same batches."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from serve_apps.embedding.encoder import EmbeddingModel


class SlowModel:
    """Notes what it is asked, and says when it was asked for the third time."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.dimensions = 384
        self.broken = False
        self.third = threading.Event()

    def encode(self, texts: list[str]) -> Any:
        self.asked.append(list(texts))
        if len(self.asked) == 3:
            self.third.set()
        if self.broken:
            raise RuntimeError("no memory left")
        return np.array([[float(len(text))] * 384 for text in texts], dtype=np.float32)

    def slices(self, texts: list[str]) -> list[list[int]]:
        return [[index] for index in range(len(texts))]


def test_vectors_are_of_length_one_and_close_for_close_meanings(
    embedding_model: EmbeddingModel,
) -> None:
    a, b, c = embedding_model.encode(["How long is delivery?", "When will it arrive?", "Red paint"])
    assert a.shape == (384,)
    assert np.allclose([np.linalg.norm(v) for v in (a, b, c)], 1, atol=1e-4)
    assert a @ b > a @ c


def test_bulk_vectors_come_in_the_order_of_the_texts(embedding_model: EmbeddingModel) -> None:
    texts = ["a lamp " * n for n in (40, 1, 90, 3, 250, 2)]
    many = embedding_model.encode_many(texts)
    for row, text in zip(many, texts, strict=True):
        assert row @ embedding_model.encode([text])[0] > 0.99


def test_the_same_texts_give_the_same_vectors_bit_for_bit(embedding_model: EmbeddingModel) -> None:
    texts = [f"Lamp number {n} costs {n} euros." for n in range(40)]
    assert np.array_equal(embedding_model.encode_many(texts), embedding_model.encode_many(texts))


def test_slices_are_bounded_and_hold_every_text_once(embedding_model: EmbeddingModel) -> None:
    texts = ["word " * (n % 300) + "end" for n in range(0, 900, 7)]
    slices = embedding_model.slices(texts, tokens=256)
    lengths = embedding_model.count_tokens(texts)
    assert sorted(index for one in slices for index in one) == list(range(len(texts)))
    for one in slices:
        assert len(one) == 1 or max(lengths[i] for i in one) * len(one) <= 256
    assert max(lengths) == embedding_model.max_tokens == 256


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    from serve_apps.embedding.encoder import EmbeddingModel

    with pytest.raises((OSError, ValueError)):
        EmbeddingModel(str(tmp_path))


async def test_a_shorter_space_shares_the_model_and_its_vectors_have_length_one(
    embedding_model: EmbeddingModel,
) -> None:
    from serve_apps.embedding.models import DEFAULT, parse_space
    from serve_apps.embedding.pool import EncoderPool

    loads: list[Any] = []

    def load(key: Any) -> Any:
        loads.append(key)
        return embedding_model

    pool, short = EncoderPool(load), parse_space("all-MiniLM-L6-v2.d256.l2.t256")
    texts = ["How long is delivery?", "Red paint"]
    whole = await pool.embed_texts(texts, DEFAULT)
    first = await pool.embed_texts(texts, short)
    (question,) = await pool.embed_queries(texts[:1], short)
    assert (whole.shape, first.shape, question.shape) == ((2, 384), (2, 256), (256,))
    assert np.allclose(np.linalg.norm(first, axis=1), 1, atol=1e-4)
    assert np.allclose(first[0], whole[0, :256] / np.linalg.norm(whole[0, :256]), atol=1e-5)
    assert question @ first[0] > 0.999
    assert len(loads) == 1
    with pytest.raises(ValueError, match="has 384 dimensions"):
        await pool.embed_texts(texts, parse_space("all-MiniLM-L6-v2.d512.l2.t256"))


async def test_few_models_stay_loaded_and_the_default_one_always_does() -> None:
    from serve_apps.embedding.models import DEFAULT, Space
    from serve_apps.embedding.pool import EncoderPool

    loads: list[str] = []

    def load(key: Any) -> Any:
        loads.append(key.model)
        return SlowModel()

    pool = EncoderPool(load, loaded=2)
    a, b = (Space(model=name, dimensions=384, max_tokens=256) for name in "ab")
    await asyncio.gather(*(pool.embed_queries(["one"], a) for _ in range(5)))
    for space in (DEFAULT, a, b, a, DEFAULT):
        await pool.embed_queries(["one"], space)
    assert loads == [DEFAULT.model, "a", "b", "a"]


async def test_bulk_work_is_cut_into_calls_and_says_how_far_it_is() -> None:
    from serve_apps.embedding import deployment as embedding

    calls: list[list[str]] = []

    class Handle:
        class embed_texts:  # named as the deployment's method
            @staticmethod
            async def remote(texts: list[str], space: str) -> Any:
                calls.append(texts)
                return np.array([[float(len(text))] * 2 for text in texts], dtype=np.float32)

    texts = ["x" * (1 + n * 7 % 1100) for n in range(1100)]
    told: list[tuple[int, int]] = []
    found = await embedding.ServeEmbedder(Handle()).embed_texts(
        texts, space="m.d2.l2.t256", on_progress=lambda done, total: told.append((done, total))
    )
    assert found[:, 0].tolist() == [len(text) for text in texts], "in the order of the texts"
    assert told == [(512, 1100), (1024, 1100), (1100, 1100)]
    assert [len(call) for call in calls] == [512, 512, 76]
    assert len(calls[0][-1]) <= len(calls[1][0]), "texts of like length go together"


async def test_a_question_goes_before_bulk_work_that_was_there_first() -> None:
    from serve_apps.embedding.encoder import EmbeddingQueue

    model: Any = SlowModel()
    queue = EmbeddingQueue(model)
    bulk = [
        asyncio.create_task(queue.embed_texts([f"bulk {caller} {n}" for n in range(10)]))
        for caller in range(8)
    ]
    await asyncio.to_thread(model.third.wait, 10)
    before = len(model.asked)
    await queue.embed_queries(["question"])
    place = model.asked.index(["question"])
    await asyncio.gather(*bulk)
    assert place <= before + 2, "it waited for no more than the slice that ran"
    assert len(model.asked) == 81
    await queue.close()


async def test_a_question_asked_again_is_not_computed_again() -> None:
    from serve_apps.embedding.encoder import EmbeddingQueue

    model: Any = SlowModel()
    queue = EmbeddingQueue(model, cache_size=2)
    (first,) = await queue.embed_queries(["one"])
    (again,) = await queue.embed_queries(["one"])
    assert np.array_equal(first, again)
    await queue.embed_queries(["two", "three", "two"])
    await queue.embed_queries(["one"])
    assert model.asked == [["one"], ["three", "two"], ["one"]]
    await queue.close()


async def test_a_failure_reaches_who_asked_and_nobody_else() -> None:
    from serve_apps.embedding.encoder import EmbeddingQueue

    model: Any = SlowModel()
    queue = EmbeddingQueue(model)
    model.broken = True
    with pytest.raises(RuntimeError, match="no memory left"):
        await queue.embed_queries(["one"])
    model.broken = False
    assert len(await queue.embed_queries(["one"])) == 1
    await queue.close()


async def test_an_embedder_that_does_not_answer_is_a_failure_not_a_hang() -> None:
    from serve_apps.embedding.deployment import EmbeddingFailed, ServeEmbedder

    class Never(asyncio.Future[Any]):
        pass

    class Handle:
        class embed_query:  # named as the deployment's method
            @staticmethod
            def remote(text: str, space: str) -> Any:
                return Never()

    with pytest.raises(EmbeddingFailed, match="did not answer"):
        await ServeEmbedder(Handle(), query_timeout_s=0.05).embed_query("hello")
