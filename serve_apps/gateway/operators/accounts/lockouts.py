"""Sign-ins that failed, counted for all replicas together, and what follows from them.

An e-mail is counted whether anyone has it or not, so that a lock tells nobody which e-mails are
operators'. A try is counted before the password is looked at and forgiven when it was right, so
that many tries at once are no way around the count. Keys are keyed hashes: the bucket names
nobody.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

import msgspec
import structlog

from events.key_value import KeyValue
from serve_apps.gateway.operators.accounts.access import derived_key
from serve_apps.gateway.operators.accounts.roster import normal_form

LOCK_AFTER = 5
LOCK_MS = 15 * 60_000
LONGEST_LOCK_MS = 60 * 60_000
ADDRESS_TRIES = 50
ADDRESS_MS = 15 * 60_000
_TRIES = 32

_log = structlog.get_logger(__name__)


class Tries(msgspec.Struct, frozen=True, kw_only=True):
    """The value of a key: failures in a row, and until when there is no further try (ms since
    1970, UTC; 0 for now)."""

    count: int = 0
    since: int = 0
    shut_until: int = 0


class Shut(Exception):
    """No further try for `wait_ms`."""

    def __init__(self, wait_ms: int) -> None:
        super().__init__(wait_ms)
        self.wait_ms = wait_ms


def tried_account(tries: Tries, at: int) -> Tries:
    """One more try at an account. The fifth in a row that fails shuts it for 15 minutes, each
    one after that for twice as long, an hour at most. Raises Shut."""
    if tries.shut_until > at:
        raise Shut(tries.shut_until - at)
    count = tries.count + 1
    beyond = count - LOCK_AFTER
    wait = min(LOCK_MS << min(beyond, 8), LONGEST_LOCK_MS) if beyond >= 0 else 0
    return Tries(count=count, since=at, shut_until=at + wait if wait else 0)


def tried_address(tries: Tries, at: int) -> Tries:
    """One more try from an address: 50 in a quarter of an hour, whosever accounts. Raises Shut."""
    if at - tries.since >= ADDRESS_MS:
        return Tries(count=1, since=at)
    if tries.count >= ADDRESS_TRIES:
        raise Shut(tries.since + ADDRESS_MS - at)
    return msgspec.structs.replace(tries, count=tries.count + 1)


def forgiven(tries: Tries) -> Tries:
    """One try less: it was none. A lock that it brought about is lifted."""
    return msgspec.structs.replace(tries, count=max(tries.count - 1, 0), shut_until=0)


class SignInFailures:
    """Over the bucket `sign_in_failures`. Everything raises LogUnavailable: who cannot count
    lets nobody in."""

    def __init__(self, store: KeyValue, secret: str) -> None:
        self._store = store
        self._key = derived_key(secret, "sign-in failures")

    def account(self, email: str) -> str:
        """The key of an e-mail, whoever has it."""
        return f"account.{self._hash(normal_form(email))}"

    def address(self, address: str) -> str:
        return f"address.{self._hash(address)}"

    async def try_account(self, key: str, at: int) -> Tries:
        """Count one try; raises Shut."""
        return await self._change(key, lambda tries: tried_account(tries, at))

    async def try_address(self, key: str, at: int) -> Tries:
        """Count one try; raises Shut."""
        return await self._change(key, lambda tries: tried_address(tries, at))

    async def forgive(self, key: str) -> None:
        """The last try counted for nothing."""
        await self._change(key, forgiven)

    async def forget(self, key: str) -> None:
        """All failures, because a sign-in was right."""
        await self._store.delete(key)

    async def _change(self, key: str, change: Callable[[Tries], Tries]) -> Tries:
        for _ in range(_TRIES):
            entry = await self._store.get(key)
            after = change(_read(entry.value) if entry is not None else Tries())
            revision = entry.revision if entry is not None else 0
            if await self._store.swap(key, msgspec.json.encode(after), expected=revision):
                return after
        raise Shut(1000)  # a flood of tries at one key: none of them gets through

    def _hash(self, text: str) -> str:
        return hmac.new(self._key, text.encode(errors="replace"), hashlib.sha256).hexdigest()[:40]


def _read(value: bytes) -> Tries:
    try:
        return msgspec.json.decode(value, type=Tries)
    except msgspec.DecodeError as error:
        _log.error("sign-in failures unreadable, counted anew", error=str(error))
        return Tries()
