"""Original documents and what is made of them, kept by the hash of their content."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Protocol

from nats.errors import Error as NatsError
from nats.js.api import ObjectStoreConfig, StorageType
from nats.js.errors import DigestMismatchError, NotFoundError
from nats.js.object_store import ObjectStore

from events.jetstream.connection import Connection
from events.log.event_log import LogUnavailable
from events.log.stream import is_token

BUCKET = "documents"
TIMEOUT_S = 30.0
SLOWEST = 1024 * 1024
"""Bytes a second of a large document that are waited for."""


class NoSuchDocument(Exception):
    """Nothing is kept under this tenant and hash."""


class CorruptDocument(Exception):
    """What is kept does not have the hash that it is kept under."""


class Documents(Protocol):
    """The port. Implementations: `NatsObjectStore`, `MemoryObjectStore`, and
    `events.objects.obstore_store.ObstoreObjectStore`."""

    async def put(self, tenant: str, content: bytes) -> str:
        """Keep `content`, durably, and return its sha256 in hex. Doing it again changes nothing.

        Raises LogUnavailable, ValueError when `tenant` is no token.
        """
        ...

    async def get(self, tenant: str, content_hash: str) -> bytes:
        """Raises NoSuchDocument, CorruptDocument, LogUnavailable."""
        ...


def name_of(tenant: str, content_hash: str) -> str:
    """Of the object. Raises ValueError when `tenant` is no token."""
    if not is_token(tenant):
        raise ValueError(f"tenant id {tenant!r} must be 1 to 64 of A-Z a-z 0-9 _ -")
    return f"{tenant}/{content_hash}"


def hash_of(content: bytes) -> str:
    """sha256, hex."""
    return hashlib.sha256(content).hexdigest()


def seconds_for(size: int, least: float) -> float:
    """How long `size` bytes may take."""
    return least + size / SLOWEST


class MemoryObjectStore:
    """Documents that forgets, for tests."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    async def put(self, tenant: str, content: bytes) -> str:
        """See Documents.put."""
        content_hash = hash_of(content)
        self._kept[name_of(tenant, content_hash)] = bytes(content)
        return content_hash

    async def get(self, tenant: str, content_hash: str) -> bytes:
        """See Documents.get."""
        try:
            return self._kept[name_of(tenant, content_hash)]
        except KeyError:
            raise NoSuchDocument(name_of(tenant, content_hash)) from None


class NatsObjectStore:
    """Documents in the object store `documents`, one object `<tenant>/<hash>` each."""

    def __init__(
        self, connection: Connection, *, replicas: int = 1, timeout: float = TIMEOUT_S
    ) -> None:
        self._connection, self._replicas, self._timeout = connection, replicas, timeout
        self._store: ObjectStore | None = None

    async def put(self, tenant: str, content: bytes) -> str:
        """See Documents.put."""
        content_hash = hash_of(content)
        name = name_of(tenant, content_hash)
        async with self._bucket(len(content)) as store:
            try:
                held = await store.get_info(name)
            except NotFoundError:
                held = None
            # One that someone changed is mended.
            if held is None or held.digest != _digest(content):
                await store.put(name, content)
        return content_hash

    async def get(self, tenant: str, content_hash: str) -> bytes:
        """See Documents.get."""
        name = name_of(tenant, content_hash)
        async with self._bucket(0) as store:
            try:
                size = (await store.get_info(name)).size or 0
            except NotFoundError:
                raise NoSuchDocument(name) from None
        async with self._bucket(size) as store:
            into = BytesIO()  # nats-py's own way copies all that came with each piece that comes
            try:
                await store.get(name, writeinto=into)
            except NotFoundError:
                raise NoSuchDocument(name) from None
            except DigestMismatchError:
                raise CorruptDocument(name) from None
            content = into.getvalue()
        if hash_of(content) != content_hash:
            raise CorruptDocument(name)
        return content

    @asynccontextmanager
    async def _bucket(self, size: int) -> AsyncGenerator[ObjectStore]:
        """The bucket, made when missing; what NATS fails at becomes LogUnavailable."""
        try:
            async with asyncio.timeout(seconds_for(size, self._timeout)):
                if self._store is None:
                    self._store = await self._open()
                yield self._store
        except (TimeoutError, NatsError) as error:
            raise LogUnavailable(f"object store {BUCKET}: {error!r}") from error

    async def _open(self) -> ObjectStore:
        js = self._connection.client.jetstream(timeout=self._timeout)
        try:
            return await js.object_store(BUCKET)
        except NotFoundError:
            return await js.create_object_store(
                BUCKET,
                config=ObjectStoreConfig(storage=StorageType.FILE, replicas=self._replicas),
            )


def _digest(content: bytes) -> str:
    """As NATS notes it."""
    return "SHA-256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
