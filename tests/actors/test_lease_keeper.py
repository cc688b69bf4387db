"""An operator who is gone loses what they own, and nobody else does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from actors.conversation import commands as c
from actors.hosting.lease_keeper import LeaseKeeper, Owned
from actors.hosting.watchdog import WatchdogParts, watch_over
from actors.ports import Unavailable
from events.log.stream import StreamName, conversation_stream

LEASE_S = 60


def owned(conversation: str, operator: str = "ana", epoch: int = 2, **more: object) -> Owned:
    stream = conversation_stream("demo", conversation)
    return Owned(stream=stream, operator=operator, epoch=epoch, lease_s=LEASE_S, **more)  # type: ignore[arg-type]


@dataclass
class Office:
    """A read model, the operators' presence, the conversations, and a clock, all scripted."""

    owned: list[Owned] = field(default_factory=list)
    present: dict[str, int] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    seconds: int = 1_000_000
    stepped: int = 0
    """By how much the time of day was set forward."""
    asked: list[tuple[str, c.LapseLease]] = field(default_factory=list)
    outcome: c.Outcome = field(default_factory=lambda: c.Accepted(version=9))
    unknown: set[str] = field(default_factory=set)
    board_is_down: bool = False
    lapsed: asyncio.Event = field(default_factory=asyncio.Event)

    def keeper(self) -> LeaseKeeper:
        return LeaseKeeper(
            self.read, self.seen, self, now=self.time_of_day, clock=lambda: self.seconds
        )

    def time_of_day(self) -> int:
        return (self.seconds + self.stepped) * 1000

    async def read(self) -> list[Owned]:
        if self.board_is_down:
            raise TimeoutError
        return self.owned

    async def seen(self, tenant: str, operator: str) -> int | None:
        if operator in self.unknown:
            raise TimeoutError
        at = self.present.get(operator)
        return None if at is None else at * 1000

    async def ask(self, stream: StreamName, command: c.ConversationCommand) -> c.Outcome:
        assert isinstance(command, c.LapseLease)
        if stream.id in self.down:
            raise Unavailable("its shard is starting")
        self.asked.append((stream.id, command))
        self.lapsed.set()
        return self.outcome


async def test_who_is_there_keeps_what_they_own_however_long():
    office = Office([owned("c1")])
    keeper = office.keeper()
    for _ in range(5):
        office.present["ana"] = office.seconds
        assert await keeper.look() == 0
        office.seconds += LEASE_S
    assert office.asked == []


async def test_who_has_been_away_for_longer_than_the_lease_loses_it_to_where_the_policy_says():
    office = Office([owned("c1"), owned("c2", "ben", on_lapse="ai")])
    office.present = {"ana": office.seconds, "ben": office.seconds}
    keeper = office.keeper()
    assert await keeper.look() == 0
    office.seconds += LEASE_S
    assert await keeper.look() == 0, "not before the lease is over"
    office.seconds += 1
    office.present["ana"] = office.seconds
    assert await keeper.look() == 1
    assert office.asked == [
        (
            "c2",
            c.LapseLease(
                id="lapse-ben-2",
                at=office.seconds * 1000,
                operator="ben",
                epoch=2,
                to="ai",
            ),
        )
    ]


async def test_who_was_never_seen_counts_from_when_the_keeper_first_noticed():
    office = Office([owned("c1")])
    keeper = office.keeper()
    assert await keeper.look() == 0
    office.seconds += LEASE_S + 1
    assert await keeper.look() == 1


async def test_who_took_a_conversation_a_moment_ago_was_there_then_whatever_presence_says():
    office = Office([], present={"ana": 5})
    keeper = office.keeper()
    await keeper.look()
    office.seconds += LEASE_S
    office.owned = [owned("c1")]
    assert await keeper.look() == 0
    office.seconds += LEASE_S
    office.owned = [owned("c1", epoch=4)]  # taken again: another ownership
    assert await keeper.look() == 0


async def test_a_clock_that_is_set_forward_takes_nothing_from_who_is_there():
    office = Office([owned("c1")], present={"ana": 1_000_000})
    keeper = office.keeper()
    await keeper.look()
    office.stepped = 10 * LEASE_S
    office.seconds += 5
    assert await keeper.look() == 0


async def test_a_gateway_whose_clock_is_behind_still_tells_who_is_there():
    office = Office([owned("c1")])
    keeper = office.keeper()
    for _ in range(5):
        office.present["ana"] = office.seconds - 10 * LEASE_S
        assert await keeper.look() == 0
        office.seconds += LEASE_S
    assert await keeper.look() == 0, "the lease is over just now"
    office.seconds += 1
    assert await keeper.look() == 1, "presence says the same as before: nobody is there"


async def test_presence_that_was_lost_is_no_sign_that_anybody_left():
    office = Office([owned("c1")], present={"ana": 1_000_000})
    keeper = office.keeper()
    await keeper.look()
    office.seconds += LEASE_S
    office.present["ana"] = office.seconds
    await keeper.look()
    office.present.clear()
    office.seconds += 5
    assert await keeper.look() == 0
    office.seconds += LEASE_S + 1
    assert await keeper.look() == 1


async def test_after_an_outage_nobody_is_gone_until_they_could_show_themselves_again():
    office = Office([owned("c1")], present={"ana": 1_000_000})
    keeper = office.keeper()
    await keeper.look()
    office.seconds += 10 * LEASE_S
    office.board_is_down = True
    with pytest.raises(TimeoutError):
        await keeper.look()
    office.board_is_down = False
    assert await keeper.look() == 0
    office.seconds += LEASE_S + 1
    assert await keeper.look() == 1


async def test_of_whom_it_cannot_be_told_keeps_what_they_have_and_stops_no_other():
    office = Office([owned("c1"), owned("c2", "ben")], unknown={"ana"})
    keeper = office.keeper()
    await keeper.look()
    office.seconds += LEASE_S + 1
    assert await keeper.look() == 1
    assert [conversation for conversation, _ in office.asked] == ["c2"]
    office.unknown.clear()
    office.owned = [owned("c1")]
    assert await keeper.look() == 0, "from now on"
    office.seconds += LEASE_S + 1
    assert await keeper.look() == 1


async def test_one_that_cannot_be_asked_stops_no_other_and_is_asked_again():
    office = Office([owned("c1"), owned("c2"), owned("c3")], down={"c2"})
    keeper = office.keeper()
    await keeper.look()
    office.seconds += LEASE_S + 1
    assert await keeper.look() == 3
    assert [conversation for conversation, _ in office.asked] == ["c1", "c3"]
    office.owned, office.down = [owned("c2")], set()
    await keeper.look()
    assert [conversation for conversation, _ in office.asked] == ["c1", "c3", "c2"]


async def test_a_refusal_because_it_changed_hands_meanwhile_is_no_trouble():
    office = Office([owned("c1")], outcome=c.Refused(code="stale_epoch", detail="changed hands"))
    keeper = office.keeper()
    await keeper.look()
    office.seconds += LEASE_S + 1
    assert await keeper.look() == 1


async def test_more_owners_than_are_asked_at_once_are_all_looked_at():
    office = Office([owned(f"c{n}", f"operator-{n}") for n in range(100)])
    keeper = office.keeper()
    await keeper.look()
    office.seconds += LEASE_S + 1
    assert await keeper.look() == 100
    assert len(office.asked) == 100


async def test_the_watchdogs_process_keeps_the_leases_and_outlives_a_pass_that_fails():
    office = Office([owned("c1")])
    passes = 0

    async def overdue() -> list[StreamName]:
        return []

    async def read() -> list[Owned]:
        nonlocal passes
        passes += 1
        office.seconds += LEASE_S
        office.board_is_down = passes == 1
        return await office.read()

    keeper = LeaseKeeper(read, office.seen, office, clock=lambda: office.seconds, pass_s=0.001)
    parts = WatchdogParts(overdue=overdue, conversations=office, leases=keeper)
    watching = asyncio.create_task(watch_over(parts))
    async with asyncio.timeout(60):
        await office.lapsed.wait()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert passes > 1
