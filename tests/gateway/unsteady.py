"""A live feed and a log that misbehave as far as their contracts allow, by one seed."""

from __future__ import annotations

import asyncio
import random


class Unsteady:
    """A live feed and a log that misbehave as far as their contracts allow, by one seed."""

    def __init__(self, seed: int) -> None:
        from events.log.memory import MemoryLive, MemoryLog

        chance = random.Random(seed)

        class Live(MemoryLive):
            def push(self, stream, commit):
                fate = chance.random()
                if fate < 0.15:
                    return  # lost
                super().push(stream, commit)
                if fate > 0.85:
                    super().push(stream, commit)  # twice

        class Log(MemoryLog):
            async def load(self, stream, **where):
                await asyncio.sleep(0)
                commits = await super().load(stream, **where)
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)  # others append meanwhile
                if chance.random() < 0.2:
                    commits = commits[: len(commits) // 2]  # a follower that is behind
                return commits

        self.chance = chance
        self.log = Log()
        self.live = Live(self.log, limit=4)
