"""`tandem doctor`."""

from __future__ import annotations

import typer

MARKS = {"ok": ("green", "ok  "), "warn": ("yellow", "warn"), "fail": ("red", "fail")}


def doctor() -> None:
    """Look whether this machine can run Tandem, and say what to do where it cannot.

    Exits with 1 when something is missing without which `tandem up` cannot start.
    """
    import asyncio  # heavy imports only when the command runs

    from rich.console import Console
    from rich.text import Text

    from tandem.doctor import examine, first_failure, read_settings

    findings = asyncio.run(examine(read_settings()))
    console = Console()
    for finding in findings:
        colour, mark = MARKS[finding.level]
        line = Text.assemble((mark, colour), f"  {finding.subject:<16}  {finding.seen}")
        if finding.remedy:
            line.append(f" → {finding.remedy}", style="bold")
        console.print(line, soft_wrap=True)
    if first_failure(findings) is not None:
        raise typer.Exit(1)
