"""What a person should look at in a document: hidden characters (taken out here), hidden text
(the formats leave it out and tell), instructions planted for an AI. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from events.conversation import Place
from events.knowledge import Flag, FlagKind
from events.objects.artifacts import Block, Parsed
from projections.knowledge.parsing.hidden import SAMPLE, uncovered
from projections.knowledge.parsing.prompt_injection import planted_instruction

MAX_FLAGS = 20
"""More of a kind than this are counted in its last one."""


def where_of(place: Place, headings: tuple[str, ...] = ()) -> str:
    """A place in a document in words: `page 3`, `slide 2`, `Prices, row 7`."""
    if place.page:
        return f"page {place.page}"
    if place.slide:
        return f"slide {place.slide}"
    if place.row:
        return f"{place.sheet}, row {place.row}" if place.sheet else f"row {place.row}"
    return headings[-1] if headings else ""


def hidden_text(sample: str, where: str) -> Flag:
    """A flag for text that a format left out because no reader sees it."""
    said = " ".join(uncovered(sample)[0].split())[:SAMPLE]
    return Flag(kind="hidden_text", sample=said, where=where)


def cleaned(parsed: Parsed) -> Parsed:
    """`parsed` without hidden characters and without empty blocks, and with its flags."""
    flags: list[Flag] = list(parsed.flags)
    blocks: list[Block] = []
    for block in parsed.blocks:
        where = where_of(block.place, block.headings)
        text = _clean(block.text, where, flags).strip()
        question = _clean(block.question, where, flags)
        headings = tuple(_clean(heading, where, flags) for heading in block.headings)
        said, count = planted_instruction(f"{question}\n{text}" if question else text)
        if count:
            sample = said[:SAMPLE]
            flags.append(Flag(kind="planted_instructions", sample=sample, where=where, count=count))
        if any(char.isalnum() for char in text):
            blocks.append(
                msgspec.structs.replace(
                    block,
                    text=text,
                    question=question,
                    headings=headings,
                    url=_plain(block.url),
                    source=_plain(block.source),
                    locale=_plain(block.locale),
                    place=_plain_place(block.place),
                )
            )
    return msgspec.structs.replace(
        parsed,
        blocks=tuple(blocks),
        title=_clean(parsed.title, "title", flags).strip(),
        url=_plain(parsed.url),
        locale=_plain(parsed.locale),
        flags=tuple(_few(flags)),
    )


def _clean(text: str, where: str, flags: list[Flag]) -> str:
    clean, count, sample = uncovered(text)
    if count:
        flags.append(Flag(kind="hidden_characters", sample=sample, where=where, count=count))
    return clean


def _plain(text: str) -> str:
    return uncovered(text)[0]


def _plain_place(place: Place) -> Place:
    if not place.sheet and not place.anchor:
        return place
    return msgspec.structs.replace(place, sheet=_plain(place.sheet), anchor=_plain(place.anchor))


def _few(flags: Iterable[Flag]) -> list[Flag]:
    """The same kind at the same place once, and `MAX_FLAGS` of a kind."""
    merged: dict[tuple[FlagKind, str], Flag] = {}
    kinds: dict[FlagKind, list[tuple[FlagKind, str]]] = {}
    for flag in flags:
        key = (flag.kind, flag.where)
        of_kind = kinds.setdefault(flag.kind, [])
        if key not in merged and len(of_kind) < MAX_FLAGS:
            of_kind.append(key)
            merged[key] = flag
            continue
        key = key if key in merged else of_kind[-1]
        held = merged[key]
        merged[key] = msgspec.structs.replace(held, count=held.count + flag.count)
    return list(merged.values())
