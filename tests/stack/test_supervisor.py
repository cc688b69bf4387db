"""A server that dies is started again at the same address, however often it takes."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from stack_waiting import until


class Sickly:
    """A server that fails to start as often as told, then runs until told to die."""

    name = "Sickly"

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.started = 0
        self.died = asyncio.Event()

    async def start(self) -> str:
        from tandem.embedded.process import ServerFailed

        if self.failures:
            self.failures -= 1
            raise ServerFailed("the disk is full")
        self.died.clear()
        self.started += 1
        return "sick://bed"

    async def wait(self) -> int:
        await self.died.wait()
        return -9

    async def stop(self) -> None:
        self.died.set()


async def test_a_killed_server_is_back_at_the_same_address(home: Path) -> None:
    from tandem.embedded.nats import EmbeddedNats
    from tandem.embedded.supervisor import Supervisor

    server = EmbeddedNats(home / "nats")
    url = await server.start()
    said: list[str] = []
    supervisor = Supervisor(said.append)
    supervisor.watch(server)
    first = server.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: supervisor.restarts["NATS"] == 1)
    await supervisor.stop()
    assert server.url == url
    assert server.pid != first
    await server.stop()
    assert said == ["NATS died (status -9): starting it again", "NATS is back"]


async def test_it_goes_on_trying_and_says_why_it_failed() -> None:
    from tandem.embedded.supervisor import Supervisor

    server = Sickly(failures=0)
    await server.start()
    said: list[str] = []
    supervisor = Supervisor(said.append)
    supervisor.watch(server)
    server.failures = 3
    server.died.set()
    await until(lambda: server.started == 2)
    await until(lambda: supervisor.restarts["Sickly"] == 1)
    await supervisor.stop()
    assert sum("the disk is full" in line for line in said) == 3


async def test_pauses_grow_to_a_limit_while_it_keeps_failing() -> None:
    from tandem.embedded import supervisor as module

    pauses = [0.0]
    while pauses[-1] < module.LONGEST_PAUSE_S:
        pauses.append(module.longer(pauses[-1]))
    assert pauses[1] == module.FIRST_PAUSE_S
    assert pauses == sorted(pauses)
    assert module.longer(pauses[-1]) == module.LONGEST_PAUSE_S


async def test_a_server_that_is_no_longer_watched_stays_down() -> None:
    from tandem.embedded.supervisor import Supervisor

    server = Sickly(failures=0)
    await server.start()
    supervisor = Supervisor(lambda _: None)
    supervisor.watch(server)
    await asyncio.sleep(0)
    await supervisor.stop()
    await server.stop()
    await asyncio.sleep(0)
    assert server.started == 1
