"""Which rows and columns of a sheet are hidden: read from its XML as it streams by, for the reader
that keeps no sheet in memory does not say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Any
from xml.parsers import expat

from events.knowledge import Flag
from projections.knowledge.parsing.flags import hidden_text
from projections.knowledge.parsing.tables import MAX_COLUMNS, Row

_TRUE = frozenset({"1", "true", "on"})
_SAMPLE_ROWS = 3
_PIECE = 65_536


class Hidden:
    """`rows` by number, `columns` by place from 0."""

    def __init__(self) -> None:
        self.rows: set[int] = set()
        self.columns: set[int] = set()
        self._row = 0

    def start(self, name: str, told: dict[str, str]) -> None:
        """An element begins: what expat calls. Its numbers are a stranger's."""
        local = name.rpartition(" ")[2]
        if local == "row":
            self._row = _number(told.get("r"), self._row + 1)
            if told.get("hidden") in _TRUE or told.get("ht") == "0":
                self.rows.add(self._row)
        elif local == "col" and (told.get("hidden") in _TRUE or told.get("width") == "0"):
            first = max(_number(told.get("min"), 1), 1)
            last = min(_number(told.get("max"), first), MAX_COLUMNS)
            self.columns.update(range(first - 1, last))


def hidden_of(source: IO[bytes]) -> Hidden:
    """Of a sheet's XML, in which no entity was declared (see `packed`). Raises ExpatError."""
    hidden = Hidden()
    parser: Any = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = hidden.start
    while piece := source.read(_PIECE):
        parser.Parse(piece, False)
    parser.Parse(b"", True)
    return hidden


def seen_rows(rows: Sequence[Row], hidden: Hidden, title: str, flags: list[Flag]) -> list[Row]:
    """What a reader of the sheet sees; what is left out is added to `flags`."""
    unseen = [(number, cells) for number, cells in rows if number in hidden.rows]
    if unseen:
        said = "; ".join(" ".join(filter(None, cells)) for _, cells in unseen[:_SAMPLE_ROWS])
        flags.append(hidden_text(said, f"{title}, row {unseen[0][0]} (hidden rows: {len(unseen)})"))
    shown = [row for row in rows if row[0] not in hidden.rows]
    said_in = list(_said(shown, hidden.columns))
    if said_in:
        said = "; ".join(said_in[:_SAMPLE_ROWS])
        flags.append(hidden_text(said, f"{title} (hidden columns)"))
    return [(number, left) for number, cells in shown if (left := _without(cells, hidden.columns))]


def _said(rows: Sequence[Row], columns: set[int]) -> Iterator[str]:
    for _, cells in rows:
        said = " ".join(cell for at, cell in enumerate(cells) if cell and at in columns)
        if said:
            yield said


def _without(cells: list[str], columns: set[int]) -> list[str]:
    """The cells, those of hidden columns empty: the others keep their place under the header."""
    left = ["" if at in columns else cell for at, cell in enumerate(cells)]
    while left and not left[-1]:
        left.pop()
    return left


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 9 else otherwise
