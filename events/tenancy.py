"""The facts of a tenant: who it is, its keys, its operators, and how it hands over to a person.

They stand in two streams of a tenant, `settings` and `operators` (see `events.log.stream`), which
are read together.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from events.conversation import Fact

Placement = Literal["shared", "dedicated"]
Role = Literal["admin", "manager", "viewer"]
"""`viewer` reads and replays; `manager` also takes over, answers and approves; `admin` also adds
operators and changes settings."""


class TenantConfigured(Fact, frozen=True, kw_only=True, tag="TenantConfigured.v1"):
    """The whole of a tenant's settings; the newest one holds.

    `origins` are the browser origins its keys may be used from; the word
    `loopback` stands for every origin whose host is this machine.
    """

    tenant: str
    name: str
    keys: tuple[str, ...]
    origins: tuple[str, ...]
    locale: str = "en"
    placement: Placement = "shared"


ClockTime = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
Score = Annotated[float, Meta(ge=0, le=1)]


class OpenHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """People are there on `days` (1 is Monday, 7 Sunday) from `opens` to `closes`."""

    days: tuple[Annotated[int, Meta(ge=1, le=7)], ...]
    opens: ClockTime
    closes: ClockTime


class HandoffPolicy(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """When a person is called, and what happens then. Every threshold is a score from 0 to 1;
    0 switches that reason off, but for the button, which always works."""

    words: Score = 0.5
    """How surely a message must ask for a person."""
    distress: Score = 0.9
    """Higher than `words`: plain complaints look like anger (docs/handoff.md)."""
    authority: Score = 0.8
    low_confidence: Score = 0.0
    """An answer that is less sure than this goes out and calls a person; off by default."""
    guard: Score = 0.0
    """Call a person when more than this share of an answer was held back by the guard; off by
    default."""
    unanswered_turns: Annotated[int, Meta(ge=0, le=20)] = 2
    """So many turns in a row without an answer; 0 is never."""
    person_phrases: tuple[str, ...] = ()
    """Further ways to ask this company for a person, in any language: matched by meaning."""
    authority_phrases: tuple[str, ...] = ()
    """Requests that only a person may carry out here, such as "cancel my contract"."""
    never_phrases: tuple[str, ...] = ()
    """Messages that look like one of the above and are none."""
    silent: bool = False
    """From the request on, the AI says nothing until a person came."""
    supervised: bool = False
    """New conversations begin supervised."""
    lease_s: Annotated[int, Meta(ge=10, le=86400)] = 180
    """An operator who is away for so long loses the conversation."""
    on_lapse: Literal["queue", "ai"] = "queue"
    hours: tuple[OpenHours, ...] = ()
    """Empty means always."""
    timezone: str = "UTC"


class HandoffConfigured(Fact, frozen=True, kw_only=True, tag="HandoffConfigured.v1"):
    """The whole of the policy; the newest one holds."""

    policy: HandoffPolicy
    operator: str = ""


class OperatorAdded(Fact, frozen=True, kw_only=True, tag="OperatorAdded.v1"):
    """`password` is an argon2id hash (PHC string), never a password."""

    operator: str
    email: str
    name: str
    role: Role
    password: str


class OperatorChanged(Fact, frozen=True, kw_only=True, tag="OperatorChanged.v1"):
    """What is not empty changes. A new password or role ends all of the operator's sessions."""

    operator: str
    name: str = ""
    role: Role | Literal[""] = ""
    password: str = ""
    rehashed: bool = False
    """The same password, hashed by today's parameters: the sessions go on."""


class OperatorRemoved(Fact, frozen=True, kw_only=True, tag="OperatorRemoved.v1"):
    """Signs in no more; what the operator did stays theirs in every history."""

    operator: str


class CannedReplyKept(Fact, frozen=True, kw_only=True, tag="CannedReplyKept.v1"):
    """A reply that operators insert with `/name`; the newest of a name holds."""

    name: str
    text: str
    operator: str = ""


class CannedReplyRemoved(Fact, frozen=True, kw_only=True, tag="CannedReplyRemoved.v1"):
    name: str
    operator: str = ""


TenancyFact = (
    TenantConfigured
    | HandoffConfigured
    | OperatorAdded
    | OperatorChanged
    | OperatorRemoved
    | CannedReplyKept
    | CannedReplyRemoved
)
