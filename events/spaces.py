"""Embedding spaces by name: what must be equal for two vectors to be compared.

    all-MiniLM-L6-v2.d384.l2.t256         model, dimensions, length 1, tokens read of a text
    all-MiniLM-L6-v2.d256.l2.t256         the first 256 numbers, made length 1 again
    all-MiniLM-L6-v2.d384.l2.t256.int8    weights of eight bits

A name is what facts, rows and blobs keep. How fast a machine computes it (bfloat16, a GPU) is not
in the name, as long as the vectors are the same for every practical purpose.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Precision = Literal["", "int8"]
Normalisation = Literal["l2"]

MAX_NAME = 120
_MODEL = r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"
_NAME = re.compile(
    rf"(?P<model>{_MODEL})\.d(?P<dimensions>[1-9]\d{{0,4}})\.(?P<normalisation>l2)"
    r"\.t(?P<max_tokens>[1-9]\d{0,5})(?:\.(?P<precision>int8))?\Z"
)


class BadSpace(ValueError):
    """No name of an embedding space."""


class Space(msgspec.Struct, frozen=True, kw_only=True):
    """`model` is the name of a folder or of a known model, of `[A-Za-z0-9._-]`. `dimensions`
    below the model's own are its first ones, made length 1 again. `precision` is empty where the
    model's numbers are used as they are."""

    model: str
    dimensions: int
    max_tokens: int
    normalisation: Normalisation = "l2"
    precision: Precision = ""

    def __post_init__(self) -> None:
        """Raises BadSpace when the parts make no name."""
        _parts(self.name)

    @property
    def name(self) -> str:
        name = f"{self.model}.d{self.dimensions}.{self.normalisation}.t{self.max_tokens}"
        return f"{name}.{self.precision}" if self.precision else name


def _parts(name: str) -> dict[str, str]:
    found = _NAME.match(name) if len(name) <= MAX_NAME else None
    if found is None:
        raise BadSpace(
            f"{name[:MAX_NAME]!r} is no embedding space: MODEL.d384.l2.t256, .int8 behind it or not"
        )
    return {key: value or "" for key, value in found.groupdict().items()}


def parse_space(name: str) -> Space:
    """Raises BadSpace."""
    parts = _parts(name)
    return Space(
        model=parts["model"],
        dimensions=int(parts["dimensions"]),
        max_tokens=int(parts["max_tokens"]),
        precision="int8" if parts["precision"] else "",
    )


DEFAULT = Space(model="all-MiniLM-L6-v2", dimensions=384, max_tokens=256)
DEFAULT_SPACE = DEFAULT.name
"""Open and searched in where a tenant's log says nothing of spaces: the packaged model."""
