"""Ways to prove that one is an operator. A session begins after, the same for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Protocol, TypeVar

import msgspec
import structlog
from msgspec import Meta

from events.log.event_log import EventLog, LogError
from serve_apps.gateway.operators.accounts.accounts import change
from serve_apps.gateway.operators.accounts.directory import OperatorDirectory, Place
from serve_apps.gateway.operators.accounts.lockouts import Shut, SignInFailures
from serve_apps.gateway.operators.accounts.passwords import Busy, Passwords
from serve_apps.gateway.operators.accounts.roster import rehashing
from serve_apps.gateway.shared.limits import UseLimit

ADDRESS_BURST, ADDRESS_BURST_S = 20, 10
"""Sign-ins of one address in this process, right or wrong."""
ANYWHERE_BURST, ANYWHERE_BURST_S = 100, 10
"""Sign-ins of all addresses in this process: behind a proxy all may look like one."""

_log = structlog.get_logger(__name__)
_Proof_contra = TypeVar("_Proof_contra", contravariant=True)


class SignInRefused(Exception):
    """Nobody is signed in. `code` is stable; `wait_s` is when it makes sense to try again."""

    def __init__(
        self, code: str, detail: str, *, wait_s: int = 0, tenants: tuple[str, ...] = ()
    ) -> None:
        super().__init__(code, detail)
        self.code, self.detail, self.wait_s, self.tenants = code, detail, wait_s, tenants


class SignIn(Protocol[_Proof_contra]):
    """The seam: what a company's own single sign-on would implement beside `PasswordSignIn`."""

    async def operator(self, credentials: _Proof_contra, *, address: str, at: int) -> Place:
        """Whose credentials these are. `address` is where they come from, empty when it is not
        known. Raises SignInRefused, LogUnavailable."""
        ...


class PasswordCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """`tenant` is needed only where one e-mail works for several companies."""

    email: Annotated[str, Meta(min_length=1, max_length=254)]
    password: Annotated[str, Meta(min_length=1, max_length=1024)]
    tenant: Annotated[str, Meta(max_length=64)] = ""

    def __repr__(self) -> str:
        return "PasswordCredentials(...)"  # never into a log


class PasswordSignIn:
    """E-mail and password. What is unknown costs, says and counts as much as what is wrong."""

    def __init__(
        self,
        log: EventLog,
        operators: OperatorDirectory,
        passwords: Passwords,
        failures: SignInFailures,
    ) -> None:
        self._log, self._operators = log, operators
        self._passwords, self._failures = passwords, failures
        self._burst = UseLimit(ADDRESS_BURST, ADDRESS_BURST_S)
        self._anywhere = UseLimit(ANYWHERE_BURST, ANYWHERE_BURST_S)

    async def operator(self, credentials: PasswordCredentials, *, address: str, at: int) -> Place:
        """See SignIn.operator. Codes: `wrong_credentials`, `locked`, `rate_limited`, `busy`,
        `tenant_needed`."""
        account = self._failures.account(credentials.email)
        source = self._failures.address(address) if address else ""
        await self._count(account, source, address, at)
        places = self._operators.by_email(credentials.email, credentials.tenant)
        try:
            right = await self._right(places, credentials.password)
        except Busy:
            await self._forgive(account, source)
            raise SignInRefused("busy", "too many sign in now, try again", wait_s=5) from None
        if not right:
            tried = [f"{place.tenant}/{place.account.operator}" for place in places]
            _log.warning("sign-in failed", account=account, address=address, operators=tried)
            raise SignInRefused("wrong_credentials", "e-mail or password is wrong")
        await self._forgive("", source)
        if len(self._operators.by_email(credentials.email)) == 1:
            await self._failures.forget(account)
        else:
            # Whoever runs one company could else wipe out the failures at another's account.
            await self._failures.forgive(account)
        if len(right) > 1:
            raise SignInRefused(
                "tenant_needed",
                "this e-mail works for several companies, say which",
                tenants=tuple(place.tenant for place in right),
            )
        (place,) = right
        await self._rehash(place, credentials.password, at)
        return place

    async def _count(self, account: str, source: str, address: str, at: int) -> None:
        """Raises SignInRefused when there have been too many."""
        if not (self._burst.take("sign-in", address) and self._anywhere.take("sign-in", "all")):
            raise SignInRefused("rate_limited", "too many sign-ins, try again later", wait_s=10)
        if source:
            try:
                await self._failures.try_address(source, at)
            except Shut as shut:
                _log.warning("sign-ins from an address stopped", address=address)
                detail = "too many sign-ins failed from this address, try again later"
                raise _refused("rate_limited", detail, shut) from None
        try:
            tries = await self._failures.try_account(account, at)
        except Shut as shut:
            _log.warning("sign-in at a locked account", account=account, address=address)
            detail = "too many sign-ins failed for this e-mail, try again later"
            raise _refused("locked", detail, shut) from None
        if tries.shut_until:
            _log.warning(
                "an account is locked unless this sign-in is right",
                account=account,
                address=address,
                failures=tries.count - 1,
            )

    async def _forgive(self, *keys: str) -> None:
        for key in filter(None, keys):
            await self._failures.forgive(key)

    async def _right(self, places: Sequence[Place], password: str) -> Sequence[Place]:
        """Those of `places` whose password it is. Raises Busy."""
        if not places:
            await self._passwords.verify(None, password)
            return []
        checks = (self._passwords.verify(place.account.password, password) for place in places)
        found = await asyncio.gather(*checks)
        return [place for place, right in zip(places, found, strict=True) if right]

    async def _rehash(self, place: Place, password: str, at: int) -> None:
        """Keep the password under today's parameters, if its hash is of older ones."""
        old = place.account.password
        if not self._passwords.is_old(old):
            return
        ident = place.account.operator
        try:
            new = await self._passwords.hash(password)
            await change(
                self._log,
                place.tenant,
                lambda roster: rehashing(roster, ident, old=old, new=new, at=at),
            )
        except (LogError, Busy) as error:  # the next sign-in tries again
            _log.warning("a password was not rehashed", operator=ident, error=str(error))


def _refused(code: str, detail: str, shut: Shut) -> SignInRefused:
    return SignInRefused(code, detail, wait_s=-(-shut.wait_ms // 1000))
