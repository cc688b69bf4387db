"""NATS is killed and comes back, in the middle of everything."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from log_makers import PATIENCE_S, append_many, new_commit, take

from events.jetstream.log import JetStreamLog
from events.live.frames import Delta, Missed
from events.live.nats_feed import NatsLive
from events.log.event_log import Commit, Head, LogUnavailable
from events.log.stream import conversation_stream

WRITERS, COMMITS = 20, 40


@pytest.fixture
def server(start_nats):
    return start_nats()


@pytest.fixture
async def log(server):
    log = await JetStreamLog.connect(server.url)
    await log.ensure_streams()
    yield log
    await log.close()


async def until(condition, what: str) -> None:
    """Return once `condition()` holds; fail when it does not in time."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110  # it reads what others count, not an event
                await asyncio.sleep(0.005)
    except TimeoutError:
        pytest.fail(f"never happened: {what}")


async def write(log: JetStreamLog, writer: int, acknowledged: list[Commit]) -> None:
    """Append COMMITS commits, one after another, asking again as the contract allows."""
    stream, after = conversation_stream("acme", f"c{writer}"), Head()
    for number in range(1, COMMITS + 1):
        new = new_commit(number, commit_id=f"{writer}-{number}")
        while True:
            try:
                commit = await log.append(stream, new, expected=after)
                break
            except LogUnavailable:
                continue
        acknowledged.append(commit)
        after = commit.head


async def test_what_was_acknowledged_is_there_once_after_a_kill(server, log):
    acknowledged: list[Commit] = []
    async with aclosing(log.subscribe("conversation")) as commits:
        reader = asyncio.create_task(take(commits, WRITERS * COMMITS))
        writers = [asyncio.create_task(write(log, n, acknowledged)) for n in range(WRITERS)]
        for share in (0.25, 0.6):
            goal = WRITERS * COMMITS * share
            await until(lambda goal=goal: len(acknowledged) >= goal, "appends before the kill")
            server.kill()
            server.start()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*writers)
        seen = await reader

    assert len(acknowledged) == WRITERS * COMMITS
    by_version = sorted(acknowledged, key=lambda commit: commit.version)
    assert seen == by_version
    for writer in range(WRITERS):
        stream = conversation_stream("acme", f"c{writer}")
        mine = [commit for commit in by_version if commit.stream == stream]
        assert list(await log.load(stream)) == mine
        assert [commit.number for commit in mine] == list(range(1, COMMITS + 1))


async def test_an_append_while_nats_is_away_succeeds_when_it_comes_back(server, log, stream):
    (first,) = await append_many(log, stream, 1)
    server.kill()
    await until(lambda: not log.connection.is_up, "the break was noticed")
    append = asyncio.create_task(log.append(stream, new_commit(2), expected=first.head))
    load = asyncio.create_task(log.load(stream, after=Head()))
    server.start()
    async with asyncio.timeout(PATIENCE_S):
        stored = await append
        assert (await load)[0] == first
    assert list(await log.load(stream)) == [first, stored]


async def test_the_log_says_so_while_nats_stays_away(server, stream):
    log = await JetStreamLog.connect(server.url, timeout=0.4)
    await log.ensure_streams()
    server.kill()
    for call in (
        log.append(stream, new_commit(1), expected=Head()),
        log.load(stream),
        log.last(stream),
    ):
        with pytest.raises(LogUnavailable):
            await call
    await log.close()


async def test_a_watch_gets_the_newest_commit_again_after_a_reconnect(server, log, stream):
    live = await NatsLive.connect(server.url)
    async with live.watch(stream) as watch:
        stored = await append_many(log, stream, 2)
        assert await take(watch, 2) == stored
        server.kill()
        server.start()
        assert await take(watch, 1) == stored[-1:]
        await live.publish(stream, Delta("t1", 0, "still here"))
        assert await take(watch, 1) == [Delta("t1", 0, "still here")]
    await live.close()


async def test_a_tenants_watch_is_told_that_it_may_have_missed_something(server, log, stream):
    live = await NatsLive.connect(server.url)
    async with live.watch_tenant(stream.tenant) as watch:
        stored = await append_many(log, stream, 1)
        assert await take(watch, 1) == stored
        server.kill()
        server.start()
        assert await take(watch, 1) == [Missed()]
        stored = await append_many(log, stream, 1, after=stored[-1].head)
        assert await take(watch, 1) == stored
    await live.close()


async def test_a_subscription_ends_with_an_error_when_the_log_is_closed(server, stream):
    log = await JetStreamLog.connect(server.url)
    await log.ensure_streams()
    await append_many(log, stream, 1)
    async with aclosing(log.subscribe("conversation")) as commits:
        await take(commits, 1)
        waiting = asyncio.create_task(take(commits, 1))
        await log.close()
        with pytest.raises(LogUnavailable):
            await waiting
