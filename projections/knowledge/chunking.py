"""Parsed documents into chunks: pure, but for lingua's models, given a function that counts tokens.

A chunk is a piece of one block, small enough that the embedder reads all of it, with the heading
it stands under. What is embedded is heading and text together (`StoredChunk.passage`); what is
quoted is the text alone, a verbatim part of its block.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import cast

import msgspec
from semchunk.semchunk import chunk as semantic_chunks

from events.artifacts import Block, Chunks, Parsed, StoredChunk
from events.knowledge import ChunkSettings, MediaType
from projections.knowledge.language import detect_locale
from projections.knowledge.sentences import Span, sentence_spans, sentences
from projections.knowledge.tokens import CHUNK_TOKENS, SPECIAL_TOKENS, TokenCounter

HEADING_TOKENS = 64
"""More of a heading than this, or than a third of the chunk, is not embedded, so that room is
left for the text."""
MIN_TOKENS = 32
"""A chunk must hold a heading and a sentence."""
LANGUAGE_CHARACTERS = 5000
"""So much of a document tells its language."""
_CACHE = 4096

_ATX = re.compile(r"(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*\Z")
_SETEXT = re.compile(r"(=+|-+)[ \t]*\Z")
_FENCE = re.compile(r"(`{3,}|~{3,})")
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z_]+)[ \t]*:[ \t]*(.*?)[ \t]*\Z")

_QUESTION = frozenset({"question", "pregunta"})
_ANSWER = frozenset({"answer", "respuesta"})
_URL = frozenset({"url", "link", "enlace"})
_SOURCE = frozenset({"source", "fuente"})
_LOCALE = frozenset({"locale", "lang", "language", "idioma"})


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of a document. `title` names it to a reader; `heading` is what of the title the
    embedder is to see (empty where the title is only a file's name)."""

    ordinal: int
    title: str
    heading: str
    text: str
    url: str = ""
    source: str = ""
    locale: str = ""

    @property
    def passage(self) -> str:
        """What is embedded and searched: the heading, then the text."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


class _Section(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    heading: str
    text: str
    url: str = ""
    source: str = ""
    locale: str = ""


class UnreadableDocument(Exception):
    """The document cannot be taken in; the message says why, for a person."""


def read_table(text: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a CSV text; the delimiter (`,` `;` tab `|`) is found by itself.

    Rows are padded to the header's length, empty ones left out. Raises UnreadableDocument when
    there is no row under the header, or a quote is left open.
    """
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    try:
        dialect = csv.Sniffer().sniff(text.split("\n", 1)[0], delimiters=",;\t|").delimiter
    except csv.Error:
        dialect = ","  # one column only
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=dialect, strict=True))
    except csv.Error as error:
        raise UnreadableDocument(f"the CSV cannot be read: {error}") from error
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise UnreadableDocument("the CSV has a header at most, and no rows under it")
    header = [name.strip() for name in rows[0]]
    return header, [row + [""] * (len(header) - len(row)) for row in rows[1:]]


def _column(header: list[str], names: frozenset[str]) -> int | None:
    return next((i for i, name in enumerate(header) if name.lower() in names), None)


def _table_sections(text: str, title: str, url: str) -> Iterator[_Section]:
    header, rows = read_table(text)
    question, answer = _column(header, _QUESTION), _column(header, _ANSWER)
    where = {name: _column(header, names) for name, names in _META.items()}
    for row in rows:
        meta = {name: row[i].strip() for name, i in where.items() if i is not None}
        meta["url"] = meta.get("url") or url
        if question is not None and answer is not None:
            asked, answered = row[question].strip(), row[answer].strip()
            if answered:
                yield _Section(title=asked or title, heading=asked, text=answered, **meta)
            continue
        lines = [f"{name}: {cell.strip()}" for name, cell in zip(header, row, strict=False) if cell]
        first = next(cell.strip() for cell in row if cell.strip())
        yield _Section(title=f"{title}: {first}", heading="", text="\n".join(lines), **meta)


_META = {"url": _URL, "source": _SOURCE, "locale": _LOCALE}


def front_matter(text: str) -> tuple[dict[str, str], int]:
    """The fields of a Markdown file's front matter and where the text after it begins."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, 0
    fields: dict[str, str] = {}
    for line in match.group(1).splitlines():
        field = _FIELD.match(line)
        if field:
            fields[field.group(1).lower()] = field.group(2).strip("\"'")
    return fields, match.end()


def _headings(text: str, start: int) -> Iterator[tuple[int, int, int, str]]:
    """Each heading outside code: where it begins, where its text begins, its level, its words."""
    fence = ""
    lines = text[start:].splitlines(keepends=True)
    begins = [start]
    for line in lines:
        begins.append(begins[-1] + len(line))
    for index, line in enumerate(lines):
        bare = line.strip()
        mark = _FENCE.match(bare)
        if mark and (not fence or (bare.startswith(fence) and not bare.strip(fence[0]))):
            fence = "" if fence else mark.group(1)
            continue
        if fence or not bare:
            continue
        atx = _ATX.match(bare)
        if atx and not line.startswith("    "):
            yield begins[index], begins[index + 1], len(atx.group(1)), atx.group(2)
            continue
        under = lines[index + 1].strip() if index + 1 < len(lines) else ""
        lonely = index == 0 or not lines[index - 1].strip()
        if lonely and _SETEXT.match(under) and not bare.startswith(("-", "*", "|", ">")):
            yield begins[index], begins[index + 2], 1 if under[0] == "=" else 2, bare


def _markdown_sections(text: str, title: str, url: str) -> Iterator[_Section]:
    fields, start = front_matter(text)
    meta = {
        "url": fields.get("url") or url,
        "locale": fields.get("locale") or fields.get("lang", ""),
    }
    named = fields.get("title", "")
    path: list[tuple[int, str]] = []
    marks = [(start, start, 0, ""), *_headings(text, start), (len(text), len(text), 0, "")]
    for (_, begin, level, words), (end, *_) in pairwise(marks):
        if words:
            path = [part for part in path if part[0] < level] + [(level, words)]
        body = text[begin:end].strip()
        if not any(char.isalnum() for char in body):
            continue
        parts = [part[1] for part in path] or ([named] if named else [])
        heading = ": ".join(parts)
        yield _Section(title=heading or title, heading=heading, text=body, **meta)


def _sections(text: str, media_type: MediaType, title: str, url: str) -> Iterator[_Section]:
    if media_type == "text/csv":
        return _table_sections(text, title, url)
    if media_type == "text/markdown":
        return _markdown_sections(text, title, url)
    body = text.strip()
    return iter([_Section(title=title, heading="", text=body, url=url)] if body else [])


def _pieces(text: str, limit: int, count: TokenCounter) -> list[str]:
    """Verbatim parts of `text`, each `limit` tokens at most, cut at its structure."""
    return [str(piece) for piece in semantic_chunks(text, limit, count, cache_maxsize=_CACHE)]


def _first_tokens(text: str, limit: int, count: TokenCounter) -> str:
    """As much of `text` as `limit` tokens hold, cut where it reads well."""
    if count(text) <= limit:
        return text
    return _pieces(text, limit, count)[0]


def chunk_document(
    text: str,
    media_type: MediaType,
    *,
    title: str,
    count: TokenCounter,
    url: str = "",
    max_tokens: int = CHUNK_TOKENS,
) -> list[Chunk]:
    """The chunks of a document, in its order. Heading and text of each fit `max_tokens`.

    A CSV with the columns `question` and `answer` gives a chunk a row, any other CSV a row as
    `column: value` lines; Markdown is cut at its headings, and what is too long by semchunk.
    Raises UnreadableDocument for a CSV without rows.
    """
    chunks: list[Chunk] = []
    for section in _sections(text, media_type, title, url):
        heading = _first_tokens(section.heading, HEADING_TOKENS, count)
        room = max_tokens - SPECIAL_TOKENS - count(heading)
        for piece in _pieces(section.text, room, count):
            if not any(char.isalnum() for char in piece):
                continue
            chunks.append(
                Chunk(
                    ordinal=len(chunks),
                    title=section.title,
                    heading=heading,
                    text=piece,
                    url=section.url,
                    source=section.source,
                    locale=section.locale,
                )
            )
    return chunks


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
