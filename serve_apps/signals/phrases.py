"""How surely a message says the same as a tenant's phrase: meaning, letters and words together.

The embedder alone would do in English; in Spanish, where unrelated texts come to a cosine of 0.5,
it is the letters that tell. A question about a request is not the request.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from actors.speech.sentences import content, coverage, wording
from serve_apps.signals.features import BUCKETS, Indices, asks, read
from serve_apps.signals.model import Numbers

if TYPE_CHECKING:
    from serve_apps.embedding.encoder import Vectors


class Piece(NamedTuple):
    """A text with its unit vector and its features."""

    text: str
    vector: Vectors
    places: Indices


def piece(text: str, vector: Vectors) -> Piece:
    return Piece(text, vector, read(text))


def likeness(message: Piece, phrase: Piece, learned: Numbers, *, request: bool) -> float:
    """0 to 1; from 0.5 on the message is another wording of the phrase. `learned` is the weight
    of each number of `alike`, and the bias; a `request` is not what a question about it is."""
    total = float(learned[:-1] @ alike(message, phrase, request=request) + learned[-1])
    return 1 / (1 + math.exp(-total))


def alike(message: Piece, phrase: Piece, *, request: bool) -> Numbers:
    """Cosine of meaning; of letters; how much of the phrase's words the message holds, and the
    other way round; whether it asks about a request; whether it is Spanish. Shape (6,)."""
    language = wording(message.text)
    said = content(message.text, language)
    wanted = content(phrase.text, wording(phrase.text, language))
    return np.array(
        [
            message.vector @ phrase.vector,
            _cosine(_letters(message), _letters(phrase)),
            coverage(wanted, set(said)),
            coverage(said, set(wanted)),
            request and asks(message.text) and not asks(phrase.text),
            language == "es",
        ],
        dtype=np.float32,
    )


def _letters(one: Piece) -> Indices:
    return one.places[one.places < BUCKETS]


def _cosine(one: Indices, other: Indices) -> float:
    shared = np.intersect1d(one, other, assume_unique=True).size
    return shared / max(1.0, float(np.sqrt(one.size * other.size)))
