"""The three streams as JetStream must keep them."""

from __future__ import annotations

import asyncio

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import DiscardPolicy, RePublish, StorageType, StreamConfig
from nats.js.errors import NotFoundError, ServiceUnavailableError

from events.jetstream.connection import Connection, NotReady
from events.jetstream.group_commit import knows_batches
from events.log.event_log import LogUnavailable
from events.log.stream import JETSTREAM, Kind

DUPLICATE_WINDOW_S = 30.0
"""How long the server remembers commit ids. Correctness rests on the expected version and on
reading back; the ids only spare a retry that read, and each costs the server memory."""


def stream_config(kind: Kind, *, replicas: int) -> StreamConfig:
    """What the stream of `kind` is to be.

    A full disk or limit refuses new commits (`discard: new`) and never drops old ones, and no
    single message can be deleted: that would be a hole in a chain. Whole subjects can still be
    purged, for the archive. The server itself republishes each conversation's commits, once
    they are stored, to the conversation's live subject. Atomic batches are allowed, for group
    commit.
    """
    return StreamConfig(
        name=JETSTREAM[kind],
        subjects=[f"tandem.*.{kind}.*"],
        storage=StorageType.FILE,
        num_replicas=replicas,
        discard=DiscardPolicy.NEW,
        duplicate_window=DUPLICATE_WINDOW_S,
        deny_delete=True,
        allow_direct=True,
        allow_atomic=True,
        republish=RePublish(
            src="tandem.*.conversation.*", dest="tandem.{{wildcard(1)}}.live.{{wildcard(2)}}"
        )
        if kind == "conversation"
        else None,
    )


async def ensure_streams(connection: Connection, *, replicas: int, timeout: float) -> None:
    """Create the streams that are missing and bring the others up to date.

    Never takes replicas away that someone gave a stream. May run in many processes at once.
    Raises LogUnavailable, also when the server refuses a config.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    for kind in JETSTREAM:
        wanted = stream_config(kind, replicas=replicas)

        async def ask(left: float, wanted: StreamConfig = wanted) -> None:
            try:
                await _ensure(connection, wanted, left)
            except (NatsTimeoutError, NoRespondersError, ServiceUnavailableError) as error:
                raise NotReady(f"stream {wanted.name}: {error!r}") from error
            except NatsError as error:
                raise LogUnavailable(f"stream {wanted.name} is not set up: {error!r}") from error

        await connection.persist(deadline, ask)


async def _ensure(connection: Connection, wanted: StreamConfig, timeout: float) -> None:
    js = connection.client.jetstream(timeout=timeout)
    assert wanted.name is not None
    if not knows_batches(connection.client):
        wanted.allow_atomic = None  # an older server ignores the field, or refuses the config
    try:
        found = (await js.stream_info(wanted.name)).config
    except NotFoundError:
        await js.add_stream(wanted)
        return
    wanted.num_replicas = max(wanted.num_replicas or 1, found.num_replicas or 1)
    ours = {key: value for key, value in wanted.as_dict().items() if value is not None}
    theirs = found.as_dict()
    if any(theirs.get(key) != value for key, value in ours.items() if key != "max_age"):
        await js.update_stream(wanted)
