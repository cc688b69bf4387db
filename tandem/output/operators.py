"""What commands for operators print: the queue as a table, a conversation as it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Json = dict[str, Any]

LAST_SAID = 6
_REASONS = {
    "visitor_asked": "asked",
    "visitor_words": "asked in words",
    "distress": "distress",
    "low_confidence": "unsure answer",
    "guard": "guard",
    "unanswered_turns": "no answers",
    "authority": "authority",
    "operator_choice": "passed on",
    "lease_lapsed": "operator gone",
}
_COLOURS = {"visitor": "cyan", "assistant": "green", "operator": "magenta"}


def who_has(row: Json) -> str:
    """In a few words: who speaks in this conversation."""
    if row.get("status") == "resolved":
        return "resolved"
    if name := row.get("operator_name") or row.get("operator"):
        return f"{name}, supervising" if row.get("mode") == "supervised" else str(name)
    return "nobody, drafts wait" if row.get("mode") == "supervised" else "the AI"


def age(ms: int) -> str:
    """`45 s`, `12 min`, `3 h`, `9 d`: the largest unit, rounded down."""
    seconds = max(0, ms) // 1000
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def print_inbox(rows: Sequence[Json], *, now: int) -> None:
    """`now` in ms since 1970, UTC."""
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for name in ("conversation", "waits", "why", "with", "lang"):
        table.add_column(name, no_wrap=True)
    table.add_column("newest text", no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        since = row.get("waiting_since")
        reason = str(row.get("reason", ""))
        why = _REASONS.get(reason, reason) if since is not None else ""
        colour = _COLOURS.get(str(row.get("last_who", "")), "")
        table.add_row(
            Text(row["conversation"]),
            Text("" if since is None else age(now - since), "bold yellow"),
            Text("draft waits" if row.get("draft") else why),
            Text(who_has(row)),
            Text(row.get("locale", "")),
            Text(one_line(row.get("last_text", "")), colour),
        )
    Console().print(table)


def print_conversation(found: Json, *, now: int) -> None:
    """How it stands: who has it, why it was handed off, what was said last, the draft."""
    console = Console(highlight=False)
    row, state = found["row"], found["state"]
    head = Text(row["conversation"], "bold")
    head.append(f"  with {who_has(row)}", "not bold")
    if (since := row.get("waiting_since")) is not None:
        head.append(f"  waits for {age(now - since)}", "yellow")
    console.print(head)
    if row.get("reason"):
        reason = _REASONS.get(row["reason"], row["reason"])
        evidence = f": {row['evidence']}" if row.get("evidence") else ""
        console.print(Text(f"called: {reason}{evidence}", "dim"))
    window = state.get("memory", {}).get("window", ())
    for said in window[-LAST_SAID:]:
        line = Text(f"{said['role']:>9}  ", _COLOURS.get(said["role"], ""))
        line.append(one_line(said["text"]), "default")
        console.print(line, overflow="ellipsis", no_wrap=True)
    if draft := state.get("draft"):
        console.print(Text("\nthe AI's draft:", "bold"))
        for line in draft["text"].splitlines():
            console.print(Text(one_line(line)))


def one_line(text: str) -> str:
    """Control characters would reach the terminal: what a visitor wrote must not steer it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
