"""What knowledge promises, on the whole house: every kind of document is answered from with its
place, what was said stays provable when the text changes, and a worker that dies costs nothing."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from samples import Sample, write_samples

from benchmarks.house import House
from events.jetstream.log import JetStreamLog
from events.log.event_log import EMPTY, NewCommit
from events.log.stream import tenancy_stream
from events.tenancy import TenantConfigured
from tandem.clients.visitor import Frame, Visitor

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

TENANT, KEY = "candela", "pk_candela"
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
async def company(house: House) -> str:
    """A company of its own on the house, with no document yet."""
    log = await JetStreamLog.connect(house.addresses["nats_url"])
    try:
        fact = TenantConfigured(
            at=1, tenant=TENANT, name="Candela", keys=(KEY,), origins=("loopback",)
        )
        new = NewCommit(commit_id="candela-1", facts=(fact,))
        await log.append(tenancy_stream(TENANT), new, expected=EMPTY)
    finally:
        await log.close()
    return TENANT


def visitor(house: House) -> Visitor:
    return Visitor(house.socket_url, KEY)


def ingest(house: House, *paths: Path) -> None:
    done = house.run("ingest", *map(str, paths), "--tenant", TENANT)
    assert done.returncode == 0, done.stdout + done.stderr


def told(house: House, *options: str) -> list[dict[str, Any]]:
    done = house.run("told", "--tenant", TENANT, "--json", *options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def rows(house: House, query: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(house.addresses["postgres_dsn"], timeout=60)
    try:
        return await connection.fetch(query, *arguments)
    finally:
        await connection.close()


async def answered(house: House, question: str) -> Frame:
    async with visitor(house) as asking:
        return await asking.ask(question)


async def test_each_kind_of_document_is_answered_from_with_its_place(
    house: House, company: str, tmp_path: Path
) -> None:
    samples = write_samples(tmp_path)
    await asyncio.to_thread(ingest, house, tmp_path)
    replies = await asyncio.gather(*(answered(house, one.question) for one in samples))
    wrong = [
        f"{one.path.name}: {one.question}\n  {reply['text']!r}\n  {reply.get('sources')}"
        for one, reply in zip(samples, replies, strict=True)
        if not _is_right(one, reply)
    ]
    assert wrong == [], "\n".join(wrong)


def _is_right(sample: Sample, reply: Frame) -> bool:
    place = {
        name: value
        for name in ("page", "slide", "sheet", "row", "anchor")
        if (value := getattr(sample.place, name))
    }
    return sample.answer_contains in reply["text"] and any(
        source.get("place", {}) == place and sample.answer_contains in source["quote"]
        for source in reply["sources"]
    )


async def test_a_text_that_changes_in_mid_conversation_changes_the_next_answer_only(
    house: House, company: str, tmp_path: Path
) -> None:
    page = tmp_path / "vouchers.md"
    question = "For how many months is a gift voucher valid?"
    page.write_text("# Gift vouchers\n\nA gift voucher is valid for 24 months.\n")
    await asyncio.to_thread(ingest, house, page)
    async with visitor(house) as asking:
        first = await asking.ask(question)
        page.write_text("# Gift vouchers\n\nA gift voucher is valid for 36 months.\n")
        await asyncio.to_thread(ingest, house, page)
        second = await asking.ask(question)
        conversation = asking.conversation
    assert "24 months" in first["text"]
    assert "36 months" in second["text"]
    assert "24 months" not in second["text"]

    before, after = first["sources"][0], second["sources"][0]
    assert before["version"] < after["version"]
    for source, months in ((before, "24 months"), (after, "36 months")):
        shown = house.run("knowledge", "show", source["chunk"], "--tenant", TENANT)
        assert shown.returncode == 0, shown.stderr
        assert months in shown.stdout

    replayed = house.run("replay", conversation, "--tenant", TENANT, "--json")
    answers = [line for line in replayed.stdout.splitlines() if "AnswerRecorded" in line]
    assert [json.loads(line)["sources"][0]["chunk"] for line in answers] == [
        before["chunk"],
        after["chunk"],
    ]

    deadline = time.monotonic() + PATIENCE_S
    while not (heard := told(house, "--chunk", before["chunk"])):
        assert time.monotonic() < deadline, "the earlier answer is not listed"
    assert [(one["conversation"], one.get("current", False)) for one in heard] == [
        (conversation, False)
    ]
    assert "24 months" in heard[0]["answer"]


async def test_an_ingest_worker_that_is_killed_in_mid_work_loses_and_doubles_nothing(
    house: House, company: str, tmp_path: Path
) -> None:
    names = [f"rule-{n}.md" for n in range(12)]
    for n, name in enumerate(names):
        sections = "\n\n".join(
            f"## Rule {n}.{m}\n\nThe shelf number {n}.{m} bears {n + m + 3} kilograms and no more."
            for m in range(25)
        )
        (tmp_path / name).write_text(sections)
    ingesting = asyncio.create_task(asyncio.to_thread(ingest, house, tmp_path))
    for wanted in (1, 5):
        await _until_indexed(house, names, wanted)
        house.kill("ingest")
    await ingesting
    found = await rows(
        house,
        "SELECT d.name, count(*) AS chunks, count(DISTINCT c.text) AS texts FROM read.documents d"
        " JOIN read.chunks c USING (tenant, document, version) WHERE d.tenant = $1"
        " AND d.name = ANY ($2::text[]) AND d.state = 'indexed' AND c.closed_at IS NULL"
        " GROUP BY d.name",
        TENANT,
        names,
    )
    assert {row["name"]: (row["chunks"], row["texts"]) for row in found} == dict.fromkeys(
        names, (25, 25)
    )


async def _until_indexed(house: House, names: list[str], wanted: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        [row] = await rows(
            house,
            "SELECT count(*) FROM read.documents WHERE tenant = $1 AND name = ANY ($2::text[])"
            " AND state = 'indexed'",
            TENANT,
            names,
        )
        if row["count"] >= wanted:
            return
        assert time.monotonic() < deadline, f"{row['count']} of {wanted} documents are indexed"
        await asyncio.sleep(0.05)
