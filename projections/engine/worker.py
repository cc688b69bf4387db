"""Runs lanes: as a coroutine, or in a Ray actor that outlives its own event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from events.own_loop import OwnLoop
from projections.engine.database import open_pool
from projections.engine.lane import Lane, LaneHealth
from projections.engine.projection import Projection
from projections.engine.reader import Readers

STOP_TIMEOUT_S = 15.0

ProjectionsFactory = Callable[[], Sequence[Projection]]


class WorkerHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One entry for each projection, in the order they were given."""

    lanes: tuple[LaneHealth, ...]

    @property
    def ok(self) -> bool:
        """True when every lane runs without an error."""
        return all(lane.state == "running" and not lane.error for lane in self.lanes)

    @property
    def lag(self) -> int:
        """Commits that the lane furthest behind has still to take in."""
        return max((lane.lag for lane in self.lanes), default=0)


class Worker:
    """Lanes that run side by side in one event loop."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = tuple(lanes)

    def health(self) -> WorkerHealth:
        """As it was told last; safe from any thread."""
        return WorkerHealth(lanes=tuple(lane.health for lane in self._lanes))

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(lane.run())


@asynccontextmanager
async def open_worker(
    projections: Sequence[Projection], nats_url: str, dsn: str
) -> AsyncGenerator[Worker]:
    """A worker with a pool of its own. Needs neither server to be up: lanes wait for both."""
    # Each lane writes with one connection; one that builds anew needs four more.
    pool = await open_pool(dsn, min_size=0, max_size=2 * len(projections) + 4)
    try:
        readers = Readers(nats_url, projections)
        yield Worker(
            [
                Lane(each, nats_url=nats_url, dsn=dsn, pool=pool, readers=readers)
                for each in projections
            ]
        )
    finally:
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await pool.close()
        except TimeoutError:
            pool.terminate()


@asynccontextmanager
async def running_worker(
    projections: Sequence[Projection], nats_url: str, dsn: str
) -> AsyncGenerator[Worker]:
    """A worker that runs in a task while the context is open."""
    async with open_worker(projections, nats_url, dsn) as worker:
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            running.cancel()
            await asyncio.wait((running,), timeout=STOP_TIMEOUT_S)


async def run_worker(projections: Sequence[Projection], nats_url: str, dsn: str) -> None:
    """Run `projections` until cancelled."""
    async with open_worker(projections, nats_url, dsn) as worker:
        await worker.run()


class ProjectionWorker:
    """A worker for `ray.remote(ProjectionWorker).options(max_restarts=-1).remote(...)`.

    The lanes have an event loop of their own (`events.own_loop`), so the actor answers `health`
    whatever they do. `projections` is called in that loop's thread; it must be importable.
    """

    def __init__(self, projections: ProjectionsFactory, nats_url: str, dsn: str) -> None:
        self._make, self._nats_url, self._dsn = projections, nats_url, dsn
        self._worker: Worker | None = None
        self._loop = OwnLoop("projections", self._work)

    def health(self) -> WorkerHealth:
        """Lag, checkpoint, state and error of each projection; no lanes before they started."""
        return self._worker.health() if self._worker is not None else WorkerHealth(lanes=())

    def pid(self) -> int:
        """The process that the lanes run in."""
        return os.getpid()

    def stop(self) -> bool:
        """Stop all lanes in good order; True when they ended in time."""
        return self._loop.stop()

    async def _work(self) -> None:
        async with open_worker(self._make(), self._nats_url, self._dsn) as worker:
            self._worker = worker
            await worker.run()
