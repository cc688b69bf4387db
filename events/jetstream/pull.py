"""The bus side of a reader of the log: a FastStream app with one batched pull subscriber.

FastStream's defaults would lose data here, so each that matters is set: the stream is never
declared (that could overwrite its config), payloads stay bytes, acknowledgement is ours, a batch
waits 50 ms and not 5 s to fill. A connection that is lost ends the pull, and its owner opens a
new one. The client is still told to reconnect for ever: once it were closed, FastStream's pull
loop would spin without letting the event loop turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import structlog
from faststream import AckPolicy, Context, FastStream
from faststream.message import StreamMessage
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsBatchMessage
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext, api

from events.log.stream import JETSTREAM, Kind

CONNECT_TIMEOUT_S = 5
BATCH_WAIT_S = 0.05
STOP_TIMEOUT_S = 5.0

Take = Callable[[Sequence[Msg]], Awaitable[None]]
_log = structlog.get_logger(__name__)


class PullLost(Exception):
    """The connection to NATS broke or the consumer is gone."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is read, and how; `durable` is the consumer's name on the server, where it outlives
    its reader."""

    name: str
    kind: Kind
    batch_size: int
    config: api.ConsumerConfig
    durable: str | None = None
    description: str = ""


class Pull:
    """An open subscription. `lost` ends with PullLost when the connection breaks."""

    def __init__(
        self, client: Client, subscription: JetStreamContext.PullSubscription, lost: _Lost
    ) -> None:
        self._client, self._subscription, self._lost = client, subscription, lost

    @property
    def lost(self) -> asyncio.Future[None]:
        return self._lost.future

    async def outstanding(self) -> int:
        """Commits that were not delivered yet, or delivered and not acknowledged.

        Raises PullLost when the consumer does not answer for itself any more.
        """
        try:
            info = await self._subscription.consumer_info()
        except (NatsError, TimeoutError) as error:
            raise self._lost.error(f"the consumer is gone: {error!r}") from error
        return (info.num_pending or 0) + (info.num_ack_pending or 0)


class _Lost:
    """Turns nats-py's callbacks into one future."""

    def __init__(self, error: type[PullLost]) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.error, self.expected = error, False

    async def tell(self) -> None:
        self.fail("the connection to NATS was lost")

    def fail(self, why: str) -> None:
        if not self.future.done() and not self.expected:
            self.future.set_exception(self.error(why))


@asynccontextmanager
async def open_pull(
    nats_url: str, wanted: Subscription, take: Take, *, error: type[PullLost] = PullLost
) -> AsyncGenerator[Pull]:
    """Give `take` what comes, in batches, while the context is open.

    `take` must not raise; it runs for one batch at a time, and whoever it hands the messages to
    acknowledges them. Raises `error` when NATS or the stream is not there.
    """
    lost = _Lost(error)
    broker = _broker(nats_url, lost)
    subscriber = subscribe(broker, wanted, take)
    app = FastStream(broker, logger=None)
    try:
        async with asyncio.timeout(2 * CONNECT_TIMEOUT_S):
            client = await broker.connect()
            await _declare(client, wanted)
    except (NatsError, OSError, TimeoutError) as failure:
        raise error(f"NATS does not answer: {failure!r}") from failure
    # No reader of ours needs headers, and reading them is a good part of nats-py's cost of a
    # message. The status of an answer that is no message stands in the line above them and is
    # still read.
    setattr(client, "_parse_header_lines", _no_headers)  # noqa: B010  private, so not by name
    try:
        try:
            async with asyncio.timeout(2 * CONNECT_TIMEOUT_S):
                await app.start()
        except (NatsError, OSError, TimeoutError) as failure:
            raise error(f"{wanted.name}: no consumer: {failure!r}") from failure
        assert isinstance(subscriber.subscription, JetStreamContext.PullSubscription)
        _mend_fetch(subscriber.subscription, lost)
        yield Pull(client, subscriber.subscription, lost)
    finally:
        lost.expected = True
        await _close(app, client)
        if lost.future.done() and not lost.future.cancelled():
            lost.future.exception()  # seen: nobody may be left to await it


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


async def _declare(client: Client, wanted: Subscription) -> None:
    """A consumer that outlives its reader gets the config of now; nats-py would leave it as the
    one before made it."""
    if wanted.durable is None:
        return
    config = wanted.config.evolve(
        name=wanted.durable,
        durable_name=wanted.durable,
        filter_subject=f"tandem.*.{wanted.kind}.*",
    )
    await client.jetstream().add_consumer(JETSTREAM[wanted.kind], config)


async def _payloads(message: StreamMessage[list[Msg]]) -> list[bytes]:
    """Instead of FastStream's decoder, which would make objects of JSON."""
    return [raw.data for raw in message.raw_message]


def subscribe(broker: NatsBroker, wanted: Subscription, take: Take):
    """`take` as a subscriber of `broker`."""
    subscriber = broker.subscriber(
        f"tandem.*.{wanted.kind}.*",
        stream=JStream(JETSTREAM[wanted.kind], declare=False),
        pull_sub=PullSub(batch_size=wanted.batch_size, timeout=BATCH_WAIT_S, batch=True),
        durable=wanted.durable,
        config=wanted.config,
        decoder=_payloads,
        ack_policy=AckPolicy.MANUAL,
        title=wanted.name,
        description=wanted.description,
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
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await client.close()
        except TimeoutError as error:  # it hangs now and then while it reconnects
            _log.debug("feed_close", error=repr(error))
