"""What feeds the lanes: an ephemeral consumer of a kind's commits, in order, from a checkpoint on.

A connection that is lost ends the feed, and the lanes open a new one from their checkpoint. What
FastStream needs to be told is in `events.jetstream.pull`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from faststream.nats import NatsBroker
from faststream.specification import AsyncAPI
from nats.aio.msg import Msg
from nats.js import api

from events.jetstream.pull import (
    STOP_TIMEOUT_S,
    Pull,
    PullLost,
    Subscription,
    Take,
    open_pull,
    subscribe,
)
from projections.engine.projection import Projection, ProjectionError

__all__ = ["STOP_TIMEOUT_S", "Feed", "FeedLost", "Take", "acknowledge", "asyncapi", "open_feed"]

IDLE_ROOM_S = 60.0
"""How long the server keeps a consumer whose lanes are busy, beyond `apply_timeout_s`."""

Feed = Pull
"""An open feed. `lost` ends with FeedLost when the connection breaks."""


class FeedLost(PullLost, ProjectionError):
    """The connection to NATS broke or the consumer is gone."""


def open_feed(
    nats_url: str, projection: Projection, take: Take, *, after: int
) -> AbstractAsyncContextManager[Feed]:
    """Feed `take` with batches of messages, in order, from stream sequence `after` + 1 on.

    `take` must not raise; it runs for one batch at a time, and acknowledges by `acknowledge`.
    The consumer lives as long as the feed. Raises FeedLost when NATS or the stream is not there.
    """
    return open_pull(nats_url, _subscription(projection, after), take, error=FeedLost)


async def acknowledge(messages: Sequence[Msg]) -> None:
    """Acknowledge a batch: with the policy `all`, its last message speaks for all before it."""
    await messages[-1].ack()


def asyncapi(projections: Sequence[Projection], *, nats_url: str = "nats://localhost:4222") -> str:
    """The AsyncAPI document (JSON) of what these projections subscribe to."""
    broker = NatsBroker(nats_url, logger=None, description="Tandem's log, as projections read it")

    async def take(_: Sequence[Msg]) -> None:
        return None

    for projection in projections:
        subscribe(broker, _subscription(projection, 0), take)
    specification = AsyncAPI(broker, title="Tandem projections", version="1")
    return specification.to_specification().to_json()


def _subscription(projection: Projection, after: int) -> Subscription:
    room = projection.apply_timeout_s + IDLE_ROOM_S
    config = api.ConsumerConfig(
        deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1,
        ack_policy=api.AckPolicy.ALL,
        ack_wait=room,
        max_ack_pending=4 * projection.batch_size,
        inactive_threshold=room,
        mem_storage=True,
        num_replicas=1,
    )
    return Subscription(
        name=projection.name,
        kind=projection.kind,
        batch_size=projection.batch_size,
        config=config,
        description=(
            f"Feeds the read model {projection.name}: each payload is one commit,"
            " a CloudEvents 1.0 JSON batch."
        ),
    )
