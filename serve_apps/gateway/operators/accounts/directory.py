"""Who may sign in, of all tenants: folded from the log by every gateway process."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from events.log.event_log import Commit
from serve_apps.gateway.operators.accounts.roster import Account, Roster, normal_form


class Place(msgspec.Struct, frozen=True):
    """An account where it is."""

    tenant: str
    account: Account


class OperatorDirectory:
    """Each tenant's roster. The gateway's tenant directory hands it every commit it reads, so
    both have caught up together (`TenantDirectory.caught_up`)."""

    def __init__(self) -> None:
        self._rosters: dict[str, Roster] = {}
        self._tenants_of: dict[str, set[str]] = {}
        """Tenants by e-mail: a superset, for a removed operator's stays."""

    def take(self, commit: Commit) -> None:
        """Fold a commit of a tenancy stream; other facts than operators' change nothing."""
        if commit.stream.kind != "tenancy" or commit.stream.id != "operators":
            return
        tenant = commit.stream.tenant
        roster = self._rosters.setdefault(tenant, Roster())
        roster.take(commit.version, commit.facts)
        for account in roster.accounts.values():
            self._tenants_of.setdefault(account.email, set()).add(tenant)

    def account(self, tenant: str, operator: str) -> Account | None:
        """The operator as they stand now; None when they were removed or never were."""
        roster = self._rosters.get(tenant)
        return roster.accounts.get(operator) if roster is not None else None

    def by_email(self, email: str, tenant: str = "") -> tuple[Place, ...]:
        """All accounts of an e-mail, or the one of `tenant`, ordered by tenant."""
        form = normal_form(email)
        found: list[Place] = []
        for name in sorted(self._tenants_of.get(form, ())):
            account = self._rosters[name].by_email(form)
            if account is not None and tenant in ("", name):
                found.append(Place(name, account))
        return tuple(found)

    def accounts(self, tenant: str) -> tuple[Account, ...]:
        """The tenant's operators, in the order they were added."""
        roster = self._rosters.get(tenant)
        return tuple(roster.accounts.values()) if roster is not None else ()

    def canned(self, tenant: str) -> Mapping[str, str]:
        """The tenant's canned replies: texts by name."""
        roster = self._rosters.get(tenant)
        return roster.canned if roster is not None else {}
