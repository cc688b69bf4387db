"""Takes conversations back from operators who are gone, and has the visitor told.

An operator's console says every few seconds that they are there (presence); who was last there
longer ago than the tenant's lease loses what they own: `LapseLease`, which the decider fences
by operator and epoch, so a keeper that is late or doubled does no harm. Rather late than wrong:
a lease runs from when the keeper last saw the owner's presence change, and not before it first
noticed who owns it. Both are told by a clock of the keeper's own that only goes on, for the time
of day may jump, stand still while a machine sleeps, or be another on a gateway's machine. After a
pass in which presence could not be told it notices anew, for in an outage everyone's grows old.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec
import structlog

from actors.conversation.commands import LapseLease, Refused
from actors.ports import Conversations
from events.log.stream import StreamName

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
Who = tuple[str, str]
"""Tenant and operator."""
Presence = dict[Who, int | None]


class Heard(msgspec.Struct, frozen=True):
    """What presence said of an owner, and since when it says that (seconds, the keeper's own)."""

    said: int | None
    since: float


class LeaseKeeper:
    """Its memory between passes. `now` is ms since 1970, UTC; `clock` seconds that only go on."""

    def __init__(
        self,
        owned: OwnedNow,
        present: LastPresent,
        conversations: Conversations,
        *,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        clock: Callable[[], float] = time.monotonic,
        pass_s: float = PASS_S,
    ) -> None:
        self._owned = owned
        self._present = present
        self._conversations = conversations
        self._now, self._clock = now, clock
        self._pass_s = pass_s
        self._noticed: dict[Ownership, float] = {}
        self._heard: dict[Who, Heard] = {}

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
        heard, self._heard = self._heard, {}
        owned = await self._owned()
        present = await self._presence(owned)
        now = self._clock()
        told = [one for one in owned if (one.stream.tenant, one.operator) in present]
        self._noticed = {one.ownership: noticed.get(one.ownership, now) for one in told}
        self._heard = {who: _heard(heard.get(who), said, now) for who, said in present.items()}
        gone = [one for one in told if now - self._there(one) > one.lease_s]
        for start in range(0, len(gone), AT_ONCE):
            await asyncio.gather(*(self._lapse(one) for one in gone[start : start + AT_ONCE]))
        return len(gone)

    def _there(self, one: Owned) -> float:
        heard = self._heard[one.stream.tenant, one.operator]
        return max(heard.since, self._noticed[one.ownership])

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

    async def _lapse(self, one: Owned) -> None:
        command = LapseLease(
            id=f"lapse-{one.operator}-{one.epoch}",
            at=self._now(),
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


def _heard(before: Heard | None, said: int | None, now: float) -> Heard:
    return before if before is not None and before.said == said else Heard(said, now)
