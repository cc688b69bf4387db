"""One board a tenant, while anyone of this process needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import structlog

from serve_apps.gateway.operators.board.board import Board

_AGAIN_S = 1.0

_log = structlog.get_logger(__name__)


class _Held:
    """A board, its task, and how many need it."""

    def __init__(self, board: Board) -> None:
        self.board, self.users = board, 0
        self.ending: asyncio.TimerHandle | None = None
        self.task = asyncio.create_task(_kept(board), name="board")


class Boards:
    """`async with boards.of(tenant) as board`: begun by the first, ended some time after the
    last, so that one console that reconnects does not read everything again."""

    def __init__(self, make: Callable[[str], Board], *, linger_s: float) -> None:
        self._make, self._linger_s = make, linger_s
        self._held: dict[str, _Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    @asynccontextmanager
    async def of(self, tenant: str) -> AsyncGenerator[Board]:
        held = self._held.get(tenant)
        if held is None:
            held = self._held[tenant] = _Held(self._make(tenant))
        if held.ending is not None:
            held.ending.cancel()
            held.ending = None
        held.users += 1
        try:
            yield held.board
        finally:
            held.users -= 1
            if not held.users:
                loop = asyncio.get_running_loop()
                held.ending = loop.call_later(self._linger_s, self._drop, tenant)

    def _drop(self, tenant: str) -> None:
        held = self._held.pop(tenant, None)  # None when all were closed meanwhile
        if held is not None:
            held.task.cancel()

    async def close(self) -> None:
        """End all of them."""
        held, self._held = list(self._held.values()), {}
        for one in held:
            if one.ending is not None:
                one.ending.cancel()
            one.task.cancel()
        if held:
            await asyncio.wait({one.task for one in held})


async def _kept(board: Board) -> None:
    """Run `board`; what breaks it is a fault of ours: logged, and it is begun again."""
    while True:
        try:
            await board.run()
        except Exception as error:  # noqa: BLE001  # the last line: consoles go on
            _log.error("a board failed", tenant=board.tenant, exc_info=error)
        await asyncio.sleep(_AGAIN_S)
