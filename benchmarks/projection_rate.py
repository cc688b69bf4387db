"""How fast read models follow the log, and how far behind they are. Real NATS and Postgres.

python -m benchmarks.projection_rate
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from benchmarks.figures import Figure, Run, Section, machine, markdown, percentile
from events import conversation as e
from events.jetstream.log import JetStreamLog
from events.log.event_log import EMPTY, Commit, Head, NewCommit
from events.log.stream import conversation_stream
from projections.engine.database import open_pool
from projections.engine.projection import Projection
from projections.engine.schema import ensure_schema
from projections.engine.worker import running_worker
from projections.read_models.catalogue import read_models
from projections.read_models.queries import checkpoint

TENANT = "bench"
PATIENCE_S = 300.0
TEXT = "How long does shipping to Spain take, and what is it for a lamp of two kilograms? "


async def projection_rate(
    log: JetStreamLog, nats_url: str, dsn: str, *, rounds: int = 10_000, writers: int = 200
) -> Section:
    """Catch up with a backlog, one read model alone and then all together; then the lag of single
    commits. `dsn` must be of an empty database, the log may hold other conversations.
    """
    await ensure_schema(dsn)
    each = await asyncio.gather(
        *(_talk(log, f"bench-{time.time_ns()}-{n}", rounds // writers) for n in range(writers))
    )
    last = max(commit.version for commits in each for commit in commits)
    events = sum(len(commit.facts) for commits in each for commit in commits)
    pool = await open_pool(dsn)
    try:
        figures: list[Figure] = []
        for projection in read_models():
            took = await _catch_up([projection], nats_url, dsn, pool, last)
            figures.append(Figure(f"{projection.name} alone", events / took, "events/s", "higher"))
        await _forget(pool)
        worked = time.process_time()
        took = await _catch_up(read_models(), nats_url, dsn, pool, last)
        worked = time.process_time() - worked
        figures.append(Figure("all together", events / took, "events/s", "higher"))
        figures.append(Figure("all together, CPU of 1,000 events", 1e6 * worked / events, "ms"))
        lags = await _lags(log, nats_url, dsn, pool)
    finally:
        await pool.close()
    figures.append(Figure("append → visible in all, p50", percentile(lags, 0.5), "ms"))
    figures.append(Figure("append → visible in all, p99", percentile(lags, 0.99), "ms"))
    return Section(
        "Projections",
        f"A backlog of {events:,} events in {2 * rounds:,} commits of {writers} conversations, "
        "from the worker's start (connections, schema and consumers included) to the checkpoint, "
        "the CPU being the worker's process alone; "
        f"then {len(lags)} single commits, one after the other, until all checkpoints have them.",
        figures,
    )


async def _talk(log: JetStreamLog, conversation: str, rounds: int) -> list[Commit]:
    """Questions and answers: three facts in the first commit, two in each other question."""
    commits: list[Commit] = []
    head = EMPTY
    for n in range(rounds):
        for facts in (_question(conversation, n), _answer(n)):
            commit = await _append(log, conversation, head, facts)
            head = commit.head
            commits.append(commit)
    return commits


async def _append(
    log: JetStreamLog, conversation: str, head: Head, facts: Sequence[e.Fact]
) -> Commit:
    new = NewCommit(commit_id=f"{conversation}-{head.number}", facts=tuple(facts))
    return await log.append(conversation_stream(TENANT, conversation), new, expected=head)


def _question(conversation: str, n: int) -> list[e.Fact]:
    begun: list[e.Fact] = [
        e.MessageReceived(at=n + 1, message=f"m{n}", text=TEXT),
        e.TurnBegun(at=n + 1, turn=f"t{n}", epoch=1, answers=(f"m{n}",)),
    ]
    if n == 0:
        begun.insert(0, e.ConversationStarted(at=1, tenant=TENANT, conversation=conversation))
    return begun


def _answer(n: int) -> list[e.Fact]:
    source = e.Source(n=1, chunk="k1", document="d1", title="Shipping", quote=TEXT, url="/s")
    return [
        e.AnswerRecorded(
            at=n + 2,
            turn=f"t{n}",
            epoch=1,
            message=f"a{n}",
            text=2 * TEXT,
            in_reply_to=(f"m{n}",),
            sources=(source,),
            confidence=0.8,
            guard={"borne_out": True, "score": 0.8},
            cost=e.TurnCost(model="extractive", latency_ms={"embed": 1.0, "search": 2.0}),
        )
    ]


async def _catch_up(
    projections: Sequence[Projection], nats_url: str, dsn: str, pool: asyncpg.Pool, last: int
) -> float:
    """Seconds from the worker's start until all checkpoints have reached `last`."""
    began = time.perf_counter()
    async with running_worker(projections, nats_url, dsn):
        await _reached(pool, projections, last, pause_s=0.02)
        return time.perf_counter() - began


async def _reached(
    pool: asyncpg.Pool, projections: Sequence[Projection], version: int, *, pause_s: float
) -> None:
    async with asyncio.timeout(PATIENCE_S):
        for projection in projections:
            while await checkpoint(pool, projection.name) < version:  # noqa: ASYNC110  another process's commit
                await asyncio.sleep(pause_s)


async def _forget(pool: asyncpg.Pool) -> None:
    """Empty all read models, so that they start over."""
    async with pool.acquire() as connection, connection.transaction():
        schemas = await connection.fetch("SELECT projection, version, build FROM tandem.builds")
        for row in schemas:
            name = f"{row['projection']}_v{row['version']}_b{row['build']}"
            await connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        await connection.execute("TRUNCATE tandem.projections, tandem.builds")


async def _lags(
    log: JetStreamLog, nats_url: str, dsn: str, pool: asyncpg.Pool, *, commits: int = 100
) -> list[float]:
    """Milliseconds from an append's acknowledgement until all read models have it."""
    lags: list[float] = []
    conversation, head = f"lag-{time.time_ns()}", EMPTY
    async with running_worker(read_models(), nats_url, dsn):
        for n in range(commits + 1):
            facts = _question(conversation, n // 2) if n % 2 == 0 else _answer(n // 2)
            head = (await _append(log, conversation, head, facts)).head
            began = time.perf_counter()
            await _reached(pool, read_models(), head.version, pause_s=0.001)
            lags.append((time.perf_counter() - began) * 1000)
    return lags[1:]  # the first one waited for the worker to start


async def main() -> None:
    """Start a NATS and a Postgres of its own, measure, print."""
    from tandem.embedded.nats import EmbeddedNats  # noqa: PLC0415 only when run by itself
    from tandem.embedded.postgres import EmbeddedPostgres  # noqa: PLC0415 likewise

    with tempfile.TemporaryDirectory(prefix="tb-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        await asyncio.to_thread(home.chmod, 0o755)
        nats = EmbeddedNats(home / "nats")
        postgres = EmbeddedPostgres(home / "pg", sockets=home / "s")
        nats_url, dsn = await nats.start(), await postgres.start()
        try:
            log = await JetStreamLog.connect(nats_url)
            await log.ensure_streams()
            section = await projection_rate(log, nats_url, dsn)
            await log.close()
        finally:
            await postgres.stop()
            await nats.stop()
    print(markdown(Run(machine=machine(), taken_at="now", sections=[section])))


if __name__ == "__main__":
    asyncio.run(main())
