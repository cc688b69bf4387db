"""Who is there, as the lease keeper and the colleagues read it."""

from __future__ import annotations

import asyncio

from events.key_value import MemoryKeyValue
from events.log.event_log import LogUnavailable
from serve_apps.gateway.operators.accounts.roster import Account
from serve_apps.gateway.operators.board.presence import FRESH_MS, Presence

NOON = 1_760_000_000_000


class Counting(MemoryKeyValue):
    """Counts what it is asked, and at once."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = self.reading = self.most = 0
        self.away = False

    async def put(self, key: str, value: bytes) -> None:
        if self.away:
            raise LogUnavailable("away")
        self.writes += 1
        await super().put(key, value)

    async def get(self, key: str):
        self.reading += 1
        self.most = max(self.most, self.reading)
        await asyncio.sleep(0)
        self.reading -= 1
        return await super().get(key)


async def test_many_signs_of_life_at_once_are_written_once():
    store = Counting()
    presence = Presence(store)
    for late in range(0, FRESH_MS, 500):
        await presence.touch("demo", "ana", NOON + late)
    assert store.writes == 1
    await presence.touch("demo", "ana", NOON + FRESH_MS)
    assert await presence.last_seen("demo", "ana") == NOON + FRESH_MS


async def test_a_clock_that_is_set_back_silences_nobody():
    presence = Presence(Counting())
    await presence.touch("demo", "ana", NOON)
    await presence.touch("demo", "ana", NOON - 3_600_000)
    assert await presence.last_seen("demo", "ana") == NOON - 3_600_000


async def test_a_sign_of_life_that_was_not_written_is_written_by_the_next_one():
    store = Counting()
    presence = Presence(store)
    store.away = True
    await presence.touch("demo", "ana", NOON)
    store.away = False
    await presence.touch("demo", "ana", NOON + 1)
    assert await presence.last_seen("demo", "ana") == NOON + 1


async def test_a_thousand_colleagues_are_asked_for_a_few_at_a_time():
    store = Counting()
    presence = Presence(store)
    await presence.touch("demo", "op_7", NOON)
    accounts = [
        Account(operator=f"op_{n}", email="", name="", role="viewer", password="", stamp=1)
        for n in range(1000)
    ]
    assert await presence.online("demo", accounts, NOON) == {"op_7"}
    assert store.most <= 64
