"""What a document's stream amounts to: the submission that is worked at, and the one that answers.

Pure and bounded: a document that was replaced a thousand times keeps two submissions in mind.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from events.knowledge import (
    DocumentChunked,
    DocumentEmbedded,
    DocumentFailed,
    DocumentIndexed,
    DocumentParsed,
    DocumentRemoved,
    DocumentRequested,
    DocumentSubmitted,
    KnowledgeFact,
)


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One submission or request, and how far it has come. `version` is that of its commit."""

    version: int
    asked: DocumentSubmitted | DocumentRequested
    parsed: DocumentParsed | None = None
    chunked: DocumentChunked | None = None
    embedded: tuple[DocumentEmbedded, ...] = ()
    """Of these chunks, one for each space."""
    indexed: DocumentIndexed | None = None
    failed: DocumentFailed | None = None

    @property
    def ended(self) -> bool:
        return self.indexed is not None or self.failed is not None

    def vectors_in(self, space: str) -> DocumentEmbedded | None:
        return next((each for each in self.embedded if each.space == space), None)


class DocumentState(msgspec.Struct, frozen=True, kw_only=True):
    """`newest` is the last submission or request, whatever became of it; `answers` the last one
    that was indexed, None after a removal."""

    newest: Work | None = None
    answers: Work | None = None
    removed: bool = False

    @property
    def open(self) -> Work | None:
        """What is to be worked at."""
        if self.removed or self.newest is None or self.newest.ended:
            return None
        return self.newest


UNKNOWN = DocumentState()
"""A document that nobody has handed over."""


def evolve(state: DocumentState, fact: KnowledgeFact, version: int) -> DocumentState:
    """`state` after `fact` of the commit at `version`. What is stale changes nothing."""
    match fact:
        case DocumentSubmitted() | DocumentRequested():
            newest = Work(version=version, asked=fact)
            return msgspec.structs.replace(state, newest=newest, removed=False)
        case DocumentRemoved():
            return msgspec.structs.replace(state, answers=None, removed=True)
        case DocumentEmbedded():
            return _embedded(state, fact)
        case DocumentParsed() | DocumentChunked() | DocumentIndexed() | DocumentFailed():
            work = state.open
            if work is None or work.version != fact.version:
                return state
            return _worked(state, work, fact)
        case _:
            return state  # of the tenant, not of a document


def fold(facts: Iterable[tuple[int, KnowledgeFact]]) -> DocumentState:
    """The state after all of a stream's facts, each with the version of its commit."""
    state = UNKNOWN
    for version, fact in facts:
        state = evolve(state, fact, version)
    return state


def _worked(
    state: DocumentState,
    work: Work,
    fact: DocumentParsed | DocumentChunked | DocumentIndexed | DocumentFailed,
) -> DocumentState:
    replace = msgspec.structs.replace
    match fact:
        case DocumentParsed():
            return replace(state, newest=replace(work, parsed=fact))
        case DocumentChunked():
            return replace(state, newest=replace(work, chunked=fact, embedded=()))
        case DocumentFailed():
            return replace(state, newest=replace(work, failed=fact))
        case DocumentIndexed():
            done = replace(work, indexed=fact)
            return replace(state, newest=done, answers=done)


def _embedded(state: DocumentState, fact: DocumentEmbedded) -> DocumentState:
    """Also for what answers already: a new space is filled in after the indexing."""

    def taken(work: Work | None) -> Work | None:
        if work is None or not takes_vectors(work, fact):
            return work
        others = tuple(each for each in work.embedded if each.space != fact.space)
        return msgspec.structs.replace(work, embedded=(*others, fact))

    return msgspec.structs.replace(state, newest=taken(state.newest), answers=taken(state.answers))


def takes_vectors(work: Work, fact: DocumentEmbedded) -> bool:
    """The vectors are of this submission's chunks."""
    return (
        work.version == fact.version
        and work.chunked is not None
        and work.chunked.chunks_hash == fact.chunks_hash
    )
