"""`tandem ingest`, `knowledge ...` and `told` on the whole house, as a person at a terminal reads
them: what they print, what they exit with, and the one line that says what was wrong."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from company import Company

from benchmarks.house import House
from events.spaces import DEFAULT_SPACE

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

QUESTION = "How long may I return a lamp?"


@pytest.fixture(scope="module")
async def company(house: House) -> Company:
    return await Company(house, "linterna").found()


@pytest.fixture(scope="module")
async def handed_over(company: Company, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `ingest` said of three files, one of them no document."""
    folder = tmp_path_factory.mktemp("linterna")
    (folder / "returns.md").write_text("# Returns\n\nYou may return a lamp for 30 days.\n")
    (folder / "bulbs.md").write_text(
        "# Bulbs\n\n## LED\n\nAn LED lasts ten years.\n\n## Halogen\n\nNone is sold.\n"
    )
    (folder / "scan.pdf").write_bytes(b"no PDF")
    typed = ("ingest", str(folder), "--tenant", company.tenant)
    done = await asyncio.to_thread(company.house.run, *typed)
    assert done.returncode == 1, "one of them failed"
    assert done.stderr == ""
    return done.stdout


def _ids(company: Company) -> dict[str, str]:
    """The documents' ids by name."""
    rows = map(json.loads, company.says("knowledge", "list", "--json").splitlines())
    return {row["name"]: row["document"] for row in rows}


def test_ingest_tells_what_became_of_each_file(handed_over: str) -> None:
    lines = handed_over.splitlines()
    assert lines[:2] == ["bulbs.md: 2 chunks searchable", "returns.md: 1 chunk searchable"]
    assert lines[2].startswith(
        "scan.pdf: failed: it is called a PDF but seems to be something else"
    )
    assert re.fullmatch(r"3 documents, 3 chunks, [\d.]+ s", lines[3])


def test_list_has_a_document_a_line_with_an_id_to_copy(company: Company, handed_over: str) -> None:
    head, *rows = company.says("knowledge", "list").splitlines()
    assert head.split() == ["Name", "State", "Chunks", "Version", "Id", "What", "is", "wrong"]
    assert [row.split()[:3] for row in rows] == [
        ["bulbs.md", "indexed", "2"],
        ["returns.md", "indexed", "1"],
        ["scan.pdf", "failed", "0"],
    ]
    for row, ident in zip(rows, _ids(company).values(), strict=True):
        assert ident in row.split()
    assert len(company.says("knowledge", "list", "--state", "failed").splitlines()) == 2
    assert "returns.md" in company.says("knowledge", "list", "--search", "turns")
    assert company.says("knowledge", "list", "--search", "nothing") == "no documents\n"


def test_a_document_is_followed_down_to_the_text_of_a_chunk(
    company: Company, handed_over: str
) -> None:
    ident = _ids(company)["bulbs.md"]
    assert "indexed (answers)" in company.says("knowledge", "versions", ident)
    _, first, second = company.says("knowledge", "chunks", ident).splitlines()
    assert first.endswith("An LED lasts ten years.")
    assert second.endswith("None is sold.")
    title, stands, *texts = company.says("knowledge", "show", first.split()[0]).splitlines()
    assert title.startswith("Bulbs")
    assert stands.startswith(f"{ident} version ")
    assert "answers since version" in stands
    assert texts == ["An LED lasts ten years.", "None is sold."], "with the text that follows"
    assert company.says("knowledge", "original", ident).startswith("# Bulbs\n")
    assert "2 documents answer, 3 chunks" in company.says("knowledge", "counts")
    assert re.fullmatch(
        r"max_tokens \d+, overlap_tokens \d+\n", company.says("knowledge", "settings")
    )


def test_search_shows_texts_with_scores_and_says_how_it_searched(
    company: Company, handed_over: str
) -> None:
    said = company.says("knowledge", "search", QUESTION, "--limit", "1").splitlines()
    assert re.match(r"0\.\d\d  Returns", said[0])
    assert said[1] == "      You may return a lamp for 30 days."
    assert re.match(r" +dense 0\.\d\d  words [\d.]+  sentence 0\.\d\d  text \w+$", said[2])
    assert said[3].startswith("a turn would answer from these; version ")
    assert f"{DEFAULT_SPACE}, exact; embed " in said[3]
    (found,) = map(json.loads, company.says("knowledge", "search", QUESTION, "--json").splitlines())
    assert found["hits"][0]["text"] == "You may return a lamp for 30 days."
    assert found["answerable"] is True


async def test_who_was_told_what_the_past_and_a_removed_document(
    company: Company, handed_over: str, tmp_path: Path
) -> None:
    reply = await company.answered(QUESTION)
    chunk = reply["sources"][0]["chunk"]
    then = str(json.loads(company.says("knowledge", "counts", "--json"))["knowledge"])
    told = company.until("30 days", "told", "--chunk", chunk).splitlines()
    assert f"conversation {reply['conversation']}  answer " in told[0]
    assert told[1:] == [
        f"  asked: {QUESTION}",
        "  was told: You may return a lamp for 30 days.",
    ]
    given = (reply["conversation"], told[0].split()[-1])
    assert company.says("told", "--answer", *given) == "\n".join(told) + "\n"
    (row,) = map(json.loads, company.says("told", "--chunk", chunk, "--json").splitlines())
    assert row["question"] == QUESTION

    ident = _ids(company)["returns.md"]
    assert company.says("knowledge", "remove", ident) == f"{ident}: removed\n"
    assert company.says("knowledge", "remove", ident) == f"{ident}: was removed already\n"
    assert ident in company.until("removed", "knowledge", "list", "--state", "removed")
    assert company.says("knowledge", "list", "--search", "returns") == "no documents\n"
    gone = company.until("has changed or gone since", "told", "--document", ident)
    assert "was told: You may return a lamp for 30 days." in gone
    shown = company.says("knowledge", "show", chunk)
    assert "You may return a lamp for 30 days." in shown
    assert "answered from version" in shown
    assert "30 days" not in company.says("knowledge", "search", QUESTION)
    for past in (
        ("as-of", then, "--question", QUESTION),
        ("as-of", "--answer", *given),
    ):
        assert "You may return a lamp for 30 days." in company.says("knowledge", *past)


@pytest.mark.parametrize(
    ("typed", "status", "why"),
    [
        ("ingest /nowhere.pdf", 1, "/nowhere.pdf: no such file or folder"),
        ("ingest page.html --sitemap", 1, "--sitemap takes addresses, such as"),
        ("knowledge show nothing", 1, "there is no text nothing"),
        ("knowledge chunks nothing", 1, "there is no document nothing"),
        ("knowledge versions nothing", 1, "there is no document nothing"),
        ("knowledge remove nothing", 1, "there is no such document"),
        ("knowledge as-of", 1, "name a version, or --answer CONVERSATION MESSAGE"),
        ("knowledge as-of 3", 1, "--question: what to search for"),
        ("told", 1, "name one of --chunk, --document and --answer CONVERSATION MESSAGE"),
        ("told --answer here nothing", 1, "conversation here of linterna has no answer nothing"),
        (
            "knowledge search",
            2,
            "Missing argument 'question'. Try `tandem knowledge search --help`.",
        ),
        ("knowledge lst", 2, "No such command 'lst'. Did you mean 'list'? Try `tandem knowledge"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    company: Company, typed: str, status: int, why: str
) -> None:
    assert company.refuses(*typed.split(), status=status).startswith(why)


def test_a_company_that_is_not_there_is_told(house: House) -> None:
    for typed in (("knowledge", "search", "lamps"), ("reembed",)):
        done = house.run(*typed, "--tenant", "nobody")
        assert (done.returncode, done.stderr) == (1, "tandem: there is no tenant nobody\n")
