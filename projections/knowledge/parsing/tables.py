"""Rows into blocks, the same for CSV files and spreadsheets, and the reading of CSV. Linear."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from events.conversation import Place
from events.objects.artifacts import Block, Parsed
from projections.knowledge.parsing.decoding import decoded
from projections.knowledge.parsing.errors import Unparsable

MAX_COLUMNS = 1024
"""A wider table is a matrix of numbers, and nothing to answer a question from."""
_DELIMITERS = ",;\t|"
_HEADER_ROWS = 20
"""A header stands among the first rows that have something in them."""

_QUESTION = frozenset({"question", "pregunta"})
_ANSWER = frozenset({"answer", "respuesta"})
_META = {
    "url": frozenset({"url", "link", "enlace"}),
    "source": frozenset({"source", "fuente"}),
    "locale": frozenset({"locale", "lang", "language", "idioma"}),
}

Row = tuple[int, list[str]]
"""Its number as a person counts in the spreadsheet, from 1, and its cells."""


def parse_csv(content: bytes, name: str) -> Parsed:
    """A block for each row under the header. Raises Unparsable: `corrupt`, `empty`, `too_large`
    (too many columns)."""
    rows = list(_csv_rows(decoded(name, content), name))
    if len(rows) < 2:
        raise Unparsable(
            "empty",
            f"{name}: the CSV has a header at most, and no rows under it."
            " The first row must name the columns, the others hold the content.",
        )
    header = rows[0][1]
    return Parsed(blocks=tuple(row_blocks(header, rows[1:])), parser="tandem csv 1")


def row_blocks(header: Sequence[str], rows: Iterable[Row], *, sheet: str = "") -> Iterator[Block]:
    """A block for each of `rows`. With the columns `question` and `answer` a row is a question
    and its answer, else `column: value` lines."""
    columns = [name.strip() for name in header]
    question, answer = _column(columns, _QUESTION), _column(columns, _ANSWER)
    where = {name: _column(columns, names) for name, names in _META.items()}
    for number, cells in rows:
        row = [cell.strip() for cell in cells]
        row += [""] * (len(columns) - len(row))
        meta = {name: row[i] for name, i in where.items() if i is not None}
        block = Block(
            text="",
            place=Place(row=number, sheet=sheet),
            url=meta.get("url", ""),
            source=meta.get("source", ""),
            locale=meta.get("locale", ""),
        )
        if question is not None and answer is not None:
            if row[answer]:
                yield replace(block, text=row[answer], question=row[question])
            continue
        lines = [
            f"{columns[i]}: {cell}" if i < len(columns) and columns[i] else cell
            for i, cell in enumerate(row)
            if cell
        ]
        if lines:
            yield replace(block, text="\n".join(lines), table=True)


def split_header(rows: Sequence[Row]) -> tuple[list[str], Sequence[Row]]:
    """The header of a sheet and the rows under it. Titles and notes often stand above a table:
    the header is the first of the upper rows that fills as many cells as most of them do."""
    upper = rows[:_HEADER_ROWS]
    widest = max((_filled(cells) for _, cells in upper), default=0)
    for index, (_, cells) in enumerate(upper):
        if _filled(cells) >= max(2, (widest + 1) // 2) or widest < 2:
            return cells, rows[index + 1 :]
    return [], rows


def _filled(cells: Sequence[str]) -> int:
    return sum(1 for cell in cells if cell.strip())


def _column(header: Sequence[str], names: frozenset[str]) -> int | None:
    return next((i for i, name in enumerate(header) if name.lower() in names), None)


def _csv_rows(text: str, name: str) -> Iterator[Row]:
    """The rows that have something in them."""
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    number = 0
    try:
        for row in reader:
            number += 1
            if len(row) > MAX_COLUMNS:
                raise Unparsable(
                    "too_large",
                    f"{name}: {len(row)} columns, the limit is {MAX_COLUMNS}. Leave out the"
                    " columns that no question is about.",
                    f"row {number}",
                )
            if any(cell.strip() for cell in row):
                yield number, row
    except csv.Error as error:
        raise Unparsable(
            "corrupt",
            f"{name}: the CSV cannot be read: {error}. Save it again from the spreadsheet.",
            f"row {number + 1}",
        ) from error


def _delimiter(text: str) -> str:
    """The one that the first line has most of outside quotes; a comma where it has none."""
    first = text.lstrip("\r\n").partition("\n")[0]
    bare = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=bare.count)
