"""What the stages of ingest make, as it lies in the object store under its hash.

    Parsed   JSON   the text of a document in its order, each block with its place
    Chunks   JSON   what is searched and cited
    Vectors  a JSON line, then float16 little-endian rows, one for each of `texts_of(chunks)`

The same input gives the same bytes: fields have one order, and nothing of a clock is in them.
"""

from __future__ import annotations

import msgspec

from events.conversation import Place
from events.knowledge import ChunkSettings, Flag


class BadArtifact(Exception):
    """The bytes are not what they were kept as."""


class Block(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stretch of a document under one heading path, at one place.

    `question`: the block answers this (a row of a FAQ). A row of a table is a block of its own,
    `column: value` lines.
    """

    text: str
    headings: tuple[str, ...] = ()
    question: str = ""
    place: Place = Place()
    url: str = ""
    source: str = ""
    locale: str = ""
    table: bool = False


class Parsed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document as text. Offsets of chunks count characters (code points) within their block's
    `text`, and `Block` is named by its index here."""

    blocks: tuple[Block, ...]
    parser: str
    title: str = ""
    url: str = ""
    locale: str = ""
    pages: int = 0
    flags: tuple[Flag, ...] = ()

    @property
    def characters(self) -> int:
        return sum(len(block.text) for block in self.blocks)


class StoredChunk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One chunk. `text` is verbatim `blocks[block].text[start:end]`; `heading` is what of its
    headings or question the embedder sees; `title` names it to a reader."""

    ordinal: int
    block: int
    start: int
    end: int
    text: str
    heading: str = ""
    title: str = ""
    place: Place = Place()
    locale: str = ""
    url: str = ""
    source: str = ""
    tokens: int = 0
    sentences: tuple[str, ...] = ()
    """Verbatim parts of `text` that can be quoted, in text order."""

    @property
    def passage(self) -> str:
        """What is embedded and searched: the heading, then the text."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


class Chunks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    parsed_hash: str
    settings: ChunkSettings
    tokenizer: str
    chunks: tuple[StoredChunk, ...]


class Vectors(msgspec.Struct, frozen=True, kw_only=True):
    """`rows` is float16, little-endian, C order, shape (count, dimensions): unit vectors of
    `texts_of` the chunks, in that order."""

    space: str
    chunks_hash: str
    dimensions: int
    count: int
    rows: bytes


class _VectorsHead(msgspec.Struct, frozen=True, kw_only=True):
    space: str
    chunks_hash: str
    dimensions: int
    count: int
    type: str = "float16le"


def texts_of(chunks: Chunks) -> list[str]:
    """Every text that is embedded for `chunks`, each once, in one order: passages, headings,
    sentences."""
    texts = {chunk.passage for chunk in chunks.chunks}
    texts |= {chunk.heading for chunk in chunks.chunks if chunk.heading}
    texts |= {sentence for chunk in chunks.chunks for sentence in chunk.sentences}
    return sorted(texts)


def encode_parsed(parsed: Parsed) -> bytes:
    return msgspec.json.encode(parsed)


def decode_parsed(content: bytes) -> Parsed:
    """Raises BadArtifact."""
    try:
        return msgspec.json.decode(content, type=Parsed)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadArtifact(f"no parsed document: {error}") from error


def encode_chunks(chunks: Chunks) -> bytes:
    return msgspec.json.encode(chunks)


def decode_chunks(content: bytes) -> Chunks:
    """Raises BadArtifact."""
    try:
        return msgspec.json.decode(content, type=Chunks)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadArtifact(f"no chunks: {error}") from error


def encode_vectors(vectors: Vectors) -> bytes:
    """Raises ValueError when `rows` has not the length that it must have."""
    if len(vectors.rows) != 2 * vectors.count * vectors.dimensions:
        raise ValueError(
            f"{len(vectors.rows)} bytes cannot be {vectors.count} x {vectors.dimensions} float16"
        )
    head = _VectorsHead(
        space=vectors.space,
        chunks_hash=vectors.chunks_hash,
        dimensions=vectors.dimensions,
        count=vectors.count,
    )
    return msgspec.json.encode(head) + b"\n" + vectors.rows


def decode_vectors(content: bytes) -> Vectors:
    """Raises BadArtifact."""
    line, _, rows = content.partition(b"\n")
    try:
        head = msgspec.json.decode(line, type=_VectorsHead)
    except msgspec.DecodeError as error:
        raise BadArtifact(f"no vectors: {error}") from error
    if head.type != "float16le" or len(rows) != 2 * head.count * head.dimensions:
        raise BadArtifact(f"no vectors: {len(rows)} bytes for {head.count} x {head.dimensions}")
    return Vectors(
        space=head.space,
        chunks_hash=head.chunks_hash,
        dimensions=head.dimensions,
        count=head.count,
        rows=rows,
    )
