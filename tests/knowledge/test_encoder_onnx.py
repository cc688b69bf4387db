"""The model in eight bits: made once, close to the original, and asked for by a space's name."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from serve_apps.embedding import onnx_export
from serve_apps.embedding.models import DEFAULT, model_folder, parse_space

if TYPE_CHECKING:
    from serve_apps.embedding.encoder import EmbeddingModel

pytestmark = pytest.mark.timeout(600)  # the export imports torch anew
INT8 = parse_space("all-MiniLM-L6-v2.d384.l2.t256.int8")
TEXTS = [
    "How long is delivery?",
    "You may return a lamp within thirty days, unused and in its box. " * 4,
    "¿Cuánto tarda el envío a las islas?",
    "x",
    "word " * 400,
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the model's file in it, made by the first who asks."""
    folder = tmp_path_factory.mktemp("models")
    onnx_export.quantised(model_folder(DEFAULT.model), folder)
    return folder


def test_it_is_made_once_and_nothing_else_is_left(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(*arguments: Any) -> None:
        raise AssertionError("it was made already")

    monkeypatch.setattr(onnx_export, "_run", again)
    made = onnx_export.quantised(model_folder(DEFAULT.model), cache)
    assert [path.name for path in cache.iterdir()] == [made.name]
    assert made.stat().st_size < 70_000_000, "of 90 MB"


def test_its_vectors_are_those_of_the_original_within_one_part_in_a_hundred(
    cache: Path, embedding_model: EmbeddingModel
) -> None:
    from serve_apps.embedding.pool import Loader, key_of

    model = Loader(cache)(key_of(INT8))
    vectors = model.encode_many(TEXTS)
    assert (model.dtype, vectors.shape, vectors.dtype) == ("int8", (len(TEXTS), 384), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    close = (vectors * embedding_model.encode_many(TEXTS)).sum(axis=1)
    assert close.min() > 0.97
    assert close.mean() > 0.985
    assert model.count_tokens(TEXTS) == embedding_model.count_tokens(TEXTS)
    assert model.encode([]).shape == (0, 384)
    # A token's scale is found at run time for the whole batch, so company changes a text a little.
    alone = np.concatenate([model.encode([text]) for text in TEXTS])
    assert (alone * vectors).sum(axis=1).min() > 0.97


def test_the_setting_lets_it_compute_the_default_space_too(cache: Path) -> None:
    from serve_apps.embedding.pool import Loader, key_of

    assert Loader(cache, "onnx-int8")(key_of(DEFAULT)).dtype == "int8"


def test_where_it_cannot_be_made_the_default_space_is_computed_by_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serve_apps.embedding import pool as encoder_pool
    from serve_apps.embedding.pool import Loader, key_of

    broken = tmp_path / "a file"
    broken.write_text("where the folder should be")
    monkeypatch.setattr(encoder_pool, "EmbeddingModel", lambda *given, **more: "torch")
    assert Loader(broken, "onnx-int8")(key_of(DEFAULT)) == "torch"
    with pytest.raises(onnx_export.ExportFailed):
        Loader(broken, "torch")(key_of(INT8))


def test_many_who_make_it_at_once_all_get_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(4)

    def run(folder: Path, target: Path) -> None:
        together.wait(60)
        target.write_bytes(b"whole")

    monkeypatch.setattr(onnx_export, "_run", run)
    made: list[Path] = []
    folder = model_folder(DEFAULT.model)
    makers = [
        threading.Thread(target=lambda: made.append(onnx_export.quantised(folder, tmp_path)))
        for _ in range(4)
    ]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(60)
    assert len(made) == 4
    assert {path.read_bytes() for path in made} == {b"whole"}
    assert len(list(tmp_path.iterdir())) == 1
