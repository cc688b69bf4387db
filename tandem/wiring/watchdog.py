"""What the watchdog stands on: the read model of turns, the way to the shards."""

from __future__ import annotations

import time
from collections.abc import Sequence

from actors.watchdog import WatchdogParts
from config.logs import set_up_logs
from events.jetstream import JetStreamLog
from events.stream import StreamName, conversation_stream
from projections.database import open_pool
from projections.queries import open_turns
from tandem.addresses import Addresses
from tandem.wiring.shard import conversations
from tandem.wiring.tenants import Tenants

OVERDUE_MS = 4000
"""A turn open for longer is asked for: nothing happens where it is in fact running."""
AT_ONCE = 500


async def watchdog_parts(house: Addresses) -> WatchdogParts:
    """Raises LogUnavailable, OSError."""
    set_up_logs(house.settings.log_level)
    log = await JetStreamLog.connect(house.nats_url, name="tandem-watchdog")
    pool = await open_pool(house.postgres_dsn, min_size=0, max_size=1)
    tenants = await Tenants.open(log, house.settings)

    async def overdue() -> Sequence[StreamName]:
        before = time.time_ns() // 1_000_000 - OVERDUE_MS
        turns = await open_turns(pool, before=before, limit=AT_ONCE)
        return [conversation_stream(turn.tenant, turn.conversation) for turn in turns]

    return WatchdogParts(overdue=overdue, conversations=conversations(house, tenants))
