"""Conversation → Ray actor, and the batched way to ask it.

`shared` hashes a conversation onto one of N shards (rendezvous hashing, so that another N moves
only the share that must move); `dedicated` gives each conversation a Ray actor of its own, made
when it is first asked. Two owners for a moment (while N changes) cost a version conflict, never
a fork: the log fences them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import ray
import stamina
import structlog

from actors.conversation import commands as c
from actors.hosting.batch import Asked, decode_replies, encode_batch
from actors.hosting.shard import ConversationShard, PartsFactory
from actors.ports import Unavailable
from events.log.stream import StreamName
from events.tenancy import Placement

NAMESPACE = "tandem"
BATCH = 512
CALL_TIMEOUT_S = 30.0
LANES = 20_000
"""Remembered ways to actors; beyond it, those that nobody waits at are forgotten."""
IN_FLIGHT = 4
"""Calls to one actor at a time: the next commands collect meanwhile."""

# The class stays plain in its own module, so that Ray pickles it by name and not by value.
_remote: Any = ray.remote  # its overloads know no options
_ACTOR: Any = _remote(num_cpus=0, max_concurrency=1000)(ConversationShard)

_log = structlog.get_logger(__name__)


def shard_name(index: int) -> str:
    return f"shard-{index}"


def rendezvous(conversation: str, shards: int) -> int:
    """The shard (0 to `shards` - 1) of highest random weight for this conversation.

    Source: Thaler and Ravishankar, Using name-based mappings to increase hit rates (1998).
    """

    def weight(index: int) -> bytes:
        return hashlib.blake2b(f"{index}\0{conversation}".encode(), digest_size=8).digest()

    return max(range(shards), key=weight)


def start_shards(count: int, factory: PartsFactory) -> list[Any]:
    """Start (or find) the shared shards; they outlive their creator until they are killed."""
    return [_start(shard_name(index), factory, dedicated=False) for index in range(count)]


def _start(name: str, factory: PartsFactory, *, dedicated: bool) -> Any:
    options = _ACTOR.options(
        name=name,
        namespace=NAMESPACE,
        lifetime="detached",
        get_if_exists=True,
        # One that is dedicated is made anew when it is next asked.
        max_restarts=0 if dedicated else -1,
    )
    return options.remote(factory, dedicated=dedicated)


class RayConversations:
    """Implements `actors.ports.Conversations` over Ray actors."""

    def __init__(
        self,
        *,
        shards: int,
        factory: PartsFactory,
        placement_of: Callable[[str], Placement],
        timeout_s: float = 10.0,
    ) -> None:
        self._shards = shards
        self._factory = factory
        self._placement_of = placement_of
        self._timeout_s = timeout_s
        self._lanes: dict[str, _Lane] = {}

    async def ask(self, stream: StreamName, command: c.ConversationCommand) -> c.Outcome:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._ask(stream, command)
        except TimeoutError as error:
            raise Unavailable(f"{stream.subject}: no answer in {self._timeout_s} s") from error

    async def _ask(self, stream: StreamName, command: c.ConversationCommand) -> c.Outcome:
        asked = Asked(stream.tenant, stream.id, command)
        try:
            return await self._once(stream, asked)
        except Unavailable as error:
            _log.info("asking again", shard=stream.subject, why=str(error))
        # Only now: a retry context costs as much as the rest of an ask. No jitter: what failed
        # together is asked again together, in the order it came.
        waits = stamina.retry_context(
            on=Unavailable,
            attempts=None,
            timeout=None,
            wait_initial=0.05,
            wait_max=1.0,
            wait_jitter=0,
        )
        async for attempt in waits:
            with attempt:
                return await self._once(stream, asked)
        raise AssertionError("retry_context ends by a return or a raise")

    async def _once(self, stream: StreamName, asked: Asked) -> c.Outcome:
        outcome = await self._lane(stream).ask(asked)
        if isinstance(outcome, c.Refused) and outcome.code == "unavailable":
            raise Unavailable(outcome.detail)
        return outcome

    def _lane(self, stream: StreamName) -> _Lane:
        if self._placement_of(stream.tenant) == "dedicated":
            name, dedicated = f"conversation-{stream.tenant}-{stream.id}", True
        else:
            name, dedicated = shard_name(rendezvous(stream.id, self._shards)), False
        lane = self._lanes.get(name)
        if lane is None:
            if len(self._lanes) >= LANES:
                self._lanes = {n: lane for n, lane in self._lanes.items() if lane.busy}
            lane = self._lanes[name] = _Lane(name, self._factory, dedicated)
        return lane


class _Lane:
    """The batches to one Ray actor: while calls are in flight, the next commands collect."""

    def __init__(self, name: str, factory: PartsFactory, dedicated: bool) -> None:
        self._name, self._factory, self._dedicated = name, factory, dedicated
        self._actor: Any = None
        self._finding = asyncio.Lock()  # in turn, so that the first batches keep their order
        self._waiting: list[tuple[Asked, asyncio.Future[c.Outcome]]] = []
        self._calls: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        return bool(self._calls or self._waiting)

    async def ask(self, asked: Asked) -> c.Outcome:
        future: asyncio.Future[c.Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        self._send()
        return await future

    def _send(self) -> None:
        self._waiting = [entry for entry in self._waiting if not entry[1].done()]
        if not self._waiting or len(self._calls) >= IN_FLIGHT:
            return
        batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        call = asyncio.create_task(self._call(batch))
        self._calls.add(call)
        call.add_done_callback(self._called)

    def _called(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._send()

    async def _call(self, batch: list[tuple[Asked, asyncio.Future[c.Outcome]]]) -> None:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                actor = await self._found()
                payload = encode_batch([asked for asked, _ in batch])
                replies = decode_replies(await actor.ask.remote(payload))
            if len(replies) != len(batch):
                raise ValueError(f"{len(replies)} outcomes for {len(batch)} commands")
        except Exception as error:  # noqa: BLE001 dead, restarting, silent or never made:
            # what was asked may be done, so whoever asked must be told to ask again
            self._actor = None
            _log.warning("shard did not answer", shard=self._name, error=repr(error)[:300])
            for _, future in batch:
                if not future.done():
                    future.set_exception(Unavailable(f"{self._name}: {type(error).__name__}"))
            return
        for (_, future), reply in zip(batch, replies, strict=True):
            if not future.done():
                future.set_result(reply)

    async def _found(self) -> Any:
        """The actor's handle; looking it up blocks, so it is done once and in a thread."""
        async with self._finding:
            if self._actor is None:
                self._actor = await asyncio.to_thread(self._find)
            return self._actor

    def _find(self) -> Any:
        if self._dedicated:
            return _start(self._name, self._factory, dedicated=True)
        return ray.get_actor(self._name, namespace=NAMESPACE)
