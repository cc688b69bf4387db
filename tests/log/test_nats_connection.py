"""The connection that the log, the live feed and the documents share."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_makers import PATIENCE_S
from nats.aio.client import Client

from events.jetstream.connection import (
    Connection,
    ConnectionBroken,
    NoAnswer,
    NotReady,
    _QuickClient,
)
from events.live.nats_feed import NatsLive


@pytest.fixture
async def connection(log_nats):
    connection = await Connection.open(log_nats)
    yield connection
    await connection.close()


async def silence(_) -> None:
    """Answers nothing."""


async def test_a_request_in_flight_fails_at_once_when_the_connection_breaks(start_nats):
    server = start_nats()
    connection = await Connection.open(server.url)
    await connection.client.subscribe("silent", cb=silence)
    request = asyncio.create_task(connection.request("silent", b"", timeout=10 * PATIENCE_S))
    await connection.client.flush()
    server.kill()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ConnectionBroken):
            await request
    with pytest.raises(ConnectionBroken):
        await connection.request("silent", b"", timeout=PATIENCE_S)
    await connection.close()


async def test_no_answer_in_time_is_told_from_nobody_there(connection, tenant):
    await connection.client.subscribe(tenant, cb=silence)
    with pytest.raises(NoAnswer):
        await connection.request(tenant, b"", timeout=0.05)
    with pytest.raises(NotReady):
        await connection.request(f"{tenant}.nobody", b"", timeout=PATIENCE_S)


async def test_requests_in_flight_together_each_get_their_own_answer(connection, tenant):
    async def echo(message) -> None:
        await connection.client.publish(message.reply, message.data)

    await connection.client.subscribe(tenant, cb=echo)
    payloads = [str(number).encode() for number in range(500)]
    answers = await asyncio.gather(
        *(connection.request(tenant, payload, timeout=PATIENCE_S) for payload in payloads)
    )
    assert [answer.data for answer in answers] == payloads


async def test_what_may_be_asked_again_is_asked_until_it_is_answered(connection):
    loop = asyncio.get_running_loop()
    failures = [NotReady("a"), NoAnswer("b"), ConnectionBroken("c")]

    async def ask(left: float) -> str:
        if failures:
            raise failures.pop(0)
        return "answer"

    assert await connection.persist(loop.time() + PATIENCE_S, ask) == "answer"


async def test_a_watch_is_entered_only_once_the_server_has_confirmed_it(
    connection, stream, monkeypatch
):
    confirmed, real_flush = asyncio.Event(), connection.client.flush

    async def slow_flush(timeout: int) -> None:
        await confirmed.wait()
        await real_flush(timeout)

    monkeypatch.setattr(connection.client, "flush", slow_flush)
    watch = NatsLive(connection).watch(stream)
    entering = asyncio.create_task(watch.__aenter__())
    await real_flush()
    assert not entering.done()
    confirmed.set()
    async with asyncio.timeout(PATIENCE_S):
        await entering
    await watch.__aexit__(None, None, None)


LINES = st.sampled_from(
    [b"Nats-Sequence: 7", b"A:b", b"A:\tb ", b"no colon", b"", b"two words: x", b"X: \xff\xc3\xa9"]
)


@given(st.lists(LINES | st.binary(max_size=12)))
def test_headers_are_read_as_nats_py_reads_them(lines):
    raw = b"\r\n".join(lines)
    assert _QuickClient._parse_header_lines(raw) == Client._parse_header_lines(raw)
