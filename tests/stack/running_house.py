"""A house in a process of its own, started and stopped as a person would."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 60.0
DOUBLE = Path(__file__).with_name("wiring_double.py")


def wait_until(holds: Callable[[], bool], *, timeout_s: float, what: str) -> None:
    """Waits for a condition, looking every 50 ms."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"after {timeout_s} s still not: {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningHouse:
    """`tandem up` with the wiring doubled; everything it starts carries a mark of this test."""

    def __init__(self, home: Path, *options: str, **env: str) -> None:
        self.home = home
        self.mark = uuid.uuid4().hex
        self.port = int(env.pop("TANDEM_PORT", 0)) or free_port()
        self._output = home.with_name(f"{home.name}.{self.mark}.out")
        with self._output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, str(DOUBLE), "up", *options],
                stdout=out,
                stderr=out,
                env={
                    **{
                        k: v for k, v in os.environ.items() if not k.startswith(("TANDEM_", "RAY_"))
                    },
                    "TANDEM_HOME": str(home),
                    "TANDEM_PORT": str(self.port),
                    "TANDEM_TEST_MARK": self.mark,
                    **env,
                },
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._output.read_text(errors="replace")

    def until_ready(self) -> RunningHouse:
        wait_until(
            lambda: "Tandem is ready" in self.said or self.process.poll() is not None,
            timeout_s=START_TIMEOUT_S,
            what=f"ready; it said: {self.said}",
        )
        assert "Tandem is ready" in self.said, self.said
        return self

    @property
    def record(self) -> dict[str, Any]:
        return json.loads((self.home / "run.json").read_text())

    def left(self, *, home_in_use: bool = False) -> list[str]:
        """Every living process of this house, as text. Of Postgres' processes only the home can
        be told, not the house: with `home_in_use` by a later house they are left out."""
        data = "" if home_in_use else str(self.home.resolve() / "postgres")
        found: list[str] = []
        for process in psutil.process_iter(["pid", "name", "cmdline"]):
            with contextlib.suppress(psutil.Error, OSError):
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                marked = process.environ().get("TANDEM_TEST_MARK") == self.mark
                if marked or process.cwd() == data:
                    found.append(f"{process.pid} {process.info['name']}")
        return found

    def child(self, name: str) -> psutil.Process:
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if child.name() == name)

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(sig)
        return self.process.wait(STOP_TIMEOUT_S)

    def kill(self) -> None:
        """Whatever became of the test; the house's warden sweeps the rest."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(STOP_TIMEOUT_S)
