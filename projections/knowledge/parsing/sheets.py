"""XLSX: a block for each shown row of each shown sheet, with the values last calculated."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
from msgspec.structs import replace

from events.knowledge import Flag
from events.objects.artifacts import Block, Parsed
from projections.knowledge.parsing.errors import Unparsable
from projections.knowledge.parsing.flags import hidden_text
from projections.knowledge.parsing.packed import check_packed
from projections.knowledge.parsing.sheet_hidden import Hidden, hidden_of, seen_rows
from projections.knowledge.parsing.tables import MAX_COLUMNS, Row, row_blocks, split_header

MAX_ROWS = 100_000
"""Of all sheets together, with something in them."""
_MONEY = re.compile(r"\[\$([^\]-]{1,4})[^\]]*\]|([€$£¥])")

_UNNAMED = re.compile(r"(?:sheet|hoja|tabelle|feuil)\s?\d*\Z", re.I)
"""What a sheet is called that nobody named."""


def parse_sheets(content: bytes, name: str) -> Parsed:
    """Raises Unparsable (`corrupt`, `encrypted`, `too_large`) and what openpyxl raises at a
    broken file."""
    check_packed(content, name)
    book = openpyxl.load_workbook(
        io.BytesIO(content), read_only=True, data_only=True, keep_links=False
    )
    flags: list[Flag] = []
    blocks: list[Block] = []
    left = MAX_ROWS
    for sheet in book.worksheets:
        rows = list(_rows(sheet, left, name))
        left -= len(rows)
        if sheet.sheet_state != "visible":
            if rows:
                said = "; ".join(" ".join(filter(None, cells)) for _, cells in rows[:3])
                flags.append(hidden_text(said, f"sheet {sheet.title}"))
            continue
        if rows:
            rows = seen_rows(rows, _hidden(sheet), sheet.title, flags)
        blocks += _sheet(sheet.title, rows)
    return Parsed(
        blocks=tuple(blocks),
        parser=f"openpyxl {openpyxl.__version__}",
        title=(book.properties.title or "").strip(),
        pages=len(book.worksheets),
        flags=tuple(flags),
    )


def _sheet(title: str, rows: list[Row]) -> Iterator[Block]:
    header, content = split_header(rows)
    if not content and header:
        header, content = [], rows  # a single row is no header of anything
    headings = () if _UNNAMED.match(title) else (title,)
    for block in row_blocks(header, content, sheet=title):
        yield replace(block, headings=headings)


def _hidden(sheet: Any) -> Hidden:
    with sheet._get_source() as source:  # there is no public way to a sheet's XML
        return hidden_of(source)


def _rows(sheet: Any, most: int, name: str) -> Iterator[Row]:
    """The rows that have something in them. What the sheet says of its size is not believed."""
    sheet.reset_dimensions()
    found = 0
    for number, cells in enumerate(sheet.iter_rows(), 1):
        texts = [_shown(cell) for cell in cells[:MAX_COLUMNS]]
        if not any(texts):
            continue
        found += 1
        if found > most:
            raise Unparsable(
                "too_large",
                f"{name}: more than {MAX_ROWS} rows. Divide it, or hand in only the sheets that"
                " questions are about.",
                f"{sheet.title}, row {number}",
            )
        while not texts[-1]:
            texts.pop()
        yield number, texts


def _shown(cell: Any) -> str:
    """A cell's value about as the spreadsheet shows it."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format or ""))
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value).strip()


def _number(value: float, shape: str) -> str:
    if "%" in shape:
        return f"{value * 100:.10g}%"
    plain = f"{value:.15g}"
    money = _MONEY.search(shape)
    if money is None:
        return plain
    sign = money.group(1) or money.group(2)
    amount = f"{value:.2f}" if "0.00" in shape else plain
    before = money.start() < shape.find("0")
    return f"{sign}{amount}" if before and len(sign) == 1 else f"{amount} {sign}"
