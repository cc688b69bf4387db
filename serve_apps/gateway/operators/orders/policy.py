"""The tenant's handoff policy: what of it is checked where it comes in, and how it is kept."""

from __future__ import annotations

import hashlib

import msgspec

from actors.conversation.hours import UnknownTimezone, timezone
from events.log.event_log import EMPTY, EventLog, NewCommit, VersionConflict
from events.log.stream import tenancy_stream
from events.tenancy import HandoffConfigured, HandoffPolicy
from serve_apps.gateway.shared.limits import clean_text
from serve_apps.gateway.shared.problems import FieldError

MOST_PHRASES = 100
PHRASE_CHARS = 200
MOST_WINDOWS = 50
LEAST_LEASE_S = 30
"""Consoles say each 10 s that they are there: a shorter lease would lapse from under who is."""
_PHRASES = ("person_phrases", "authority_phrases", "never_phrases")
_TRIES = 8


def wrong_fields(policy: HandoffPolicy) -> tuple[FieldError, ...]:
    """What is wrong with `policy` beyond what its types say, by field."""
    wrong: list[FieldError] = []
    for name in _PHRASES:
        phrases: tuple[str, ...] = getattr(policy, name)
        if len(phrases) > MOST_PHRASES:
            wrong.append(FieldError(name, f"{MOST_PHRASES} phrases at most"))
        for place, phrase in enumerate(phrases):
            if not 1 <= len(clean_text(phrase)) <= PHRASE_CHARS:
                detail = f"a phrase has 1 to {PHRASE_CHARS} characters"
                wrong.append(FieldError(f"{name}[{place}]", detail))
    if policy.lease_s < LEAST_LEASE_S:
        wrong.append(FieldError("lease_s", f"{LEAST_LEASE_S} seconds or more"))
    if len(policy.hours) > MOST_WINDOWS:
        wrong.append(FieldError("hours", f"{MOST_WINDOWS} windows at most"))
    for place, window in enumerate(policy.hours):
        if not window.days or len(set(window.days)) != len(window.days):
            wrong.append(FieldError(f"hours[{place}].days", "one or more days, each once"))
    try:
        timezone(policy.timezone)
    except UnknownTimezone:
        detail = f"{policy.timezone[:64]!r} is no IANA time zone, such as Europe/Madrid"
        wrong.append(FieldError("timezone", detail))
    return tuple(wrong)


def cleaned(policy: HandoffPolicy) -> HandoffPolicy:
    """`policy` with its phrases as they are kept."""
    phrases = {name: tuple(map(clean_text, getattr(policy, name))) for name in _PHRASES}
    return msgspec.structs.replace(policy, **phrases)


async def keep_policy(
    log: EventLog, tenant: str, policy: HandoffPolicy, *, operator: str, at: int
) -> None:
    """The newest one holds. Raises LogUnavailable, VersionConflict when others were always
    first."""
    stream = tenancy_stream(tenant)
    fact = HandoffConfigured(at=at, policy=policy, operator=operator)
    digest = hashlib.sha256(msgspec.json.encode(fact)).hexdigest()[:32]
    for left in reversed(range(_TRIES)):
        last = await log.last(stream)
        head = last.head if last is not None else EMPTY
        new = NewCommit(commit_id=f"policy-{head.number + 1}-{digest}", facts=(fact,))
        try:
            await log.append(stream, new, expected=head)
        except VersionConflict:
            if not left:
                raise
            continue
        return
