"""What a process knows of tenants: their names and where their conversations are placed."""

from __future__ import annotations

import asyncio

from config.settings import Settings
from events.log.event_log import EventLog
from events.tenancy import HandoffPolicy, Placement
from serve_apps.gateway.shared.tenants import TenantDirectory

READ_IN_S = 2.0


class Tenants:
    """The tenant directory, kept current by a task of this process."""

    def __init__(self, log: EventLog, settings: Settings) -> None:
        self._directory = TenantDirectory(log)
        self._default = settings.placement
        self._following = asyncio.create_task(self._directory.run(), name="tenant-directory")

    @classmethod
    async def open(cls, log: EventLog, settings: Settings) -> Tenants:
        """Read in, if that takes no longer than `READ_IN_S` (a new house has no tenant yet)."""
        tenants = cls(log, settings)
        loop = asyncio.get_running_loop()
        until = loop.time() + READ_IN_S
        while not tenants._directory.caught_up() and loop.time() < until:  # noqa: ASYNC110 no event says it
            await asyncio.sleep(0.05)
        return tenants

    def company_of(self, tenant: str) -> str:
        known = self._directory.by_id(tenant)
        return known.name if known else ""

    def policy_of(self, tenant: str) -> HandoffPolicy:
        return self._directory.policy_of(tenant)

    def placement_of(self, tenant: str) -> Placement:
        """`dedicated` when the tenant or the whole house asks for it."""
        known = self._directory.by_id(tenant)
        if known and "dedicated" in (self._default, known.placement):
            return "dedicated"  # never for the gateway's own probe, which is no tenant's
        return "shared"

    def close(self) -> None:
        self._following.cancel()
