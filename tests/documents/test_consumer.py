"""The worker's loop over a real NATS, in this process: what comes is held, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest
from ingest_bench import Away, Bench, until

from actors.documents import consumer
from actors.documents.ports import PageFetched
from actors.documents.service import Submitted
from actors.documents.worker import Ingest, IngestParts
from events.jetstream import pull
from events.key_value import KeyValue, MemoryKeyValue
from events.log.envelope import encode_commit
from events.log.event_log import EMPTY, Commit, LogUnavailable, NewCommit

ONCE = {"Submitted": 1, "Parsed": 1, "Chunked": 1, "Embedded": 1, "Indexed": 1}


@asynccontextmanager
async def working(
    bench: Bench, *, at_once: int = 2, tries: KeyValue | None = None
) -> AsyncIterator[Ingest]:
    async def nothing() -> None:
        return None

    parts = IngestParts(bench.pipeline, bench.server.url, at_once, nothing, tries=tries)
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


@pytest.mark.usefixtures("quick")
async def test_a_slow_site_holds_up_no_file_and_is_asked_for_one_page_at_a_time(
    nats_bench: Bench,
) -> None:
    bench, asked, due = nats_bench, list[str](), asyncio.Event()

    async def slowly(url: str) -> None:
        asked.append(url)
        await due.wait()

    bench.before_page = slowly
    # More than are delivered in a batch, and more than there are slots.
    for n in range(80):
        url = f"https://slow.example/{n}"
        bench.pages[url] = PageFetched(url=url, content=b"# A\n\nB.", media_type="text/markdown")
        await bench.library.request(bench.tenant, url=url, at=1)
    async with working(bench, at_once=1) as ingest:
        await until(lambda: asked, "the site is asked")
        other = Bench(f"{bench.tenant}-2", bench.log, bench.documents)
        file = await other.submit()
        own = await bench.submit()
        await until(lambda: _is(other, file, ONCE), "another tenant's file is indexed meanwhile")
        await until(lambda: _is(bench, own, ONCE), "and so is a file of the same tenant")
        assert len(asked) == 1
        due.set()
        await until(lambda: ingest.health().outstanding == 0, "then all pages come in")
        assert len(asked) == len(set(asked)) == 80


@pytest.mark.usefixtures("quick")
async def test_tenants_take_turns(nats_bench: Bench) -> None:
    bench, held = nats_bench, asyncio.Event()
    other = Bench(f"{bench.tenant}-2", bench.log, bench.documents)
    bench.before_embedding = held.wait
    many = [await bench.submit(f"many{n}.md", f"# M\n\nText {n}.") for n in range(6)]
    async with working(bench, at_once=1) as ingest:
        await until(lambda: ingest.health().waiting == 5, "one is in hand, the others wait")
        one = await other.submit()
        await until(lambda: ingest.health().waiting == 6, "the other tenant's one waits too")
        held.set()
        for each in many:
            await until(lambda each=each: _is(bench, each, ONCE), "all are indexed")
        ended = [await _ended(bench, each) for each in many]
        others = await _ended(other, one)
        assert sum(each < others for each in ended) <= 2, "it was not the last"


class Sent:
    """A commit as NATS delivers it for the nth time."""

    def __init__(self, commit: Commit, times: int) -> None:
        new = NewCommit(commit_id=commit.commit_id, facts=commit.facts)
        self.subject = commit.stream.subject
        self.data = encode_commit(commit.stream, new, after=EMPTY)
        self.metadata = SimpleNamespace(
            sequence=SimpleNamespace(stream=commit.version), num_delivered=times
        )
        self.ack, self.nak = AsyncMock(), AsyncMock()


async def test_what_only_waited_while_another_ended_its_worker_is_not_given_up(
    bench: Bench,
) -> None:
    one = await bench.submit()
    (commit,) = await bench.log.load(bench.stream(one))
    sent: Any = Sent(commit, times=consumer.MOST_TRIES + 1)
    await consumer.Consumer(bench.pipeline, at_once=1).take([sent])
    await until(lambda: sent.ack.called or sent.nak.called, "it came to an end")
    assert await bench.kinds(one) == ONCE


async def test_what_was_begun_again_and_again_is_given_up_whoever_remembers(bench: Bench) -> None:
    one = await bench.submit()
    (commit,) = await bench.log.load(bench.stream(one))
    tries, begun = MemoryKeyValue(), asyncio.Event()

    async def for_ever() -> None:
        begun.set()
        await asyncio.Event().wait()

    bench.before_embedding = for_ever
    for times in range(1, consumer.MOST_TRIES + 1):
        killed = consumer.Consumer(bench.pipeline, at_once=1, tries=tries)
        begun.clear()
        await killed.take([Sent(commit, times)])  # type: ignore[list-item]
        await asyncio.wait_for(begun.wait(), 60)
        await killed.stop()
    sent: Any = Sent(commit, times=consumer.MOST_TRIES + 1)
    await consumer.Consumer(bench.pipeline, at_once=1, tries=tries).take([sent])
    await until(lambda: sent.ack.called, "it came to an end")
    assert (await bench.facts(one))[-1].code == "crashed"


async def test_a_consumer_that_is_there_already_gets_the_limits_of_now(
    nats_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(consumer, "HELD", 64)
        async with working(nats_bench) as ingest:
            await until(lambda: ingest.health().ok, "the one before reads")
    async with working(nats_bench) as ingest:
        await until(lambda: ingest.health().ok, "the one of now reads")
        js = nats_bench.log.connection.client.jetstream()  # type: ignore[attr-defined]
        info = await js.consumer_info("KNOWLEDGE", consumer.DURABLE)
        assert info.config.max_ack_pending == consumer.HELD > 1000


async def _ended(bench: Bench, one: Submitted) -> int:
    """The place in the log where it was indexed."""
    return (await bench.log.load(bench.stream(one)))[-1].version


async def _is(bench: Bench, one: object, wanted: dict[str, int]) -> bool:
    try:
        return await bench.kinds(one) == wanted  # type: ignore[arg-type]
    except LogUnavailable:
        return False  # NATS is away just now


async def test_a_connection_that_hangs_when_it_is_closed_ends_no_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hangs() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(pull, "STOP_TIMEOUT_S", 0.05)
    client: Any = SimpleNamespace(is_closed=False, close=hangs)
    app: Any = SimpleNamespace(stop=AsyncMock(side_effect=ConnectionError("it reconnects")))
    await pull._close(app, client)
    assert app.stop.called
