"""A company of a test's own on the shared house, so that what is switched or removed there is
nobody else's."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from events.jetstream.log import JetStreamLog
from events.log.event_log import EMPTY, NewCommit
from events.log.stream import tenancy_stream
from events.tenancy import TenantConfigured

if TYPE_CHECKING:
    import subprocess

    from benchmarks.house import House
    from tandem.clients.visitor import Frame

PATIENCE_S = 120.0


class Company:
    """`tenant` on `house`, with no document yet; visitors come in by `key`."""

    def __init__(self, house: House, tenant: str, name: str = "Lamps") -> None:
        self.house, self.tenant, self.name, self.key = house, tenant, name, f"pk_{tenant}"

    async def found(self) -> Company:
        log = await JetStreamLog.connect(self.house.addresses["nats_url"])
        try:
            fact = TenantConfigured(
                at=1, tenant=self.tenant, name=self.name, keys=(self.key,), origins=("loopback",)
            )
            new = NewCommit(commit_id=f"{self.tenant}-1", facts=(fact,))
            await log.append(tenancy_stream(self.tenant), new, expected=EMPTY)
        finally:
            await log.close()
        return self

    def says(self, *arguments: str) -> str:
        """What a command prints that must succeed, without a complaint."""
        done = self._run(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), (arguments, done.stdout, done.stderr)
        return done.stdout

    def refuses(self, *arguments: str, status: int = 1) -> str:
        """The one line on stderr of a command that must not succeed."""
        done = self._run(*arguments)
        assert (done.returncode, done.stdout) == (status, ""), (arguments, done.stdout)
        assert done.stderr.startswith("tandem: "), done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr.removeprefix("tandem: ").strip()

    def until(self, words: str, *arguments: str) -> str:
        """What a command prints once it holds `words`: read models follow the log."""
        deadline = time.monotonic() + PATIENCE_S
        while words not in (said := self.says(*arguments)):
            assert time.monotonic() < deadline, f"still not {words!r}: {said}"
        return said

    async def answered(self, question: str) -> Frame:
        from tandem.clients.visitor import Visitor

        async with Visitor(self.house.socket_url, self.key) as asking:
            return await asking.ask(question) | {"conversation": asking.conversation}

    async def running(self, *arguments: str) -> str:
        """`says`, while the test does something else."""
        return await asyncio.to_thread(self.says, *arguments)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.house.run(*arguments, "--tenant", self.tenant)
