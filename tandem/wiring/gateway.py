"""What a gateway replica stands on: the log, the live feed, the way to the shards."""

from __future__ import annotations

from contextlib import AsyncExitStack

from config.logs import set_up_logs
from events.jetstream import JetStreamLog
from events.jetstream_connection import Connection
from events.live_nats import NatsLive
from serve_apps.gateway.hub import GatewayPorts
from tandem.addresses import Addresses
from tandem.wiring.shard import conversations
from tandem.wiring.tenants import Tenants


async def gateway_ports(house: Addresses) -> GatewayPorts:
    """Raises LogUnavailable."""
    set_up_logs(house.settings.log_level)
    connection = await Connection.open(house.nats_url, name="tandem-gateway")
    log = JetStreamLog(connection)
    async with AsyncExitStack() as stack:  # closes what is open when something fails
        stack.push_async_callback(connection.close)
        tenants = await Tenants.open(log, house.settings)
        stack.callback(tenants.close)
        return GatewayPorts(
            log=log,
            live=NatsLive(connection),
            conversations=conversations(house, tenants),
            secret=house.secret,
            close=stack.pop_all().aclose,
        )
