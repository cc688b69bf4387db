"""Short-term memory: the bounded window of recent messages and a rolling summary. Pure.

A message that falls out of the window leaves one extractive line in `summary`; with a
model set, `ConversationSummarized` replaces those lines by the model's own summary.
The bounds are constants, not settings: a fold must give the same State for ever.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Role = Literal["visitor", "assistant", "operator"]

WINDOW_TOKENS = 3000
WINDOW_MESSAGES = 40
MESSAGE_CHARS = 4000
SUMMARY_CHARS = 2000
SUMMARY_LINE_CHARS = 160

_WORD = re.compile(r"\w{3,}")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")


class Remembered(msgspec.Struct, frozen=True, omit_defaults=True):
    role: Role
    message: str
    text: str
    by: str = ""
    """The operator's name, where a person of the company said it."""

    @property
    def tokens(self) -> int:
        return estimated_tokens(self.text)


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    window: tuple[Remembered, ...] = ()
    summary: str = ""
    summarized_through: str = ""
    """The last message that `summary` covers, empty while nothing fell out."""


def estimated_tokens(text: str) -> int:
    """About four characters a token, and one for the turn itself: the usual rule of thumb,
    which needs no tokenizer and so keeps the fold pure."""
    return len(text) // 4 + 1


def remember(memory: Memory, role: Role, message: str, text: str, *, by: str = "") -> Memory:
    """The memory with one more message; the oldest fall out into the summary."""
    window = (*memory.window, Remembered(role, message, text[:MESSAGE_CHARS], by))
    total = sum(item.tokens for item in window)
    keep = 0
    while len(window) - keep > 1 and (
        total > WINDOW_TOKENS or len(window) - keep > WINDOW_MESSAGES
    ):
        total -= window[keep].tokens
        keep += 1
    if not keep:
        return Memory(window, memory.summary, memory.summarized_through)
    lines = [memory.summary] if memory.summary else []
    lines += [f"{item.role}: {_gist(item.text)}" for item in window[:keep]]
    return Memory(window[keep:], _newest_lines("\n".join(lines)), window[keep - 1].message)


def resummarize(memory: Memory, text: str, through: str) -> Memory:
    """A model's summary in place of the extractive one; void when more fell out meanwhile."""
    if through != memory.summarized_through:
        return memory
    return Memory(memory.window, text[:SUMMARY_CHARS], through)


def recall(memory: Memory, question: str, *, budget: int) -> tuple[Remembered, ...]:
    """What of the window goes into a prompt of at most `budget` tokens, oldest first.

    The newest take up to half of the budget, the rest goes to those that share most words
    with the question.
    """
    chosen: dict[int, Remembered] = {}
    spent = 0
    for place in range(len(memory.window) - 1, -1, -1):
        item = memory.window[place]
        if chosen and spent + item.tokens > budget // 2:
            break
        if item.tokens > budget:
            break
        chosen[place] = item
        spent += item.tokens
    asked = _words(question)
    rest = [
        (len(asked & _words(item.text)), place, item)
        for place, item in enumerate(memory.window)
        if place not in chosen
    ]
    for shared, place, item in sorted(rest, key=lambda r: (-r[0], -r[1])):
        if shared and spent + item.tokens <= budget:
            chosen[place] = item
            spent += item.tokens
    return tuple(chosen[place] for place in sorted(chosen))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _gist(text: str) -> str:
    """The first sentence, shortened: what an extractive summary keeps of a message."""
    first = _SENTENCE_END.split(" ".join(text.split()), maxsplit=1)[0]
    return first if len(first) <= SUMMARY_LINE_CHARS else first[: SUMMARY_LINE_CHARS - 1] + "…"


def _newest_lines(text: str) -> str:
    if len(text) <= SUMMARY_CHARS:
        return text
    tail = text[-SUMMARY_CHARS:]
    return tail.split("\n", 1)[1] if "\n" in tail else tail
