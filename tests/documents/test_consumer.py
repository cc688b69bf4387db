"""The worker's loop over a real NATS, in this process: what comes is held, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from ingest_bench import Away, Bench, until

from actors.documents import consumer
from actors.documents.worker import Ingest, IngestParts
from events.log import LogUnavailable

ONCE = {"Submitted": 1, "Parsed": 1, "Chunked": 1, "Embedded": 1, "Indexed": 1}


@asynccontextmanager
async def working(bench: Bench, *, at_once: int = 2) -> AsyncIterator[Ingest]:
    async def nothing() -> None:
        return None

    parts = IngestParts(bench.pipeline, bench.server.url, at_once, nothing)
    ingest = Ingest(parts)
    running = asyncio.create_task(ingest.run())
    try:
        yield ingest
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not acknowledged comes again soon."""
    monkeypatch.setattr(consumer, "ACK_WAIT_S", 2.0)
    monkeypatch.setattr(consumer, "BEAT_S", 0.3)
    monkeypatch.setattr(consumer, "FIRST_BACK_OFF_S", 0.1)
    monkeypatch.setattr(consumer, "LONGEST_BACK_OFF_S", 0.2)


@pytest.mark.usefixtures("quick")
async def test_what_was_submitted_before_there_was_a_worker_is_worked_at(nats_bench: Bench) -> None:
    bench = nats_bench
    before = [await bench.submit(f"before{n}.md", f"# B\n\nText {n}.") for n in range(3)]
    async with working(bench) as ingest:
        after = await bench.submit("after.md")
        for one in (*before, after):
            await until(lambda one=one: _is(bench, one, ONCE), f"{one.document} is indexed once")
        await until(lambda: ingest.health().outstanding == 0, "all is acknowledged")
        assert ingest.health().ok


@pytest.mark.usefixtures("quick")
async def test_nats_goes_and_comes_back_and_the_document_in_hand_is_not_lost(
    nats_bench: Bench,
) -> None:
    bench = nats_bench
    held, free = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        held.set()
        await free.wait()

    bench.before_embedding = wait
    object.__setattr__(bench.pipeline, "patience_s", 60.0)
    async with working(bench) as ingest:
        one = await bench.submit()
        await asyncio.wait_for(held.wait(), 60)
        bench.server.kill()
        free.set()
        await until(lambda: ingest.health().state == "away", "it is seen that NATS is away")
        bench.server.start()
        await until(lambda: _is(bench, one, ONCE), "it is indexed, once")
        await until(lambda: ingest.health().ok, "all is well again")


@pytest.mark.usefixtures("quick")
async def test_a_worker_that_lets_go_is_followed_by_another(nats_bench: Bench) -> None:
    bench = nats_bench
    held = asyncio.Event()

    async def wait() -> None:
        held.set()
        await asyncio.Event().wait()

    bench.before_embedding = wait
    one = await bench.submit()
    async with working(bench):
        await asyncio.wait_for(held.wait(), 60)
    bench.before_embedding = None
    async with working(bench):
        await until(lambda: _is(bench, one, ONCE), "the next one indexes it")


@pytest.mark.usefixtures("quick")
async def test_a_document_that_breaks_every_worker_is_given_up_and_says_so(
    nats_bench: Bench,
) -> None:
    bench = nats_bench

    async def breaks() -> None:
        raise ZeroDivisionError("a bug")

    bench.before_embedding = breaks
    async with working(bench):
        one = await bench.submit()
        wanted = {"Submitted": 1, "Parsed": 1, "Chunked": 1, "Failed": 1}
        await until(lambda: _is(bench, one, wanted), "it failed for good")
        failed = (await bench.facts(one))[-1]
        assert (failed.code, failed.stage) == ("crashed", "index")
        assert "ZeroDivisionError" in failed.reason
        bench.before_embedding = Away(times=0)
        other = await bench.submit("other.md")
        await until(lambda: _is(bench, other, ONCE), "others go on")


async def _is(bench: Bench, one: object, wanted: dict[str, int]) -> bool:
    try:
        return await bench.kinds(one) == wanted  # type: ignore[arg-type]
    except LogUnavailable:
        return False  # NATS is away just now
