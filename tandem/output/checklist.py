"""The list of steps that a person watches while the house starts, with each step's time."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

MARKS = {"done": "✓", "failed": "✗", "skipped": "–"}
COLOURS = {"done": "green", "failed": "red", "skipped": "dim"}


@dataclass(slots=True)
class Step:
    """One line of the list."""

    name: str
    state: Literal["waiting", "running", "done", "failed", "skipped"] = "waiting"
    seconds: float = 0.0
    """How long it took; steps run side by side, so the sum is more than the whole."""
    note: str = ""
    began: float = 0.0

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed", "skipped")


class Checklist:
    """Live lines on a terminal, plain lines anywhere else. Use as `with Checklist(...)`.

    Steps may run side by side; the lines keep the order in which the steps were named.
    """

    def __init__(self, names: Sequence[str], console: Console) -> None:
        self.steps = {name: Step(name) for name in names}
        self._console = console
        self._live: Live | None = None
        self._printed = 0
        self._spinner = Spinner("dots")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(
                get_renderable=self._table, console=self._console, refresh_per_second=10
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
        else:
            self._print_ended(all_of_them=True)

    @asynccontextmanager
    async def step(self, name: str) -> AsyncGenerator[Step]:
        """Times the body. Its line says done, or failed when the body raises."""
        step = self.steps[name]
        step.state, step.began = "running", time.monotonic()
        try:
            yield step
        except BaseException:
            self._end(step, "failed")
            raise
        self._end(step, "done")

    def skip(self, name: str, note: str) -> None:
        """Nothing to do here, and why."""
        step = self.steps[name]
        step.note = note
        self._end(step, "skipped")

    def _end(self, step: Step, state: Literal["done", "failed", "skipped"]) -> None:
        step.state = state
        step.seconds = time.monotonic() - step.began if step.began else 0.0
        if self._live is None:
            self._print_ended()

    def _print_ended(self, *, all_of_them: bool = False) -> None:
        """Print what has ended, each line after those above it."""
        steps = list(self.steps.values())
        while self._printed < len(steps):
            step = steps[self._printed]
            if step.ended:
                time_taken = "" if step.state == "skipped" else f"{step.seconds:.1f} s"
                line = f"{MARKS[step.state]} {step.name:<16} {time_taken:>7}  {step.note}"
                self._console.print(line.rstrip(), highlight=False, markup=False)
            elif not all_of_them:
                return
            self._printed += 1

    def _table(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        table.add_column(width=1)
        table.add_column(min_width=16)
        table.add_column(justify="right", min_width=7)
        table.add_column(style="dim")
        for step in self.steps.values():
            table.add_row(self._mark(step), Text(step.name), self._clock(step), Text(step.note))
        return table

    def _mark(self, step: Step) -> RenderableType:
        if step.state == "running":
            return self._spinner
        return Text(MARKS.get(step.state, " "), style=COLOURS.get(step.state, ""))

    def _clock(self, step: Step) -> Text:
        if step.state == "running":
            return Text(f"{time.monotonic() - step.began:.1f} s", style="dim")
        return Text(f"{step.seconds:.1f} s" if step.state in ("done", "failed") else "")
