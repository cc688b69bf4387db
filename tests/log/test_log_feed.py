"""A subscription whose messages, consumer or server get lost on the way: no hole, no double."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from log_makers import append_many, take

from events.jetstream import feed as jetstream_feed
from events.jetstream.log import JetStreamLog

COUNT = 50


async def test_a_message_that_is_lost_on_the_way_is_fetched_again(
    jetstream_log, stream, monkeypatch
):
    stored = await append_many(jetstream_log, stream, COUNT)
    client, lost = jetstream_log.connection.client, []
    real_subscribe = client.subscribe

    async def subscribe(subject, cb):
        async def lossy(message) -> None:
            if len(lost) < 1 and message.headers and b'"commitnumber":20,' in message.data:
                lost.append(message)
            else:
                await cb(message)

        return await real_subscribe(subject, cb=lossy)

    monkeypatch.setattr(client, "subscribe", subscribe)
    async with aclosing(
        jetstream_log.subscribe("conversation", after=stored[0].version)
    ) as commits:
        assert await take(commits, COUNT - 1) == stored[1:]
    assert len(lost) == 1


@pytest.fixture
def no_heartbeat(monkeypatch) -> None:
    """No heartbeat is missed for a quarter of an hour."""
    monkeypatch.setattr(jetstream_feed, "HEARTBEAT_S", 1_000.0)
    monkeypatch.setattr(jetstream_feed, "PULL_EXPIRES_S", 10_000.0)


async def test_a_consumer_that_the_server_dropped_is_made_again(
    jetstream_log, stream, no_heartbeat
):
    (first,) = await append_many(jetstream_log, stream, 1)
    js = jetstream_log.connection.client.jetstream()
    async with aclosing(
        jetstream_log.subscribe("conversation", after=first.version - 1)
    ) as commits:
        assert await take(commits, 1) == [first]
        for consumer in await js.consumers_info("CONVERSATIONS"):
            await js.delete_consumer("CONVERSATIONS", consumer.name)
        later = await append_many(jetstream_log, stream, 3, after=first.head)
        assert await take(commits, 3) == later


async def test_a_break_is_noticed_at_once_and_not_by_the_missing_heartbeat(
    start_nats, stream, no_heartbeat
):
    server = start_nats()
    log = await JetStreamLog.connect(server.url)
    await log.ensure_streams()
    (first,) = await append_many(log, stream, 1)
    async with aclosing(log.subscribe("conversation")) as commits:
        assert await take(commits, 1) == [first]
        waiting = asyncio.create_task(take(commits, 1))
        server.kill()
        server.start()
        later = await append_many(log, stream, 1, after=first.head)
        assert await waiting == later
    await log.close()


async def test_a_missing_heartbeat_ends_a_feed(jetstream_log, monkeypatch):
    monkeypatch.setattr(jetstream_feed, "HEARTBEAT_S", 0.01)
    silent = asyncio.Queue()
    with pytest.raises(jetstream_feed.FeedBroken, match="nothing was heard"):
        await jetstream_feed._next(silent)
