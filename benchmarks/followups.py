"""Does it help to search a follow-up with what it refers to? `python -m benchmarks.followups`

`followups.csv`: a question asked before, the section that answered it, what is asked next, and the
section that answers that; over the demo pages, in English and Spanish. `followup`s mean little
alone; `new` questions stand alone after an unrelated one, where context can only hurt. The rules
(`actors/speech/followups.py`) were written with sight of the rows `seen` and not of those `held`.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from actors.speech.followups import in_context
from benchmarks import plain_methods as plain
from benchmarks.figures import Figure, Section, percentile
from benchmarks.searching import TIMEOUT_S, Embedder, open_shelf
from events.spaces import DEFAULT_SPACE
from projections.knowledge.search.search import CANDIDATES, KnowledgeSearch

if TYPE_CHECKING:
    from benchmarks.shelf import Shelf

HERE = Path(__file__).parent
PAGES = HERE.parent / "config" / "demo"
TENANT = "followups"
BETWEEN = " | "
GROUPS = (
    ("followup", "", "follow-ups"),
    ("followup", "seen", "follow-ups, seen"),
    ("followup", "held", "follow-ups, held out"),
    ("new", "", "new questions"),
    ("new", "held", "new questions, held out"),
)


class Dialogue(msgspec.Struct, frozen=True, kw_only=True):
    """`before`: what the visitor asked earlier, oldest first. `right`: the heading of the section
    that answers `question`."""

    split: str
    locale: str
    kind: str
    before: tuple[str, ...]
    question: str
    right: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Quality by group and by what was searched: the question `alone`, by our `rules`, `always`
    with the words of the question before. `taken`: the share of a group that the rules gave
    context. `rules_us`: what the rules take, µs."""

    quality: dict[str, dict[str, plain.Quality]]
    sizes: dict[str, int]
    taken: dict[str, float]
    rules_us: list[float]


def dialogues() -> list[Dialogue]:
    """The labelled rows, in their order."""
    with (HERE / "followups.csv").open(encoding="utf-8", newline="") as file:
        return [
            Dialogue(
                split=row["split"],
                locale=row["locale"],
                kind=row["kind"],
                before=tuple(row["before"].split(BETWEEN)),
                question=row["question"],
                right=row["right"],
            )
            for row in csv.DictReader(file)
        ]


def _ruled(row: Dialogue) -> str:
    return in_context(row.question, row.before, row.locale)


WAYS: dict[str, Callable[[Dialogue], str]] = {
    "alone": lambda row: row.question,
    "rules": _ruled,
    "always": lambda row: f"{row.before[-1]} {row.question}",
}


async def measure(*, dsn: str = "") -> Measured:
    """Everything, in one run. `dsn` names a Postgres to use; empty starts one for the run."""
    rows = dialogues()
    embed = Embedder()
    async with open_shelf(embed, dsn=dsn) as shelf:
        for page in sorted(PAGES.rglob("*.md")):
            await shelf.submit(TENANT, page.name, page.read_bytes())
        await shelf.pool.execute("ANALYZE")
        ranked = {way: await _rankings(shelf, embed, rows, text) for way, text in WAYS.items()}
    times: list[float] = []
    taken: list[bool] = []
    for row in rows:
        began = time.perf_counter()
        taken.append(_ruled(row) != row.question)
        times.append((time.perf_counter() - began) * 1e6)
    measured = Measured(quality={}, sizes={}, taken={}, rules_us=times)
    for kind, split, name in GROUPS:
        these = [n for n, row in enumerate(rows) if row.kind == kind and split in ("", row.split)]
        measured.sizes[name] = len(these)
        measured.taken[name] = sum(taken[n] for n in these) / len(these)
        measured.quality[name] = {
            way: plain.quality([found[n] for n in these], [{0} for _ in these])
            for way, found in ranked.items()
        }
    return measured


async def _rankings(
    shelf: Shelf, embed: Embedder, rows: Sequence[Dialogue], text: Callable[[Dialogue], str]
) -> list[list[int]]:
    """For each dialogue its hits, the right section as 0 and all others as 1."""
    search = KnowledgeSearch(shelf.pool, timeout=TIMEOUT_S)
    found: list[list[int]] = []
    for row in rows:
        asked = text(row)
        vector = await embed.question(asked)
        result = await search.search(
            TENANT, asked, vector, space=DEFAULT_SPACE, locale=row.locale, limit=CANDIDATES
        )
        found.append([0 if h.title.endswith(f": {row.right}") else 1 for h in result.hits])
    return found


def report(measured: Measured) -> str:
    """A table, a line for each group and way."""
    lines = [f"{'':<26}{'searched':<10}  hit@1  hit@5  MRR@10  given context"]
    for name, ways in measured.quality.items():
        for way, q in ways.items():
            given = f"{measured.taken[name]:.1%}" if way == "rules" else ""
            label = f"{name} ({measured.sizes[name]})"
            lines.append(
                f"{label:<26}{way:<10}  {q.r_at_1:.3f}  {q.hit_at_5:.3f}   {q.mrr_at_10:.3f}"
                f"  {given}".rstrip()
            )
    lines.append(f"the rules take {percentile(measured.rules_us, 0.5):.0f} µs a question, p50")
    return "\n".join(lines)


def section(measured: Measured) -> Section:
    """The same for `benchmarks/RESULTS.md`."""
    figures: list[Figure] = []
    for name in ("follow-ups", "follow-ups, held out", "new questions"):
        for way, label in (("alone", "alone"), ("rules", "in context")):
            q = measured.quality[name][way]
            figures += [
                Figure(f"{name}, {label}: hit@1", q.r_at_1, "", "higher"),
                Figure(f"{name}, {label}: hit@5", q.hit_at_5, "", "higher"),
                Figure(f"{name}, {label}: MRR@10", q.mrr_at_10, "", "higher"),
            ]
    taken = measured.taken
    figures.append(Figure("follow-ups known as such", taken["follow-ups"], "", "higher"))
    figures.append(Figure("new questions taken for one", taken["new questions"], ""))
    return Section(
        "Follow-ups",
        f"{measured.sizes['follow-ups']} follow-ups and {measured.sizes['new questions']} questions"
        " that stand alone after an unrelated one, English and Spanish, over the demo pages: the"
        " right section found by the question alone, and by what the rules search.",
        figures,
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", default=os.environ.get("TANDEM_POSTGRES_DSN", ""))
    arguments = parser.parse_args()
    print(report(asyncio.run(measure(dsn=arguments.dsn))))


if __name__ == "__main__":
    main()
