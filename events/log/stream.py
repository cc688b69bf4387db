"""Names of streams: the tenant stands first, one literal subject per entity."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Kind = Literal["conversation", "knowledge", "tenancy"]

INDEX = "_index"
DOCUMENTS_LIVE = "_documents"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")

JETSTREAM: dict[Kind, str] = {
    "conversation": "CONVERSATIONS",
    "knowledge": "KNOWLEDGE",
    "tenancy": "TENANCY",
}


class StreamName(msgspec.Struct, frozen=True):
    """One entity's stream of commits: `tandem.<tenant>.<kind>.<id>`."""

    tenant: str
    kind: Kind
    id: str

    @property
    def subject(self) -> str:
        return f"tandem.{self.tenant}.{self.kind}.{self.id}"

    @property
    def live(self) -> str:
        """The subject of this conversation's live frames, which are never history."""
        return f"tandem.{self.tenant}.live.{self.id}"


def is_token(text: str) -> bool:
    """True when `text` may stand as one token of a subject: 1 to 64 of `[A-Za-z0-9_-]`."""
    return _TOKEN.match(text) is not None


def _stream(tenant: str, kind: Kind, ident: str) -> StreamName:
    for name, value in (("tenant", tenant), (kind, ident)):
        if not is_token(value):
            raise ValueError(f"{name} id {value!r} must be 1 to 64 of A-Z a-z 0-9 _ -")
    return StreamName(tenant, kind, ident)


def conversation_stream(tenant: str, conversation: str) -> StreamName:
    return _stream(tenant, "conversation", conversation)


def knowledge_stream(tenant: str, document: str) -> StreamName:
    return _stream(tenant, "knowledge", document)


def index_stream(tenant: str) -> StreamName:
    """The tenant's embedding spaces and chunk settings. No document may have this id."""
    return _stream(tenant, "knowledge", INDEX)


def documents_live(tenant: str) -> StreamName:
    """Its `live` is the subject of `DocumentProgress` frames. Nothing is ever appended to it."""
    return _stream(tenant, "knowledge", DOCUMENTS_LIVE)


def tenancy_stream(tenant: str) -> StreamName:
    return _stream(tenant, "tenancy", "settings")


def operators_stream(tenant: str) -> StreamName:
    """Who works for the tenant, and their canned replies."""
    return _stream(tenant, "tenancy", "operators")


def live_of_all(tenant: str) -> str:
    """The subject of the live frames of all of a tenant's conversations."""
    return _stream(tenant, "conversation", "all").live.removesuffix("all") + "*"


def parse_subject(subject: str) -> StreamName:
    """The stream whose commits are published on `subject`. Raises ValueError on any other."""
    parts = subject.split(".")
    if len(parts) != 4 or parts[0] != "tandem" or parts[2] not in JETSTREAM:
        raise ValueError(f"{subject!r} is no subject of ours: tandem.<tenant>.<kind>.<id>")
    return StreamName(parts[1], parts[2], parts[3])  # type: ignore[arg-type]  # checked above
