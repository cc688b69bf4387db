"""Tokens: what lets a visitor come back to a conversation, and ids of new ones.

A token is a JSON Web Token, HS256, signed with the installation's secret. It names the
tenant, the conversation, a random id that all conversations of one browser share, and when it
was issued; nothing else about the visitor.
"""

from __future__ import annotations

import secrets
import time

import jwt
import msgspec

from events.log.stream import StreamName, conversation_stream, is_token

_ALGORITHM = "HS256"
_PURPOSE = "tandem.visitor"
DAY_S = 86_400


class BadToken(Exception):
    """A token that is not ours, too old, or for something else; says which."""


class VisitorPass(msgspec.Struct, frozen=True):
    """What a token proves: its holder may read and write this conversation."""

    tenant: str
    conversation: str
    issued_at: int
    """Seconds since 1970, UTC."""
    visitor: str
    """The same for all conversations of one browser."""

    @property
    def stream(self) -> StreamName:
        return conversation_stream(self.tenant, self.conversation)


def now_ms() -> int:
    """The time as commands carry it: milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """An id that sorts by time and cannot be guessed: a UUID, version 7 (RFC 9562), in hex."""
    stamp = now_ms() & (1 << 48) - 1
    high = stamp << 16 | 0x7000 | secrets.randbits(12)
    low = 0b10 << 62 | secrets.randbits(62)
    return f"{high << 64 | low:032x}"


class VisitorTokens:
    """Issues and checks the tokens of one installation."""

    def __init__(self, secret: str, *, max_age_s: int = 90 * DAY_S) -> None:
        """Raises ValueError on a secret that is too short to sign with (RFC 7518: 32 bytes)."""
        if len(secret.encode()) < 32:
            raise ValueError("the secret that signs visitors' tokens must hold 32 bytes or more")
        self._secret, self._max_age_s = secret, max_age_s

    def issue(self, tenant: str, conversation: str, visitor: str) -> str:
        claims = {
            "aud": _PURPOSE,
            "ten": tenant,
            "con": conversation,
            "vis": visitor,
            "iat": int(time.time()),
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def read(self, token: str) -> VisitorPass:
        """Raises BadToken."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=_PURPOSE,
                options={"require": ["iat", "aud"]},
            )
        except (jwt.InvalidTokenError, UnicodeError) as error:
            raise BadToken(f"the token cannot be used: {error}") from None
        tenant, conversation = claims.get("ten"), claims.get("con")
        if not (isinstance(tenant, str) and isinstance(conversation, str)):
            raise BadToken("the token names no conversation")
        if not (is_token(tenant) and is_token(conversation)):
            raise BadToken("the token names no conversation")
        # Tokens from before visitors had an id: the conversation's id serves as one.
        visitor = claims.get("vis", conversation)
        if not (isinstance(visitor, str) and is_token(visitor)):
            raise BadToken("the token names no visitor")
        issued_at = int(claims["iat"])
        if issued_at + self._max_age_s < time.time():
            raise BadToken(f"the token is older than {self._max_age_s // DAY_S} days")
        return VisitorPass(tenant, conversation, issued_at, visitor)
