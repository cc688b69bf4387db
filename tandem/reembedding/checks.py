"""Is a filled space as good as the one that answers now? Asked before the switch, of both.

Three things are measured, each only where it says something: how alike both spaces' results are,
how well each finds the known answers, and, where the house will search through an index, what
that index misses of the exact search. Where every chunk is compared nothing can be missed, and
no figure pretends to have looked.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import asyncpg
import msgspec

from projections.engine.database import tenant_transaction
from projections.knowledge.search.search import KnowledgeSearch
from tandem.errors import UserError

if TYPE_CHECKING:
    from projections.knowledge.search.search import Hit
    from serve_apps.embedding.batches import Vectors

QUESTIONS = 100
LEAST = 20
"""Where visitors asked less, titles are asked for too: a few questions say little."""
DEEP = 20
LOOK_S = 1.0
_ASKED = """
    SELECT text FROM (
        SELECT DISTINCT ON (text) text, at FROM read.messages
        WHERE tenant = $1 AND author = 'visitor' AND length(text) BETWEEN 8 AND 500
        ORDER BY text, at DESC
    ) t ORDER BY at DESC LIMIT $2
"""
_HEADINGS = """
    SELECT title FROM read.chunks WHERE tenant = $1 AND closed_at IS NULL AND title <> ''
    GROUP BY title ORDER BY md5(title) LIMIT $2
"""

EmbedQuery = Callable[[str, str], Awaitable["Vectors"]]
"""(text, space) -> unit vector."""


class Question(msgspec.Struct, frozen=True):
    """`answer`: words of the text that should be found, or the title of it; empty: not known."""

    text: str
    answer: str = ""
    origin: Literal["given", "asked", "title"] = "given"


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """A space that is worse than this is not switched to."""

    recall: float = 0.95
    overlap: float = 0.5
    drop: float = 0.01
    """Of the MRR, as a part of what it was."""


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """Means over the questions. `mrr` and `mrr_before` only where answers are known."""

    questions: int
    overlap: float
    """Of the five that are found now, how many are among the five of the new space."""
    first: float
    """How often what is found first now is among the five of the new space."""
    recall: float | None = None
    """Of the five that the space's exact search finds, how many its index finds; None where the
    house searches exactly."""
    mrr: float | None = None
    mrr_before: float | None = None

    def quality(self) -> dict[str, float]:
        """For the fact of the switch."""
        found = {
            "questions": float(self.questions),
            "overlap_at_5": round(self.overlap, 4),
            "first_at_5": round(self.first, 4),
        }
        if self.mrr is not None and self.mrr_before is not None:
            found |= {"mrr": round(self.mrr, 4), "mrr_before": round(self.mrr_before, 4)}
        return found

    def faults(self, bounds: Bounds) -> list[str]:
        """Why not to switch; empty when all is well."""
        found: list[str] = []
        if self.recall is not None and self.recall < bounds.recall:
            found.append(f"recall@5 is {self.recall:.3f}, below {bounds.recall:g}")
        if self.mrr is not None and self.mrr_before is not None:
            if self.mrr < self.mrr_before * (1 - bounds.drop):
                found.append(f"MRR falls from {self.mrr_before:.3f} to {self.mrr:.3f}")
        elif self.overlap < bounds.overlap:
            found.append(f"overlap@5 is {self.overlap:.3f}, below {bounds.overlap:g}")
        return found


def read_questions(path: Path) -> list[Question]:
    """A CSV with the columns `question` and `answer`. Raises UserError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found = [Question(row["question"], row["answer"]) for row in csv.DictReader(file)]
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: no CSV with `question` and `answer` ({error!r})") from None
    if not found:
        raise UserError(f"{path} holds no question")
    return found


async def usual_questions(pool: asyncpg.Pool, tenant: str) -> list[Question]:
    """What visitors asked last; where that is little, also titles of what can be found."""
    async with tenant_transaction(pool, tenant) as connection:
        asked = await connection.fetch(_ASKED, tenant, QUESTIONS)
        short = max(0, LEAST - len(asked))
        titles = await connection.fetch(_HEADINGS, tenant, short)
    return [Question(row[0], origin="asked") for row in asked] + [
        Question(row[0], origin="title") for row in titles
    ]


async def index_ready(house: KnowledgeSearch, tenant: str, space: str, *, timeout: float) -> None:
    """Of a tenant that is so large that the house searches through one: the house makes it by
    itself, once there are vectors. Raises TimeoutError."""
    async with asyncio.timeout(timeout):
        while True:
            if space in (await house.standing(tenant)).indexed:
                return
            await asyncio.sleep(LOOK_S)


async def check(
    house: KnowledgeSearch,
    exact: KnowledgeSearch,
    embed: EmbedQuery,
    tenant: str,
    questions: Sequence[Question],
    *,
    space: str,
    now: str,
    tell: Callable[[int], object] = lambda done: None,
) -> Checks:
    """`house` searches as the house does, `exact` misses nothing; `tell` hears how many questions
    are done. Raises as search does, and what `embed` raises."""
    overlap = first = mrr = before = 0.0
    recalls: list[float] = []
    for done, question in enumerate(questions):
        tell(done)
        vector, old = await embed(question.text, space), await embed(question.text, now)
        ask = question.text
        mine = await house.search(tenant, ask, vector, space=space, limit=DEEP)
        theirs = await house.search(tenant, ask, old, space=now, limit=DEEP)
        if mine.how == "index":
            whole = await exact.search(tenant, ask, vector, space=space, limit=DEEP)
            recalls.append(_shared(whole.hits, mine.hits))
        overlap += _shared(theirs.hits, mine.hits)
        first += _shared(theirs.hits[:1], mine.hits)
        mrr += _reciprocal(question.answer, mine.hits)
        before += _reciprocal(question.answer, theirs.hits)
    count = len(questions)
    known = bool(questions) and all(question.answer for question in questions)
    return Checks(
        questions=count,
        overlap=overlap / count if count else 1.0,
        first=first / count if count else 1.0,
        recall=sum(recalls) / len(recalls) if recalls else None,
        mrr=mrr / count if known else None,
        mrr_before=before / count if known else None,
    )


def _shared(wanted: Sequence[Hit], found: Sequence[Hit]) -> float:
    """How much of the best five of `wanted` is among the best five of `found`."""
    best = {hit.chunk for hit in wanted[:5]}
    return len(best & {hit.chunk for hit in found[:5]}) / len(best) if best else 1.0


def _reciprocal(answer: str, hits: Sequence[Hit]) -> float:
    """1 / the place of the first hit that holds the answer; 0 when none of twenty does."""
    wanted = answer.strip().lower()
    for place, hit in enumerate(hits, start=1):
        if wanted and (wanted in hit.text.lower() or wanted == hit.title.strip().lower()):
            return 1 / place
    return 0.0
