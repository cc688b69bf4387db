"""Access tokens: fifteen minutes of proof of who is signed in, for HTTP and the socket.

JSON Web Tokens, HS256, of another kind than a visitor's: signed with a key of their own, which
is derived from the installation's secret, and for another audience. So neither can ever stand
for the other, whatever a check forgets.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import jwt
import msgspec

from serve_apps.gateway.shared.refusal import Refusal

ACCESS_MS = 15 * 60_000

_ALGORITHM = "HS256"
_AUDIENCE = "tandem.operator"


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What a token proves. Times are ms since 1970, UTC."""

    tenant: str
    operator: str
    session: str
    stamp: int
    """Of the account when the session began; see `roster.Account`."""
    expires_at: int


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    ten: str
    sub: str
    sid: str
    stp: int
    exp: int


def derived_key(secret: str, purpose: str) -> bytes:
    """A key for `purpose` alone, of the installation's secret."""
    return hmac.digest(secret.encode(), f"tandem {purpose}".encode(), hashlib.sha256)


class AccessTokens:
    """Issues and reads the tokens of one installation."""

    def __init__(self, secret: str) -> None:
        self._key = derived_key(secret, "operator access")

    def issue(self, access: Access) -> str:
        claims: dict[str, Any] = {
            "aud": _AUDIENCE,
            "ten": access.tenant,
            "sub": access.operator,
            "sid": access.session,
            "stp": access.stamp,
            "exp": access.expires_at // 1000,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def read(self, token: str, at: int) -> Access:
        """Raises Refusal `bad_token` or `expired`; whether the session stands is not known here."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                options={"require": ["aud", "exp"], "verify_exp": False},  # by `at`, below
            )
            read = msgspec.convert(claims, _Claims)
        except (jwt.InvalidTokenError, UnicodeError, msgspec.ValidationError):
            raise Refusal("bad_token", "this is no token of an operator") from None
        if read.exp * 1000 <= at:
            raise Refusal("expired", "the token has ended: refresh it, or sign in")
        return Access(
            tenant=read.ten,
            operator=read.sub,
            session=read.sid,
            stamp=read.stp,
            expires_at=read.exp * 1000,
        )
