"""Every commit of one JetStream stream, in order, from a version on and then as they come.

A pull consumer without acknowledgement, in the server's memory, that lives as long as one
`Feed`. The server numbers what it delivers, so what was lost on the way shows as a jump in
these numbers. Whenever anything is in doubt (a jump, a reconnect, a missed heartbeat, a
consumer that is gone) the feed ends with FeedBroken, and its reader opens the next one after
the last message that it got. So nothing is missed and nothing comes twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from events.jetstream.connection import Connection, status_of
from events.log.event_log import LogUnavailable

BATCH = 500
HEARTBEAT_S = 2.0
PULL_EXPIRES_S = 30.0
INACTIVE_S = 60.0
"""The server drops a consumer that nobody pulls from for so long."""

_SECOND_NS = 1_000_000_000
_HEARTBEAT, _PULL_ENDED = "100", ("404", "408")


class FeedBroken(LogUnavailable):
    """This feed cannot go on; open another after the last message read."""


async def feed(
    connection: Connection, js_stream: str, *, after: int, timeout: float
) -> AsyncGenerator[tuple[int, Msg]]:
    """Messages of `js_stream` with their stream sequences, from sequence `after` + 1 on.

    Raises FeedBroken, LogUnavailable. Does not end otherwise.
    """
    await connection.wait_until_up(timeout)
    inbox = connection.client.new_inbox()
    arrived = asyncio.Queue[Msg | None]()

    async def take(message: Msg) -> None:
        arrived.put_nowait(message)

    subscription = await connection.client.subscribe(inbox, cb=take)
    try:
        with connection.told_of_breaks(lambda: arrived.put_nowait(None)):
            consumer = await _create_consumer(connection, js_stream, after, timeout)
            delivered = 0
            while True:
                await _pull(connection, js_stream, consumer, inbox)
                for _ in range(BATCH):
                    message = await _next(arrived)
                    if message is None:
                        break
                    sequence, number = _place(message)
                    if number != delivered + 1 or sequence <= after:
                        raise FeedBroken(f"{js_stream}: message {number} came after {delivered}")
                    delivered, after = number, sequence
                    yield sequence, message
    finally:
        # The consumer itself is left to the server, which drops it when it is not used.
        await _unsubscribe(subscription)


async def _create_consumer(
    connection: Connection, js_stream: str, after: int, timeout: float
) -> str:
    name = f"feed-{connection.client.new_inbox().rpartition('.')[2]}"
    config = {
        "name": name,
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": after + 1,
        "ack_policy": "none",
        "replay_policy": "instant",
        "mem_storage": True,
        "num_replicas": 1,
        "inactive_threshold": int(INACTIVE_S * _SECOND_NS),
    }
    answer = await connection.request(
        f"$JS.API.CONSUMER.CREATE.{js_stream}.{name}",
        msgspec.json.encode({"stream_name": js_stream, "config": config, "action": "create"}),
        timeout=timeout,
    )
    error = msgspec.json.decode(answer.data).get("error")
    if error is not None:
        raise FeedBroken(f"{js_stream}: no consumer: {error}")
    return name


async def _pull(connection: Connection, js_stream: str, consumer: str, inbox: str) -> None:
    """Ask for the next BATCH messages; the answers come to `inbox`."""
    await connection.client.publish(
        f"$JS.API.CONSUMER.MSG.NEXT.{js_stream}.{consumer}",
        msgspec.json.encode(
            {
                "batch": BATCH,
                "expires": int(PULL_EXPIRES_S * _SECOND_NS),
                "idle_heartbeat": int(HEARTBEAT_S * _SECOND_NS),
            }
        ),
        reply=inbox,
    )


async def _next(arrived: asyncio.Queue[Msg | None]) -> Msg | None:
    """The pull's next message, or None when it has expired. Raises FeedBroken."""
    while True:
        try:
            message = arrived.get_nowait() if arrived.qsize() else await _wait(arrived)
        except TimeoutError:
            raise FeedBroken("nothing was heard of the consumer") from None
        if message is None:
            raise FeedBroken("the connection to NATS broke")
        status = status_of(message)
        if message.data or not status:
            return message
        if status in _PULL_ENDED:
            return None
        if status != _HEARTBEAT:
            raise FeedBroken(f"the consumer answered {status}: {message.headers}")


async def _wait(arrived: asyncio.Queue[Msg | None]) -> Msg | None:
    async with asyncio.timeout(3 * HEARTBEAT_S):
        return await arrived.get()


def _place(message: Msg) -> tuple[int, int]:
    """The message's sequence in the stream, and its number among those delivered."""
    sequence = message.metadata.sequence
    return sequence.stream, sequence.consumer


async def _unsubscribe(subscription: Subscription) -> None:
    try:
        await subscription.unsubscribe()
    except NatsError:
        # The connection is closed or draining, and the subscription is gone with it.
        return
