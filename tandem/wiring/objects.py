"""Where documents are kept: the object store of NATS, or one outside."""

from __future__ import annotations

import asyncio

from config.settings import Settings
from events.jetstream.connection import Connection
from events.objects.obstore_store import ObstoreObjectStore
from events.objects.store import Documents, NatsObjectStore


def documents_of(settings: Settings, connection: Connection) -> Documents:
    """The one that the settings name. Raises ValueError for an address that is none."""
    if settings.objects_url:
        return ObstoreObjectStore.at(settings.objects_url)
    return NatsObjectStore(connection)


class LateDocuments:
    """The same, connected to when a document is first asked for: for what is made before
    anything runs."""

    def __init__(self, settings: Settings, nats_url: str) -> None:
        self._settings, self._nats_url = settings, nats_url
        self._opening = asyncio.Lock()
        self._documents: Documents | None = None

    async def put(self, tenant: str, content: bytes) -> str:
        """See events.objects.store.Documents."""
        return await (await self._open()).put(tenant, content)

    async def get(self, tenant: str, content_hash: str) -> bytes:
        """See events.objects.store.Documents."""
        return await (await self._open()).get(tenant, content_hash)

    async def _open(self) -> Documents:
        async with self._opening:
            if self._documents is None:
                if self._settings.objects_url:
                    self._documents = ObstoreObjectStore.at(self._settings.objects_url)
                else:
                    connection = await Connection.open(self._nats_url, name="tandem-documents")
                    self._documents = NatsObjectStore(connection)
            return self._documents
