"""What commands about the knowledge show on a terminal: tables that read well at 100 columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(sep=" ", timespec="minutes")[:16]


def place_of(place: Any) -> str:
    """Where in its document a text stands, for a person."""
    named = (("page", place.page), ("slide", place.slide), ("", place.sheet), ("row", place.row))
    said = [f"{name} {value}".strip() for name, value in named if value]
    return ", ".join(said) or (f"#{place.anchor}" if place.anchor else "")


def print_documents(rows: Sequence[Any]) -> None:
    table = _table("Document", "Name", "State", "Chunks", "Version", "What is wrong")
    for row in rows:
        wrong = row.failure.reason if row.failure else ", ".join(one.kind for one in row.flags)
        table.add_row(
            *_plain(row.document, row.name, row.state, row.chunks, row.version, wrong or "")
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
    table = _table("Text's id", "Score", "Parts", "Where", "Text")
    for row in rows:
        parts = " ".join(f"{name} {value:.2f}" for name, value in row.parts.items())
        where = ", ".join(one for one in (row.title, place_of(row.place)) if one)
        table.add_row(
            *_plain(row.chunk, f"{row.score:.2f}", parts, where, _short(row.text)),
        )
    _print(table)


def print_text(found: Any) -> None:
    """A text as it stands, with where it stands and what stands beside it."""
    one, console = found.chunk, Console(highlight=False, soft_wrap=True)
    place = ", ".join(part for part in (place_of(one.place), one.heading) if part)
    answers = f"until {one.closed_at}" if one.closed_at else "answers now"
    console.print(Text(f"{found.document_title}: {place}".rstrip(": "), "bold"))
    console.print(Text(f"{one.document} version {one.version}, from {one.opened_at}, {answers}"))
    if found.before:
        console.print(Text(found.before, "dim"))
    console.print(Text(one.text))
    if found.after:
        console.print(Text(found.after, "dim"))


def print_told(rows: Sequence[Any]) -> None:
    table = _table("When", "Conversation", "Answer's id", "Asked", "Was told", "Still so")
    for row in rows:
        table.add_row(
            *_plain(
                when(row.at),
                row.conversation,
                row.message,
                _short(row.question, 80),
                _short(row.quote or row.answer),
                "yes" if row.current else "no",
            )
        )
    _print(table)


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
        table.add_column(column, overflow="fold")
    return table


def _plain(*cells: object) -> list[Text]:
    """Texts of strangers are shown as they are: nothing in them is markup."""
    return [Text(str(cell)) for cell in cells]


def _short(text: str, most: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _print(table: Table) -> None:
    Console(highlight=False).print(table)
