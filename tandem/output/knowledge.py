"""What commands about the knowledge show on a terminal: tables that read well at 100 columns, and
blocks where ids and texts are too long for one. An id is never broken: it is there to be copied.
Into a file or a pipe a row is one line, however long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

LINE = 100_000
"""Wider than any line."""
IDS = ("Id", "Text's id")


def when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(sep=" ", timespec="minutes")[:16]


def place_of(place: Any) -> str:
    """Where in its document a text stands, for a person."""
    named = (("page", place.page), ("slide", place.slide), ("", place.sheet), ("row", place.row))
    said = [f"{name} {value}".strip() for name, value in named if value]
    return ", ".join(said) or (f"#{place.anchor}" if place.anchor else "")


def print_documents(rows: Sequence[Any]) -> None:
    table = _table("Name", "State", "Chunks", "Version", "Id", "What is wrong")
    for row in rows:
        wrong = row.failure.reason if row.failure else ", ".join(one.kind for one in row.flags)
        table.add_row(
            *_plain(row.name, row.state, row.chunks, row.version, row.document, wrong or "")
        )
    _print(table)


def print_versions(rows: Sequence[Any]) -> None:
    table = _table("Version", "State", "Submitted", "Chunks", "Parser", "What is wrong")
    for row in rows:
        state = f"{row.state} (answers)" if row.answers == row.version else row.state
        wrong = row.failure.reason if row.failure else ", ".join(one.kind for one in row.flags)
        table.add_row(
            *_plain(row.version, state, when(row.submitted_at), row.chunks, row.parser, wrong)
        )
    _print(table)


def print_chunks(rows: Sequence[Any]) -> None:
    table = _table("Text's id", "Place", "Tokens", "Text")
    for row in rows:
        table.add_row(*_plain(row.chunk, place_of(row.place), row.tokens, _short(row.text)))
    _print(table)


def print_hits(rows: Sequence[Any]) -> None:
    """Best first: its score and where it stands, the text, the scores by part and its id."""
    console = _console()
    for row in rows:
        where = ", ".join(one for one in (row.title, place_of(row.place)) if one)
        parts = "  ".join(f"{name} {value:.2f}" for name, value in row.parts.items())
        console.print(Text(f"{row.score:.2f}  ").append(where or row.document, "bold"))
        _under(console, _short(row.text, 320), 6)
        _under(console, f"{parts}  text {row.chunk}", 6, "dim")


def print_text(found: Any) -> None:
    """A text as it stands, with where it stands and what stands beside it."""
    one, console = found.chunk, Console(highlight=False, soft_wrap=True)
    # A heading may begin with its document.
    whole = one.heading.casefold().startswith(found.document_title.casefold())
    title = "" if whole else found.document_title
    where = ", ".join(part for part in (title, one.heading, place_of(one.place)) if part)
    answers = f"answers since version {one.opened_at} of the log"
    if one.closed_at:
        answers = f"answered from version {one.opened_at} of the log until {one.closed_at}"
    console.print(Text(where, "bold"))
    console.print(Text(f"{one.document} version {one.version}, {answers}"))
    if found.before:
        console.print(Text(found.before, "dim"))
    console.print(Text(one.text))
    if found.after:
        console.print(Text(found.after, "dim"))


def print_told(rows: Sequence[Any]) -> None:
    """Each answer with what was asked, and whether it would be said today."""
    console = _console()
    for row in rows:
        console.print(
            Text(f"{when(row.at)}  conversation {row.conversation}  answer {row.message}")
        )
        _under(console, f"asked: {_short(row.question)}", 2)
        _under(console, f"was told: {_short(row.quote or row.answer, 320)}", 2)
        if not row.current:
            _under(console, "the text has changed or gone since", 2, "dim")


def print_gaps(groups: Sequence[Any]) -> None:
    table = _table("Asked", "Times", "Last", "Conversations")
    for group in groups:
        seen = ", ".join(dict.fromkeys(one.conversation for one in group.examples))
        table.add_row(*_plain(group.question, group.count, when(group.last_at), seen))
    _print(table)


def print_counts(found: Any) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"{found.documents} documents answer, {found.chunks} chunks"))
    console.print(Text(f"version {found.knowledge}, embedding space {found.space or '-'}"))
    for title, counted in (("State", found.by_state), ("Kind", found.by_media_type)):
        table = _table(title, "Documents")
        for name, count in counted.items():
            table.add_row(*_plain(name, count))
        _print(table)
    table = _table("Source", "Documents", "Chunks", "Cited")
    for one in found.by_source:
        table.add_row(*_plain(one.source or "-", one.documents, one.chunks, one.cited))
    _print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in IDS)
    return table


def _plain(*cells: object) -> list[Text]:
    """Texts of strangers are shown as they are: nothing in them is markup."""
    return [Text(str(cell)) for cell in cells]


def _short(text: str, most: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _under(console: Console, text: str, indent: int, style: str = "") -> None:
    """A paragraph below what it belongs to."""
    console.print(Padding(Text(text, style), (0, 0, 0, indent), expand=False))


def _print(table: Table) -> None:
    console = _console()
    wide = Measurement.get(console, console.options.update(width=LINE), table)
    console = _console(least=wide.minimum)
    with console.capture() as drawn:
        console.print(table)
    print(*(line.rstrip() for line in drawn.get().splitlines()), sep="\n")


def _console(*, least: int = 0) -> Console:
    """As wide as the terminal, or as `least`: the terminal breaks what does not fit."""
    console = Console(highlight=False)
    width = max(console.width, least) if console.is_terminal else LINE
    return Console(highlight=False, width=width)
