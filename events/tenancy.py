"""The facts of a tenant: who it is, its publishable keys and where they may be used."""

from __future__ import annotations

from typing import Literal

from events.conversation import Fact

Placement = Literal["shared", "dedicated"]


class TenantConfigured(Fact, frozen=True, kw_only=True, tag="TenantConfigured.v1"):
    """The whole of a tenant's settings; the newest one holds.

    `origins` are the browser origins its keys may be used from; the word
    `loopback` stands for every origin whose host is this machine.
    """

    tenant: str
    name: str
    keys: tuple[str, ...]
    origins: tuple[str, ...]
    locale: str = "en"
    placement: Placement = "shared"


TenancyFact = TenantConfigured
