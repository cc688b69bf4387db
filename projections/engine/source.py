"""The log as projections read it: raw messages of a stream into batches of commits."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from events.log.envelope import decode_commit
from events.log.event_log import Commit, CorruptStream
from events.log.stream import JETSTREAM, Kind, parse_subject
from projections.engine.projection import VersionGap
from projections.engine.runner import Batch

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

FETCH_TIMEOUT_S = 5.0
CONSUMER_IDLE_S = 60.0


class Sequencer:
    """Makes batches of what one consumer delivers, and notices when something is missing.

    A consumer numbers its deliveries without holes, so a jump in these numbers is a delivery
    that was lost on its way. A jump in the stream's sequence alone is a commit that the log does
    not keep any more.
    """

    def __init__(self, name: str, checkpoint: int) -> None:
        self._name = name
        self._position = checkpoint
        self._delivery = 0

    def batch(self, messages: Sequence[Msg]) -> tuple[Batch, Exception | None]:
        """The batch, and what its end was cut off for, if it was: a message that is no commit
        (CorruptStream, UnknownFact). What stands before it is good.

        Raises VersionGap when a delivery is missing.
        """
        after = self._position
        commits: list[Commit] = []
        for message in messages:
            place = message.metadata.sequence
            if place.consumer != self._delivery + 1:
                raise VersionGap(self._name, self._position, place.stream - 1)
            if place.stream <= self._position:  # delivered again: it was taken before
                self._delivery = place.consumer
                continue
            try:
                commits.append(commit_of(message, place.stream))
            except Exception as poison:  # noqa: BLE001 whatever it is, it is handed to the caller
                return Batch(after=after, commits=tuple(commits), through=self._position), poison
            self._delivery = place.consumer
            self._position = place.stream
        return Batch(after=after, commits=tuple(commits), through=self._position), None


def commit_of(message: Msg, version: int) -> Commit:
    """The commit that a message of a stream holds. Raises CorruptStream, UnknownFact."""
    try:
        stream = parse_subject(message.subject)
    except ValueError as error:
        raise CorruptStream(f"version {version}: {error}") from error
    return decode_commit(stream, version, message.data)


async def last_version(jetstream: JetStreamContext, kind: Kind) -> int:
    """The version of the newest commit of `kind`; 0 when the log holds none."""
    info = await jetstream.stream_info(JETSTREAM[kind])
    return info.state.last_seq


async def read_log(
    jetstream: JetStreamContext, kind: Kind, *, after: int, through: int, batch_size: int
) -> AsyncGenerator[Batch]:
    """Batches of all commits of `kind` behind `after` and up to `through`, then an end.

    The last batch's `through` is the one asked for, although the log may not keep that commit
    any more. Raises what `commit_of` raises, VersionGap, and nats-py's errors and time-outs.
    """
    if after >= through:
        return
    subscription = await jetstream.pull_subscribe(
        f"tandem.*.{kind}.*",
        stream=JETSTREAM[kind],
        config=ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=CONSUMER_IDLE_S,
            mem_storage=True,
        ),
    )
    try:
        sequencer, pending, position = Sequencer("rebuild", after), 1, after
        while pending and position < through:
            try:
                messages = await subscription.fetch(batch_size, timeout=FETCH_TIMEOUT_S)
            except NatsTimeout:
                pending = (await subscription.consumer_info()).num_pending or 0
                continue
            pending = messages[-1].metadata.num_pending
            batch, poison = sequencer.batch(
                [m for m in messages if m.metadata.sequence.stream <= through]
            )
            if batch.commits:
                yield batch
                position = batch.through
            if poison is not None:
                raise poison
            if messages[-1].metadata.sequence.stream > through:
                break
        if position < through:
            yield Batch(after=position, commits=(), through=through)
    finally:
        await subscription.unsubscribe()
