"""Parsed documents into chunks: pure, but for lingua's models, given a function that counts tokens.

A chunk is a piece of one block, small enough that the embedder reads all of it, with the heading
it stands under. What is embedded is heading and text together (`StoredChunk.passage`); what is
quoted is the text alone, a verbatim part of its block.
"""

from __future__ import annotations

from typing import cast

from semchunk.semchunk import chunk as semantic_chunks

from events.knowledge import ChunkSettings
from events.objects.artifacts import Block, Chunks, Parsed, StoredChunk
from projections.knowledge.language import detect_locale
from projections.knowledge.sentences import Span, sentence_spans, sentences
from projections.knowledge.tokens import SPECIAL_TOKENS, TokenCounter

HEADING_TOKENS = 64
"""More of a heading than this, or than a third of the chunk, is not embedded, so that room is
left for the text."""
MIN_TOKENS = 32
"""A chunk must hold a heading and a sentence."""
LANGUAGE_CHARACTERS = 5000
"""So much of a document tells its language."""
_CACHE = 4096


class UnreadableDocument(Exception):
    """The document cannot be taken in; the message says why, for a person."""


def chunk_parsed(
    parsed: Parsed,
    settings: ChunkSettings,
    *,
    title: str,
    count: TokenCounter,
    tokenizer: str,
    parsed_hash: str,
) -> Chunks:
    """The chunks of a document, in its order; none reaches over two blocks.

    Heading, text and the embedder's special tokens together fit `settings.max_tokens`. Where a
    block is cut, whole sentences of the chunk before are taken again, `overlap_tokens` at most.
    `title` names the document; `tokenizer` names what `count` counts by.
    Raises UnreadableDocument when there is no word to be searched, ValueError for settings that
    leave no room.
    """
    if settings.max_tokens < MIN_TOKENS or not (
        0 <= settings.overlap_tokens <= settings.max_tokens // 2
    ):
        raise ValueError(
            f"chunks of {settings.max_tokens} tokens with {settings.overlap_tokens} of overlap:"
            f" at least {MIN_TOKENS}, and at most half of it as overlap"
        )
    name = parsed.title or title
    chunks: list[StoredChunk] = []
    common = _common_locale(parsed)
    for index, block in enumerate(parsed.blocks):
        heading = _heading(block, parsed.title)
        shown = _first_tokens(heading, min(HEADING_TOKENS, settings.max_tokens // 3), count)
        room = settings.max_tokens - SPECIAL_TOKENS - count(shown)
        for start, end in _spans(block.text, room, settings.overlap_tokens, count):
            text = block.text[start:end]
            passage = f"{shown}\n{text}" if shown else text
            chunk = StoredChunk(
                ordinal=len(chunks),
                block=index,
                start=start,
                end=end,
                text=text,
                heading=shown,
                title=heading or _row_title(block, name),
                place=block.place,
                locale=block.locale or parsed.locale or detect_locale(passage, default=common),
                url=block.url or parsed.url,
                source=block.source,
                tokens=count(passage),
                sentences=tuple(sentences(text)),
            )
            chunks.append(chunk)
    if not chunks:
        raise UnreadableDocument(f"{title}: no text in it that could be searched")
    return Chunks(
        parsed_hash=parsed_hash, settings=settings, tokenizer=tokenizer, chunks=tuple(chunks)
    )


def _common_locale(parsed: Parsed) -> str:
    """The language of a document as a whole: what a chunk too short to tell is taken to be in."""
    if parsed.locale:
        return parsed.locale
    text = "\n".join(f"{_heading(block, '')}\n{block.text}" for block in parsed.blocks)
    return detect_locale(text[:LANGUAGE_CHARACTERS])


def _heading(block: Block, title: str) -> str:
    """What a block stands under: its question, its headings, or the document's own title. A row
    of a table says itself what it is about."""
    own = block.question.strip() or ": ".join(part for part in block.headings if part)
    return own or ("" if block.table else title)


def _row_title(block: Block, title: str) -> str:
    """What a reader is shown where there is no heading: a row is named by its first value."""
    if not block.table:
        return title
    _, colon, value = block.text.partition("\n")[0].partition(": ")
    return f"{title}: {value.strip()}" if colon and value.strip() else title


def _spans(text: str, room: int, overlap: int, count: TokenCounter) -> list[Span]:
    """Where the chunks of `text` begin and end, `room` tokens at most each. What holds no letter
    and no digit is left out."""
    if overlap and count(text) > room:
        spans = _overlapping(text, room, overlap, count)
    else:
        spans = _cut(text, room, count)
    return [span for span in spans if any(char.isalnum() for char in text[span[0] : span[1]])]


def _overlapping(text: str, room: int, overlap: int, count: TokenCounter) -> list[Span]:
    """Spans that begin with as many whole sentences of the one before as `overlap` holds."""
    begins = [start for start, _ in sentence_spans(text)]
    spans: list[Span] = []
    earliest = 0
    for start, end in _cut(text, max(room - overlap, 1), count):
        begin = start
        for sooner in reversed([b for b in begins if earliest <= b < start]):
            if count(text[sooner:start]) > overlap or count(text[sooner:end]) > room:
                break
            begin = sooner
        spans.append((begin, end))
        earliest = start
    return spans


def _cut(text: str, limit: int, count: TokenCounter) -> list[Span]:
    """Parts of `text`, each `limit` tokens at most, cut at its structure."""
    found = semantic_chunks(text, limit, count, offsets=True, cache_maxsize=_CACHE)
    return cast("tuple[list[str], list[Span]]", found)[1]


def _pieces(text: str, limit: int, count: TokenCounter) -> list[str]:
    """Verbatim parts of `text`, each `limit` tokens at most, cut at its structure."""
    return [str(piece) for piece in semantic_chunks(text, limit, count, cache_maxsize=_CACHE)]


def _first_tokens(text: str, limit: int, count: TokenCounter) -> str:
    """As much of `text` as `limit` tokens hold, cut where it reads well."""
    if count(text) <= limit:
        return text
    return _pieces(text, limit, count)[0]
