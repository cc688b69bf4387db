"""What of a PDF's page a reader sees: told by the operators between which its text stands.

Letters that are drawn in no way (text render mode 3) are left out, unless they are what text
recognition lays over a scan: then there is a picture, and little else to read. White letters are
left out where nothing that could lie under them is painted on the page: where something is, nobody
can say without drawing it. Letters smaller than two points are left out. What cannot be told apart
from the visible text that it stands in stays, and is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pypdf
from pypdf.errors import PyPdfError

from events.knowledge import Flag
from projections.knowledge.parsing.flags import hidden_text

Piece = tuple[str, float]
"""Text, and how large its letters are, in points."""
Seen = Literal["plain", "tiny", "invisible", "white", "mixed"]

SEEN_FROM = 2.0
"""Points; nobody reads smaller letters."""
GROUND_FROM = 4.0
"""Points: what is thinner is a line of a table, and nothing that text stands on."""
_SHOWS = frozenset({b"Tj", b"TJ", b"'", b'"'})
_FILLS = frozenset({b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*"})
_ENDS_PATH = _FILLS | {b"S", b"s", b"n"}
_CURVES = frozenset({b"l", b"c", b"v", b"y"})
_INVISIBLE = 3


class PageReader:
    """Reads one page. `pieces` gives what a reader sees of it."""

    def __init__(self, page: pypdf.PageObject, number: int) -> None:
        self._page, self._where = page, f"page {number}"
        self._mode, self._white = 0, False
        self._kept: list[tuple[int, bool]] = []
        self._forms: list[tuple[float, int, bool]] = []
        self._scale = 1.0
        self._large = self._ground = self._picture = False
        self._now: Seen = "plain"
        self._since: set[Seen] = set()
        self._found: list[tuple[str, float, Seen]] = []

    def pieces(self, flags: list[Flag]) -> list[Piece]:
        """In the page's order; what is left out is added to `flags`. Raises what pypdf raises at
        a broken page."""
        self._page.extract_text(
            visitor_text=self._text,
            visitor_operand_before=self._before,
            visitor_operand_after=self._after,
        )
        unseen = self._unseen()
        kept: list[Piece] = []
        for text, size, seen in self._found:
            if text.strip() and (seen in unseen or seen == "mixed"):
                flags.append(hidden_text(text, self._where))
            if seen not in unseen or not text.strip():
                kept.append((text, size))
        return kept

    def _unseen(self) -> set[Seen]:
        unseen: set[Seen] = {"tiny"}
        plain, invisible = self._letters("plain"), self._letters("invisible")
        if not self._picture or plain >= invisible:
            unseen.add("invisible")
        if not self._picture and not self._ground:
            unseen.add("white")
        return unseen

    def _letters(self, seen: Seen) -> int:
        return sum(len(text.strip()) for text, _, found in self._found if found == seen)

    def _text(
        self, text: str, cm: Sequence[float], tm: Sequence[float], font: object, size: float
    ) -> None:
        height = abs(float(size or 0) * (tm[3] or tm[1] or 1) * (cm[3] or cm[1] or 1)) * self._scale
        seen = self._now if not self._since else next(iter(self._since))
        if len(self._since) > 1:
            seen = "mixed"
        self._since.clear()
        if 0 < height < SEEN_FROM:
            seen = "tiny"
        self._found.append((text, height, seen))

    def _before(self, operator: bytes, operands: Any, cm: Sequence[float], tm: object) -> None:
        if operator in _SHOWS:
            self._now = self._how()
            self._since.add(self._now)
        elif operator == b"Tr":
            self._mode = int(_numbers(operands)[0]) if _numbers(operands) else 0
        elif operator == b"q":
            self._kept.append((self._mode, self._white))
        elif operator == b"Q" and self._kept:
            self._mode, self._white = self._kept.pop()
        elif operator == b"Do":
            self._forms.append((self._scale, self._mode, self._white))
            self._scale *= abs(cm[3] or cm[1] or 1)
            self._picture = self._picture or _draws_picture(self._page, operands)
        else:
            self._painted(operator, operands)

    def _after(self, operator: bytes, operands: object, cm: object, tm: object) -> None:
        if operator == b"Do" and self._forms:
            self._scale, self._mode, self._white = self._forms.pop()

    def _how(self) -> Seen:
        if self._mode == _INVISIBLE:
            return "invisible"
        return "white" if self._white and self._mode == 0 else "plain"

    def _painted(self, operator: bytes, operands: Any) -> None:
        if operator in (b"g", b"rg", b"k", b"sc", b"scn", b"cs"):
            self._white = _is_white(operator, _numbers(operands))
        elif operator == b"re":
            sides = [abs(side) for side in _numbers(operands)[2:4]]
            self._large = self._large or not sides or min(sides) >= GROUND_FROM
        elif operator in _CURVES:
            self._large = True
        elif operator in (b"sh", b"INLINE IMAGE"):
            self._ground = True
            self._picture = self._picture or operator == b"INLINE IMAGE"
        if operator in _FILLS and self._large and not self._white:
            self._ground = True
        if operator in _ENDS_PATH:
            self._large = False


def _numbers(operands: Any) -> list[float]:
    found: list[float] = []
    for each in operands if isinstance(operands, list) else ():  # pyright: ignore[reportUnknownVariableType]  pypdf's own lists
        if isinstance(each, int | float):
            found.append(float(each))
    return found


def _is_white(operator: bytes, parts: Sequence[float]) -> bool:
    """Of one part in `sc` nobody knows here what it is of: it may be an ink."""
    if len(parts) == 4:
        return not any(parts)
    if len(parts) == 3:
        return min(parts) >= 1
    return operator == b"g" and len(parts) == 1 and parts[0] >= 1


def _draws_picture(page: pypdf.PageObject, operands: Any) -> bool:
    """The object, or one in the form that it is. What is inside of a form is asked for by the
    form's own names, which the page does not know."""
    try:
        known: Any = page["/Resources"]["/XObject"]  # type: ignore[index]
        drawn = known[operands[0]].get_object()
        if drawn.get("/Subtype") == "/Image":
            return True
        inner = drawn["/Resources"]["/XObject"]
        return any(inner[name].get_object().get("/Subtype") == "/Image" for name in inner)
    except (PyPdfError, LookupError, TypeError, AttributeError):
        return False
