"""What the projections stand on: the embedder and the documents' originals, for the index."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from config.logs import set_up_logs
from events.jetstream_connection import Connection
from events.objects import NatsDocuments
from projections.catalogue import read_models
from projections.knowledge.index import KnowledgeIndex
from projections.knowledge.tokens import load_token_counter
from projections.projection import Projection
from serve_apps import embedding
from serve_apps.embedding import ServeEmbedder
from tandem.addresses import Addresses
from tandem.wiring.handles import LateHandle

YIELDS = 10
"""Where cores are short, read models may lag so that visitors do not wait (see `nice`)."""


class LateDocuments:
    """The object store, connected to when a document is first asked for: a projection is made
    before anything runs."""

    def __init__(self, nats_url: str) -> None:
        self._nats_url = nats_url
        self._opening = asyncio.Lock()
        self._documents: NatsDocuments | None = None

    async def put(self, tenant: str, content: bytes) -> str:
        """See events.objects.Documents."""
        return await (await self._open()).put(tenant, content)

    async def get(self, tenant: str, content_hash: str) -> bytes:
        """See events.objects.Documents."""
        return await (await self._open()).get(tenant, content_hash)

    async def _open(self) -> NatsDocuments:
        async with self._opening:
            if self._documents is None:
                connection = await Connection.open(self._nats_url, name="tandem-documents")
                self._documents = NatsDocuments(connection)
            return self._documents


def projections_of_worker(house: Addresses) -> Sequence[Projection]:
    """`all_projections` for the worker's process: its log, and its place behind the visitors."""
    set_up_logs(house.settings.log_level)
    os.nice(YIELDS)
    return all_projections(house)


def all_projections(house: Addresses) -> Sequence[Projection]:
    """Every read model and the knowledge index. Call it in a running loop, on a Ray cluster."""
    embedder = ServeEmbedder(LateHandle(embedding.NAME, embedding.NAME))
    index = KnowledgeIndex(
        embedder.embed_texts, LateDocuments(house.nats_url), load_token_counter()
    )
    return (*read_models(), index)
