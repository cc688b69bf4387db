"""The whole house under load: sockets, turns, answers, stages, memory of placements."""

from __future__ import annotations

import asyncio
import csv
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import psutil

from benchmarks.figures import Figure, Section, percentile
from benchmarks.house import House
from benchmarks.sockets import GREETINGS, closed_loop, one_at_a_time, open_loop, talkers
from events.jetstream.log import JetStreamLog
from events.log.event_log import EMPTY, NewCommit
from events.log.stream import tenancy_stream
from events.tenancy import TenantConfigured

SOCKETS = 400
"""The gateway lets one socket say five messages a second: this many cannot reach that limit."""
DEDICATED = 10
STAGES = ("embed", "search", "prepare", "first_text", "generate", "total")


async def sections() -> Sequence[Section]:
    with tempfile.TemporaryDirectory(prefix="tb-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        await asyncio.to_thread(home.chmod, 0o755)  # as root, Postgres runs under its own user
        began = time.perf_counter()
        house = await asyncio.to_thread(House(home / "house").__enter__)
        ready = time.perf_counter() - began
        try:
            return await _measured(house, ready)
        finally:
            await asyncio.to_thread(house.__exit__)


async def _measured(house: House, ready: float) -> Sequence[Section]:
    url, questions = house.socket_url, _questions()
    start = Section(
        "Start",
        "`tandem up` on a new home, installed and built before, until its first command works.",
        [Figure("ready", ready, "s")],
    )
    steady = Section(
        "100 turns a second, no model",
        "Small talk at even distances for 15 s: accepted, turn, reply; nothing is searched.",
        await open_loop(url, GREETINGS, rate=100, seconds=15),
    )
    turns = await closed_loop(url, GREETINGS, sockets=SOCKETS, seconds=10)
    alone = await one_at_a_time(url, questions, seconds=10)
    many = await closed_loop(url, questions, sockets=64, seconds=15)
    stages = await _stages(house)
    return [
        start,
        steady,
        _named(
            turns,
            f"As many turns as go, no model, {SOCKETS} sockets",
            "Each socket says the next thing as soon as it was answered.",
        ),
        Section(
            "Grounded answers, one at a time",
            f"{len(questions)} questions about the demo company in turn, extractive generation.",
            alone,
        ),
        _named(many, "Grounded answers, 64 visitors", "The same questions, closed loop."),
        stages,
        await _placements(house),
    ]


def _named(section: Section, title: str, method: str) -> Section:
    return Section(title, method, section.figures)


def _questions() -> list[str]:
    path = Path(__file__).parent / "questions.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [row["question"] for row in csv.DictReader(file)]


async def _stages(house: House) -> Section:
    """Milliseconds since a turn began, by stage, as the turns themselves recorded them."""
    connection = await asyncpg.connect(house.addresses["postgres_dsn"], timeout=10)
    try:
        rows = await connection.fetch(
            "select latency_ms->>'embed' embed, latency_ms->>'search' search,"
            " latency_ms->>'prepare' prepare, latency_ms->>'first_text' first_text,"
            " latency_ms->>'generate' generate, latency_ms->>'total' total"
            " from read.turns where latency_ms ? 'first_text' order by begun_at limit 200"
        )
    finally:
        await connection.close()
    figures: list[Figure] = []
    for stage in STAGES:
        values = [float(row[stage]) for row in rows if row[stage] is not None]
        figures.append(Figure(f"{stage}, p50", percentile(values, 0.5), "ms"))
        figures.append(Figure(f"{stage}, p99", percentile(values, 0.99), "ms"))
    return Section(
        "Stages of a grounded turn",
        f"From the read model `turns`: the first {len(rows)} grounded turns, one visitor. `embed` "
        "and `search` are durations; the others are reached so long after the turn began.",
        figures,
    )


async def _placements(house: House) -> Section:
    """What a conversation of its own Ray actor costs. 1,000 of them do not fit on this machine."""
    log = await JetStreamLog.connect(house.addresses["nats_url"])
    fact = TenantConfigured(
        at=1,
        tenant="alone",
        name="Alone",
        keys=("pk_alone",),
        origins=("loopback",),
        placement="dedicated",
    )
    new = NewCommit(commit_id="alone", facts=(fact,))
    await log.append(tenancy_stream("alone"), new, expected=EMPTY)
    await log.close()
    before = _shards(house)
    people = await talkers(house.socket_url, DEDICATED, key="pk_alone")
    for person in people:
        await person.turn("hello")
    added = [p for pid, p in _shards(house).items() if pid not in before]
    each, shared = _mean_pss(added), _mean_pss(list(before.values()))
    return Section(
        "Memory of placements",
        f"Proportional set size (PSS) of Ray actors: the shared shards after the load above; "
        f"{len(added)} conversations of a tenant with placement `dedicated`, one Ray actor each. "
        "1,000 of those are reckoned from these, not run.",
        [
            Figure("a shared shard", shared, "MB"),
            Figure("a dedicated conversation", each, "MB"),
            Figure("1,000 dedicated conversations, reckoned", each * 1000 / 1024, "GB"),
        ],
    )


def _mean_pss(processes: Sequence[psutil.Process]) -> float:
    """MB."""
    return sum(process.memory_full_info().pss for process in processes) / len(processes) / 2**20


def _shards(house: House) -> dict[int, psutil.Process]:
    found: dict[int, psutil.Process] = {}
    for process in house.descendants():
        try:
            if " ".join(process.cmdline()[:1]).startswith("ray::ConversationShard"):
                found[process.pid] = process
        except psutil.NoSuchProcess:
            continue
    return found
