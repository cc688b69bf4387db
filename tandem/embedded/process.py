"""One child process of `up`: started tethered, logged to a file, stopped with a limit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tandem.embedded import tether

LOG_LIMIT_BYTES = 10 * 2**20


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that a server runs as, when that is not the one who called `up`."""

    name: str
    uid: int
    gid: int
    pass_closed_folders: bool = False
    """Keep the right to walk through folders that are closed to this user (see `tether`)."""


class ServerFailed(Exception):
    """A server did not come up. The text is one line: which, why, and where its log lies."""


class Child:
    """A running child. It leads a session of its own, so that Ctrl-C in the terminal reaches
    only `up`, which then stops its children in order."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def spawn(
        cls,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        account: Account | None = None,
        death_signal: signal.Signals = signal.SIGTERM,
    ) -> Child:
        """Start `command` (its first part an absolute path).

        The kernel ties the death signal to the *thread* that forks, so call this on the main
        thread's event loop. Raises OSError when the process cannot be made.
        """
        argv = [sys.executable, "-I", "-S", tether.__file__, "--parent", str(os.getpid())]
        argv += ["--death-signal", str(int(death_signal))]
        if account is not None:
            argv += ["--uid", str(account.uid), "--gid", str(account.gid)]
            if account.pass_closed_folders:
                argv.append("--pass-closed-folders")
        with _open_log(log) as out:
            process = await asyncio.create_subprocess_exec(
                *argv,
                "--",
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.returncode

    async def wait(self) -> int:
        return await self._process.wait()

    async def stop(self, sig: signal.Signals, *, grace_s: float) -> int:
        """Send `sig`, wait `grace_s` seconds, then kill. Returns the exit status."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself just now
                self._process.send_signal(sig)
            try:
                return await asyncio.wait_for(self._process.wait(), grace_s)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
        return await self._process.wait()

    def last_words(self) -> str:
        """The last line of its log that says something, for an error message."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()[-20:]
        except OSError as error:
            return f"(its log cannot be read: {error})"
        said = [line.strip() for line in lines if line.strip()]
        return said[-1] if said else "(it said nothing)"


def _open_log(log: Path) -> IO[bytes]:
    """Open it to append; one that has grown past 10 MB steps aside first."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".old.log"))
    return log.open("ab")


async def run_to_end(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    account: Account | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float,
) -> None:
    """Run a command that ends by itself. Raises ServerFailed when it fails or takes too long."""
    child = await Child.spawn(name, command, log=log, account=account, env=env)
    try:
        status = await asyncio.wait_for(child.wait(), timeout_s)
    except TimeoutError:
        raise ServerFailed(f"{name} took more than {timeout_s:.0f} s; see {log}") from None
    finally:  # a cancelled start must not leave it running either
        await child.stop(signal.SIGKILL, grace_s=5)
    if status != 0:
        raise ServerFailed(f"{name} failed: {child.last_words()}; see {log}")
