"""What awaits a visitor who asks for a person now: the tenant's policy, hours and queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from actors.conversation.commands import Reception
from actors.conversation.hours import Opening, UnknownTimezone, opening
from events.tenancy import HandoffPolicy

PLACE_TIMEOUT_S = 0.5
"""A bridge message that says no place is better than one that comes late."""

_log = structlog.get_logger(__name__)


class QueueHandoffAvailability:
    """Implements `actors.ports.HandoffAvailability`. `place_of(tenant, conversation)`
    is the place in the queue that the conversation has or would get, from 1; 0 when unknown."""

    def __init__(
        self,
        policy_of: Callable[[str], HandoffPolicy],
        place_of: Callable[[str, str], Awaitable[int]],
        *,
        place_timeout_s: float = PLACE_TIMEOUT_S,
    ) -> None:
        self._policy_of, self._place_of = policy_of, place_of
        self._place_timeout_s = place_timeout_s

    def policy(self, tenant: str) -> HandoffPolicy:
        return self._policy_of(tenant)

    async def reception(self, tenant: str, conversation: str, at: int) -> Reception:
        """See HandoffAvailability.reception. Takes `place_timeout_s` at most."""
        policy = self._policy_of(tenant)
        hours = _opening(policy, at, tenant)
        return Reception(
            place=await self._place(tenant, conversation),
            open=hours.open,
            opens_day=hours.opens_day,
            opens_at=hours.opens_at,
            timezone=policy.timezone if policy.hours else "",
            silent=policy.silent,
        )

    async def _place(self, tenant: str, conversation: str) -> int:
        try:
            async with asyncio.timeout(self._place_timeout_s):
                return max(0, await self._place_of(tenant, conversation))
        except Exception as error:  # noqa: BLE001 whatever broke: the visitor still gets a bridge
            _log.warning("place in the queue is not known", tenant=tenant, error=repr(error))
            return 0


def _opening(policy: HandoffPolicy, at: int, tenant: str) -> Opening:
    try:
        return opening(policy, at)
    except UnknownTimezone as error:  # refused where policies come in; an old one may hold it
        _log.error("hours are left out", tenant=tenant, error=str(error))
        return Opening(open=True)
