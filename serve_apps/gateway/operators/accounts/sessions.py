"""Sessions: who is signed in, on every replica, and the refresh tokens that keep it so.

A refresh token is `<session>.<32 random bytes>`; the store holds its hash alone. Each refresh
gives a new one and ends the old one. When an old one comes again, two have it, and nobody can
tell who is the thief: the whole session ends. But two tabs that refresh at once, or an answer
that got lost, look the same; so for some seconds the token just replaced is still taken.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable

import msgspec
import structlog

from events.key_value import KeyValue
from serve_apps.gateway.operators.accounts.roster import Account
from serve_apps.gateway.shared.refusal import Refusal

IDLE_MS = 12 * 3_600_000
LONGEST_MS = 7 * 24 * 3_600_000
RACE_MS = 20_000
"""How long a token that was just replaced is still taken."""
_AT_ONCE = 8
_REMEMBERED = 64
_TRIES = 16

_TOKEN = re.compile(r"([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})\Z")
_log = structlog.get_logger(__name__)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """The value of a key. Tokens are hashes; times are ms since 1970, UTC."""

    tenant: str
    operator: str
    stamp: int
    began_at: int
    rotated_at: int
    current: tuple[str, ...]
    """Will be taken: one, or several where some refreshed at once."""
    replaced: tuple[str, ...] = ()
    """Were current before the last rotation."""
    past: tuple[str, ...] = ()
    """Older ones, newest last; the oldest are forgotten."""


class TokenReused(Exception):
    """A refresh token that was replaced long ago."""


class UnknownToken(Exception):
    """A refresh token that is none of this session's."""


def rotated(session: Session, presented: str, new: str, at: int) -> Session:
    """The session after a refresh with the token `presented`, which gives the token `new` (both
    hashes). Raises TokenReused, UnknownToken."""
    if presented in session.current:
        return msgspec.structs.replace(
            session,
            current=(new,),
            replaced=session.current,
            past=(*session.past, *session.replaced)[-_REMEMBERED:],
            rotated_at=at,
        )
    if presented in session.replaced and at - session.rotated_at <= RACE_MS:
        kept = (*session.current, new)
        return msgspec.structs.replace(
            session,
            current=kept[-_AT_ONCE:],
            past=(*session.past, *kept[:-_AT_ONCE])[-_REMEMBERED:],
        )
    if presented in session.replaced or presented in session.past:
        raise TokenReused
    raise UnknownToken


def is_over(session: Session, at: int) -> bool:
    return at - session.rotated_at > IDLE_MS or at - session.began_at > LONGEST_MS


class Sessions:
    """Over the bucket `operator_sessions`. Everything raises LogUnavailable."""

    def __init__(self, store: KeyValue) -> None:
        self._store = store

    async def begin(self, tenant: str, account: Account, at: int) -> tuple[str, str]:
        """A new session: its id, and the refresh token."""
        ident, secret = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        session = Session(
            tenant=tenant,
            operator=account.operator,
            stamp=account.stamp,
            began_at=at,
            rotated_at=at,
            current=(_hash(secret),),
        )
        await self._store.put(ident, msgspec.json.encode(session))
        return ident, f"{ident}.{secret}"

    async def standing(self, ident: str, at: int) -> Session | None:
        """The session, unless it is over."""
        entry = await self._store.get(ident)
        session = _read(entry.value) if entry is not None else None
        return None if session is None or is_over(session, at) else session

    async def refresh(
        self, token: str, at: int, *, valid: Callable[[Session], bool]
    ) -> tuple[str, Session, str]:
        """The session's id, the session, and the new refresh token. `valid` says whether who it
        is may still sign in.

        Raises Refusal `session_over`.
        """
        ident, secret = _parts(token)
        new = secrets.token_urlsafe(32)
        for _ in range(_TRIES):
            entry = await self._store.get(ident)
            session = _read(entry.value) if entry is not None else None
            if entry is None or session is None:
                break
            if is_over(session, at) or not valid(session):
                await self._store.delete(ident)
                break
            try:
                after = rotated(session, _hash(secret), _hash(new), at)
            except UnknownToken:
                break
            except TokenReused:
                _log.warning(
                    "a refresh token came again: its session ends",
                    tenant=session.tenant,
                    operator=session.operator,
                )
                await self._store.delete(ident)
                break
            if await self._store.swap(ident, msgspec.json.encode(after), expected=entry.revision):
                return ident, after, f"{ident}.{new}"
        raise Refusal("session_over", "the session is over: sign in")

    async def end(self, token: str) -> Session | None:
        """End the session of a refresh token, be it an old one; returns it, if there was one.
        Doing it again changes nothing. Raises Refusal `session_over` on what is no token."""
        ident, secret = _parts(token)
        entry = await self._store.get(ident)
        session = _read(entry.value) if entry is not None else None
        if session is None:
            return None
        if _hash(secret) not in (*session.current, *session.replaced, *session.past):
            return None
        await self._store.delete(ident)
        return session


def _parts(token: str) -> tuple[str, str]:
    match = _TOKEN.match(token)
    if match is None:
        raise Refusal("session_over", "no session: sign in")
    return match[1], match[2]


def _hash(secret: str) -> str:
    """Of 32 random bytes, so that a plain hash cannot be turned back."""
    return hashlib.sha256(secret.encode()).hexdigest()[:32]


def _read(value: bytes) -> Session | None:
    try:
        return msgspec.json.decode(value, type=Session)
    except msgspec.DecodeError as error:
        _log.error("a session is unreadable, and so over", error=str(error))
        return None
