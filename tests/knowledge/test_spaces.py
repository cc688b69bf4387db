"""The names of embedding spaces, and the models behind them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_apps.embedding.models import (
    DEFAULT,
    DEFAULT_SPACE,
    BadSpace,
    NoSuchModel,
    Space,
    model_folder,
    parse_space,
    space_of_model,
)

MODEL = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}(\.[A-Za-z0-9_-]{1,10}){0,3}", fullmatch=True)


@given(MODEL, st.integers(1, 4096), st.integers(1, 32_768), st.sampled_from(["", "int8"]))
def test_every_space_is_read_back_from_its_name(
    model: str, dimensions: int, max_tokens: int, precision: str
) -> None:
    space = Space(
        model=model,
        dimensions=dimensions,
        max_tokens=max_tokens,
        precision="int8" if precision else "",
    )
    assert parse_space(space.name) == space


def test_the_default_space_has_a_name_that_will_never_change() -> None:
    assert DEFAULT_SPACE == "all-MiniLM-L6-v2.d384.l2.t256"
    assert parse_space(DEFAULT_SPACE) == DEFAULT


@pytest.mark.parametrize(
    "name",
    [
        "",
        "all-MiniLM-L6-v2",
        "m.d384.t256",
        "m.d0.l2.t256",
        "m.d384.l2.t0",
        "m.d384.l2.t256.int4",
        "m.d384.l2.t256\n",
        "a b.d384.l2.t256",
        "../m.d384.l2.t256",
        "m..x.d384.l2.t256",
        "x" * 120 + ".d384.l2.t256",
    ],
)
def test_what_is_no_name_of_a_space_is_refused(name: str) -> None:
    with pytest.raises(BadSpace, match="no embedding space"):
        parse_space(name)


def test_a_space_that_has_no_name_cannot_be_made() -> None:
    with pytest.raises(BadSpace):
        Space(model="a/b", dimensions=384, max_tokens=256)


def test_the_packaged_model_makes_the_default_space() -> None:
    assert space_of_model(DEFAULT.model) == DEFAULT
    assert space_of_model(DEFAULT.model, dimensions=256, precision="int8").name == (
        "all-MiniLM-L6-v2.d256.l2.t256.int8"
    )
    with pytest.raises(BadSpace, match="has 384 dimensions"):
        space_of_model(DEFAULT.model, dimensions=385)


def _model(folder: Path, *, dimensions: int) -> Path:
    (folder / "1_Pooling").mkdir(parents=True)
    modules = [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    pooling = {"word_embedding_dimension": dimensions}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 512}))
    return folder


def test_another_model_is_a_folder_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _model(tmp_path / "second" / "bge-small-en-v1.5", dimensions=96)
    monkeypatch.setenv("TANDEM_MODELS", f"{tmp_path / 'first'}:{tmp_path / 'second'}")
    assert model_folder("bge-small-en-v1.5") == folder
    assert space_of_model("bge-small-en-v1.5").name == "bge-small-en-v1.5.d96.l2.t512"
    assert space_of_model(str(folder)).name == "bge-small-en-v1.5.d96.l2.t512"
    with pytest.raises(NoSuchModel, match=r"looked in .*first.*second"):
        model_folder("e5-small")
