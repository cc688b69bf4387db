"""Answers in the sources' own words: no model, no key, no invention.

Implements `actors.ports.Generator`. The passage sentence closest to the question comes first, the
sentences that follow it in its passage stay in their order, and a second passage may add one.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence

import msgspec

from actors.ports import (
    GenerationDone,
    GenerationPart,
    GenerationRequest,
    Passage,
    PromptMessage,
    ScoredSentence,
    TextDelta,
)
from actors.speech.instructions import reads_as_instruction
from actors.speech.sentences import content, coverage, fold, sentences, topic, wording
from actors.speech.wordlists import word_set

MODEL = "extractive"
VERSION = "extractive-1"

MOST_SENTENCES = 4
MOST_CHARACTERS = 600
LEAST_WORDS = 3
"""Fewer words without a full stop are a label, not a sentence."""
LEAST_CLOSENESS = 0.35
"""The best sentence, or its whole passage, must be this close: cosine and shared words."""
FOLLOWS_FROM = 0.55
"""A following sentence is kept at this share of the best one's value."""
OTHER_FROM = 0.9
"""A sentence of another passage is added at this share of the best one's value."""
OPENING = 0.10
"""What a passage's first sentence is worth on top: help pages answer first, then explain."""
WORDS_WEIGHT = {"en": 0.25, "es": 0.6}
"""What holding all of the question's topic words is worth on top of the cosine, half as much in
the passage around it. More in Spanish, where the default embedder's cosine says little."""
RANK_WEIGHT = 0.3
"""What the search's first passage is worth on top, its n-th a share of 1/n."""
HEADING_WEIGHT = 0.4
"""What a passage is worth on top whose heading asks the same question in the same words."""
PASSAGE_WEIGHT = 0.25
"""What a passage's own closeness is worth for each of its sentences."""
SAME_LANGUAGE = 0.15
"""What a passage in the visitor's language is worth on top."""
_POINTING = word_set(
    "it they this that these those he she such however therefore also so but and then because "
    "esto eso este esta estos estas ello ellos ellas sin embargo ademas tambien por pero y asi"
)

_LIST_MARK = re.compile(r"\s*(?:[-*•+]|\d{1,2}[.)])\s+")
_HEADING_MARK = re.compile(r"\s*#{1,6}\s+")
_CITED_STOP = re.compile(r"[.!…][\"'\u201d\u2019»)]* \[\d+\]$")
_STOP = re.compile(r"[.!…:;][\"'\u201d\u2019»)]*$")


class Candidate(msgspec.Struct, frozen=True):
    """A sentence that may answer: which passage (0-based), where in it, what it is worth
    beside the others, whether it is an item of a list, how close it is to the question."""

    passage: int
    at: int
    text: str
    value: float
    item: bool
    closeness: float


class ExtractiveGenerator:
    """Quotes whole sentences. Says nothing, which means "unknown", when none is close enough."""

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GenerationPart]:
        """One TextDelta a sentence, each ending in its citation, then GenerationDone."""
        chosen = choose(request)
        written: list[str] = []
        for candidate in chosen:
            written.append(_shown(candidate, written[-1] if written else ""))
            yield TextDelta(written[-1])
        yield GenerationDone(
            text="".join(written),
            cited=tuple(dict.fromkeys(c.passage + 1 for c in chosen)),
            quotes=_quotes(request.passages, chosen),
            model=MODEL,
            prompt_version=VERSION,
        )

    async def summarize(self, messages: Sequence[PromptMessage], summary: str) -> str | None:
        """None: without a model the extractive summary of short-term memory stays."""
        return None


def choose(request: GenerationRequest) -> list[Candidate]:
    """The sentences of the answer in the order to be read; empty when nothing is close enough."""
    by_passage = [
        _candidates(index, passage, request) for index, passage in enumerate(request.passages)
    ]
    everything = [c for candidates in by_passage for c in candidates]
    if not everything:
        return []
    best = max(everything, key=lambda c: c.value)
    if best.closeness < LEAST_CLOSENESS:
        return []
    chosen = _run(by_passage[best.passage], best)
    others = [c for c in everything if c.passage != best.passage]
    known = {_key(c.text) for c in chosen}
    for other in sorted(others, key=lambda c: -c.value):
        close = other.value >= OTHER_FROM * best.value
        if len(chosen) >= MOST_SENTENCES or not close or _key(other.text) in known:
            break
        if sum(len(c.text) for c in chosen) + len(other.text) > MOST_CHARACTERS:
            break
        chosen.append(other)
        break
    return chosen


def _candidates(index: int, passage: Passage, request: GenerationRequest) -> list[Candidate]:
    scored = passage.sentences or tuple(
        ScoredSentence(text, passage.score) for text in sentences(passage.text)
    )
    quotable = [s for s in scored if _is_quotable(s.text, passage.text)]
    asked = request.searched or request.question
    language = wording(asked, request.locale)
    wanted = topic(asked, language)
    weight = WORDS_WEIGHT[language]
    about = coverage(wanted, set(content(f"{passage.title} {passage.text}", language)))
    base = PASSAGE_WEIGHT * passage.score + weight / 2 * about + RANK_WEIGHT / (index + 1)
    base += HEADING_WEIGHT * _same_question(wanted, passage.title, language)
    base += SAME_LANGUAGE if _same_language(passage.locale, request.locale) else 0.0
    candidates: list[Candidate] = []
    for at, sentence in enumerate(quotable):
        shared = weight * coverage(wanted, set(content(sentence.text, language)))
        opening = OPENING if at == 0 else 0.0
        candidates.append(
            Candidate(
                passage=index,
                at=at,
                text=sentence.text,
                value=base + sentence.score + opening + shared,
                item=_is_item(sentence.text, passage.text),
                closeness=max(sentence.score, passage.score) + shared,
            )
        )
    return candidates


def _same_question(wanted: Sequence[str], title: str, language: str) -> float:
    """0 to 1: how much of the question the heading holds, times how much of the heading it is."""
    heading = content(title.rsplit(": ", 1)[-1], language)
    if not wanted or not heading:
        return 0.0
    return coverage(wanted, set(heading)) * coverage(heading, set(wanted))


def _is_quotable(sentence: str, passage: str) -> bool:
    """False for a FAQ's question, a heading, and text that gives orders to an assistant."""
    text = sentence.strip()
    if text.endswith("?") or text.startswith("#") or reads_as_instruction(text):
        return False
    if _HEADING_MARK.fullmatch(_line_before(text, passage)):
        return False
    first_line = passage.strip().split("\n", 1)[0].lstrip("# ").strip()
    is_heading = text == first_line and "\n" in passage.strip() and not _STOP.search(text)
    is_fragment = not _STOP.search(text) and len(text.split()) < LEAST_WORDS
    return not (is_heading or is_fragment) and any(char.isalpha() for char in text)


def _same_language(one: str, other: str) -> bool:
    return bool(one) and one[:2].lower() == other[:2].lower()


def _key(text: str) -> str:
    return " ".join(text.casefold().split())


def _run(candidates: list[Candidate], best: Candidate) -> list[Candidate]:
    """The best sentence and the neighbours behind it that go on with it, in their order.

    A sentence that points back ("It ...", "Esto ...") brings the one before it along.
    """
    start = best.at
    while start > 0 and _points_back(candidates[start].text):
        start -= 1
    chosen = candidates[start : best.at + 1][:MOST_SENTENCES]
    for candidate in candidates[best.at + 1 :]:
        length = sum(len(c.text) for c in chosen) + len(candidate.text)
        listed = candidate.item and (chosen[-1].item or chosen[-1].text.rstrip().endswith(":"))
        goes_on = candidate.value >= FOLLOWS_FROM * best.value or listed
        if len(chosen) >= MOST_SENTENCES or length > MOST_CHARACTERS or not goes_on:
            break
        chosen.append(candidate)
    if len(chosen) > 1 and chosen[-1].text.rstrip().endswith(":"):
        chosen.pop()  # it announces what did not fit
    return chosen


def _shown(candidate: Candidate, before: str) -> str:
    """The sentence with its citation and what parts it from `before`: list items keep their
    lines, and so does what has no full stop."""
    words = " ".join(candidate.text.split())
    if candidate.item:
        words = f"- {words}"
        separator = "\n" if before.lstrip().startswith("- ") else "\n\n"
    else:
        separator = " " if _CITED_STOP.search(before) else "\n\n"
    return f"{separator if before else ''}{words} [{candidate.passage + 1}]"


def _is_item(sentence: str, passage: str) -> bool:
    return _LIST_MARK.fullmatch(_line_before(sentence, passage)) is not None


def _line_before(sentence: str, passage: str) -> str:
    """What stands in front of the sentence in its line."""
    return passage[: max(passage.find(sentence), 0)].rsplit("\n", 1)[-1]


def _points_back(text: str) -> bool:
    first = text.split(maxsplit=1)[:1]
    return bool(first) and fold(first[0].strip(",.")) in _POINTING


def _quotes(passages: Sequence[Passage], chosen: Sequence[Candidate]) -> dict[int, str]:
    """Per cited passage its exact words, from the first chosen sentence to the last."""
    quotes: dict[int, str] = {}
    for number in dict.fromkeys(c.passage for c in chosen):
        text = passages[number].text
        spans = [(text.find(c.text), len(c.text)) for c in chosen if c.passage == number]
        start = min(at for at, _ in spans)
        end = max(at + length for at, length in spans)
        quotes[number + 1] = text[start:end]
    return quotes
