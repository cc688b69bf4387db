"""A short way to a long home: Unix sockets allow about 100 bytes of path, homes are longer."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

LONGEST_DIRECT = 20
"""Bytes of a home that is used as it is. HAProxy's admin socket under Serve adds 83 bytes to it
(a folder per node id, and a temporary suffix while it binds), and 107 is the kernel's limit."""


def shortcut(home: Path) -> Path:
    """A path of at most 20 bytes that leads to `home`: itself, or a link under `/tmp`.

    The link's name follows from owner and home, so a later start finds it again. Raises OSError
    when that name is taken by anything but our own link.
    """
    if len(os.fsencode(home)) <= LONGEST_DIRECT:
        return home
    owner = os.geteuid()
    name = hashlib.blake2b(f"{owner}:{home}".encode(), digest_size=5).hexdigest()
    link = Path("/tmp") / f"td-{name}"
    try:
        link.symlink_to(home, target_is_directory=True)
    except FileExistsError:
        if link.is_symlink() and link.lstat().st_uid == owner and link.readlink() == home:
            return link
        raise FileExistsError(f"{link} is not the link to {home}: remove it") from None
    return link


def drop_shortcut(home: Path) -> None:
    """Remove the link, if there is one, when the house ends."""
    short = shortcut(home)
    if short != home:
        short.unlink(missing_ok=True)
