"""Operators' accounts over the log: what the command line, the demo and the API change them by.

Each function reads the roster, decides, and appends; when another writer was first it decides
again. All raise AccountError on what cannot be, and LogUnavailable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from events.conversation import Fact
from events.log.event_log import EMPTY, EventLog, Head, NewCommit, VersionConflict
from events.log.stream import is_token, operators_stream, tenancy_stream
from events.tenancy import Role
from serve_apps.gateway.operators.accounts import roster as rules
from serve_apps.gateway.operators.accounts.passwords import Passwords
from serve_apps.gateway.operators.accounts.roster import Account, AccountError, Roster

_TRIES = 8

_Decide = Callable[[Roster], Sequence[Fact]]


async def add_operator(
    log: EventLog,
    tenant: str,
    *,
    email: str,
    name: str,
    role: Role | str,
    password: str,
    at: int,
    passwords: Passwords | None = None,
) -> str:
    """Add an operator and return their id, such as `op_ana_3f9c`. `at` is ms since 1970, UTC.

    AccountError codes: `email`, `name`, `role`, `password`, `email_taken`, `unknown_tenant`.
    """
    await _check_tenant(log, tenant)
    rules.checked_password(password, email)
    roster = (await load_roster(log, tenant))[0]
    rules.adding(roster, tenant, email=email, name=name, role=role, password="", at=at)
    hashed = await _hash(password, passwords)
    added: list[str] = []

    def decide(roster: Roster) -> Sequence[Fact]:
        fact = rules.adding(
            roster, tenant, email=email, name=name, role=role, password=hashed, at=at
        )
        added[:] = [fact.operator]
        return (fact,)

    await change(log, tenant, decide)
    return added[0]


async def change_operator(
    log: EventLog,
    tenant: str,
    who: str,
    *,
    name: str = "",
    role: Role | str = "",
    password: str = "",
    at: int,
    passwords: Passwords | None = None,
) -> Account:
    """Change what is not empty, and return how the account stands then. `who` is an operator id
    or an e-mail. A new role or password ends the operator's sessions.

    AccountError codes: `unknown_operator`, `name`, `role`, `password`.
    """
    roster = (await load_roster(log, tenant))[0]
    account = roster.find(who)
    hashed = ""
    if password:
        rules.checked_password(password, account.email)
        rules.changing(roster, who, name=name, role=role, at=at)  # complain before the work
        hashed = await _hash(password, passwords)
    changed = await change(
        log,
        tenant,
        lambda roster: rules.changing(roster, who, name=name, role=role, password=hashed, at=at),
    )
    return changed.find(account.operator)


async def remove_operator(log: EventLog, tenant: str, who: str, *, at: int) -> str:
    """Remove an operator, by id or e-mail; returns the id. AccountError: `unknown_operator`."""
    operator = (await load_roster(log, tenant))[0].find(who).operator
    await change(log, tenant, lambda roster: (rules.removing(roster, operator, at=at),))
    return operator


async def list_operators(log: EventLog, tenant: str) -> list[Account]:
    """The tenant's operators, in the order they were added."""
    return list((await load_roster(log, tenant))[0].accounts.values())


async def load_roster(log: EventLog, tenant: str) -> tuple[Roster, Head]:
    """The tenant's roster as the log has it now, and where its stream ends."""
    if not is_token(tenant):
        raise AccountError("unknown_tenant", f"there is no tenant {tenant[:100]!r}")
    roster, head = Roster(), EMPTY
    for commit in await log.load(operators_stream(tenant)):
        roster.take(commit.version, commit.facts)
        head = commit.head
    return roster, head


async def change(log: EventLog, tenant: str, decide: _Decide) -> Roster:
    """Append what `decide` gives for the roster as it stands, and return the roster after it.

    Raises what `decide` raises, LogUnavailable, and VersionConflict when others were always first.
    """
    for left in reversed(range(_TRIES)):
        roster, head = await load_roster(log, tenant)
        facts = tuple(decide(roster))
        if not facts:
            return roster
        digest = hashlib.sha256(msgspec.json.encode(facts)).hexdigest()[:32]
        new = NewCommit(commit_id=f"operators-{head.number + 1}-{digest}", facts=facts)
        try:
            commit = await log.append(operators_stream(tenant), new, expected=head)
        except VersionConflict:
            if not left:
                raise
            continue
        roster.take(commit.version, commit.facts)
        return roster
    raise AssertionError("unreachable: the last try returns or raises")


async def _check_tenant(log: EventLog, tenant: str) -> None:
    if not is_token(tenant) or await log.last(tenancy_stream(tenant)) is None:
        raise AccountError("unknown_tenant", f"there is no tenant {tenant[:100]!r}")


async def _hash(password: str, passwords: Passwords | None) -> str:
    if passwords is not None:
        return await passwords.hash(password)
    own = Passwords(at_once=1)
    try:
        return await own.hash(password)
    finally:
        own.close()
