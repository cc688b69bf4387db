"""Parsing and cutting as the Ray task does it: what it imports is paid in its process alone."""

from __future__ import annotations

import asyncio
import hashlib
from functools import cache
from pathlib import PurePosixPath

from actors.documents.ports import ChunksPart, Cut, Failure, ParsedPart, ParseJob
from events.knowledge import FailureCode, MediaType, Stage
from events.objects.artifacts import (
    BadArtifact,
    Parsed,
    decode_parsed,
    encode_chunks,
    encode_parsed,
)

TOKENIZER = "all-MiniLM-L6-v2"
PLAIN: frozenset[MediaType] = frozenset({"text/plain", "text/markdown", "text/csv"})
"""Read here; for every other kind a parser of others' code runs, in a process of its own with
limits."""


def cut(cutting: ParseJob) -> Cut:
    """A `DocumentParser`'s work. Whatever a parser raises is a failure of the document."""
    try:
        parsed, content = _parsed(cutting)
    except Exception as error:  # noqa: BLE001 a hostile file may raise anything
        return Cut(failure=_failure("parse", error))
    part = ParsedPart(
        content=content,
        parser=parsed.parser,
        blocks=len(parsed.blocks),
        characters=parsed.characters,
        pages=parsed.pages,
        title=parsed.title,
        flags=parsed.flags,
    )
    try:
        return Cut(parsed=part, chunks=_chunks(cutting, parsed, content))
    except Exception as error:  # noqa: BLE001 see above
        return Cut(parsed=part, failure=_failure("chunk", error))


def _parsed(cutting: ParseJob) -> tuple[Parsed, bytes]:
    if cutting.parsed:
        try:
            return decode_parsed(cutting.parsed), cutting.parsed
        except BadArtifact as error:
            reason = "What was read of it is damaged: ingest it again."
            raise _Lost(reason) from error
    parsed = _parse(cutting)
    return parsed, encode_parsed(parsed)


def _parse(cutting: ParseJob) -> Parsed:
    from projections.knowledge.parsing import parse, sniff  # noqa: PLC0415

    submission = cutting.submission
    named = {
        "name": submission.name or submission.title or submission.document,
        "title": submission.title,
        "url": submission.url,
        "locale": submission.locale,
    }
    sniff(named["name"], cutting.content, declared=submission.media_type)
    if submission.media_type in PLAIN:
        return parse(cutting.content, submission.media_type, **named)
    from projections.knowledge.parsing import Limits, parse_in_child  # noqa: PLC0415

    return asyncio.run(
        parse_in_child(cutting.content, submission.media_type, limits=Limits(), **named)
    )


def _chunks(cutting: ParseJob, parsed: Parsed, content: bytes) -> ChunksPart:
    from projections.knowledge.chunking import chunk_parsed  # noqa: PLC0415

    submission = cutting.submission
    chunks = chunk_parsed(
        parsed,
        cutting.settings,
        title=submission.title or parsed.title or PurePosixPath(submission.name).stem,
        count=_token_counter(),
        tokenizer=TOKENIZER,
        parsed_hash=hashlib.sha256(content).hexdigest(),
    )
    return ChunksPart(content=encode_chunks(chunks), chunks=len(chunks.chunks))


@cache
def _token_counter():
    """Once for each process, which takes many documents."""
    from projections.knowledge.tokens import load_token_counter  # noqa: PLC0415

    return load_token_counter()


class _Lost(Exception):
    code: FailureCode = "original_lost"


def _failure(stage: Stage, error: Exception) -> Failure:
    from projections.knowledge.chunking import UnreadableDocument  # noqa: PLC0415
    from projections.knowledge.parsing import Unparsable  # noqa: PLC0415

    if isinstance(error, Unparsable):
        return Failure(stage=stage, code=error.code, reason=error.reason, where=error.where)
    if isinstance(error, UnreadableDocument):
        return Failure(stage=stage, code="empty", reason=str(error))
    if isinstance(error, _Lost):
        return Failure(stage=stage, code=error.code, reason=str(error))
    if isinstance(error, MemoryError):
        return Failure(stage=stage, code="too_much_memory", reason="It needs too much memory.")
    reason = f"It cannot be read ({type(error).__name__}: {error})"[:500]
    return Failure(stage=stage, code="corrupt", reason=reason)
