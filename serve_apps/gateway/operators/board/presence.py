"""Which operators are there: a key a person, written while they do something or look on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec
import structlog

from events.key_value import KeyValue
from events.log.event_log import LogUnavailable
from serve_apps.gateway.operators.accounts.roster import Account

ONLINE_MS = 30_000
"""Consoles write each 10 s; who has not for so long is away."""
AT_ONCE = 32
FRESH_MS = 3_000
"""A presence that this process wrote so lately is not written again."""

_log = structlog.get_logger(__name__)


class Seen(msgspec.Struct, frozen=True):
    """The value of a key: when the operator was last there, ms since 1970, UTC."""

    at: int


def presence_key(tenant: str, operator: str) -> str:
    return f"{tenant}.{operator}"


class Presence:
    """Over the bucket `presence`. Whoever cannot be reached for it is no reason to fail."""

    def __init__(self, store: KeyValue) -> None:
        self._store = store
        self._written: dict[str, int] = {}

    async def touch(self, tenant: str, operator: str, at: int) -> None:
        """The operator is there at `at`. Never raises: the next touch comes soon."""
        key = presence_key(tenant, operator)
        if 0 <= at - self._written.get(key, 0) < FRESH_MS:  # a clock may be set back
            return
        try:
            await self._store.put(key, msgspec.json.encode(Seen(at)))
        except LogUnavailable as error:
            _log.warning("presence not written", tenant=tenant, error=str(error))
            return
        self._written[key] = at

    async def last_seen(self, tenant: str, operator: str) -> int | None:
        """When the operator was last there, or None. Raises LogUnavailable."""
        entry = await self._store.get(presence_key(tenant, operator))
        try:
            return msgspec.json.decode(entry.value, type=Seen).at if entry is not None else None
        except msgspec.DecodeError as error:
            _log.error("presence unreadable", tenant=tenant, error=str(error))
            return None

    async def online(self, tenant: str, accounts: Iterable[Account], at: int) -> frozenset[str]:
        """Who of `accounts` is there at `at`; nobody when the store does not answer."""
        ids = [account.operator for account in accounts]
        seen: list[int | None] = []
        try:
            for start in range(0, len(ids), AT_ONCE):
                some = ids[start : start + AT_ONCE]
                seen += await asyncio.gather(*(self.last_seen(tenant, ident) for ident in some))
        except LogUnavailable as error:
            _log.warning("presence not read", tenant=tenant, error=str(error))
            return frozenset()
        return frozenset(
            ident
            for ident, when in zip(ids, seen, strict=True)
            if when is not None and at - when <= ONLINE_MS
        )
