"""What the watchdog stands on: the read models of turns and of the queue, who is there, the way
to the shards."""

from __future__ import annotations

import time
from collections.abc import Sequence

import asyncpg

from actors.hosting.lease_keeper import LeaseKeeper, Owned
from actors.hosting.watchdog import WatchdogParts
from config.logs import set_up_logs
from events.jetstream.connection import Connection
from events.jetstream.log import JetStreamLog
from events.key_value import PRESENCE, NatsKeyValue
from events.log.stream import StreamName, conversation_stream
from projections.engine.database import open_pool
from projections.read_models.queries import open_turns, owned_conversations
from serve_apps.gateway.operators.board.presence import Presence
from tandem.addresses import Addresses
from tandem.wiring.conversations import conversations
from tandem.wiring.tenants import Tenants

OVERDUE_MS = 4000
"""A turn open for longer is asked for: nothing happens where it is in fact running."""
AT_ONCE = 500


async def watchdog_parts(house: Addresses) -> WatchdogParts:
    """Raises LogUnavailable, OSError."""
    set_up_logs(house.settings.log_level)
    connection = await Connection.open(house.nats_url, name="tandem-watchdog")
    pool = await open_pool(house.postgres_dsn, min_size=0, max_size=2)
    tenants = await Tenants.open(JetStreamLog(connection), house.settings)
    asked = conversations(house, tenants)

    async def overdue() -> Sequence[StreamName]:
        before = time.time_ns() // 1_000_000 - OVERDUE_MS
        turns = await open_turns(pool, before=before, limit=AT_ONCE)
        return [conversation_stream(turn.tenant, turn.conversation) for turn in turns]

    async def owned() -> Sequence[Owned]:
        return await _owned(pool, tenants)

    presence = Presence(NatsKeyValue(connection, PRESENCE))
    leases = LeaseKeeper(owned, presence.last_seen, asked)
    return WatchdogParts(overdue=overdue, conversations=asked, leases=leases)


async def _owned(pool: asyncpg.Pool, tenants: Tenants) -> list[Owned]:
    """What operators have, each with what their tenant says of its lease."""
    found = await owned_conversations(pool)
    policies = [tenants.policy_of(one.stream.tenant) for one in found]
    return [
        Owned(
            stream=one.stream,
            operator=one.operator,
            epoch=one.epoch,
            lease_s=policy.lease_s,
            on_lapse=policy.on_lapse,
        )
        for one, policy in zip(found, policies, strict=True)
    ]
