"""The facts of a document in the knowledge base, and of the embedding spaces it is searched in:
one closed union.

A document goes `requested` (only what is fetched) → `submitted` → `parsed` → `chunked` →
`indexed`, or `failed` at one of these stages. What each stage made lies in the object store under
its hash (`events.objects.artifacts`) and the fact names it, so that all below can be built again
without reading a PDF or running a model. While a new submission is on its way the last indexed
one answers; `DocumentIndexed` closes it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from events.conversation import Fact

MediaType = Literal[
    "text/plain",
    "text/markdown",
    "text/csv",
    "text/html",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
]
Origin = Literal["upload", "command", "fetched", "demo"]
Stage = Literal["fetch", "parse", "chunk", "index"]
FlagKind = Literal["hidden_characters", "hidden_text", "planted_instructions"]
FailureCode = Literal[
    "corrupt",
    "encrypted",
    "empty",
    "too_large",
    "mislabelled",
    "unsupported",
    "too_slow",
    "too_much_memory",
    "crashed",  # whoever worked at it died, each time that it was tried
    "original_lost",
    "embedder_failed",
    "refused_address",
    "not_found",
    "robots",
    "fetch_failed",
]


class Flag(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person should look at in a document; it is indexed all the same, without what is
    hidden. `sample` shows it, with hidden characters as `U+200B`."""

    kind: FlagKind
    sample: str
    where: str = ""
    count: int = 1


class ChunkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How documents are cut. Lengths are tokens of the embedder's own tokenizer."""

    max_tokens: int = 192
    overlap_tokens: int = 0


class DocumentRequested(Fact, frozen=True, kw_only=True, tag="DocumentRequested.v1"):
    """A page or a sitemap is to be fetched. A sitemap becomes a request for each of its pages,
    `depth` further links away at most."""

    tenant: str
    document: str
    url: str
    what: Literal["page", "sitemap"] = "page"
    depth: int = 0
    locale: str = ""
    by: str = ""
    """The operator's id; empty from the command line."""


class DocumentSubmitted(Fact, frozen=True, kw_only=True, tag="DocumentSubmitted.v1"):
    """`content_hash` (sha256, hex) names the original in the object store `documents`. The
    commit's version is the document's version."""

    tenant: str
    document: str
    title: str
    media_type: MediaType
    content_hash: str
    size: int
    url: str = ""
    locale: str = ""
    name: str = ""
    """As it was handed over: a file's name or path, or an address."""
    origin: Origin = "upload"
    by: str = ""
    again: int = 0
    """Counts up when the same content is to be worked at again (after a failure, with other
    settings)."""


class DocumentParsed(Fact, frozen=True, kw_only=True, tag="DocumentParsed.v1"):
    """`parsed_hash` names an `artifacts.Parsed`."""

    version: int
    """Of the submission."""
    parsed_hash: str
    parser: str
    """Library and its version."""
    blocks: int
    characters: int
    pages: int = 0
    title: str = ""
    """What the document itself says it is called; empty where it does not."""
    flags: tuple[Flag, ...] = ()


class DocumentChunked(Fact, frozen=True, kw_only=True, tag="DocumentChunked.v1"):
    """`chunks_hash` names an `artifacts.Chunks`."""

    version: int
    chunks_hash: str
    chunks: int
    settings: ChunkSettings


class DocumentEmbedded(Fact, frozen=True, kw_only=True, tag="DocumentEmbedded.v1"):
    """`vectors_hash` names the `artifacts.Vectors` of these chunks in `space`."""

    version: int
    chunks_hash: str
    space: str
    vectors_hash: str


class DocumentIndexed(Fact, frozen=True, kw_only=True, tag="DocumentIndexed.v1"):
    """From this commit on these chunks answer, and no older ones of the document. Their vectors
    in the space that was searched in stand in `DocumentEmbedded` before it."""

    version: int
    chunks_hash: str
    chunks: int


class DocumentFailed(Fact, frozen=True, kw_only=True, tag="DocumentFailed.v1"):
    """What answered before goes on answering. `reason` is for a person, and says what to do."""

    version: int
    """Of the submission or request."""
    stage: Stage
    code: FailureCode
    reason: str
    where: str = ""


class DocumentRemoved(Fact, frozen=True, kw_only=True, tag="DocumentRemoved.v1"):
    tenant: str
    document: str
    by: str = ""


class ChunkSettingsSet(Fact, frozen=True, kw_only=True, tag="ChunkSettingsSet.v1"):
    """Holds for documents that are submitted, or submitted again, from here on."""

    tenant: str
    settings: ChunkSettings
    by: str = ""


class SpaceOpened(Fact, frozen=True, kw_only=True, tag="SpaceOpened.v1"):
    """Documents are embedded in `space` too from here on; what stands already is filled in."""

    tenant: str
    space: str


class SpaceSwitched(Fact, frozen=True, kw_only=True, tag="SpaceSwitched.v1"):
    """From this commit on searches are in `space`. `previous` stays open: the way back is one
    more such event."""

    tenant: str
    space: str
    previous: str
    recall: float = 0.0
    """Of the new space's index against its exact search; 0 where that is how it is searched."""
    quality: dict[str, float] = msgspec.field(default_factory=dict)
    """What was measured before the switch, by name."""
    by: str = ""


class SpaceClosed(Fact, frozen=True, kw_only=True, tag="SpaceClosed.v1"):
    """Its vectors leave the index; it cannot be the one that is searched in."""

    tenant: str
    space: str


KnowledgeFact = (
    DocumentRequested
    | DocumentSubmitted
    | DocumentParsed
    | DocumentChunked
    | DocumentEmbedded
    | DocumentIndexed
    | DocumentFailed
    | DocumentRemoved
    | ChunkSettingsSet
    | SpaceOpened
    | SpaceSwitched
    | SpaceClosed
)
