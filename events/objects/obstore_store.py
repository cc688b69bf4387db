"""Documents in an object store outside: S3 and its like, Google Cloud, Azure, a folder."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from events.log.event_log import LogUnavailable
from events.objects.store import (
    TIMEOUT_S,
    CorruptDocument,
    NoSuchDocument,
    hash_of,
    name_of,
    seconds_for,
)

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3://", "gs://", "az://", "file://", "memory://")
RETRIES = 4


class ObstoreObjectStore:
    """Documents, one object `<tenant>/<hash>` each below the store's own prefix.

    Credentials come as the store's own programs find them: `AWS_...`, `GOOGLE_...`, `AZURE_...`,
    or the machine's role. `AWS_ENDPOINT` names another server that speaks S3.
    """

    def __init__(self, store: ObjectStore, *, timeout: float = TIMEOUT_S) -> None:
        self._store, self._timeout = store, timeout

    @classmethod
    def at(cls, url: str, *, timeout: float = TIMEOUT_S) -> ObstoreObjectStore:
        """Opens `url`; nothing is asked yet. Raises ValueError for an address that is none."""
        if not url.startswith(SCHEMES):
            raise ValueError(f"objects_url {url!r} must begin with one of {' '.join(SCHEMES)}")
        try:
            if url.startswith("file://"):
                return cls(from_url(url, mkdir=True), timeout=timeout)
            if url.startswith("memory://"):
                return cls(from_url(url), timeout=timeout)
            retries = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=timeout)}
            return cls(from_url(url, retry_config=retries), timeout=timeout)  # type: ignore[arg-type]  # a TypedDict
        except (BaseError, OSError) as error:
            raise ValueError(f"objects_url {url!r}: {_brief(error)}") from error

    async def put(self, tenant: str, content: bytes) -> str:
        """See Documents.put."""
        content_hash = hash_of(content)
        name = name_of(tenant, content_hash)
        async with self._asking(len(content)):
            # Written again where it stands: an object is replaced whole, and a broken one mended.
            await obstore.put_async(self._store, name, content)
            if isinstance(self._store, LocalStore):
                await asyncio.to_thread(_sync, self._store, name)
        return content_hash

    async def get(self, tenant: str, content_hash: str) -> bytes:
        """See Documents.get."""
        name = name_of(tenant, content_hash)
        async with self._asking(0):
            try:
                answer = await obstore.get_async(self._store, name)
            except FileNotFoundError:
                raise NoSuchDocument(name) from None
        async with self._asking(answer.meta["size"]):
            content = bytes(await answer.bytes_async())
        if hash_of(content) != content_hash:
            raise CorruptDocument(name)
        return content

    @asynccontextmanager
    async def _asking(self, size: int) -> AsyncGenerator[None]:
        """What the store fails at becomes LogUnavailable."""
        try:
            async with asyncio.timeout(seconds_for(size, self._timeout)):
                yield
        except (BaseError, OSError) as error:  # TimeoutError is an OSError
            raise LogUnavailable(f"object store: {_brief(error)}") from error


def _sync(store: LocalStore, name: str) -> None:
    """To the disk, with the folders that lead to it: the store itself only writes."""
    root = Path(store.prefix or "/")
    file = root / name
    for place in (file, file.parent, root):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _brief(error: BaseException) -> str:
    """Without the debug source that follows, which may be long."""
    return (str(error) or repr(error)).partition("\n")[0][:300]
