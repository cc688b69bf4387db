"""What a person of the company said in the conversation, as passages beside those of the pages.

A person's word about this very case goes before a general page that is about as close: without
that lead "When does it arrive?" would be answered from the page on shipping although Ana has said
"Your parcel arrives on Friday".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from actors.ports import Passage, Said, ScoredSentence
from actors.speech.language import detect
from actors.speech.sentences import content, coverage, sentences, topic, wording

if TYPE_CHECKING:
    from serve_apps.embedding.encoder import Vectors

DOCUMENT = "conversation"
SENTENCES = 12
"""Of one message that are compared with the question."""
WORDS_WEIGHT = 0.3
"""What holding all of the question's topic words is worth on top of the cosine."""
LEAD = 0.15
"""What a person's word is worth on top."""


async def said_passages(
    said: Sequence[Said], question: Vectors, embed: Callable[[str], Awaitable[Vectors]]
) -> list[Passage]:
    """A passage for each message. `question` is a unit vector; `score` and the sentences', best
    first, are cosines with it, as a passage's of the pages are."""
    parts = [(one, sentences(one.text)[:SENTENCES]) for one in said]
    texts = list(dict.fromkeys(text for one, cut in parts for text in (one.text, *cut)))
    vectors = await asyncio.gather(*(embed(text) for text in texts))
    close = {text: float(vector @ question) for text, vector in zip(texts, vectors, strict=True)}
    return [
        Passage(
            chunk=f"message:{one.message}",
            document=DOCUMENT,
            title=one.by,
            text=one.text,
            locale=detect(one.text, ""),
            score=close[one.text],
            rank_score=0.0,
            sentences=tuple(
                ScoredSentence(text, close[text])
                for text in sorted(cut, key=lambda text: -close[text])
            ),
        )
        for one, cut in parts
    ]


def merged(pages: Sequence[Passage], said: Sequence[Passage], question: str) -> list[Passage]:
    """`pages` in their order, each of `said` before the first page that is less close. It takes
    over that page's `rank_score`, so that the list stays in the order of it."""
    wanted = topic(question, wording(question))
    found = list(pages)
    for one in sorted(said, key=lambda passage: _closeness(passage, wanted)):
        value = _closeness(one, wanted) + LEAD
        place = next(
            (at for at, page in enumerate(found) if _closeness(page, wanted) < value), len(found)
        )
        rank = found[min(place, len(found) - 1)].rank_score if found else 0.0
        found.insert(place, msgspec.structs.replace(one, rank_score=rank))
    return found


def _closeness(passage: Passage, wanted: Sequence[str]) -> float:
    best = max([passage.score, *(sentence.score for sentence in passage.sentences)])
    language = wording(passage.text, passage.locale or "en")
    given = set(content(f"{passage.title} {passage.text}", language))
    return best + WORDS_WEIGHT * (coverage(wanted, given) if wanted else 0.0)
