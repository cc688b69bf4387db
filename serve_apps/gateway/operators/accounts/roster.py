"""Who works for a tenant, and their canned replies: the fold, and what may change. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from typing import get_args

import msgspec

from events.conversation import Fact
from events.tenancy import (
    CannedReplyKept,
    CannedReplyRemoved,
    OperatorAdded,
    OperatorChanged,
    OperatorRemoved,
    Role,
)

PASSWORD_CHARS = (10, 256)
NAME_CHARS = 80
CANNED_CHARS = 4000
MOST_CANNED = 500
MOST_OPERATORS = 1000

_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_EMAIL = re.compile(rf"[^\s@<>()\[\]\\,;:\"]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")
_CANNED_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class AccountError(Exception):
    """What was asked of an account cannot be: `code` is stable, `detail` is for a person."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail

    def __str__(self) -> str:
        return self.detail


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An operator as they stand now."""

    operator: str
    email: str
    name: str
    role: Role
    password: str
    """An argon2id hash (PHC string)."""
    stamp: int
    """The version that made the password and the role what they are: a session that was begun
    under another is over."""


class Roster(msgspec.Struct):
    """The fold of a tenant's `operators` stream. `take` changes it; nothing else does."""

    accounts: dict[str, Account] = {}
    """By operator id, in the order they came."""
    left: dict[str, str] = {}
    """The e-mail of those who were removed, by operator id."""
    canned: dict[str, str] = {}
    """Texts by name."""

    def take(self, version: int, facts: Iterable[Fact]) -> None:
        for fact in facts:
            match fact:
                case OperatorAdded():
                    self.accounts[fact.operator] = Account(
                        operator=fact.operator,
                        email=fact.email,
                        name=fact.name,
                        role=fact.role,
                        password=fact.password,
                        stamp=version,
                    )
                case OperatorChanged():
                    self._change(version, fact)
                case OperatorRemoved():
                    if (account := self.accounts.pop(fact.operator, None)) is not None:
                        self.left[account.operator] = account.email
                case CannedReplyKept():
                    self.canned[fact.name] = fact.text
                case CannedReplyRemoved():
                    self.canned.pop(fact.name, None)
                case _:
                    pass  # a fact of the tenant's settings

    def _change(self, version: int, fact: OperatorChanged) -> None:
        account = self.accounts.get(fact.operator)
        if account is None:
            return
        ends_sessions = bool(fact.role) or (bool(fact.password) and not fact.rehashed)
        self.accounts[fact.operator] = msgspec.structs.replace(
            account,
            name=fact.name or account.name,
            role=fact.role or account.role,
            password=fact.password or account.password,
            stamp=version if ends_sessions else account.stamp,
        )

    def by_email(self, email: str) -> Account | None:
        """`email` as `normal_email` gives it."""
        return next((one for one in self.accounts.values() if one.email == email), None)

    def find(self, who: str) -> Account:
        """By operator id or e-mail. Raises AccountError `unknown_operator`."""
        account = self.accounts.get(who) or self.by_email(normal_form(who))
        if account is None:
            raise AccountError("unknown_operator", f"there is no operator {who[:100]!r}")
        return account


# What may change: each gives the facts to append, or raises AccountError.


def adding(
    roster: Roster, tenant: str, *, email: str, name: str, role: str, password: str, at: int
) -> OperatorAdded:
    """`password` is a hash. The id is made of the other arguments alone."""
    email, name = normal_email(email), checked_name(name)
    if roster.by_email(email) is not None:
        raise AccountError("email_taken", f"{email} is an operator of {tenant} already")
    if len(roster.accounts) >= MOST_OPERATORS:
        raise AccountError("too_many", f"a tenant has {MOST_OPERATORS} operators at most")
    return OperatorAdded(
        at=at,
        operator=_new_id(roster, tenant, email, name, at),
        email=email,
        name=name,
        role=checked_role(role),
        password=password,
    )


def changing(
    roster: Roster, who: str, *, name: str = "", role: str = "", password: str = "", at: int
) -> tuple[OperatorChanged, ...]:
    """Nothing for what is so already. `password` is a hash, and always new."""
    account = roster.find(who)
    new_name = checked_name(name) if name else ""
    new_role = checked_role(role) if role else ""
    fact = OperatorChanged(
        at=at,
        operator=account.operator,
        name=new_name if new_name != account.name else "",
        role=new_role if new_role != account.role else "",
        password=password,
    )
    return (fact,) if fact.name or fact.role or fact.password else ()


def rehashing(
    roster: Roster, operator: str, *, old: str, new: str, at: int
) -> tuple[OperatorChanged, ...]:
    """The same password under a newer hash; nothing when the password has changed meanwhile."""
    account = roster.accounts.get(operator)
    if account is None or account.password != old:
        return ()
    return (OperatorChanged(at=at, operator=operator, password=new, rehashed=True),)


def removing(roster: Roster, who: str, *, at: int) -> OperatorRemoved:
    return OperatorRemoved(at=at, operator=roster.find(who).operator)


def keeping_canned(
    roster: Roster, name: str, text: str, *, operator: str, at: int
) -> tuple[CannedReplyKept, ...]:
    name = checked_canned_name(name)
    if not 1 <= len(text) <= CANNED_CHARS:
        raise AccountError("canned_text", f"a canned reply has 1 to {CANNED_CHARS} characters")
    if roster.canned.get(name) == text:
        return ()
    if name not in roster.canned and len(roster.canned) >= MOST_CANNED:
        raise AccountError("too_many", f"a tenant has {MOST_CANNED} canned replies at most")
    return (CannedReplyKept(at=at, name=name, text=text, operator=operator),)


def removing_canned(roster: Roster, name: str, *, operator: str, at: int) -> CannedReplyRemoved:
    if name not in roster.canned:
        raise AccountError("unknown_canned", f"there is no canned reply {name[:100]!r}")
    return CannedReplyRemoved(at=at, name=name, operator=operator)


# What people type.


def normal_form(email: str) -> str:
    """How e-mails are compared: without regard to case, width or space around them."""
    return unicodedata.normalize("NFKC", email).strip().lower()


def normal_email(email: str) -> str:
    """Raises AccountError `email` on what is no address."""
    form = normal_form(email)
    if len(form) > 254 or _EMAIL.fullmatch(form) is None:
        raise AccountError("email", f"{email[:100]!r} is no e-mail address")
    return form


def normal_password(password: str) -> str:
    """A password as it is hashed, however a keyboard composed its letters (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)


def checked_password(password: str, email: str = "") -> str:
    """A password that somebody chose, as it is hashed. Raises AccountError `password`."""
    form = normal_password(password)
    fewest, most = PASSWORD_CHARS
    if not fewest <= len(form) <= most:
        raise AccountError("password", f"a password has {fewest} to {most} characters")
    if len(set(form)) < 4 or (email and normal_form(form) == normal_form(email)):
        raise AccountError("password", "this password is too easy to guess")
    return form


def checked_name(name: str) -> str:
    """Raises AccountError `name`."""
    kept = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not 1 <= len(kept) <= NAME_CHARS:
        raise AccountError("name", f"a name has 1 to {NAME_CHARS} characters")
    return kept


def checked_role(role: str) -> Role:
    """Raises AccountError `role`."""
    for known in get_args(Role):
        if role == known:
            return known
    raise AccountError("role", f"a role is one of {', '.join(get_args(Role))}, not {role[:50]!r}")


def checked_canned_name(name: str) -> str:
    """Raises AccountError `canned_name`."""
    if _CANNED_NAME.fullmatch(name) is None:
        raise AccountError("canned_name", "a name is 1 to 32 of a-z 0-9 _ -, as in /shipping-times")
    return name


def _new_id(roster: Roster, tenant: str, email: str, name: str, at: int) -> str:
    """`op_ana_3f9c`: a token that a person can tell from another, and that nobody had before."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", ascii_name)
    stem = f"op_{words[0][:24]}" if words else "op"
    digest = hashlib.sha256(f"{tenant}\0{email}\0{at}".encode()).hexdigest()
    for digits in range(4, 33):
        ident = f"{stem}_{digest[:digits]}"
        if ident not in roster.accounts and ident not in roster.left:
            return ident
    raise AccountError("email_taken", f"{email} was added at this very time already")
