"""The Ray actor that hosts entities. Its parts come in by a factory, wired in `tandem/wiring/`.

A call brings a batch of commands in MessagePack and returns their outcomes in the same order:
one Ray call costs about a millisecond, so commands that wait together travel together.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import ray
import structlog

from actors.conversation import commands as c
from actors.hosting.batch import Asked, decode_batch, encode_replies
from actors.hosting.entity import Entity, NullHandoffAvailability, TurnRunner
from actors.hosting.snapshots import Snapshots
from actors.ports import HandoffAvailability, Unavailable
from events.log.event_log import EventLog, LogError
from events.log.stream import StreamName, conversation_stream

SWEEP_S = 5.0
AT_ONCE = 64
"""Snapshots saved side by side in a sweep."""
_log = structlog.get_logger(__name__)


@dataclass
class ShardParts:
    """What a shard stands on, connected inside its own process."""

    log: EventLog
    snapshots: Snapshots
    turns: TurnRunner
    snapshot_every: int
    passivate_after_s: float
    close: Callable[[], Awaitable[None]]
    handoff_availability: HandoffAvailability = field(default_factory=NullHandoffAvailability)


PartsFactory = Callable[[], Awaitable[ShardParts]]


class Entities:
    """The live conversations of one process. Plain asyncio: the Ray actor only carries it."""

    def __init__(self, parts: ShardParts) -> None:
        self._parts = parts
        self._live: dict[StreamName, Entity] = {}

    def __len__(self) -> int:
        return len(self._live)

    async def ask(self, asked: Asked) -> c.Outcome:
        """Never raises: what is wrong with one conversation must not fail a batch of others."""
        try:
            stream = conversation_stream(asked.tenant, asked.conversation)
        except ValueError as error:
            return c.Refused(code="conversation_id", detail=str(error))
        try:
            return await self._entity(stream).ask(asked.command)
        except Unavailable as error:
            return c.Refused(code="unavailable", detail=str(error))
        except LogError as error:  # a hole, a fork or an unknown fact: this conversation only
            _log.error("conversation cannot be read", error=str(error))
            return c.Refused(code="corrupt", detail="this conversation cannot be read")
        except Exception:  # noqa: BLE001 see the docstring
            _log.exception("command broke", stream=stream.subject)
            return c.Refused(code="internal", detail="the command could not be carried out")

    async def passivate_idle(self) -> int:
        """Put to sleep what was not used for `passivate_after_s`; returns how many."""
        deadline = time.monotonic() - self._parts.passivate_after_s
        stale = [s for s, e in self._live.items() if e.idle and e.last_used <= deadline]
        for start in range(0, len(stale), AT_ONCE):
            batch = stale[start : start + AT_ONCE]
            await asyncio.gather(*(self._passivate(stream, deadline) for stream in batch))
        return len(stale)

    async def _passivate(self, stream: StreamName, deadline: float) -> None:
        entity = self._live[stream]
        await entity.passivate()
        if entity.idle and entity.last_used <= deadline:
            del self._live[stream]

    async def close(self) -> None:
        for entity in self._live.values():
            entity.stop()
        await self._parts.close()

    def _entity(self, stream: StreamName) -> Entity:
        entity = self._live.get(stream)
        if entity is None:
            entity = self._live[stream] = Entity(
                stream,
                log=self._parts.log,
                snapshots=self._parts.snapshots,
                turns=self._parts.turns,
                snapshot_every=self._parts.snapshot_every,
                now=lambda: time.time_ns() // 1_000_000,
                handoff_availability=self._parts.handoff_availability,
            )
        return entity


class ConversationShard:
    """Hosts many conversations (placement `shared`) or one (`dedicated`, which leaves the
    cluster when its conversation is passivated). `placement` makes a Ray actor of it."""

    def __init__(self, factory: PartsFactory, *, dedicated: bool = False) -> None:
        self._factory = factory
        self._dedicated = dedicated
        self._opening: asyncio.Task[Entities] | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def ask(self, payload: bytes) -> bytes:
        """A batch of `Asked` in, its outcomes out; see `actors.hosting.batch`."""
        batch = decode_batch(payload)
        entities = await self._entities()
        # Tasks start in the order of their making, so each mailbox keeps the batch's order.
        return encode_replies(await asyncio.gather(*(entities.ask(asked) for asked in batch)))

    async def ready(self) -> int:
        """Connected to its parts; returns how many conversations are live here."""
        return len(await self._entities())

    async def pid(self) -> int:
        return os.getpid()

    async def _entities(self) -> Entities:
        if self._opening is None or (self._opening.done() and self._opening.exception()):
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> Entities:
        entities = Entities(await self._factory())
        self._sweeper = asyncio.create_task(self._sweep(entities))
        return entities

    async def _sweep(self, entities: Entities) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                gone = await entities.passivate_idle()
            except Exception:  # noqa: BLE001 the next sweep tries again; a conversation must not die of it
                _log.exception("sweep failed")
                continue
            if gone and self._dedicated and not len(entities):
                await entities.close()
                # Not `exit_actor`, which must be raised in a method that somebody called.
                ray.kill(ray.get_runtime_context().current_actor)
