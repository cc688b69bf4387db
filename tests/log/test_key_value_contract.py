"""One suite for every bucket: in memory, and on a real server."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from events.jetstream.connection import Connection
from events.key_value import SIGN_IN_FAILURES, Bucket, MemoryKeyValue, NatsKeyValue
from events.log.event_log import LogUnavailable


@pytest.fixture
async def connection(log_nats):
    opened = await Connection.open(log_nats, name="test-key-value")
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", "nats"])
def bucket(request):
    if request.param == "memory":
        return MemoryKeyValue()
    connection = request.getfixturevalue("connection")
    return NatsKeyValue(connection, Bucket(name=f"b{uuid.uuid4().hex}", keep_s=60))


async def test_a_value_is_read_back_and_the_newest_holds(bucket):
    assert await bucket.get("demo.ana") is None
    await bucket.put("demo.ana", b"1")
    await bucket.put("demo.ana", b"2")
    await bucket.put("demo.bea", b"")
    assert (await bucket.get("demo.ana")).value == b"2"
    assert (await bucket.get("demo.bea")).value == b""


async def test_a_swap_holds_only_while_nobody_was_faster(bucket):
    assert await bucket.swap("k", b"1", expected=0)
    assert not await bucket.swap("k", b"other", expected=0)
    first = await bucket.get("k")
    assert await bucket.swap("k", b"2", expected=first.revision)
    assert not await bucket.swap("k", b"late", expected=first.revision)
    assert (await bucket.get("k")).value == b"2"


async def test_of_many_swaps_at_once_one_is_done(bucket):
    swaps = [bucket.swap("k", str(n).encode(), expected=0) for n in range(20)]
    assert (await asyncio.gather(*swaps)).count(True) == 1


async def test_what_is_deleted_is_gone_and_may_come_again(bucket):
    await bucket.put("k", b"1")
    before = await bucket.get("k")
    await bucket.delete("k")
    await bucket.delete("k")
    assert await bucket.get("k") is None
    assert not await bucket.swap("k", b"late", expected=before.revision)
    assert await bucket.swap("k", b"2", expected=0)
    assert (await bucket.get("k")).value == b"2"


@pytest.mark.parametrize("key", ["", "a b", "a..b", ".a", "a.", "*", "a.>", "ä", "a\n", "a" * 129])
async def test_what_is_no_key_is_refused(bucket, key):
    for asked in (bucket.get(key), bucket.put(key, b""), bucket.delete(key)):
        with pytest.raises(ValueError, match="key"):
            await asked


async def test_buckets_are_kept_on_disk_with_their_bounds_whoever_makes_them_first(connection):
    one, two = (
        NatsKeyValue(connection, SIGN_IN_FAILURES),
        NatsKeyValue(connection, SIGN_IN_FAILURES),
    )
    await asyncio.gather(one.put("a", b"1"), two.put("b", b"2"))
    assert (await two.get("a")).value == b"1"
    config = (await connection.client.jetstream().stream_info("KV_sign_in_failures")).config
    assert (config.max_age, config.max_bytes) == (7200, 64 * 1024 * 1024)
    assert (config.storage, config.max_msgs_per_subject) == ("file", 1)
    assert not config.allow_direct  # a follower may be behind, and show a session that was ended


async def test_a_bucket_that_was_lost_is_made_again_by_who_writes_to_it(connection):
    """After a restore without it, say: signing in and presence must not stop until a restart."""
    bucket = NatsKeyValue(connection, Bucket(name="lost"))
    await bucket.put("k", b"1")
    await connection.client.jetstream().delete_stream("KV_lost")
    with pytest.raises(LogUnavailable):
        await bucket.put("k", b"2")
    await bucket.put("k", b"3")
    assert (await bucket.get("k")).value == b"3"


async def test_a_store_that_is_away_says_so(start_nats):
    server = start_nats()
    connection = await Connection.open(server.url, name="test-key-value")
    bucket = NatsKeyValue(connection, Bucket(name="away"), timeout=0.5)
    await bucket.put("k", b"1")
    server.kill()
    with pytest.raises(LogUnavailable):
        await bucket.get("k")
    server.start()
    await connection.wait_until_up(10)
    assert (await bucket.get("k")).value == b"1"
    await connection.close()
