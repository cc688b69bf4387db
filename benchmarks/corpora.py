"""What retrieval is measured on: documents, the entries they hold, questions, right entries.

- `covid_faq`: 213 entries of a public FAQ and 138 paraphrases of their questions, from a folder.
- the project's own documents, as they stand in this checkout, with questions that were written
  for them (`own_docs_questions.csv`: question, file, heading; an empty heading is any).

An entry is a block of the parsed document, so what is right does not hang on how it is cut.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import msgspec

from events.objects.artifacts import Block
from projections.knowledge.parsing import parse, sniff

HERE = Path(__file__).parent
ROOT = HERE.parent
OWN_DOCS = ("README.md", "docs/*.md", "docs/decisions/*.md")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A section of a document or a row of a FAQ: `block` counts from 0 in its document."""

    document: str
    """The name it is handed over by."""
    block: int
    heading: str
    text: str

    @property
    def passage(self) -> str:
        """Heading and text, as a plain method reads it."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


class Corpus(msgspec.Struct, frozen=True, kw_only=True):
    """`right[i]` are the numbers of the entries that answer question i, one at least."""

    name: str
    documents: tuple[tuple[str, bytes], ...]
    entries: tuple[Entry, ...]
    questions: tuple[str, ...]
    right: tuple[set[int], ...]


def covid_faq(folder: Path) -> Corpus:
    """Raises FileNotFoundError when the two files are not there."""
    rows = _rows(folder / "paraphrases.csv")
    return _corpus(
        "covid_faq",
        [("faq.csv", (folder / "faq.csv").read_bytes())],
        [(row["query"], "faq.csv", row["question"].strip()) for row in rows],
    )


def own_docs() -> Corpus:
    """The project's own documents. Raises ValueError where a question's section is gone."""
    paths = sorted(path for pattern in OWN_DOCS for path in ROOT.glob(pattern))
    return _corpus(
        "own docs",
        [(str(path.relative_to(ROOT)), path.read_bytes()) for path in paths],
        [
            (row["question"], row["file"], row["heading"])
            for row in _rows(HERE / "own_docs_questions.csv")
        ],
    )


def _corpus(
    name: str, documents: Sequence[tuple[str, bytes]], asked: Sequence[tuple[str, str, str]]
) -> Corpus:
    entries: list[Entry] = []
    ends: list[str] = []
    for document, content in documents:
        parsed = parse(content, sniff(document, content), name=document)
        for number, block in enumerate(parsed.blocks):
            heading = block.question or ": ".join(block.headings) or parsed.title
            entries.append(Entry(document=document, block=number, heading=heading, text=block.text))
            ends.append(_last(block))
    right = tuple(
        {
            n
            for n, entry in enumerate(entries)
            if entry.document == document and heading in ("", ends[n])
        }
        for _, document, heading in asked
    )
    if gone := [question for (question, *_), found in zip(asked, right, strict=True) if not found]:
        raise ValueError(f"{name}: no section answers {gone}")
    return Corpus(
        name=name,
        documents=tuple(documents),
        entries=tuple(entries),
        questions=tuple(question for question, *_ in asked),
        right=right,
    )


def _last(block: Block) -> str:
    """What a reader would call it: its question or its own heading."""
    return block.question or (block.headings[-1] if block.headings else "")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
