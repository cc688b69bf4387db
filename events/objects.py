"""Original documents, kept by the hash of their content."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Protocol

from nats.errors import Error as NatsError
from nats.js.api import ObjectStoreConfig, StorageType
from nats.js.errors import NotFoundError
from nats.js.object_store import ObjectStore

from events.jetstream_connection import Connection
from events.log import LogUnavailable
from events.stream import is_token

BUCKET = "documents"
TIMEOUT_S = 30.0


class NoSuchDocument(Exception):
    """Nothing is kept under this tenant and hash."""


class CorruptDocument(Exception):
    """What is kept does not have the hash that it is kept under."""


class Documents(Protocol):
    """The port. Implementations: `NatsDocuments`, `MemoryDocuments`."""

    async def put(self, tenant: str, content: bytes) -> str:
        """Keep `content`, durably, and return its sha256 in hex. Doing it again changes nothing.

        Raises LogUnavailable, ValueError when `tenant` is no token.
        """
        ...

    async def get(self, tenant: str, content_hash: str) -> bytes:
        """Raises NoSuchDocument, CorruptDocument, LogUnavailable."""
        ...


def _name(tenant: str, content_hash: str) -> str:
    if not is_token(tenant):
        raise ValueError(f"tenant id {tenant!r} must be 1 to 64 of A-Z a-z 0-9 _ -")
    return f"{tenant}/{content_hash}"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class MemoryDocuments:
    """Documents that forgets, for tests."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    async def put(self, tenant: str, content: bytes) -> str:
        """See Documents.put."""
        content_hash = _hash(content)
        self._kept[_name(tenant, content_hash)] = bytes(content)
        return content_hash

    async def get(self, tenant: str, content_hash: str) -> bytes:
        """See Documents.get."""
        try:
            return self._kept[_name(tenant, content_hash)]
        except KeyError:
            raise NoSuchDocument(_name(tenant, content_hash)) from None


class NatsDocuments:
    """Documents in the object store `documents`, one object `<tenant>/<hash>` each."""

    def __init__(
        self, connection: Connection, *, replicas: int = 1, timeout: float = TIMEOUT_S
    ) -> None:
        self._connection, self._replicas, self._timeout = connection, replicas, timeout
        self._store: ObjectStore | None = None

    async def put(self, tenant: str, content: bytes) -> str:
        """See Documents.put."""
        content_hash = _hash(content)
        name = _name(tenant, content_hash)
        async with self._bucket() as store:
            try:
                await store.get_info(name)
            except NotFoundError:
                await store.put(name, content)
        return content_hash

    async def get(self, tenant: str, content_hash: str) -> bytes:
        """See Documents.get."""
        name = _name(tenant, content_hash)
        async with self._bucket() as store:
            try:
                content = (await store.get(name)).data
            except NotFoundError:
                raise NoSuchDocument(name) from None
        if content is None or _hash(content) != content_hash:
            raise CorruptDocument(name)
        return content

    @asynccontextmanager
    async def _bucket(self) -> AsyncGenerator[ObjectStore]:
        """The bucket, made when missing; what NATS fails at becomes LogUnavailable."""
        try:
            async with asyncio.timeout(self._timeout):
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
