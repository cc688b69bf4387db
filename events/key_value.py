"""Small values by key, shared by all processes: who is signed in, who failed to, who is there.

Never history: a bucket that is lost signs operators out, and nothing else is lost with it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec
from nats.errors import Error as NatsError
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import (
    BadBucketError,
    BucketNotFoundError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
)
from nats.js.kv import KeyValue as NatsBucket

from events.jetstream.connection import Connection
from events.log.event_log import LogUnavailable

TIMEOUT_S = 3.0

_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}(\.[A-Za-z0-9_-]{1,128}){0,3}\Z")


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket as NATS must keep it."""

    name: str
    keep_s: float | None = None
    """A value that was not written for so long is gone; None keeps it."""
    most_bytes: int | None = None
    """Of all values together; a full bucket refuses new ones."""


OPERATOR_SESSIONS = Bucket(name="operator_sessions", keep_s=13 * 3600)
SIGN_IN_FAILURES = Bucket(name="sign_in_failures", keep_s=2 * 3600, most_bytes=64 * 1024 * 1024)
PRESENCE = Bucket(name="presence")
INGEST_TRIES = Bucket(name="ingest_tries", keep_s=7 * 24 * 3600)


class Entry(msgspec.Struct, frozen=True):
    value: bytes
    revision: int
    """Counts the writes of the bucket, from 1."""


class KeyValue(Protocol):
    """The port: one bucket. Implementations: `NatsKeyValue`, `MemoryKeyValue`.

    A key is one to four tokens of `A-Z a-z 0-9 _ -`, joined by dots; ValueError for another.
    Everything raises LogUnavailable when the store does not answer: what was written then may
    be there or not.
    """

    async def get(self, key: str) -> Entry | None:
        """The newest value, or None when there is none (any more)."""
        ...

    async def put(self, key: str, value: bytes) -> None:
        """Write, whatever was there."""
        ...

    async def swap(self, key: str, value: bytes, *, expected: int) -> bool:
        """Write only while the revision is still `expected`, 0 for no value at all.
        False when another was first."""
        ...

    async def delete(self, key: str) -> None:
        """No value is left. Doing it again changes nothing."""
        ...


def checked_key(key: str) -> str:
    """`key`, when it is one. Raises ValueError."""
    if _KEY.match(key) is None:
        raise ValueError(f"key {key!r} must be 1 to 4 tokens of A-Z a-z 0-9 _ -, joined by dots")
    return key


class MemoryKeyValue:
    """A bucket that forgets, for tests. `keep_s` is not kept: nothing here is ever too old."""

    def __init__(self) -> None:
        self._kept: dict[str, Entry] = {}
        self._revision = 0

    async def get(self, key: str) -> Entry | None:
        """See KeyValue.get."""
        return self._kept.get(checked_key(key))

    async def put(self, key: str, value: bytes) -> None:
        """See KeyValue.put."""
        self._revision += 1
        self._kept[checked_key(key)] = Entry(value, self._revision)

    async def swap(self, key: str, value: bytes, *, expected: int) -> bool:
        """See KeyValue.swap."""
        kept = self._kept.get(checked_key(key))
        if (kept.revision if kept is not None else 0) != expected:
            return False
        await self.put(key, value)
        return True

    async def delete(self, key: str) -> None:
        """See KeyValue.delete."""
        self._kept.pop(checked_key(key), None)


class NatsKeyValue:
    """A bucket of NATS. It is read from the leader: what was ended is ended everywhere."""

    def __init__(
        self,
        connection: Connection,
        bucket: Bucket,
        *,
        replicas: int = 1,
        timeout: float = TIMEOUT_S,
    ) -> None:
        self._connection, self._bucket = connection, bucket
        self._replicas, self._timeout = replicas, timeout
        self._opened: NatsBucket | None = None

    async def get(self, key: str) -> Entry | None:
        """See KeyValue.get."""
        async with self._open(key) as bucket:
            try:
                found = await bucket.get(key)
            except KeyNotFoundError:
                return None
        return Entry(found.value or b"", found.revision or 0)

    async def put(self, key: str, value: bytes) -> None:
        """See KeyValue.put."""
        async with self._open(key) as bucket:
            await bucket.put(key, value)

    async def swap(self, key: str, value: bytes, *, expected: int) -> bool:
        """See KeyValue.swap."""
        async with self._open(key) as bucket:
            try:
                if expected:
                    await bucket.update(key, value, last=expected)
                else:
                    await bucket.create(key, value)
            except KeyWrongLastSequenceError:
                return False
        return True

    async def delete(self, key: str) -> None:
        """See KeyValue.delete."""
        async with self._open(key) as bucket:
            await bucket.delete(key)

    @asynccontextmanager
    async def _open(self, key: str) -> AsyncGenerator[NatsBucket]:
        """The bucket, made when missing; what NATS fails at becomes LogUnavailable."""
        checked_key(key)
        try:
            async with asyncio.timeout(self._timeout):
                if self._opened is None:
                    self._opened = await self._find()
                yield self._opened
        except (TimeoutError, NatsError) as error:
            self._opened = None  # the bucket itself may be gone: the next call makes it anew
            raise LogUnavailable(f"bucket {self._bucket.name}: {error!r}") from error

    async def _find(self) -> NatsBucket:
        js = self._connection.client.jetstream(timeout=self._timeout)
        try:
            return await js.key_value(self._bucket.name)
        except (BucketNotFoundError, BadBucketError):
            return await js.create_key_value(
                KeyValueConfig(
                    bucket=self._bucket.name,
                    ttl=self._bucket.keep_s,
                    max_bytes=self._bucket.most_bytes,
                    storage=StorageType.FILE,
                    replicas=self._replicas,
                    direct=False,
                )
            )
