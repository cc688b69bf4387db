"""`tandem told --answer`: of all the texts that an answer stood on, who was told them last."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from projections.read_models import citations
from tandem import knowledge_reading
from tandem.commands.told import told as command

APP = typer.Typer()
APP.command()(command)
ANSWER = ("--answer", "c1", "m1", "--json")


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that stood on two texts: the first was told 500 times, long ago, the second three
    times since."""
    told = {"old": list(range(500, 0, -1)), "new": [1003, 1002, 1001]}

    async def answer_of(*_: str) -> Any:
        return SimpleNamespace(sources=[SimpleNamespace(chunk=chunk) for chunk in told]), None

    async def told_page(
        _: Any, tenant: str, *, chunk: str, limit: int, before: str, **__: Any
    ) -> Any:
        assert limit <= citations.PAGE_LIMIT
        start = int(before or 0)
        ats = told[chunk][start : start + limit]
        rows = tuple(
            citations.Told(
                conversation=f"{chunk}-{at}", message="m", at=at, question="", answer="", quote="",
                title="", chunk=chunk, document="d", version=1, place=citations.e.Place(),
                current=True, visitor="", locale="", approved_by="",
            )
            for at in ats
        )  # fmt: skip
        more = start + limit < len(told[chunk])
        return citations.ToldPage(rows=rows, next=str(start + limit) if more else "")

    @asynccontextmanager
    async def read_models() -> AsyncGenerator[None]:
        yield None

    monkeypatch.setattr(knowledge_reading, "answer_of", answer_of)
    monkeypatch.setattr(knowledge_reading, "read_models", read_models)
    monkeypatch.setattr(citations, "told_page", told_page)


def listed(*more: str) -> tuple[list[str], str]:
    done = CliRunner().invoke(APP, [*ANSWER, *more])
    assert done.exit_code == 0, done.output
    return [json.loads(line)["conversation"] for line in done.stdout.splitlines()], done.stderr


def test_the_newest_of_all_texts_are_listed_and_that_there_are_more_is_said() -> None:
    found, said = listed()
    assert found[:4] == ["new-1003", "new-1002", "new-1001", "old-500"]
    assert len(found) == 100
    assert "there are more" in said


def test_a_limit_that_all_fit_in_lists_all() -> None:
    found, said = listed("--limit", "503")
    assert len(set(found)) == 503
    assert not said
