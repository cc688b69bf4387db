"""The one place where the parts are wired: which process stands on what.

Every factory here runs inside the process that it serves (a shard, a gateway replica, the
projection worker, the watchdog) and is passed to it by name, with the house's addresses.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import ray
from ray import serve

from actors.placement import NAMESPACE, RayConversations, start_shards as start_shard_actors
from actors.shard import ShardParts
from actors.snapshots import KeyValueSnapshots
from actors.turn import AiTurn
from actors.watchdog import Watchdog, WatchdogParts
from config.logs import set_up_logs
from events.jetstream import JetStreamLog
from events.jetstream_connection import Connection
from events.live_nats import NatsLive
from events.objects import NatsDocuments
from events.stream import StreamName, conversation_stream
from events.tenancy import Placement
from projections.catalogue import read_models
from projections.database import open_pool
from projections.knowledge.index import KnowledgeIndex
from projections.knowledge.tokens import load_token_counter
from projections.projection import Projection
from projections.queries import open_turns
from projections.worker import ProjectionWorker
from serve_apps.gateway.hub import GatewayPorts
from serve_apps.gateway.tenants import TenantDirectory
from tandem.addresses import Addresses

ASK_TIMEOUT_S = 15.0
READY_TIMEOUT_S = 90.0
OVERDUE_S = 4.0
"""A turn open for longer is asked for: nothing happens where it is in fact running."""

_remote: Any = ray.remote  # its overloads know no options


# --- what each process stands on -----------------------------------------------------------


async def shard_parts(house: Addresses) -> ShardParts:
    set_up_logs(house.settings.log_level)
    connection = await Connection.open(house.nats_url, name="tandem-shard")
    log = JetStreamLog(connection)
    directory, following = _follow_tenants(log)
    pool = await open_pool(house.postgres_dsn, min_size=0, max_size=4)
    turns = AiTurn(
        retriever=retriever(pool, house),
        generator=generator(house),
        live=NatsLive(connection),
        company_of=partial(_company, directory),
        timeout_s=house.settings.turn_timeout_s,
        memory_tokens=house.settings.memory_tokens,
    )

    async def close() -> None:
        following.cancel()
        await pool.close()
        await connection.close()

    return ShardParts(
        log=log,
        snapshots=await KeyValueSnapshots.open(connection.client.jetstream()),
        turns=turns,
        snapshot_every=house.settings.snapshot_every,
        passivate_after_s=house.settings.passivate_after_s,
        close=close,
    )


async def gateway_ports(house: Addresses) -> GatewayPorts:
    set_up_logs(house.settings.log_level)
    connection = await Connection.open(house.nats_url, name="tandem-gateway")
    log = JetStreamLog(connection)
    directory, following = _follow_tenants(log)

    async def close() -> None:
        following.cancel()
        await connection.close()

    return GatewayPorts(
        log=log,
        live=NatsLive(connection),
        conversations=_conversations(house, directory),
        secret=house.secret,
        close=close,
    )


async def watchdog_parts(house: Addresses) -> WatchdogParts:
    set_up_logs(house.settings.log_level)
    log = await JetStreamLog.connect(house.nats_url, name="tandem-watchdog")
    directory, _ = _follow_tenants(log)
    pool = await open_pool(house.postgres_dsn, min_size=0, max_size=1)

    async def overdue() -> Sequence[StreamName]:
        before = time.time_ns() // 1_000_000 - int(OVERDUE_S * 1000)
        turns = await open_turns(pool, before=before, limit=500)
        return [conversation_stream(turn.tenant, turn.conversation) for turn in turns]

    return WatchdogParts(overdue=overdue, conversations=_conversations(house, directory))


def projections(house: Addresses) -> Sequence[Projection]:
    """All read models. Called in the worker's running loop; connects when first needed."""
    set_up_logs(house.settings.log_level)
    index = KnowledgeIndex(embed_texts, LateDocuments(house.nats_url), load_token_counter())
    return (*read_models(), index)
