"""State at a version, kept beside the log so that a rehydrate reads little. Disposable.

A snapshot that is missing, of an older schema or unreadable is only a slower start.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec
import structlog
from nats.js import JetStreamContext
from nats.js.errors import BadBucketError, BucketNotFoundError, KeyNotFoundError
from nats.js.kv import KeyValue

from actors.conversation.decide import STATE_SCHEMA, State
from events.log.event_log import Head
from events.log.stream import StreamName

BUCKET = "snapshots"
_TIMEOUT_S = 2.0
_log = structlog.get_logger(__name__)


class Snapshot(msgspec.Struct, frozen=True):
    schema: int
    head: Head
    state: State


class Snapshots(Protocol):
    async def load(self, stream: StreamName) -> Snapshot | None: ...

    async def save(self, stream: StreamName, head: Head, state: State) -> None: ...


def encode(head: Head, state: State) -> bytes:
    return msgspec.msgpack.encode(Snapshot(STATE_SCHEMA, head, state))


def decode(payload: bytes) -> Snapshot | None:
    """The snapshot, or None when another schema (or nothing we know) wrote it."""
    try:
        snapshot = msgspec.msgpack.decode(payload, type=Snapshot)
    except msgspec.DecodeError as error:
        _log.warning("snapshot unreadable, folding from the log", error=str(error))
        return None
    return snapshot if snapshot.schema == STATE_SCHEMA else None


class MemorySnapshots:
    """For tests and for a house without a store."""

    def __init__(self) -> None:
        self._kept: dict[StreamName, bytes] = {}

    async def load(self, stream: StreamName) -> Snapshot | None:
        payload = self._kept.get(stream)
        return decode(payload) if payload else None

    async def save(self, stream: StreamName, head: Head, state: State) -> None:
        self._kept[stream] = encode(head, state)


class KeyValueSnapshots:
    """Snapshots in the JetStream KV bucket `snapshots`, one key a conversation.

    A store that does not answer never stops a conversation: it is logged, and the log is read.
    """

    def __init__(self, bucket: KeyValue) -> None:
        self._bucket = bucket

    @classmethod
    async def open(cls, jetstream: JetStreamContext) -> KeyValueSnapshots:
        try:
            bucket = await jetstream.key_value(BUCKET)
        except (BucketNotFoundError, BadBucketError):
            bucket = await jetstream.create_key_value(bucket=BUCKET, history=1)
        return cls(bucket)

    async def load(self, stream: StreamName) -> Snapshot | None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                entry = await self._bucket.get(_key(stream))
        except KeyNotFoundError:
            return None
        except Exception as error:  # noqa: BLE001 a snapshot is disposable, whatever its store does
            _log.warning("snapshot not read", stream=stream.subject, error=repr(error))
            return None
        return decode(entry.value) if entry.value else None

    async def save(self, stream: StreamName, head: Head, state: State) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._bucket.put(_key(stream), encode(head, state))
        except Exception as error:  # noqa: BLE001 a snapshot is disposable, whatever its store does
            _log.warning("snapshot not saved", stream=stream.subject, error=repr(error))


def _key(stream: StreamName) -> str:
    return f"{stream.tenant}.{stream.id}"
