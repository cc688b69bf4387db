"""Markdown: a block for the text under each heading, with the path of headings to it. Linear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from events.objects.artifacts import Block, Parsed
from projections.knowledge.parsing.decoding import decoded

_FENCE = re.compile(r"(`{3,}|~{3,})")
_FRONT = re.compile(r"---[ \t]*\r?\n")
_FIELD = re.compile(r"([A-Za-z_]+)[ \t]*:")
_FRONT_CHARACTERS = 20_000
"""Front matter longer than this is text."""


def parse_markdown(content: bytes, name: str) -> Parsed:
    """Raises Unparsable (`corrupt`)."""
    text = decoded(name, content)
    fields, start = front_matter(text)
    return Parsed(
        blocks=tuple(sections(text, start)),
        parser="tandem markdown 1",
        title=fields.get("title", ""),
        url=fields.get("url", ""),
        locale=fields.get("locale") or fields.get("lang", ""),
    )


def front_matter(text: str) -> tuple[dict[str, str], int]:
    """The fields of a Markdown file's front matter and where the text after it begins."""
    opened = _FRONT.match(text)
    if opened is None:
        return {}, 0
    fields: dict[str, str] = {}
    at = opened.end()
    for line in text[at:_FRONT_CHARACTERS].splitlines(keepends=True):
        at += len(line)
        if line.rstrip() == "---":
            return fields, at
        field = _FIELD.match(line)
        if field:
            fields[field.group(1).lower()] = line[field.end() :].strip().strip("\"'")
    return {}, 0


def sections(text: str, start: int = 0) -> Iterator[Block]:
    """The text under each heading of `text`, from `start` on; none without a letter or digit."""
    path: list[tuple[int, str]] = []
    marks = [(start, start, 0, ""), *_headings(text, start), (len(text), len(text), 0, "")]
    for (_, begin, level, words), (end, *_) in pairwise(marks):
        if words:
            path = [part for part in path if part[0] < level] + [(level, words)]
        body = text[begin:end].strip()
        if any(char.isalnum() for char in body):
            yield Block(text=body, headings=tuple(words for _, words in path))


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
        level, words = (0, "") if line.startswith("    ") else _atx(bare)
        if level:
            yield begins[index], begins[index + 1], level, words
            continue
        under = lines[index + 1].strip() if index + 1 < len(lines) else ""
        lonely = index == 0 or not lines[index - 1].strip()
        if lonely and _underlines(under) and not bare.startswith(("-", "*", "|", ">")):
            yield begins[index], begins[index + 2], 1 if under[0] == "=" else 2, bare


def _atx(line: str) -> tuple[int, str]:
    """Level and words of `## Words ##`; level 0 where `line` is no heading."""
    words = line.lstrip("#")
    level = len(line) - len(words)
    if not 1 <= level <= 6 or not words.startswith((" ", "\t")):
        return 0, ""
    words = words.strip().rstrip("#").rstrip()
    return (level, words) if words else (0, "")


def _underlines(line: str) -> bool:
    return bool(line) and line[0] in "=-" and not line.strip(line[0])
