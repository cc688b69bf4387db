"""Passwords: argon2id, in threads of their own, never many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from serve_apps.gateway.operators.accounts.roster import normal_password

AT_ONCE = 2
"""A verification takes 64 MiB and a core for a tenth of a second; visitors come first."""
MOST_WAITING = 32

_T = TypeVar("_T")


class Busy(Exception):
    """Too many passwords wait to be checked."""


def default_hasher() -> PasswordHasher:
    """argon2id, 64 MiB, 3 passes: the second choice of RFC 9106. One lane rather than four: the
    work of an attacker is the same, and a small gateway's other threads get their turn."""
    return PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1, type=Type.ID)


class Passwords:
    """Hashes and checks. Made once a process; `close` ends its threads."""

    def __init__(self, hasher: PasswordHasher | None = None, *, at_once: int = AT_ONCE) -> None:
        self._hasher = hasher if hasher is not None else default_hasher()
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._most = at_once + MOST_WAITING
        self._inside = 0
        self._nobodys = _hash_of_nobody(self._hasher)

    async def hash(self, password: str) -> str:
        """A PHC string with a salt of its own. Raises Busy."""
        return await self._in_thread(lambda: self._hasher.hash(normal_password(password)))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether `password` is the one that `kept` is the hash of. It takes as long, and is
        False, where there is nobody (None). Raises Busy."""
        known = kept if kept is not None else self._nobodys
        same = await self._in_thread(lambda: self._same(known, normal_password(password)))
        return same and kept is not None

    def is_old(self, kept: str) -> bool:
        """Whether `kept` was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _same(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except VerifyMismatchError:
            return False
        except (VerificationError, InvalidHashError):
            # The hash itself is damaged: nobody can sign in by it, which is for who reads the
            # accounts to see, and never a way in.
            return False

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        if self._inside >= self._most:
            raise Busy("too many passwords wait to be checked")
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._inside -= 1


def _hash_of_nobody(hasher: PasswordHasher) -> str:
    """The hash of no known password under the parameters of `hasher`: it takes as long to check
    as a real one, and is made without the work."""
    probe = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("")
    salt, digest = probe.rsplit("$", 2)[1:]
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    made = f"$argon2id$v=19${costs}${salt}${digest}"
    assert extract_parameters(made).memory_cost == hasher.memory_cost
    return made
