"""The way to every conversation, for who asks them: the gateway, the watchdog."""

from __future__ import annotations

from functools import partial

from actors.hosting.placement import RayConversations
from actors.hosting.shard import ShardParts
from tandem.addresses import Addresses
from tandem.wiring.tenants import Tenants

ASK_TIMEOUT_S = 12.0


def conversations(house: Addresses, tenants: Tenants) -> RayConversations:
    """Shards are started where they are missing."""
    return RayConversations(
        shards=house.settings.shards,
        factory=partial(parts_of_shard, house),
        placement_of=tenants.placement_of,
        timeout_s=ASK_TIMEOUT_S,
    )


async def parts_of_shard(house: Addresses) -> ShardParts:
    """`shard_parts`, for the shard's process. Raises what that raises."""
    # Whoever only asks has no use for Serve, whose import takes two seconds of a core.
    from tandem.wiring.shard import shard_parts  # noqa: PLC0415  # as said

    return await shard_parts(house)
