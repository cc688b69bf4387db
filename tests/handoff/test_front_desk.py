"""The front desk: what awaits who asks for a person, whatever is broken behind it."""

from __future__ import annotations

import asyncio

from actors.conversation.commands import Reception
from events.tenancy import HandoffPolicy, OpenHours
from serve_apps.handoff_availability import QueueHandoffAvailability

MONDAY_NOON = 1_780_308_000_000  # 2026-06-01 10:00 UTC
MORNINGS = OpenHours(days=(2,), opens="09:00", closes="12:00")


def desk(policy: HandoffPolicy, place_of=None) -> QueueHandoffAvailability:
    async def second(tenant: str, conversation: str) -> int:
        return 2

    return QueueHandoffAvailability(lambda tenant: policy, place_of or second, place_timeout_s=0.01)


async def test_it_tells_the_place_and_whether_the_ai_goes_on():
    told = await desk(HandoffPolicy(silent=True)).reception("demo", "c1", MONDAY_NOON)
    assert told == Reception(place=2, open=True, silent=True)


async def test_outside_of_the_hours_it_tells_when_people_are_back():
    policy = HandoffPolicy(hours=(MORNINGS,), timezone="Europe/Madrid")
    told = await desk(policy).reception("demo", "c1", MONDAY_NOON)
    assert (told.open, told.opens_day, told.opens_at) == (False, 2, "09:00")
    assert told.timezone == "Europe/Madrid"


async def test_a_queue_that_hangs_or_fails_costs_the_place_and_nothing_else():
    async def hangs(tenant: str, conversation: str) -> int:
        await asyncio.Event().wait()
        return 1

    async def fails(tenant: str, conversation: str) -> int:
        raise OSError("the database is away")

    for place_of in (hangs, fails):
        told = await desk(HandoffPolicy(), place_of).reception("demo", "c1", MONDAY_NOON)
        assert told == Reception()


async def test_a_time_zone_that_is_none_counts_as_open():
    policy = HandoffPolicy(hours=(MORNINGS,), timezone="No/Where")
    told = await desk(policy).reception("demo", "c1", MONDAY_NOON)
    assert told.open
