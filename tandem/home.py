"""The folder that a house lives in: locked while it runs, emptied on request."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from pathlib import Path

import psutil

from tandem.errors import UserError

SWEEP_TIMEOUT_S = 30.0
DEMO_OPERATOR = "demo-operator"
"""How to sign in to the demo's console: the e-mail and the password, a line each."""
OPERATOR_SESSIONS = "operator-sessions"
"""The sessions of operators at the command line."""
OURS = (
    "nats",
    "postgres",
    "postgres.new",
    "ray",
    "logs",
    "h",
    "s",
    "secret",
    "run.json",
    DEMO_OPERATOR,
    OPERATOR_SESSIONS,
)
"""All that a house writes into its home, and all that `--fresh` removes: home may be a folder
that holds other things as well."""


async def lock_home(home: Path) -> int:
    """Lock `home` for this house and return the open lock file's descriptor.

    The lock goes when all who hold the descriptor have ended. A house that was killed is swept
    by its warden, which holds it too: that is waited for. Raises UserError when a house runs.
    """
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = asyncio.get_running_loop().time() + SWEEP_TIMEOUT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            late = asyncio.get_running_loop().time() > deadline
            if late or psutil.pid_exists(holder):
                os.close(descriptor)
                raise UserError(
                    f"a house already runs on {home} (process {holder}): stop it, "
                    "or set TANDEM_HOME and TANDEM_PORT for another"
                ) from None
            await asyncio.sleep(0.1)
            continue
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return descriptor


def _holder(descriptor: int) -> int:
    """The pid written by the one who locked it; 0 in the moment before it is written."""
    return int(os.pread(descriptor, 20, 0).strip() or b"0")


def empty_home(home: Path) -> None:
    """Remove what earlier houses left in `home`. The caller holds the lock."""
    for name in OURS:
        path = home / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
