"""What the projections stand on: the embedder and the documents' originals, for the index."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from config.logs import set_up_logs
from events.spaces import DEFAULT_SPACE
from projections.engine.projection import Projection
from projections.knowledge.index.projection import KnowledgeIndex
from projections.read_models.catalogue import read_models
from tandem.addresses import Addresses
from tandem.wiring.objects import LateDocuments

if TYPE_CHECKING:
    from serve_apps.embedding.encoder import Vectors

YIELDS = 10
"""Where cores are short, read models may lag so that visitors do not wait (see `nice`)."""


def projections_of_worker(house: Addresses) -> Sequence[Projection]:
    """`all_projections` for the worker's process: its log, and its place behind the visitors."""
    set_up_logs(house.settings.log_level)
    os.nice(YIELDS)
    return all_projections(house)


def all_projections(house: Addresses) -> Sequence[Projection]:
    """Every read model and the knowledge index. Call it in a running loop, on a Ray cluster."""
    documents = LateDocuments(house.settings, house.nats_url)
    return (*read_models(), KnowledgeIndex(documents, _embed, DEFAULT_SPACE))


async def _embed(space: str, texts: Sequence[str]) -> Vectors:
    """Only where vectors were lost from the object store."""
    # Few ever need it, and to import Serve takes two seconds of a core at every start.
    from serve_apps.embedding import deployment as embedding  # noqa: PLC0415  # as said
    from tandem.wiring.handles import LazyDeploymentHandle  # noqa: PLC0415  # likewise

    handle = LazyDeploymentHandle(embedding.NAME, embedding.NAME)
    return await embedding.ServeEmbedder(handle).embed_texts(texts, space=space)
