"""Sweeps up after a house whose `up` died without a goodbye (kill -9, out of memory).

`up` starts it beside itself with a pipe that only `up` holds. While `up` lives the pipe is open;
when it closes, the warden ends every process that carries the house's mark in its environment,
and every Postgres that works in the house's data folder. Servers ask the kernel for a death signal
besides (`tether`), but that reaches only direct children: Ray's agents and the HAProxy that a
worker starts outlive it, some for ever. The warden inherits the house's lock, so that no new
`up` starts before the old one is swept.

Run as `python -I warden.py MARK [--postgres FOLDER] [--link PATH]`; pipe on stdin. The link is the
house's shortcut, removed when its house is gone.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

import psutil

MARK_NAME = "TANDEM_HOUSE"
GRACE_S = 8.0
GOODBYE = b"goodbye\n"


def marked(mark: str, postgres_folder: str | None) -> list[psutil.Process]:
    """All living processes of the house, without this one."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter(["name"]):
        if process.pid == os.getpid():
            continue
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            ours = process.environ().get(MARK_NAME) == mark
            if not ours and postgres_folder and str(process.info["name"]).startswith("postgres"):
                # Postgres writes its title over the environment that others can read.
                ours = process.cwd() == postgres_folder
        except (psutil.Error, OSError):
            continue  # gone meanwhile, or another user's
        if ours:
            found.append(process)
    return found


def sweep(mark: str, postgres_folder: str | None) -> int:
    """End them all: first the servers asked, the rest killed. Returns how many there were."""
    seen: set[int] = set()
    deadline = time.monotonic() + GRACE_S
    while True:
        left = marked(mark, postgres_folder)
        seen.update(process.pid for process in left)
        if not left:
            return len(seen)
        late = time.monotonic() > deadline
        for process in left:
            # NATS and Postgres were told by the kernel and are closing their files.
            if late or not str(process.info["name"]).startswith(("postgres", "nats-server")):
                _end(process, signal.SIGKILL)
        psutil.wait_procs(left, timeout=0.5)


def _end(process: psutil.Process, sig: signal.Signals) -> None:
    try:
        process.send_signal(sig)
    except psutil.NoSuchProcess:
        return


def main() -> None:
    parser = argparse.ArgumentParser(prog="warden")
    parser.add_argument("mark")
    parser.add_argument("--postgres", type=Path)
    parser.add_argument("--link", type=Path)
    options = parser.parse_args()
    postgres_folder = str(options.postgres.resolve()) if options.postgres else None
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, signal.SIG_IGN)  # it goes when `up` has gone, not before
    said = sys.stdin.buffer.read()  # ends when `up` ends
    swept = sweep(options.mark, postgres_folder)
    if options.link is not None:
        options.link.unlink(missing_ok=True)
    if said != GOODBYE:
        text = f"tandem up ended without a goodbye; {swept} processes of it were stopped"
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
