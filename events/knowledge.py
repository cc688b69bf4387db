"""The facts of a document in the knowledge base: one closed union."""

from __future__ import annotations

from typing import Literal

from events.conversation import Fact

MediaType = Literal["text/plain", "text/markdown", "text/csv"]


class DocumentSubmitted(Fact, frozen=True, kw_only=True, tag="DocumentSubmitted.v1"):
    """`content_hash` (sha256, hex) names the original in the object store `documents`."""

    tenant: str
    document: str
    title: str
    media_type: MediaType
    content_hash: str
    size: int
    url: str = ""
    locale: str = ""


class DocumentRemoved(Fact, frozen=True, kw_only=True, tag="DocumentRemoved.v1"):
    tenant: str
    document: str


KnowledgeFact = DocumentSubmitted | DocumentRemoved
