"""What `tandem reembed` says of its checks: each figure with what was compared, and its bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tandem.output.counts import counted
from tandem.reembedding.checks import Bounds, Checks, Question

_ORIGINS = {
    "given": ("question of the file", "questions of the file"),
    "asked": ("question that visitors asked last", "questions that visitors asked last"),
    "title": ("title of a text", "titles of texts"),
}


def asked_for(questions: Sequence[Question]) -> str:
    """`4 questions that visitors asked last and 16 titles of texts`."""
    counts = Counter(question.origin for question in questions)
    said = [counted(counts[origin], *names) for origin, names in _ORIGINS.items() if counts[origin]]
    return " and ".join(said) or "no questions: nobody asked, and no text has a title"


def lines(found: Checks, bounds: Bounds, *, chunks: int, exact_up_to: int) -> Iterator[str]:
    """A figure a line, with what it is and what it must be."""
    judged = found.mrr is None  # where answers are known, likeness decides nothing
    least = f", at least {bounds.overlap:.3f}" if judged else ""
    yield _line("overlap@5", found.overlap, f"of the five found now, so many there{least}")
    yield _line("first@5", found.first, "what is found first now is among the five there")
    if found.mrr is not None and found.mrr_before is not None:
        least = f"at least {found.mrr_before * (1 - bounds.drop):.3f}"
        what = f"of the answers that are known; now {found.mrr_before:.3f}, {least}"
        yield _line("MRR", found.mrr, what)
    if found.recall is not None:
        what = "of the five that the exact search finds, so many by the index"
        yield _line("recall@5", found.recall, f"{what}, at least {bounds.recall:.3f}")
    else:
        why = f"all {chunks} chunks are compared (an index from {exact_up_to + 1} on)"
        yield _line("recall@5", None, f"nothing is missed: {why}")


def _line(name: str, figure: float | None, what: str) -> str:
    said = "-" if figure is None else f"{figure:.3f}"
    return f"  {name:<10} {said:>5}   {what}"
