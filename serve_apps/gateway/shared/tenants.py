"""Who may come in: the tenants, their keys and origins, folded from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import stamina
import structlog

from events.log.event_log import Commit, EventLog, LogError, LogUnavailable
from events.tenancy import HandoffConfigured, HandoffPolicy, TenantConfigured
from serve_apps.gateway.shared.origins import allows

_log = structlog.get_logger(__name__)

QUIET_S = 0.3
"""The fold has caught up when the log has sent nothing for so long."""
_DEFAULT_POLICY = HandoffPolicy()


class TenantDirectory:
    """The newest settings and handoff policy of each tenant. `run` keeps them current; looking up
    never waits long."""

    def __init__(self, log: EventLog, *, also: Callable[[Commit], None] | None = None) -> None:
        """`also` is handed every commit that is folded, for others who follow the same streams."""
        self._log, self._also = log, also
        self._version = 0
        self._tenants: dict[str, TenantConfigured] = {}
        self._by_key: dict[str, str] = {}
        self._policies: dict[str, HandoffPolicy] = {}
        self._folded_at = 0.0
        self._running = False
        self._read_in = False

    async def run(self) -> None:
        """Fold what is there, then what comes; ends only when it is cancelled."""
        self._folded_at = asyncio.get_running_loop().time()
        self._running = True
        # The log may be away for a while: the directory keeps what it knows, and comes back.
        waits = stamina.retry_context(
            on=LogError, attempts=None, timeout=None, wait_initial=0.1, wait_max=5.0
        )
        try:
            async for attempt in waits:
                with attempt:
                    await self._follow()
        finally:
            self._running = False

    async def _follow(self) -> None:
        async for commit in self._log.subscribe("tenancy", after=self._version):
            for fact in commit.facts:
                if isinstance(fact, TenantConfigured):
                    self.fold(fact)
                elif isinstance(fact, HandoffConfigured):
                    self._policies[commit.stream.tenant] = fact.policy
            if self._also is not None:
                self._also(commit)
            self._version = commit.version
            self._folded_at = asyncio.get_running_loop().time()
        raise LogUnavailable("the subscription to the tenants ended")

    def fold(self, fact: TenantConfigured) -> None:
        """The newest settings of a tenant hold; a key stays with the tenant that had it first."""
        for key, owner in list(self._by_key.items()):
            if owner == fact.tenant:
                del self._by_key[key]
        for key in fact.keys:
            if self._by_key.setdefault(key, fact.tenant) != fact.tenant:
                _log.error("two tenants claim one key", tenant=fact.tenant)
        self._tenants[fact.tenant] = fact

    @property
    def version(self) -> int:
        """The version of the last commit that was folded, of all tenants."""
        return self._version

    @property
    def known(self) -> Mapping[str, TenantConfigured]:
        """The settings by tenant."""
        return self._tenants

    def caught_up(self) -> bool:
        """Whether all that the log holds seems folded."""
        quiet_s = asyncio.get_running_loop().time() - self._folded_at
        caught_up = self._running and bool(self._tenants) and quiet_s >= QUIET_S
        self._read_in = self._read_in or caught_up
        return caught_up

    def read_in(self) -> bool:
        """Whether what the log held at the start is folded; once true it stays so."""
        return self._read_in or self.caught_up()

    async def by_key(self, key: str) -> TenantConfigured | None:
        """The tenant of a publishable key; waits a moment while the directory is read in."""
        tenant = self._by_key.get(key)
        if tenant is None and self._running and not self.caught_up():
            await asyncio.sleep(QUIET_S)
            tenant = self._by_key.get(key)
        return self._tenants[tenant] if tenant is not None else None

    def policy_of(self, tenant: str) -> HandoffPolicy:
        """How the tenant hands over to people; the defaults where it has set nothing."""
        return self._policies.get(tenant, _DEFAULT_POLICY)

    def by_id(self, tenant: str) -> TenantConfigured | None:
        return self._tenants.get(tenant)

    def any_allows(self, origin: str | None) -> bool:
        """Whether any tenant at all may be used from `origin`."""
        return any(allows(tenant.origins, origin) for tenant in self._tenants.values())
