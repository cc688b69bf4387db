"""The log on NATS JetStream: one message is one commit, one subject one entity's stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from enum import Enum, auto
from urllib.parse import quote

import msgspec
import structlog
from nats.aio.msg import Msg

from events.jetstream.connection import (
    ASK_S,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    Connection,
    ConnectionBroken,
    NoAnswer,
    NotReady,
    status_of,
)
from events.jetstream.feed import feed
from events.jetstream.group_commit import GroupCommit, Publish
from events.jetstream.streams import ensure_streams
from events.log.chain import START, check_chain
from events.log.envelope import decode_commit, encode_commit, stored_commit
from events.log.event_log import (
    Commit,
    CorruptStream,
    Head,
    LogUnavailable,
    NewCommit,
    VersionConflict,
)
from events.log.stream import JETSTREAM, Kind, StreamName, parse_subject
from events.log.upcast import LIFTS, Lifts

TIMEOUT_S = 10.0
APPENDS_IN_FLIGHT = 512
"""More at once are no faster, and would make the last of them look lost, and be sent again."""
LOAD_BATCH = 1000
LOAD_MAX_BYTES = 4 * 1024 * 1024
HEADER_ROOM = 1024

_WRONG_LAST_SEQUENCE = 10071
_ID_IN_FLIGHT, _SEQUENCE_IN_FLIGHT = 10158, 10164
"""A cluster is still agreeing on an append with this id, or on another of this subject."""
_NO_MESSAGE_FOUND = 10037
_NOT_READY = (10008, 10009, 10059)
"""JetStream or its cluster is starting; a stream is not there, perhaps not yet."""
_END_OF_BATCH, _NO_MESSAGE = "204", "404"

_log = structlog.get_logger(__name__)


class _ApiError(msgspec.Struct, frozen=True):
    code: int
    err_code: int = 0
    description: str = ""


class _PubAck(msgspec.Struct, frozen=True):
    seq: int = 0
    duplicate: bool = False
    error: _ApiError | None = None


class _StoredMessage(msgspec.Struct, frozen=True):
    seq: int
    data: bytes = b""


class _MessageGet(msgspec.Struct, frozen=True):
    message: _StoredMessage | None = None
    error: _ApiError | None = None


class _Outcome(Enum):
    """What is known after a publish that brought no plain acknowledgement."""

    REFUSED = auto()
    """The expected version is not the last one, or another append is in flight."""
    DUPLICATE = auto()
    """The server has stored this commit id before, and nothing now."""
    UNKNOWN = auto()
    """No answer: it may be stored, or be stored yet."""


class JetStreamLog:
    """An EventLog. `timeout` bounds each append, load and last, in seconds, retries included."""

    def __init__(
        self,
        connection: Connection,
        *,
        replicas: int = 1,
        timeout: float = TIMEOUT_S,
        lifts: Lifts = LIFTS,
    ) -> None:
        self.connection = connection
        self._replicas, self._timeout, self._lifts = replicas, timeout, lifts
        self._gate = asyncio.Semaphore(APPENDS_IN_FLIGHT)
        self._groups = {kind: GroupCommit(connection) for kind in JETSTREAM}

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        name: str = "tandem-log",
        replicas: int = 1,
        timeout: float = TIMEOUT_S,
        lifts: Lifts = LIFTS,
    ) -> JetStreamLog:
        """A log with a connection of its own; `close` it. Raises LogUnavailable."""
        connection = await Connection.open(url, name=name, timeout=timeout)
        return cls(connection, replicas=replicas, timeout=timeout, lifts=lifts)

    async def ensure_streams(self) -> None:
        """Create or update the three streams. Raises LogUnavailable."""
        await ensure_streams(self.connection, replicas=self._replicas, timeout=self._timeout)

    async def close(self) -> None:
        """Close the connection, also for others who share it."""
        await self.connection.close()

    async def append(self, stream: StreamName, new: NewCommit, *, expected: Head) -> Commit:
        """See EventLog.append.

        While others are in flight it goes with those that wait, as one atomic batch (see
        `group_commit`); by itself otherwise, and whenever that batch is not plainly
        acknowledged.

        Whatever the server answers but a plain acknowledgement, the subject's last message is
        read back from the leader: the own id means success, another version a conflict, and the
        expected version that the place is still free, so the publish is sent again, with the
        same id and expectation, which can store it once only. Raises ValueError for a commit
        that cannot be stored (see `encode_commit`, or larger than the server takes).
        """
        payload = encode_commit(stream, new, after=expected)
        if len(payload) + HEADER_ROOM > self.connection.client.max_payload:
            raise ValueError(f"{stream.subject}: a commit of {len(payload)} bytes is too large")
        headers = {
            "Nats-Expected-Last-Subject-Sequence": str(expected.version),
            # The server keeps ids per JetStream stream, and this one must be one entity's own.
            "Nats-Msg-Id": f"{stream.tenant}.{stream.id}.{quote(new.commit_id)}",
        }
        deadline = asyncio.get_running_loop().time() + self._timeout
        publish = Publish(stream.subject, payload, headers, deadline)
        version = await self._groups[stream.kind].join(publish)
        if version is None:
            return await self._append_alone(stream, new, expected, publish)
        return stored_commit(stream, new, after=expected, version=version, payload=payload)

    async def _append_alone(
        self, stream: StreamName, new: NewCommit, expected: Head, publish: Publish
    ) -> Commit:
        loop, deadline, pause = asyncio.get_running_loop(), publish.deadline, FIRST_PAUSE_S
        while True:
            outcome = await self._publish(stream, publish)
            if isinstance(outcome, int):
                return stored_commit(
                    stream, new, after=expected, version=outcome, payload=publish.payload
                )
            last = await self._last(stream, deadline)
            if last is not None and last.commit_id == new.commit_id:
                return last
            actual = last.version if last is not None else 0
            if actual != expected.version or outcome is _Outcome.DUPLICATE:
                raise VersionConflict(stream, expected.version, actual)
            if loop.time() + pause >= deadline:
                raise LogUnavailable(f"{stream.subject}: the append was not acknowledged in time")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _publish(self, stream: StreamName, publish: Publish) -> int | _Outcome:
        """The version it was stored at, or what else is known."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(publish.deadline):
                await self._gate.acquire()
        except TimeoutError:
            raise LogUnavailable(f"{stream.subject}: too many appends wait before it") from None
        try:
            with self._groups[stream.kind].alone(publish.subject):
                answer = await self.connection.request(
                    publish.subject,
                    publish.payload,
                    headers=publish.headers,
                    timeout=min((publish.deadline - loop.time()) / 2, ASK_S),
                )
        except (ConnectionBroken, NoAnswer, NotReady):
            return _Outcome.UNKNOWN
        finally:
            self._gate.release()
        ack = msgspec.json.decode(answer.data, type=_PubAck)
        if ack.error is None:
            return _Outcome.DUPLICATE if ack.duplicate else ack.seq
        if ack.error.err_code in (_WRONG_LAST_SEQUENCE, _ID_IN_FLIGHT, _SEQUENCE_IN_FLIGHT):
            return _Outcome.REFUSED
        raise LogUnavailable(
            f"{stream.subject}: the server refused the append: "
            f"{ack.error.description} ({ack.error.err_code})"
        )

    async def last(self, stream: StreamName) -> Commit | None:
        """See EventLog.last. Raises LogUnavailable, CorruptStream, UnknownFact."""
        return await self._last(stream, asyncio.get_running_loop().time() + self._timeout)

    async def _last(self, stream: StreamName, deadline: float) -> Commit | None:
        subject = f"$JS.API.STREAM.MSG.GET.{JETSTREAM[stream.kind]}"
        question = msgspec.json.encode({"last_by_subj": stream.subject})

        async def ask(left: float) -> _MessageGet:
            message = await self.connection.request(subject, question, timeout=left)
            answer = msgspec.json.decode(message.data, type=_MessageGet)
            if answer.error is not None and answer.error.err_code in _NOT_READY:
                raise NotReady(f"{stream.subject}: {answer.error.description}")
            return answer

        answer = await self.connection.persist(deadline, ask)
        if answer.message is not None:
            return self._decode(stream, answer.message.seq, answer.message.data)
        if answer.error is not None and answer.error.err_code == _NO_MESSAGE_FOUND:
            return None
        raise LogUnavailable(f"{stream.subject}: the last commit cannot be read: {answer.error}")

    async def load(
        self, stream: StreamName, *, after: Head = START, limit: int | None = None
    ) -> Sequence[Commit]:
        """See EventLog.load.

        Batched direct reads, 1,000 commits or 4 MiB each. In a cluster a follower may answer,
        which may lack the newest commits, never earlier ones: an append decides what is true.
        """
        deadline = asyncio.get_running_loop().time() + self._timeout
        commits: list[Commit] = []
        version, more = after.version, True
        while more and (limit is None or len(commits) < limit):
            batch = LOAD_BATCH if limit is None else min(LOAD_BATCH, limit - len(commits))
            messages, more = await self._page(stream, version + 1, batch, deadline)
            for message in messages:
                version = _sequence(stream, message)
                commits.append(self._decode(stream, version, message.data))
        check_chain(commits, after=after)
        return commits

    async def _page(
        self, stream: StreamName, first: int, batch: int, deadline: float
    ) -> tuple[list[Msg], bool]:
        """Up to `batch` messages from sequence `first` on, and whether there are more."""
        question = msgspec.json.encode(
            {
                "seq": first,
                "next_by_subj": stream.subject,
                "batch": batch,
                "max_bytes": LOAD_MAX_BYTES,
            }
        )
        subject = f"$JS.API.DIRECT.GET.{JETSTREAM[stream.kind]}"
        *messages, end = await self.connection.persist(
            deadline, lambda left: self.connection.gather(subject, question, timeout=left)
        )
        status, headers = status_of(end), end.headers or {}
        if status == _NO_MESSAGE and not messages:
            return [], False
        if status != _END_OF_BATCH or not messages:
            raise LogUnavailable(f"{stream.subject}: cannot be read: {headers}")
        if headers.get("Nats-Last-Sequence") != str(_sequence(stream, messages[-1])):
            raise LogUnavailable(f"{stream.subject}: the end of a batch did not arrive: {headers}")
        return messages, headers.get("Nats-Num-Pending") != "0"

    async def subscribe(self, kind: Kind, *, after: int = 0) -> AsyncGenerator[Commit]:
        """See EventLog.subscribe.

        Goes on by itself when NATS was away. Close the generator (`contextlib.aclosing`) to end
        it. Raises CorruptStream, UnknownFact, and LogUnavailable once this log was closed.
        """
        pause = FIRST_PAUSE_S
        while True:
            try:
                messages = feed(
                    self.connection, JETSTREAM[kind], after=after, timeout=self._timeout
                )
                async with aclosing(messages):
                    async for version, message in messages:
                        commit = self._decode(parse_subject(message.subject), version, message.data)
                        yield commit
                        after, pause = version, FIRST_PAUSE_S
            except LogUnavailable as error:
                if self.connection.client.is_closed:
                    raise
                _log.warning("feed_broken", kind=kind, after=after, error=str(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _decode(self, stream: StreamName, version: int, payload: bytes) -> Commit:
        return decode_commit(stream, version, payload, lifts=self._lifts)


def _sequence(stream: StreamName, message: Msg) -> int:
    sequence = (message.headers or {}).get("Nats-Sequence", "")
    if not sequence.isdigit():
        raise CorruptStream(f"{stream.subject}: a message came without its sequence")
    return int(sequence)
