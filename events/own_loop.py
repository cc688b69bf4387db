"""A thread with an event loop of its own, for actors that carry work which never ends.

The actor answers whatever the work does, the work starts by itself after a restart, and it is
seen from outside when its loop is stuck: then the process ends, Ray starts it again, and what was
in hand comes again.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

STUCK_S = 60.0
"""An event loop that did not turn for so long is given up."""
BEAT_S = 1.0
STOP_TIMEOUT_S = 15.0
EXIT_CODE = 70

_log = structlog.get_logger(__name__)


class OwnLoop:
    """Runs `work` in a thread called `name` until it is stopped.

    Work that raises, or whose loop is stuck, ends the process.
    """

    def __init__(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._name, self._work = name, work
        self._beat = time.monotonic()
        self._stop: Callable[[], object] | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._live, name=name, daemon=True).start()
        threading.Thread(target=self._guard, name=f"{name}-guard", daemon=True).start()

    def stop(self) -> bool:
        """Cancel the work; True when it ended in time."""
        if self._stop is not None:
            self._stop()
        return self._ended.wait(STOP_TIMEOUT_S)

    def _live(self) -> None:
        try:
            asyncio.run(self._run())
        except Exception:  # noqa: BLE001 whatever it is, Ray is to start the process again
            _log.critical("worker died", worker=self._name, exc_info=True)
            os._exit(EXIT_CODE)
        self._ended.set()

    async def _run(self) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        work, asked = asyncio.create_task(self._work()), asyncio.create_task(stopped.wait())
        while not work.done() and not asked.done():
            self._beat = time.monotonic()
            await asyncio.wait((work, asked), timeout=BEAT_S, return_when=asyncio.FIRST_COMPLETED)
        for task in (work, asked):
            task.cancel()
        await asyncio.wait((work, asked), timeout=STOP_TIMEOUT_S)
        if not stopped.is_set():
            work.result()  # it ended by itself: say why

    def _guard(self) -> None:
        while not self._ended.wait(BEAT_S):
            silent_s = time.monotonic() - self._beat
            if silent_s > STUCK_S:
                _log.critical("worker stuck", worker=self._name, silent_s=round(silent_s))
                os._exit(EXIT_CODE)
