"""Group commit: appends that wait at the same time go to the server as one atomic batch.

The server syncs a batch a few times, however large it is and however many subjects it spans,
and a single append once, so a busy log pays little for each commit. Nothing here decides
whether an append succeeded unless the server plainly said so for the whole batch. In every
other case the answer is "go alone": the caller's own way, with the same id and the same
expected version, finds out what is true.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from secrets import token_urlsafe

import msgspec
import structlog
from nats.aio.client import Client
from nats.errors import ConnectionClosedError, ConnectionDrainingError, OutboundBufferLimitError

from events.jetstream.connection import ASK_S, Connection, ConnectionBroken, NoAnswer, NotReady
from events.log.event_log import LogUnavailable

SMALLEST_GROUP = 16
"""A batch of fewer takes as long as the same appends one by one (measured)."""
LARGEST_GROUP = 256
ALONE_IN_FLIGHT = 8
"""More single appends at once are no faster: the server syncs them one after another."""
LARGEST_PAYLOAD = 16 * 1024
"""Larger commits go alone, so a batch, which the server keeps in memory, is 4 MiB at most."""
OFF_S = 60.0
"""How long to stay with single appends after a server did not know or allow batches."""
FIRST_VERSION = (2, 12, 1)
"""The first server that checks the ids of the messages in a batch."""

_NOT_ALLOWED = 10174

_log = structlog.get_logger(__name__)


class _ApiError(msgspec.Struct, frozen=True):
    err_code: int = 0
    description: str = ""


class _BatchAck(msgspec.Struct, frozen=True):
    seq: int = 0
    batch: str = ""
    count: int = 0
    error: _ApiError | None = None


class Publish(msgspec.Struct, frozen=True, eq=False):
    """One append as it goes over the wire. `deadline` is in the running loop's time."""

    subject: str
    payload: bytes
    headers: dict[str, str]
    deadline: float


class _Member(msgspec.Struct, frozen=True, eq=False):
    publish: Publish
    version: asyncio.Future[int | None]


class GroupCommit:
    """The groups of one JetStream stream. One batch is in flight at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: deque[_Member] = deque()
        self._members: dict[str, asyncio.Future[int | None]] = {}
        """By subject: who waits for a batch or is in one."""
        self._alone: dict[str, int] = {}
        """By subject: how many publishes of it are in flight by themselves."""
        self._busy = False
        """The last appends went as a batch, so the next ones gather for one loop turn."""
        self._batch: asyncio.Task[None] | None = None
        self._looks = False
        self._off_until = 0.0

    @contextmanager
    def alone(self, subject: str) -> Generator[None]:
        """Around each publish that goes by itself, so that others know to gather."""
        self._alone[subject] = self._alone.get(subject, 0) + 1
        try:
            yield
        finally:
            self._alone[subject] -= 1
            if not self._alone[subject]:
                del self._alone[subject]
            if self._waiting:
                self._look_soon()

    async def join(self, publish: Publish) -> int | None:
        """The version that a batch stored it at, or None: go alone.

        None comes at once, without a turn of the loop, while few appends are in flight. After
        a batch that failed, or whose answer was lost, None does not mean that it is not stored.
        Raises LogUnavailable when the deadline passes before it had its turn.
        """
        # Beside another append to its subject its expected version can only be right if that
        # one fails. In a batch it would make all the others fail with it.
        if publish.subject in self._alone or self._goes_alone_at_once(publish):
            return None
        before = self._members.get(publish.subject)
        loop = asyncio.get_running_loop()
        if before is not None:
            await asyncio.wait([before], timeout=max(publish.deadline - loop.time(), 0))
            return None
        member = _Member(publish, loop.create_future())
        self._members[publish.subject] = member.version
        self._waiting.append(member)
        self._look_soon()
        try:
            async with asyncio.timeout_at(publish.deadline):
                return await member.version
        except TimeoutError:
            raise LogUnavailable(f"{publish.subject}: too many appends wait before it") from None
        finally:
            del self._members[publish.subject]
            if self._waiting:
                self._look_soon()  # for the case that this one was let go, and was cancelled

    def _goes_alone_at_once(self, publish: Publish) -> bool:
        return (
            not (self._busy or self._waiting or self._batch or len(self._alone) >= ALONE_IN_FLIGHT)
            or len(publish.payload) > LARGEST_PAYLOAD
            or asyncio.get_running_loop().time() < self._off_until
            or not knows_batches(self._connection.client)
        )

    def _look_soon(self) -> None:
        """After the tasks that are ready now, so that whoever just had an answer can join."""
        if not self._looks:
            self._looks = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._looks = False
        if self._batch is not None:
            return
        if any(member.version.done() for member in self._waiting):  # cancelled, or too late
            self._waiting = deque(m for m in self._waiting if not m.version.done())
        if len(self._waiting) >= SMALLEST_GROUP:
            count = min(len(self._waiting), LARGEST_GROUP)
            group = [self._waiting.popleft() for _ in range(count)]
            self._busy = True
            self._batch = asyncio.create_task(self._send(group))
            return
        self._busy = False
        for _ in range(min(len(self._waiting), ALONE_IN_FLIGHT - len(self._alone))):
            self._waiting.popleft().version.set_result(None)

    async def _send(self, group: list[_Member]) -> None:
        first = None
        try:
            first = await self._store([member.publish for member in group])
        finally:
            self._batch = None
            for place, member in enumerate(group):
                if not member.version.done():
                    member.version.set_result(None if first is None else first + place)
            self._look_soon()

    async def _store(self, group: list[Publish]) -> int | None:
        """The version of the first of `group`, the others following it without a gap; None when
        that is not certain."""
        batch = token_urlsafe(9)  # stored with each message, so it is short
        loop = asyncio.get_running_loop()
        left = min(publish.deadline for publish in group) - loop.time()
        *others, last = group
        try:
            if not self._connection.is_up:
                return None
            for place, publish in enumerate(others, 1):
                headers = {
                    **publish.headers,
                    "Nats-Batch-Id": batch,
                    "Nats-Batch-Sequence": str(place),
                }
                await self._connection.client.publish(
                    publish.subject, publish.payload, headers=headers
                )
            answer = await self._connection.request(
                last.subject,
                last.payload,
                headers={
                    **last.headers,
                    "Nats-Batch-Id": batch,
                    "Nats-Batch-Sequence": str(len(group)),
                    "Nats-Batch-Commit": "1",
                },
                timeout=min(left / 2, ASK_S),
            )
        except (
            ConnectionBroken,
            NoAnswer,
            NotReady,
            ConnectionClosedError,
            ConnectionDrainingError,
            OutboundBufferLimitError,
        ) as error:
            _log.info("group_unanswered", size=len(group), error=repr(error))
            return None
        return self._first_version(
            msgspec.json.decode(answer.data, type=_BatchAck), batch, len(group)
        )

    def _first_version(self, ack: _BatchAck, batch: str, count: int) -> int | None:
        if ack.error is None and (ack.batch, ack.count) == (batch, count):
            return ack.seq - count + 1
        if ack.error is None or ack.error.err_code == _NOT_ALLOWED:
            # A server that does not know batches stores their messages one by one.
            self._off_until = asyncio.get_running_loop().time() + OFF_S
            _log.warning("groups_off", seconds=OFF_S, answer=repr(ack))
        else:
            _log.info("group_refused", size=count, error=repr(ack.error))
        return None


def knows_batches(client: Client) -> bool:
    """Whether the server that `client` is connected to stores atomic batches."""
    version = client.connected_server_version
    return (version.major, version.minor, version.patch) >= FIRST_VERSION
