"""What a benchmark gives: named figures with units, printed alike, kept as JSON, compared."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One measured number. `better` says which way is better when two runs are compared."""

    name: str
    value: float
    unit: str
    better: str = "lower"


class Section(msgspec.Struct, frozen=True):
    """`taken_at` where it was measured at another hour than its run's other sections."""

    title: str
    method: str
    figures: list[Figure]
    taken_at: str = ""


class Run(msgspec.Struct, frozen=True):
    machine: str
    taken_at: str
    sections: list[Section]


def with_newer(run: Run, newer: Run) -> Run:
    """`run` with the sections of `newer` in the place of those of the same title, each with the
    time that it was taken at."""
    fresh = {
        section.title: msgspec.structs.replace(section, taken_at=newer.taken_at)
        for section in newer.sections
    }
    kept = [
        fresh.pop(section.title, None)
        or msgspec.structs.replace(section, taken_at=section.taken_at or run.taken_at)
        for section in run.sections
    ]
    return Run(newer.machine, newer.taken_at, [*kept, *fresh.values()])


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; `share` is 0 to 1. Raises ValueError on no values."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def machine() -> str:
    """What it ran on: cores, processor, memory, Python."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def markdown(run: Run) -> str:
    """RESULTS.md: machine and method beside every figure."""
    lines = [
        "# Results",
        "",
        f"Printed by `make bench` on {run.taken_at}, on {run.machine}. The load generator runs on",
        "the same cores. Absolute figures move between machines: compare two runs of your own with",
        "`python -m benchmarks --compare OLD.json NEW.json`.",
    ]
    for section in run.sections:
        lines += [
            "",
            f"## {section.title}",
            "",
            section.method + (f" Taken on {section.taken_at}." if section.taken_at else ""),
            "",
            "| what | figure |",
            "|---|---|",
        ]
        lines += [f"| {f.name} | {shown(f)} |" for f in section.figures]
    return "\n".join(lines) + "\n"


def shown(figure: Figure) -> str:
    value = figure.value
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f} {figure.unit}".strip()


def compare(old: Run, new: Run) -> str:
    """A line for each figure that both runs have, with new ÷ old and which way that is."""
    before = {(s.title, f.name): f for s in old.sections for f in s.figures}
    lines = [f"old: {old.taken_at}  new: {new.taken_at}"]
    for section in new.sections:
        for figure in section.figures:
            past = before.get((section.title, figure.name))
            if past is None or not past.value:
                continue
            ratio = figure.value / past.value
            good = ratio <= 1 if figure.better == "lower" else ratio >= 1
            lines.append(
                f"{'+' if good else '-'} {ratio:6.2f}x  {figure.name}: "
                f"{shown(past)} → {shown(figure)}"
            )
    return "\n".join(lines)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
