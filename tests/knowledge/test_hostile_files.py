"""Files made to break a reader: none hangs, none takes the process down, each says why."""

from __future__ import annotations

import asyncio

import psutil
import pytest
from hostile import Case, hostile_cases
from hostile.office import many_rows

from events.objects.artifacts import Parsed
from projections.knowledge.parsing import Limits, Unparsable, parse_in_child, sniff

AT_ONCE = 4
LIMITS = Limits(memory_bytes=768 * 1024 * 1024, cpu_s=20, wall_s=120.0)


async def _read(case: Case, gate: asyncio.Semaphore) -> Parsed | Unparsable:
    async with gate:
        try:
            media_type = sniff(case.name, case.content)
            return await parse_in_child(case.content, media_type, name=case.name, limits=LIMITS)
        except Unparsable as refusal:
            return refusal


def _complaint(case: Case, outcome: Parsed | Unparsable) -> str:
    """What is wrong with an outcome; empty where nothing is."""
    if isinstance(outcome, Unparsable):
        if outcome.code != case.refused:
            return f"{case.name}: {outcome.code} ({outcome}), not {case.refused}"
        told = outcome.reason.startswith(f"{case.name}: ") and outcome.reason.endswith(".")
        return "" if told and len(outcome.reason) < 500 else f"{case.name}: says {outcome.reason}"
    if case.refused:
        return f"{case.name}: read, not {case.refused}"
    text = "\n".join(block.text for block in outcome.blocks)
    kinds = {flag.kind for flag in outcome.flags}
    if kinds != set(case.flags):
        return f"{case.name}: flags {outcome.flags}"
    if case.holds not in text or (case.lacks and case.lacks in text):
        return f"{case.name}: text {text[:200]!r}"
    return ""


async def test_every_hostile_file_is_refused_with_a_reason_or_read_without_its_tricks() -> None:
    cases = hostile_cases()
    assert len(cases) >= 50
    assert len({case.name for case in cases}) == len(cases)
    gate = asyncio.Semaphore(AT_ONCE)
    outcomes = await asyncio.gather(*(_read(case, gate) for case in cases))
    complaints = [_complaint(*pair) for pair in zip(cases, outcomes, strict=True)]
    assert [complaint for complaint in complaints if complaint] == []
    assert _children() == []


def _children() -> list[psutil.Process]:
    """Of this process, those that read a document."""
    return [
        child
        for child in psutil.Process().children()
        if child.is_running() and any("parsing.child" in word for word in child.cmdline())
    ]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(wall_s=0.05), "too_slow"),
        (Limits(cpu_s=1), "too_slow"),
        (Limits(memory_bytes=100 * 1024 * 1024, wall_s=120.0), "too_much_memory"),
    ],
)
async def test_what_takes_more_than_it_may_is_ended_and_says_of_what(
    limits: Limits, code: str
) -> None:
    content = b"lamp. " * 1_700_000  # a sentence each
    with pytest.raises(Unparsable) as refused:
        await parse_in_child(content, "text/plain", name="a", limits=limits)
    assert refused.value.code == code
    assert _children() == []


async def test_when_nobody_waits_any_more_the_child_is_gone() -> None:
    case = many_rows()
    media_type = sniff(case.name, case.content)
    reading = asyncio.create_task(parse_in_child(case.content, media_type, name="a"))
    async with asyncio.timeout(60):
        while not _children():  # noqa: ASYNC110 nobody tells that a process is there
            await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert _children() == []
