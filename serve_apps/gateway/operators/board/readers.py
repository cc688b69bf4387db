"""How a board's changes reach those who look: each at its own pace, and never more than it reads.

Nothing is queued. A console has a set of conversations that changed since it was told, so one
that changes ten times while the console is busy is told once, as it stands then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

ROWS_AT_ONCE = 64
"""More rows a tenth of a second are more than a person sees, and a browser shows with ease."""


class BoardReader:
    """One console's. `close` it."""

    def __init__(self, among: set[BoardReader], every_s: float) -> None:
        self._among, self._every_s = among, every_s
        self._changed: dict[str, None] = {}
        self._some = asyncio.Event()

    def note(self, conversation: str) -> None:
        self._changed[conversation] = None
        self._some.set()

    async def changes(self) -> AsyncGenerator[list[str]]:
        """The conversations that changed, those first that changed first: at once after a quiet
        spell, else `every_s` apart, and ROWS_AT_ONCE at most."""
        while True:
            await self._some.wait()
            changed = list(self._changed)[:ROWS_AT_ONCE]
            for conversation in changed:
                del self._changed[conversation]
            if not self._changed:
                self._some.clear()
            yield changed
            await asyncio.sleep(self._every_s)

    def close(self) -> None:
        self._among.discard(self)


class Places:
    """The places of those who wait, told to each whose place changed."""

    def __init__(self, in_order: Callable[[], list[str]], every_s: float) -> None:
        """`in_order` gives the conversations that wait, the first in the queue first."""
        self._in_order, self._every_s = in_order, every_s
        self._place: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._moved: dict[str, set[asyncio.Event]] = {}

    def note(self) -> None:
        """The queue has changed."""
        self._changed.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            before = self._place
            self._place = {ident: place for place, ident in enumerate(self._in_order(), start=1)}
            for ident, moved in self._moved.items():
                if self._place.get(ident) != before.get(ident):
                    for one in moved:
                        one.set()
            await asyncio.sleep(self._every_s)

    async def of(self, conversation: str) -> AsyncGenerator[int]:
        """Its place now, and whenever it changes; 0 while it is not known."""
        moved = asyncio.Event()
        self._moved.setdefault(conversation, set()).add(moved)
        try:
            while True:
                yield self._place.get(conversation, 0)
                await moved.wait()
                moved.clear()
        finally:
            self._moved[conversation].discard(moved)
            if not self._moved[conversation]:
                del self._moved[conversation]
