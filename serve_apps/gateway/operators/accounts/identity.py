"""Who a token stands for, asked anew for each request and every few seconds for each socket."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import structlog

from events.log.event_log import LogUnavailable
from serve_apps.gateway.operators.accounts.access import ACCESS_MS, Access, AccessTokens
from serve_apps.gateway.operators.accounts.directory import OperatorDirectory, Place
from serve_apps.gateway.operators.accounts.roster import Account
from serve_apps.gateway.operators.accounts.sessions import LONGEST_MS, Session, Sessions
from serve_apps.gateway.operators.frames import OperatorView
from serve_apps.gateway.shared.refusal import Refusal
from serve_apps.gateway.shared.tenants import TenantDirectory
from serve_apps.gateway.shared.tokens import now_ms

_log = structlog.get_logger(__name__)


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Who is there, and until when (ms since 1970, UTC) this token says so."""

    me: OperatorView
    expires_at: int
    session: str


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """What a sign-in and a refresh give. `refresh` goes into the cookie and nowhere else."""

    token: str
    expires_at: int
    me: OperatorView
    refresh: str


class Identity:
    """Over the directories, the tokens and the sessions. `clock` gives ms since 1970, UTC."""

    def __init__(
        self,
        tenants: TenantDirectory,
        operators: OperatorDirectory,
        tokens: AccessTokens,
        sessions: Sessions,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._tenants, self._operators = tenants, operators
        self._tokens, self._sessions, self._clock = tokens, sessions, clock

    async def of(self, token: str) -> SignedIn:
        """Who `token` stands for, as they stand now.

        Raises Refusal: `bad_token`, `expired`, `revoked` (removed, another password or role,
        signed out), `unavailable` (it cannot be known now: ask again).
        """
        at = self._clock()
        access = self._tokens.read(token, at)
        self.check_ready()
        account = self._operators.account(access.tenant, access.operator)
        if account is None or account.stamp != access.stamp:
            if access.stamp > self._tenants.version:
                raise Refusal("unavailable", "this gateway has not read the account yet")
            raise Refusal("revoked", "this sign-in holds no more: sign in")
        try:
            session = await self._sessions.standing(access.session, at)
        except LogUnavailable as error:
            _log.warning("a session could not be looked at", error=str(error))
            raise Refusal("unavailable", "the session cannot be looked at now") from error
        if session is None or not _is_of(session, access):
            raise Refusal("revoked", "this session is over: sign in")
        me = self.view(access.tenant, account)
        return SignedIn(me=me, expires_at=access.expires_at, session=access.session)

    async def begin(self, place: Place) -> Pass:
        """A new session of an operator who has proved who they are. Raises LogUnavailable."""
        at = self._clock()
        ident, refresh = await self._sessions.begin(place.tenant, place.account, at)
        return self._pass(place.tenant, place.account, ident, began_at=at, at=at, refresh=refresh)

    async def refresh(self, refresh: str) -> Pass:
        """A new access token, and a new refresh token. Raises Refusal `session_over` or
        `unavailable`, LogUnavailable."""
        self.check_ready()
        at = self._clock()

        def valid(session: Session) -> bool:
            if session.stamp > self._tenants.version:
                raise Refusal("unavailable", "this gateway has not read the account yet")
            account = self._operators.account(session.tenant, session.operator)
            return account is not None and account.stamp == session.stamp

        ident, session, new = await self._sessions.refresh(refresh, at, valid=valid)
        account = self._operators.account(session.tenant, session.operator)
        if account is None:
            raise Refusal("session_over", "the session is over: sign in")
        return self._pass(
            session.tenant, account, ident, began_at=session.began_at, at=at, refresh=new
        )

    def view(self, tenant: str, account: Account) -> OperatorView:
        company = self._tenants.by_id(tenant)
        return OperatorView(
            operator=account.operator,
            email=account.email,
            name=account.name,
            role=account.role,
            tenant=tenant,
            company=company.name if company is not None else "",
        )

    def check_ready(self) -> None:
        """Raises Refusal `unavailable` until all that the log held at the start is folded: an
        operator might have been removed in what is not read yet."""
        if not self._tenants.read_in():
            raise Refusal("unavailable", "the gateway is starting, come back")

    def _pass(
        self, tenant: str, account: Account, session: str, *, began_at: int, at: int, refresh: str
    ) -> Pass:
        access = Access(
            tenant=tenant,
            operator=account.operator,
            session=session,
            stamp=account.stamp,
            expires_at=min(at + ACCESS_MS, began_at + LONGEST_MS),
        )
        return Pass(
            token=self._tokens.issue(access),
            expires_at=access.expires_at // 1000 * 1000,
            me=self.view(tenant, account),
            refresh=refresh,
        )


def _is_of(session: Session, access: Access) -> bool:
    return (session.tenant, session.operator, session.stamp) == (
        access.tenant,
        access.operator,
        access.stamp,
    )
