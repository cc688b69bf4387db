"""Is it noticed that a person is wanted? `python -m benchmarks --only handoff [--queries CSV]`

Labelled messages (`benchmarks/data/handoff.csv`) through the reader that the house uses, at the
default policy's thresholds, and beside it two plain methods in the same run. Then how often the
reader fires on real messages that ask for nobody (column `text` of a CSV).
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from actors.conversation.handoff_signals import Reading, called_by_words
from actors.speech.sentences import words
from benchmarks.figures import Figure, Section, percentile
from events.tenancy import HandoffPolicy
from serve_apps.embedding.encoder import EmbeddingModel, EmbeddingQueue
from serve_apps.signals.fit import load_examples
from serve_apps.signals.reader import MessageSignals

if TYPE_CHECKING:
    from serve_apps.embedding.encoder import Vectors

DATA = Path(__file__).parent / "data" / "handoff.csv"
LABELS = ("person", "distress", "authority")
LOCALES = ("en", "es")
LABEL_OF = {"visitor_words": "person", "distress": "distress", "authority": "authority"}
KEYWORDS = {
    "person": "person human agent operator representative someone somebody manager persona "
    "humano agente operador representante alguien asesor encargado",
    "distress": "angry furious unacceptable terrible worst scam lawyer sue enfadado enojado "
    "furioso inaceptable pesimo estafa abogado denunciar",
    "authority": "cancel refund delete close waive compensation cancelar cancela reembolso "
    "devolver borrar baja compensacion",
}
"""What one would write into a list of keywords, without accents."""


class Message(NamedTuple):
    text: str
    locale: str
    label: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """By method what was said of each message of `messages`; the reader's time for one in ms,
    with the embedder in the same process; what it said of the messages that ask for nobody."""

    messages: list[Message]
    said: dict[str, list[str]]
    took_ms: list[float]
    others: list[str]
    said_of_others: list[str]


def load(path: Path = DATA) -> list[Message]:
    """Raises FileNotFoundError, and KeyError where a column is missing."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Message(r["text"], r["locale"], r["label"]) for r in csv.DictReader(file)]


async def measure(queries: Path | None = None, *, data: Path = DATA) -> Result:
    messages, model = load(data), EmbeddingModel()
    queue = EmbeddingQueue(model, cache_size=1)

    async def embed_query(text: str) -> Vectors:
        return (await queue.embed_queries([text]))[0]

    reader = MessageSignals(embed_query, embed_timeout_s=30)
    others: list[str] = []
    if queries is not None:
        with queries.open(encoding="utf-8", newline="") as file:
            others = [row["text"] for row in csv.DictReader(file)]
    try:
        await _said(reader, "warm", "en")
        read = [await _timed(reader, one) for one in messages]
        said_of_others = [await _said(reader, text, "en") for text in others]
    finally:
        await queue.close()
    return Result(
        messages=messages,
        said={
            "reader": [said for said, _ in read],
            "keyword list": [_by_keyword(one.text) for one in messages],
            "nearest example": _by_nearest(model, messages),
        },
        took_ms=[ms for _, ms in read],
        others=others,
        said_of_others=said_of_others,
    )


async def _timed(reader: MessageSignals, message: Message) -> tuple[str, float]:
    began = time.perf_counter()
    said = await _said(reader, message.text, message.locale)
    return said, (time.perf_counter() - began) * 1000


async def _said(reader: MessageSignals, text: str, locale: str) -> str:
    """The reason that the turn would give, or none: by the rule that the turn itself uses."""
    policy = HandoffPolicy()
    signals = await reader.read(text, locale=locale, policy=policy)
    call = called_by_words(policy, [Reading("m1", text, signals)])
    return LABEL_OF[call.reason] if call else "none"


def _by_keyword(text: str) -> str:
    said = set(words(text))
    return next((name for name in LABELS if said & set(KEYWORDS[name].split())), "none")


def _by_nearest(model: EmbeddingModel, messages: Sequence[Message]) -> list[str]:
    """The label of the example that is closest in meaning: the same examples as the reader's."""
    examples = load_examples()
    known = model.encode_many([example.text for example in examples])
    asked = model.encode_many([message.text for message in messages])
    return [examples[int(at)].label for at in np.argmax(asked @ known.T, axis=1)]


def quality(messages: Sequence[Message], said: Sequence[str], label: str) -> tuple[float, ...]:
    """Precision, recall and F1 of one label, each 0 to 1."""
    right = sum(m.label == s == label for m, s in zip(messages, said, strict=True))
    precision = right / max(1, sum(s == label for s in said))
    recall = right / max(1, sum(m.label == label for m in messages))
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def any_person(messages: Sequence[Message], said: Sequence[str]) -> tuple[float, ...]:
    """The same for "a person is called", whatever the reason."""
    plain = [m._replace(label="none" if m.label == "none" else "any") for m in messages]
    return quality(plain, ["none" if s == "none" else "any" for s in said], "any")


def section(result: Result) -> Section:
    """For `benchmarks/RESULTS.md`."""
    figures: list[Figure] = []
    for method, said in result.said.items():
        _add(figures, f"a person is called, {method}", any_person(result.messages, said))
    for locale in LOCALES:
        here = [at for at, one in enumerate(result.messages) if one.locale == locale]
        messages = [result.messages[at] for at in here]
        said = [result.said["reader"][at] for at in here]
        for label in LABELS:
            _add(figures, f"{label}, {locale}", quality(messages, said, label))
    if result.others:
        share = _share(result.said_of_others, lambda said: said != "none")
        figures.append(Figure("false handoffs on other messages", share * 100, "%"))
        for label in LABELS:
            share = _share(result.said_of_others, label.__eq__)
            figures.append(Figure(f"of all of them as {label}", share * 100, "%"))
    figures += [
        Figure("read a message, p50", percentile(result.took_ms, 0.5), "ms"),
        Figure("read a message, p99", percentile(result.took_ms, 0.99), "ms"),
    ]
    return Section("Handoff", _method(result), figures)


def _add(figures: list[Figure], name: str, measured: tuple[float, ...]) -> None:
    for what, value in zip(("precision", "recall", "F1"), measured, strict=True):
        figures.append(Figure(f"{name}: {what}", value, "", "higher"))


def _share(said: Sequence[str], is_one: Callable[[str], bool]) -> float:
    return sum(map(is_one, said)) / len(said)


def _method(result: Result) -> str:
    text = (
        f"The {len(result.messages)} labelled messages of `benchmarks/data/handoff.csv`, held out "
        "from the examples, at the default thresholds; beside the reader a list of keywords and "
        "the nearest example by cosine. Embedder and reader in one process, nothing cached."
    )
    if result.others:
        text += f" False handoffs: the {len(result.others):,} messages of banking77's queries.csv."
    return text
