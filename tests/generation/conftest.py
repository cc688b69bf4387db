"""Passages and requests that read like a shop's help pages, and the double of a provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from openai_double import OpenAIDouble

from actors.ports import GenerationRequest, Passage, ScoredSentence
from actors.speech.sentences import sentences

PassageOf = Callable[..., Passage]
RequestOf = Callable[..., GenerationRequest]


def make_passage(
    text: str,
    *,
    score: float = 0.7,
    scores: tuple[float, ...] = (),
    title: str = "",
    url: str = "",
    locale: str = "en",
    chunk: str = "c1",
) -> Passage:
    parts = sentences(text)
    given = scores or tuple(score for _ in parts)
    return Passage(
        chunk=chunk,
        document=f"doc-{chunk}",
        title=title,
        text=text,
        url=url,
        locale=locale,
        score=score,
        rank_score=score,
        sentences=tuple(ScoredSentence(t, s) for t, s in zip(parts, given, strict=True)),
    )


def make_request(
    question: str, *passages: Passage, locale: str = "en", company: str = "Acme Shoes"
) -> GenerationRequest:
    return GenerationRequest(
        tenant="demo",
        company=company,
        conversation="conv",
        turn="turn",
        question=question,
        locale=locale,
        passages=passages,
    )


@pytest.fixture
def passage() -> PassageOf:
    return make_passage


@pytest.fixture
def request_of() -> RequestOf:
    return make_request


@pytest.fixture
async def double(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenAIDouble]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nobody")
    async with OpenAIDouble() as server:
        yield server
