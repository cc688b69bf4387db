"""Run a command that dies with its parent: `python -I -S tether.py OPTIONS -- COMMAND...`.

A step between `up` and a server: it asks the kernel for a signal on the parent's death
(`PR_SET_PDEATHSIG`, Linux), drops root where the server refuses it, and becomes the command
by `exec`, so the pid stays. Doing this between fork and exec inside `up` itself would run
Python in a forked copy of a process full of threads, which may hang.

Standard library only, for it starts without site-packages (about 15 ms).
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapData(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def _checked(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def become(uid: int, gid: int, *, pass_closed_folders: bool) -> None:
    """Drop root for `uid`; keep, when asked, the one right to walk through closed folders.

    Postgres refuses to run as root, yet the data folder or the program may lie below a folder
    that is root's alone, such as `/root`. Opening that folder to all would be worse.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if pass_closed_folders:
        _checked(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities")
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if pass_closed_folders:
        bit = 1 << CAP_DAC_OVERRIDE
        header = _CapHeader(CAPABILITY_VERSION_3, 0)
        data = (_CapData * 2)(_CapData(bit, bit, bit), _CapData(0, 0, 0))
        _checked(libc.capset(ctypes.byref(header), data), "set capabilities")
        raised = libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)
        _checked(raised, "raise an ambient capability")


def die_with(parent: int, sig: int) -> None:
    """Ask for `sig` when the parent dies. After `become`, for a change of user clears it."""
    if sys.platform != "linux":
        return  # elsewhere the warden alone sees to it
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0), "set the parent death signal")
    if os.getppid() != parent:  # it died before we asked
        os._exit(128 + sig)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tether")
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--death-signal", type=int, default=int(signal.SIGTERM))
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("--pass-closed-folders", action="store_true")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    if options.uid is not None:
        become(options.uid, options.gid, pass_closed_folders=options.pass_closed_folders)
    die_with(options.parent, options.death_signal)
    os.execv(options.command[0], options.command)


if __name__ == "__main__":
    main()
