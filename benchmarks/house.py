"""The whole house as a newcomer starts it: `tandem up` in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

READY_S = 900
PARTS = {
    "shard": "ray::ConversationShard",
    "gateway": "ray::ServeReplica:gateway",
    "projections": "ray::ProjectionWorker",
    "ingest": "ray::IngestWorker",
    "nats": "nats-server",
    "postgres": "postgres",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class House:
    """`with House(home) as house:` — started, ready, and stopped by SIGTERM at the end."""

    def __init__(self, home: Path, *arguments: str, **environment: str) -> None:
        self.home, self.port = home, free_port()
        self._arguments = arguments
        self.environment = {
            **os.environ,
            "TANDEM_HOME": str(home),
            "TANDEM_PORT": str(self.port),
            **environment,
        }
        self.output = home.parent / f"{home.name}-output.txt"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/socket"

    @property
    def addresses(self) -> dict[str, Any]:
        return json.loads((self.home / "run.json").read_text())

    def __enter__(self) -> House:
        command = [sys.executable, "-m", "tandem", "up", *self._arguments]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command, env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + READY_S
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise AssertionError(f"not ready:\n{self.output.read_text()[-6000:]}")
            time.sleep(0.2)
        return self

    def __exit__(self, *_: object) -> None:
        everyone = self.descendants()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        alive = psutil.wait_procs(everyone, timeout=20)[1]
        self.left_behind = [process.name() for process in alive if process.is_running()]

    def _ready(self) -> bool:
        if not (self.home / "run.json").exists():  # written last, after the demo content
            return False
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def descendants(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def part(self, name: str) -> psutil.Process | None:
        """The process that is this part now, None while there is none; the oldest of several."""
        found = self._processes(name)
        return min(found)[-1] if found else None

    def count(self, name: str) -> int:
        """How many processes this part has now."""
        return len(self._processes(name))

    def _processes(self, name: str) -> list[tuple[float, int, psutil.Process]]:
        title = PARTS[name]
        found: list[tuple[float, int, psutil.Process]] = []
        for process in self.descendants():
            try:
                command = " ".join(process.cmdline()[:1])
                if command.startswith(title) or Path(command).name == title:
                    found.append((process.create_time(), process.pid, process))
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def is_back(self, name: str, *, killed: int) -> bool:
        """Another process is this part since `killed` was."""
        process = self.part(name)
        return process is not None and process.pid != killed

    def kill(self, name: str) -> int:
        victim = self.part(name)
        assert victim, f"no process of {name} among the house's"
        os.kill(victim.pid, signal.SIGKILL)
        return victim.pid

    def run(self, *arguments: str, timeout: float = 280) -> subprocess.CompletedProcess[str]:
        """A `tandem` command as a person types it."""
        return subprocess.run(
            [sys.executable, "-m", "tandem", *arguments],
            env={**self.environment, "NO_COLOR": "1", "COLUMNS": "120"},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


async def until(holds: Callable[[], bool], *, timeout_s: float = 180, what: str = "") -> None:
    """Wait on a condition that only looking again can tell."""
    try:
        async with asyncio.timeout(timeout_s):
            while not holds():  # noqa: ASYNC110 the condition lies in other processes
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s} s: {what}") from None
