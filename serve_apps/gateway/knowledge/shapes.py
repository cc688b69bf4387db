"""What the knowledge API says, field by field (docs/knowledge-api.md). Times are milliseconds
since 1970, UTC; a version is a place in the log."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec

from events.conversation import Place
from events.knowledge import ChunkSettings, Flag
from events.live.frames import DocumentProgress
from projections.knowledge.documents import ChunkInContext, ChunkRow, DocumentVersion, Failure
from projections.read_models.gaps import GapGroup
from serve_apps.gateway.shared.problems import FieldError
from serve_apps.retrieval.retriever import SearchExplanation

NO_NUL = r"^[^\x00]*$"
"""Of text that is asked with: Postgres cannot take U+0000."""
Words = Annotated[str, msgspec.Meta(pattern=NO_NUL)]


_LOCALE = re.compile(r"([A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,4})?")
MOST_LOCALE = 35


def locale_fault(locale: str) -> list[FieldError]:
    """What is wrong with it, as with a visitor's; nothing where it is empty."""
    if len(locale) <= MOST_LOCALE and _LOCALE.fullmatch(locale):
        return []
    return [
        FieldError("locale", f"a language tag, such as `en` or `pt-BR`: {MOST_LOCALE} characters")
    ]


class UrlRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page, or all pages of a sitemap, to be fetched soon; `depth` further links away."""

    url: Words
    what: Literal["page", "sitemap"] = "page"
    depth: int = 0
    locale: Words = ""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Durable. `changed` is false when it stood so already."""

    document: str
    version: int
    changed: bool
    name: str = ""


class NotTaken(msgspec.Struct, frozen=True, kw_only=True):
    """A file of several that was refused, and why."""

    name: str
    code: str
    detail: str


class AllTaken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    documents: tuple[Taken, ...]
    refused: tuple[NotTaken, ...] = ()


class DocumentView(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a document. `answers` is the version that is searched, 0 when none is; `by`
    an operator's id, empty from the command line; `closed_at` the version that ended it."""

    document: str
    name: str
    title: str
    version: int
    state: str
    answers: int
    media_type: str
    size: int
    url: str
    locale: str
    origin: str
    pages: int
    characters: int
    chunks: int
    parser: str
    flags: tuple[Flag, ...]
    failure: Failure | None
    submitted_at: int
    indexed_at: int | None
    by: str
    closed_at: int | None


class DocumentList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`next` is what to ask for as `before` to get the following page."""

    rows: tuple[DocumentView, ...]
    next: str = ""


class OneDocument(msgspec.Struct, frozen=True, kw_only=True):
    document: str
    versions: tuple[DocumentView, ...]


class ChunkView(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk as it stands in the document. `start` and `end` count characters of its block."""

    chunk: str
    document: str
    version: int
    ordinal: int
    title: str
    heading: str
    text: str
    place: Place
    url: str
    source: str
    locale: str
    start: int
    end: int
    tokens: int
    hash: str
    opened_at: int
    closed_at: int | None


class ChunkList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`next` is what to ask for as `after` to get the following page."""

    rows: tuple[ChunkView, ...]
    next: int | None = None


class ChunkShown(ChunkView, frozen=True, kw_only=True):
    """With the texts beside it, empty where there are none."""

    before: str
    after: str
    document_title: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be found: any of each; an empty one allows all."""

    documents: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`as_of` is a version of the log: the index as it stood then."""

    question: str
    locale: Words = ""
    limit: int = 8
    filters: Wanted = Wanted()
    as_of: int | None = None


class HitView(ChunkView, frozen=True, kw_only=True):
    """`score` can be compared between questions, `rank` orders this result only; `parts` are
    `dense`, `words`, `sentence` and, with a model set, `rerank`."""

    score: float
    rank: float
    parts: dict[str, float]
    sentences: tuple[tuple[str, float], ...]
    media_type: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """`answerable`: a turn would answer from these. `latency_ms` by stage."""

    hits: tuple[HitView, ...]
    answerable: bool
    knowledge: int
    space: str
    how: str
    latency_ms: dict[str, float]


class GapList(msgspec.Struct, frozen=True, kw_only=True):
    groups: tuple[GapGroup, ...]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How documents are cut from here on. Lengths are tokens of the embedder."""

    max_tokens: int
    overlap_tokens: int = 0

    @property
    def chunking(self) -> ChunkSettings:
        return ChunkSettings(max_tokens=self.max_tokens, overlap_tokens=self.overlap_tokens)


class ProgressView(msgspec.Struct, frozen=True, kw_only=True):
    """How far a document has come; `total` is 0 where it cannot be counted."""

    document: str
    version: int
    stage: str
    done: int
    total: int


def document_view(row: DocumentVersion) -> DocumentView:
    return DocumentView(**{name: getattr(row, name) for name in DocumentView.__struct_fields__})


def chunk_view(row: ChunkRow) -> ChunkView:
    return ChunkView(**_chunk_fields(row))


def chunk_shown(found: ChunkInContext) -> ChunkShown:
    return ChunkShown(
        **_chunk_fields(found.chunk),
        before=found.before,
        after=found.after,
        document_title=found.document_title,
    )


def found_view(looked: SearchExplanation) -> Found:
    return Found(
        hits=tuple(
            HitView(**{name: getattr(hit, name) for name in HitView.__struct_fields__})
            for hit in looked.hits
        ),
        answerable=looked.answerable,
        knowledge=looked.knowledge,
        space=looked.space,
        how=looked.how,
        latency_ms=looked.latency_ms,
    )


def progress_view(frame: DocumentProgress) -> ProgressView:
    return ProgressView(**msgspec.structs.asdict(frame))


def _chunk_fields(row: ChunkRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ChunkView.__struct_fields__}
