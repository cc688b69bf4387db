"""Another embedding space on the whole house, with the real model: visitors are answered without a
gap while it is filled, in the new one after the switch, and in the old one again."""

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

SHORT = "all-MiniLM-L6-v2.d256.l2.t256"
KNOWN = {
    "How are brass lamps polished?": "lemon oil",
    "Until when is the showroom open on Thursdays?": "nine in the evening",
    "How long is every lamp guaranteed?": "seven years",
}
PAGE = """# Lamps

## Brass

Brass lamps are polished with a soft cloth and a few drops of lemon oil.

## Showroom

The showroom is open on Thursdays until nine in the evening.

## Guarantee

Every lamp is guaranteed for seven years from the day of purchase.
"""


@pytest.fixture(scope="module")
async def company(house: House, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """With two documents."""
    found = await Company(house, "farola").found()
    folder = tmp_path_factory.mktemp("farola")
    (folder / "lamps.md").write_text(PAGE)
    (folder / "post.md").write_text("# Post\n\nA parcel to Iceland costs 31 euros.\n")
    await found.running("ingest", str(folder))
    return found


async def _answers(company: Company) -> None:
    for question, words in KNOWN.items():
        reply = await company.answered(question)
        assert words in reply.get("text", ""), (question, reply)


async def _searched_in(company: Company, question: str) -> tuple[str, str]:
    """The space, and the text that is found first."""
    found = json.loads(await company.running("knowledge", "search", question, "--json"))
    return found["space"], found["hits"][0]["text"]


async def test_a_shorter_space_takes_over_while_visitors_ask_and_one_event_leads_back(
    company: Company, tmp_path: Path
) -> None:
    await _answers(company)
    filling = asyncio.create_task(company.running("reembed", "--dimensions", "256"))
    rounds = 0
    while not filling.done():
        await _answers(company)
        rounds += 1
    said = (await filling).splitlines()
    assert rounds > 1, "visitors asked while it was filled"

    assert said[0] == f"{SHORT} is filled, {DEFAULT_SPACE} answers meanwhile"
    assert re.fullmatch(r"2 documents, 4 chunks embedded in [\d.]+ s", said[1])
    assert said[2].startswith(f"compared with {DEFAULT_SPACE} on 3 questions that visitors asked")
    figures = {name: figure for name, figure, *_ in map(str.split, said[3:-1])}
    assert figures == {"overlap@5": "1.000", "first@5": "1.000", "recall@5": "-"}
    back = f"`tandem reembed --back` leads back to {DEFAULT_SPACE}"
    assert said[-1] == f"searches are in {SHORT} now; {back}"

    space, best = await _searched_in(company, "What do I polish brass with?")
    assert space == SHORT
    assert "lemon oil" in best
    await _answers(company)
    later = tmp_path / "hours.md"  # handed over now, it is found in both
    later.write_text("# Lift\n\nThe lift in the Madrid shop is out of order on Sundays.\n")
    await company.running("ingest", str(later))
    assert (await _searched_in(company, "Is there a lift in Madrid?"))[1].startswith("The lift")

    again = await company.running("reembed", "--dimensions", "256")
    assert again.splitlines() == [
        "nothing to embed: every document has its vectors there",
        f"searches are in {SHORT} already",
    ]
    # What came after the switch may be missing there, if the embedder was busy then.
    await company.running("reembed", "--space", DEFAULT_SPACE, "--no-switch")
    said = [await company.running("reembed", "--back")]
    assert said == [f"searches are in {DEFAULT_SPACE} again; {SHORT} stays open\n"]
    space, best = await _searched_in(company, "Is there a lift in Madrid?")
    assert space == DEFAULT_SPACE
    assert best.startswith("The lift")
    await _answers(company)
    assert await company.running("reembed") == f"{DEFAULT_SPACE}: searched in\n{SHORT}: open\n"


async def test_a_space_that_loses_too_much_is_not_switched_to(
    company: Company, tmp_path: Path
) -> None:
    questions = tmp_path / "questions.csv"
    questions.write_text(
        "question,answer\n" + "".join(f"{asked},{words}\n" for asked, words in KNOWN.items())
    )
    short = ("reembed", "--dimensions", "256")  # open since the test above, and filled
    refused = await asyncio.to_thread(
        company.house.run, *short, "--overlap", "1.01", "--tenant", company.tenant
    )
    assert (refused.returncode, refused.stderr) == (
        1,
        "tandem: not switched: overlap@5 is 1.000, below 1.01 (--force does it all the same)\n",
    )
    looked = await company.running(*short, "--questions", str(questions), "--no-switch")
    assert "on 3 questions of the file:" in looked
    assert re.search(
        r"MRR +1.000 +of the answers that are known; now 1.000, at least 0.990", looked
    )
    assert looked.endswith("not switched, as you asked; it may be switched to\n")
    assert (await _searched_in(company, "brass"))[0] == DEFAULT_SPACE
    assert await company.running("reembed", "--close", SHORT) == f"{SHORT} is closed\n"


async def test_what_makes_no_sense_is_told_in_one_line(company: Company) -> None:
    for wrong, why in {
        ("--dimensions", "999"): "all-MiniLM-L6-v2 has 384 dimensions, 999 were asked for",
        ("--precision", "int4"): "--precision int4: only int8",
        ("--close", DEFAULT_SPACE): "is searched in",
        ("--back", "--dimensions", "256"): "--back and --close each stand alone",
    }.items():
        assert why in await asyncio.to_thread(company.refuses, "reembed", *wrong)
