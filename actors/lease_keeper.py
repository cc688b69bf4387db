"""Takes conversations back from operators who are gone, and has the visitor told.

An operator's console says every few seconds that they are there (presence); who was last there
longer ago than the tenant's lease loses what they own: `LapseLease`, which the decider fences
by operator and epoch, so a keeper that is late or doubled does no harm. Rather late than wrong:
a lease runs from the owner's last sign of life, and not before the keeper first noticed who
owns it. After a pass in which that could not be told it notices anew, for in an outage
everyone's presence grows old.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec
import structlog

from actors.commands import LapseLease, Refused
from actors.ports import Conversations
from events.stream import StreamName

PASS_S = 5.0
PASS_TIMEOUT_S = 30.0
AT_ONCE = 32
_log = structlog.get_logger(__name__)


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that an operator has, with what the tenant's policy says of its lease."""

    stream: StreamName
    operator: str
    epoch: int
    lease_s: int
    on_lapse: Literal["queue", "ai"] = "queue"

    @property
    def ownership(self) -> Ownership:
        return self.stream, self.epoch


OwnedNow = Callable[[], Awaitable[Sequence[Owned]]]
"""All conversations that somebody owns, of all tenants, by the read model: it may lag."""
LastPresent = Callable[[str, str], Awaitable[int | None]]
"""When the operator of a tenant was last there (ms since 1970, UTC); None where it is not known.
Raises when it cannot be told: then nothing of theirs lapses."""

Ownership = tuple[StreamName, int]
"""A conversation and the epoch in which somebody owns it."""
Presence = dict[tuple[str, str], int | None]
"""By tenant and operator."""


class LeaseKeeper:
    """Its memory between passes. `now` is ms since 1970, UTC."""

    def __init__(
        self,
        owned: OwnedNow,
        present: LastPresent,
        conversations: Conversations,
        *,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        pass_s: float = PASS_S,
    ) -> None:
        self._owned = owned
        self._present = present
        self._conversations = conversations
        self._now = now
        self._pass_s = pass_s
        self._noticed: dict[Ownership, int] = {}

    async def keep(self) -> None:
        """Passes for ever; one that fails is logged and the next one tries again."""
        while True:
            try:
                async with asyncio.timeout(PASS_TIMEOUT_S):
                    await self.look()
            except Exception as error:  # noqa: BLE001 it must outlive whatever is down
                _log.warning("lease pass failed", error=repr(error))
            await asyncio.sleep(self._pass_s)

    async def look(self) -> int:
        """One pass; returns how many owners were gone. Raises what `owned` raises."""
        noticed, self._noticed = self._noticed, {}  # forgotten when the read model is away
        owned = await self._owned()
        now = self._now()
        present = await self._presence(owned)
        told = [one for one in owned if (one.stream.tenant, one.operator) in present]
        self._noticed = {one.ownership: noticed.get(one.ownership, now) for one in told}
        gone = [one for one in told if now - self._there(one, present) > one.lease_s * 1000]
        for start in range(0, len(gone), AT_ONCE):
            await asyncio.gather(*(self._lapse(one, now) for one in gone[start : start + AT_ONCE]))
        return len(gone)

    def _there(self, one: Owned, present: Presence) -> int:
        return max(present[one.stream.tenant, one.operator] or 0, self._noticed[one.ownership])

    async def _presence(self, owned: Sequence[Owned]) -> Presence:
        """Without those of whom it cannot be told: they keep what they have, and are noticed
        anew once it can."""
        who = list({(one.stream.tenant, one.operator) for one in owned})
        present: Presence = {}
        for start in range(0, len(who), AT_ONCE):
            some = who[start : start + AT_ONCE]
            asked = (self._present(*one) for one in some)
            for one, seen in zip(
                some, await asyncio.gather(*asked, return_exceptions=True), strict=True
            ):
                if isinstance(seen, BaseException):
                    _log.warning("presence not known", who=one, error=repr(seen))
                else:
                    present[one] = seen
        return present

    async def _lapse(self, one: Owned, now: int) -> None:
        command = LapseLease(
            id=f"lapse-{one.operator}-{one.epoch}",
            at=now,
            operator=one.operator,
            epoch=one.epoch,
            to=one.on_lapse,
        )
        try:
            outcome = await self._conversations.ask(one.stream, command)
        except Exception as error:  # noqa: BLE001 one that cannot be asked must not stop the others
            _log.warning("lease not lapsed yet", stream=one.stream.subject, error=repr(error))
            return
        if isinstance(outcome, Refused):  # the read model was behind: it changed hands meanwhile
            _log.info("lease stands", stream=one.stream.subject, code=outcome.code)
        else:
            _log.info("lease lapsed", stream=one.stream.subject, operator=one.operator)
