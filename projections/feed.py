"""The bus side of a reader: a FastStream app with one batched pull subscriber.

FastStream's defaults would lose data here, so each that matters is set: the stream is never
declared (that could overwrite its config), payloads stay bytes, acknowledgement is ours, a batch
waits 50 ms and not 5 s to fill. A connection that is lost ends the feed, and the lanes open a new
one from their checkpoint. The client is still told to reconnect for ever: once it were closed,
FastStream's pull loop would spin without letting the event loop turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import structlog
from faststream import AckPolicy, Context, FastStream
from faststream.message import StreamMessage
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsBatchMessage
from faststream.specification import AsyncAPI
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext, api

from events.stream import JETSTREAM
from projections.projection import Projection, ProjectionError

CONNECT_TIMEOUT_S = 5
BATCH_WAIT_S = 0.05
STOP_TIMEOUT_S = 5.0
IDLE_ROOM_S = 60.0
"""How long the server keeps a consumer whose lanes are busy, beyond `apply_timeout_s`."""

Take = Callable[[Sequence[Msg]], Awaitable[None]]
_log = structlog.get_logger(__name__)


class FeedLost(ProjectionError):
    """The connection to NATS broke or the consumer is gone."""


class Feed:
    """An open feed. `lost` ends with FeedLost when the connection breaks."""

    def __init__(
        self, client: Client, subscription: JetStreamContext.PullSubscription, lost: _Lost
    ) -> None:
        self._client, self._subscription, self._lost = client, subscription, lost

    @property
    def lost(self) -> asyncio.Future[None]:
        return self._lost.future

    async def outstanding(self) -> int:
        """Commits that were not delivered yet, or delivered and not acknowledged.

        Raises FeedLost when the consumer does not answer for itself any more.
        """
        try:
            info = await self._subscription.consumer_info()
        except (NatsError, TimeoutError) as error:
            raise FeedLost(f"the consumer is gone: {error!r}") from error
        return (info.num_pending or 0) + (info.num_ack_pending or 0)


class _Lost:
    """Turns nats-py's callbacks into one future."""

    def __init__(self) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.expected = False

    async def tell(self) -> None:
        self.fail("the connection to NATS was lost")

    def fail(self, why: str) -> None:
        if not self.future.done() and not self.expected:
            self.future.set_exception(FeedLost(why))


@asynccontextmanager
async def open_feed(
    nats_url: str, projection: Projection, take: Take, *, after: int
) -> AsyncGenerator[Feed]:
    """Feed `take` with batches of messages, in order, from stream sequence `after` + 1 on.

    `take` must not raise; it runs for one batch at a time, and acknowledges by `acknowledge`.
    The consumer lives as long as the feed. Raises FeedLost when NATS or the stream is not there.
    """
    lost = _Lost()
    broker = _broker(nats_url, lost)
    subscriber = _subscribe(broker, projection, take, after=after)
    app = FastStream(broker, logger=None)
    try:
        async with asyncio.timeout(2 * CONNECT_TIMEOUT_S):
            client = await broker.connect()
    except (NatsError, OSError, TimeoutError) as error:
        raise FeedLost(f"NATS does not answer: {error!r}") from error
    # No projection reads headers, and reading them is a good part of nats-py's cost of a message.
    # The status of an answer that is no message stands in the line above them and is still read.
    setattr(client, "_parse_header_lines", _no_headers)  # noqa: B010  private, so not by name
    try:
        try:
            async with asyncio.timeout(2 * CONNECT_TIMEOUT_S):
                await app.start()
        except (NatsError, OSError, TimeoutError) as error:
            raise FeedLost(f"{projection.name}: no consumer: {error!r}") from error
        assert isinstance(subscriber.subscription, JetStreamContext.PullSubscription)
        _mend_fetch(subscriber.subscription, lost)
        yield Feed(client, subscriber.subscription, lost)
    finally:
        lost.expected = True
        await _close(app, client)
        if lost.future.done() and not lost.future.cancelled():
            lost.future.exception()  # seen: nobody may be left to await it


async def acknowledge(messages: Sequence[Msg]) -> None:
    """Acknowledge a batch: with the policy `all`, its last message speaks for all before it."""
    await messages[-1].ack()


def asyncapi(projections: Sequence[Projection], *, nats_url: str = "nats://localhost:4222") -> str:
    """The AsyncAPI document (JSON) of what these projections subscribe to."""
    broker = NatsBroker(nats_url, logger=None, description="Tandem's log, as projections read it")

    async def take(_: Sequence[Msg]) -> None:
        return None

    for projection in projections:
        _subscribe(broker, projection, take, after=0)
    specification = AsyncAPI(broker, title="Tandem projections", version="1")
    return specification.to_specification().to_json()


def _broker(nats_url: str, lost: _Lost) -> NatsBroker:
    return NatsBroker(
        [server.strip() for server in nats_url.split(",")],
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        connect_timeout=CONNECT_TIMEOUT_S,
        ping_interval=5,
        max_outstanding_pings=2,
        disconnected_cb=lost.tell,
        closed_cb=lost.tell,
        graceful_timeout=STOP_TIMEOUT_S,
        logger=logging.getLogger(__name__),
        log_level=logging.DEBUG,
    )


async def _payloads(message: StreamMessage[list[Msg]]) -> list[bytes]:
    """Instead of FastStream's decoder, which would make objects of JSON."""
    return [raw.data for raw in message.raw_message]


def _subscribe(broker: NatsBroker, projection: Projection, take: Take, *, after: int):
    room = projection.apply_timeout_s + IDLE_ROOM_S
    subscriber = broker.subscriber(
        f"tandem.*.{projection.kind}.*",
        stream=JStream(JETSTREAM[projection.kind], declare=False),
        pull_sub=PullSub(batch_size=projection.batch_size, timeout=BATCH_WAIT_S, batch=True),
        config=api.ConsumerConfig(
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=api.AckPolicy.ALL,
            ack_wait=room,
            max_ack_pending=4 * projection.batch_size,
            inactive_threshold=room,
            mem_storage=True,
            num_replicas=1,
        ),
        decoder=_payloads,
        ack_policy=AckPolicy.MANUAL,
        title=projection.name,
        description=(
            f"Feeds the read model {projection.name}: each payload is one commit,"
            " a CloudEvents 1.0 JSON batch."
        ),
    )

    @subscriber
    async def handle(  # pyright: ignore[reportUnusedFunction]  the decorator registers it
        payloads: list[bytes], batch: Annotated[NatsBatchMessage, Context("message")]
    ) -> None:
        del payloads  # the raw messages have them too, with subject and sequence
        await take(batch.raw_message)

    return subscriber


def _no_headers(_: bytes) -> dict[str, str]:
    return {}


def _mend_fetch(subscription: JetStreamContext.PullSubscription, lost: _Lost) -> None:
    """Keep FastStream's pull loop from dropping messages that it has fetched already.

    nats-py 2.16 ends a fetch with either its own TimeoutError or asyncio's, about every second
    time here; FastStream 0.7 expects its own only, and loses what it has gathered for the batch
    with any other error. What is no time-out ends the feed.
    """
    fetch = subscription.fetch

    async def mended(
        batch: int = 1, timeout: float | None = 5, heartbeat: float | None = None
    ) -> list[Msg]:
        try:
            return await fetch(batch, timeout, heartbeat)
        except NatsTimeout:
            raise
        except TimeoutError as error:
            raise NatsTimeout from error
        except Exception as error:
            lost.fail(f"fetching failed: {error!r}")
            raise

    subscription.fetch = mended  # before the loop's first turn: nothing was awaited since start


async def _close(app: FastStream, client: Client) -> None:
    """Close for good, also when the connection is broken and FastStream's stop cannot drain."""
    try:
        async with asyncio.timeout(2 * STOP_TIMEOUT_S):
            await app.stop()
    except Exception as error:  # noqa: BLE001 an ExceptionGroup of whatever nats-py raised
        _log.debug("feed_stop", error=repr(error))
    if not client.is_closed:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await client.close()
