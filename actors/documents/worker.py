"""The Ray actor `ingest`. Its parts come in by a factory, wired in `tandem/wiring/ingest.py`.

The work has an event loop of its own (`events.own_loop`), so the actor answers `health` whatever
it does. After a death what was in hand comes again.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import structlog

from actors.documents.consumer import Consumer, subscription
from actors.documents.pipeline import Pipeline
from events.jetstream.pull import PullLost, open_pull
from events.key_value import KeyValue
from events.log.event_log import LogError
from events.own_loop import OwnLoop

PAUSE_S = 1.0
"""Before a lost connection is opened anew; its end is looked for as often."""

_log = structlog.get_logger(__name__)


class InHand(msgspec.Struct, frozen=True, kw_only=True):
    tenant: str
    document: str
    seconds: float


class IngestHealth(msgspec.Struct, frozen=True, kw_only=True):
    """`waiting`: held and not begun; `outstanding`: not acknowledged, all in all."""

    state: Literal["starting", "running", "away"]
    in_hand: tuple[InHand, ...] = ()
    waiting: int = 0
    outstanding: int = 0
    finished: int = 0
    error: str = ""

    @property
    def ok(self) -> bool:
        return self.state == "running" and not self.error


@dataclass
class IngestParts:
    """What the worker stands on, connected inside its own process. `beside` runs for ever next
    to it; `tries` remembers across its deaths what was begun (`events.key_value.INGEST_TRIES`)."""

    pipeline: Pipeline
    nats_url: str
    at_once: int
    close: Callable[[], Awaitable[None]]
    beside: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = ()
    tries: KeyValue | None = None


PartsFactory = Callable[[], Awaitable[IngestParts]]


class Ingest:
    """The work of one process. Plain asyncio: the Ray actor only carries it."""

    def __init__(self, parts: IngestParts) -> None:
        self._parts = parts
        self._consumer = Consumer(parts.pipeline, at_once=parts.at_once, tries=parts.tries)
        self._state: Literal["starting", "running", "away"] = "starting"
        self._outstanding, self._error = 0, ""

    def health(self) -> IngestHealth:
        """Safe from any thread."""
        now = time.monotonic()
        return IngestHealth(
            state=self._state,
            in_hand=tuple(
                InHand(tenant=stream.tenant, document=stream.id, seconds=now - since)
                for stream, since in self._consumer.working
            ),
            waiting=self._consumer.waiting,
            outstanding=self._outstanding,
            finished=self._consumer.finished,
            error=self._error or self._consumer.error,
        )

    async def run(self) -> None:
        """Until it is cancelled; a connection that is lost is opened anew."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._consumer.beat())
                for run in self._parts.beside:
                    group.create_task(run())
                group.create_task(self._read_for_ever())
        finally:
            await self._consumer.stop()

    async def _read_for_ever(self) -> None:
        while True:
            try:
                await self._read()
            except (PullLost, LogError) as error:
                self._state, self._error = "away", str(error)
                _log.warning("ingest reads again", error=str(error))
            await asyncio.sleep(PAUSE_S)

    async def _read(self) -> None:
        async with open_pull(self._parts.nats_url, subscription(), self._consumer.take) as pull:
            self._state, self._error = "running", ""
            while True:
                self._outstanding = await pull.outstanding()
                done, _ = await asyncio.wait((pull.lost,), timeout=PAUSE_S)
                if done:
                    pull.lost.result()


class IngestWorker:
    """The worker for `ray.remote(IngestWorker).options(max_restarts=-1).remote(factory)`.

    `factory` is awaited in the worker's own thread and loop; it must be importable.
    """

    def __init__(self, factory: PartsFactory) -> None:
        self._factory = factory
        self._ingest: Ingest | None = None
        self._error = ""
        self._loop = OwnLoop("ingest", self._work)

    def health(self) -> IngestHealth:
        """What it works at, and what holds it up."""
        if self._ingest is None:
            return IngestHealth(state="starting", error=self._error)
        return self._ingest.health()

    def pid(self) -> int:
        return os.getpid()

    def stop(self) -> bool:
        """Let go of everything in good order; True when it ended in time."""
        return self._loop.stop()

    async def _work(self) -> None:
        parts = await self._open()
        try:
            self._ingest = Ingest(parts)
            await self._ingest.run()
        finally:
            await parts.close()

    async def _open(self) -> IngestParts:
        """What it stands on may be starting too."""
        while True:
            try:
                return await self._factory()
            except (LogError, OSError) as error:
                self._error = repr(error)[:300]
                _log.warning("ingest not connected yet", error=repr(error))
                await asyncio.sleep(PAUSE_S)
