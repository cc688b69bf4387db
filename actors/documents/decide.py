"""What may be done with a document, and what is owed to it. Pure: time comes with the command.

A command gives the facts to append, none where the document stands so already. What a stage
brings is a `Record`; it counts only for the submission that is still worked at, and only once.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from actors.documents.state import DocumentState, Work, evolve, takes_vectors
from events.knowledge import (
    DocumentChunked,
    DocumentEmbedded,
    DocumentFailed,
    DocumentIndexed,
    DocumentParsed,
    DocumentRemoved,
    DocumentRequested,
    DocumentSubmitted,
    FailureCode,
    KnowledgeFact,
)

PASSING: frozenset[FailureCode] = frozenset(
    {"crashed", "original_lost", "embedder_failed", "too_slow", "too_much_memory", "fetch_failed"}
)
"""Failures that the same content need not meet again: submitting it again tries again."""


class DocumentRefused(Exception):
    """Nothing was done. `code` is one of the API's; `reason` is for a person."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)  # both, so that it survives pickling
        self.code, self.reason = code, reason

    def __str__(self) -> str:
        return self.reason


class Submit(msgspec.Struct, frozen=True):
    submission: DocumentSubmitted


class Request(msgspec.Struct, frozen=True):
    """`since`: nothing is requested where a later submission or request stands (a sitemap that
    is read twice asks for its pages once), nor where one waits that reaches as far (a page that is
    linked to from two depths is followed as far as the nearer one says)."""

    request: DocumentRequested
    since: int | None = None


class Reingest(msgspec.Struct, frozen=True, kw_only=True):
    at: int
    by: str = ""


class Remove(msgspec.Struct, frozen=True, kw_only=True):
    at: int
    by: str = ""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage brought for the submission or request at `version`, in order."""

    version: int
    facts: tuple[KnowledgeFact, ...]


DocumentCommand = Submit | Request | Reingest | Remove | Record


class Fetch(msgspec.Struct, frozen=True):
    work: Work


class Parse(msgspec.Struct, frozen=True):
    work: Work


class Chunk(msgspec.Struct, frozen=True):
    work: Work


class Embed(msgspec.Struct, frozen=True):
    work: Work
    space: str


class Index(msgspec.Struct, frozen=True):
    """All is there: it may answer from here on."""

    work: Work


Owed = Fetch | Parse | Chunk | Embed | Index


def owed(state: DocumentState, active: str) -> Owed | None:
    """The next stage of what is worked at; `active` is the space that is searched in. A document
    answers once it has its vectors there, whatever becomes of it in other spaces."""
    work = state.open
    if work is None:
        return None
    if isinstance(work.asked, DocumentRequested):
        return Fetch(work)
    if work.parsed is None:
        return Parse(work)
    if work.chunked is None:
        return Chunk(work)
    return Embed(work, active) if work.vectors_in(active) is None else Index(work)


def wanting(state: DocumentState, spaces: Collection[str]) -> tuple[Embed, ...]:
    """What answers and has no vectors in some of the open `spaces`: good to have, and not owed.
    What stays missing `tandem reembed` fills in, and nobody switches to a space before."""
    work = state.answers
    if work is None or work.chunked is None:
        return ()
    return tuple(Embed(work, space) for space in sorted(spaces) if work.vectors_in(space) is None)


def decide(state: DocumentState, command: DocumentCommand) -> tuple[KnowledgeFact, ...]:
    """The facts to append; none where nothing changes. Raises DocumentRefused."""
    match command:
        case Submit(submission):
            return _submit(state, submission)
        case Request(request, since):
            return _request(state, request, since)
        case Reingest():
            return (_again(state, command),)
        case Remove():
            return _remove(state, command)
        case Record():
            return _record(state, command)


def _submit(state: DocumentState, new: DocumentSubmitted) -> tuple[KnowledgeFact, ...]:
    held = _held(state)
    if held is None or not isinstance(held.asked, DocumentSubmitted):
        return (new,)
    same = msgspec.structs.replace(
        new, at=held.asked.at, by=held.asked.by, origin=held.asked.origin, again=held.asked.again
    )
    if same != held.asked:
        return (new,)
    if held.failed is not None and held.failed.code in PASSING:
        return (msgspec.structs.replace(new, again=held.asked.again + 1),)
    return ()


def _request(
    state: DocumentState, new: DocumentRequested, since: int | None
) -> tuple[KnowledgeFact, ...]:
    if since is not None and state.newest is not None and state.newest.version > since:
        return ()
    work = state.open
    if work is not None and isinstance(work.asked, DocumentRequested):
        if since is not None and _reaches(work.asked, new):
            return ()
        waits = msgspec.structs.replace(new, at=work.asked.at, by=work.asked.by)
        if waits == work.asked:
            return ()
    return (new,)


def _reaches(waits: DocumentRequested, new: DocumentRequested) -> bool:
    """What waits brings all that `new` would."""
    return waits.what == "sitemap" or waits.depth >= new.depth


def _again(state: DocumentState, command: Reingest) -> KnowledgeFact:
    held = _held(state)
    if held is None:
        raise DocumentRefused("unknown_document", "there is no such document")
    asked = msgspec.structs.replace(held.asked, at=command.at, by=command.by)
    if isinstance(asked, DocumentSubmitted):
        return msgspec.structs.replace(asked, again=asked.again + 1)
    return asked


def _remove(state: DocumentState, command: Remove) -> tuple[KnowledgeFact, ...]:
    if state.newest is None:
        raise DocumentRefused("unknown_document", "there is no such document")
    if state.removed:
        return ()
    asked = state.newest.asked
    removed = DocumentRemoved(
        at=command.at, tenant=asked.tenant, document=asked.document, by=command.by
    )
    return (removed,)


def _held(state: DocumentState) -> Work | None:
    return None if state.removed else state.newest


def _record(state: DocumentState, command: Record) -> tuple[KnowledgeFact, ...]:
    kept: list[KnowledgeFact] = []
    for fact in command.facts:
        if _moves_on(state, fact, command.version):
            kept.append(fact)
            state = evolve(state, fact, command.version)
    return tuple(kept)


def _moves_on(state: DocumentState, fact: KnowledgeFact, version: int) -> bool:
    if isinstance(fact, DocumentEmbedded):
        return _is_new(state, fact)
    work = state.open
    if work is None or work.version != version:
        return False
    requested = isinstance(work.asked, DocumentRequested)
    match fact:
        case DocumentSubmitted():
            return requested
        case DocumentParsed():
            return not requested and work.parsed is None
        case DocumentChunked():
            return work.parsed is not None and work.chunked is None
        case DocumentIndexed() if requested:  # a sitemap, whose pages have been asked for
            return fact.chunks == 0
        case DocumentIndexed():
            return work.chunked is not None and work.chunked.chunks_hash == fact.chunks_hash
        case DocumentFailed():
            return True
        case _:
            return False


def _is_new(state: DocumentState, fact: DocumentEmbedded) -> bool:
    """Vectors of chunks that are worked at or answer, in a space that has none of them."""
    return any(
        takes_vectors(work, fact) and work.vectors_in(fact.space) is None
        for work in (state.open, state.answers)
        if work is not None
    )
