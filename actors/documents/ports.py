"""What the pipeline needs from the outside, as protocols: wired in `tandem/wiring/ingest.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from events.knowledge import (
    ChunkSettings,
    DocumentRequested,
    DocumentSubmitted,
    FailureCode,
    Flag,
    MediaType,
    Stage,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]
    """Unit vectors, shape (texts, dimensions)."""


class StageFailed(Exception):
    """The document's own fault, or nobody's to mend: it becomes a `DocumentFailed`."""

    def __init__(self, stage: Stage, code: FailureCode, reason: str, where: str = "") -> None:
        super().__init__(stage, code, reason, where)  # all, so that it survives pickling
        self.stage: Stage = stage
        self.code: FailureCode = code
        self.reason, self.where = reason, where

    def __str__(self) -> str:
        return f"{self.stage}: {self.code}: {self.reason}"


class DependencyUnavailable(Exception):
    """What a stage stands on does not answer: it is tried again after a pause."""


class WorkerDied(Exception):
    """The process that worked at the document died of it, or beside it."""


class PageFetched(msgspec.Struct, frozen=True, kw_only=True):
    """A page as it came. `links` are addresses on the same host that it names."""

    url: str
    """Where it was found in the end."""
    content: bytes
    media_type: MediaType
    title: str = ""
    links: tuple[str, ...] = ()


class Fetch(Protocol):
    async def page(self, request: DocumentRequested) -> PageFetched:
        """Raises StageFailed, DependencyUnavailable."""
        ...

    async def sitemap(self, request: DocumentRequested) -> Sequence[str]:
        """The addresses of its pages. Raises StageFailed, DependencyUnavailable."""
        ...


class ParseJob(msgspec.Struct, frozen=True, kw_only=True):
    """One document to be parsed, and cut. With `parsed` it is cut only."""

    submission: DocumentSubmitted
    settings: ChunkSettings
    content: bytes = b""
    parsed: bytes = b""
    """An encoded `artifacts.Parsed`."""


class ParsedPart(msgspec.Struct, frozen=True, kw_only=True):
    """An encoded `artifacts.Parsed`, with what the log says of it."""

    content: bytes
    parser: str
    blocks: int
    characters: int
    pages: int = 0
    title: str = ""
    flags: tuple[Flag, ...] = ()


class ChunksPart(msgspec.Struct, frozen=True, kw_only=True):
    """An encoded `artifacts.Chunks`, and how many they are."""

    content: bytes
    chunks: int


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    stage: Stage
    code: FailureCode
    reason: str
    where: str = ""


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; what was reached before a failure is there."""

    parsed: ParsedPart | None = None
    chunks: ChunksPart | None = None
    failure: Failure | None = None


class DocumentParser(Protocol):
    async def __call__(self, cutting: ParseJob) -> Cut:
        """Off the event loop. Raises WorkerDied, DependencyUnavailable."""
        ...


class Embed(Protocol):
    async def __call__(self, space: str, texts: Sequence[str]) -> Rows:
        """Raises DependencyUnavailable when the embedder is away, StageFailed where it cannot."""
        ...
