"""What the ingest worker stands on: the log, the object store, parsers in Ray tasks, the
embedder, the web."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from actors.documents.fair_limiter import Turns
from actors.documents.pipeline import Pipeline
from actors.documents.ports import DependencyUnavailable, PageFetched, StageFailed
from actors.documents.ray_parser import RayDocumentParser
from actors.documents.stages import Stages
from actors.documents.worker import IngestParts
from config.logs import set_up_logs
from events.jetstream.log import JetStreamLog
from events.key_value import INGEST_TRIES, NatsKeyValue
from events.knowledge import DocumentRequested, FailureCode
from events.live.nats_feed import NatsLive
from projections.knowledge.index.hnsw import keep_indexes
from serve_apps.embedding import deployment as embedding
from serve_apps.embedding.deployment import EmbeddingFailed, ServeEmbedder
from serve_apps.fetching import Fetcher, FetchLimits, FetchRefused, Room
from tandem.addresses import Addresses
from tandem.wiring.cutting import cut
from tandem.wiring.handles import LazyDeploymentHandle
from tandem.wiring.objects import documents_of

if TYPE_CHECKING:
    from actors.documents.ports import Rows

FETCH_PAUSES_S = (2.0, 10.0)
FETCHES = 8
"""Hosts that are asked side by side."""
_T = TypeVar("_T")


async def ingest_parts(house: Addresses) -> IngestParts:
    """Raises LogUnavailable."""
    settings = house.settings
    set_up_logs(settings.log_level)
    log = await JetStreamLog.connect(house.nats_url, name="tandem-ingest")
    largest = settings.max_document_mb * 2**20
    limits = FetchLimits(private=settings.fetch_private, body_bytes=largest)
    stages = Stages(
        log=log,
        documents=documents_of(settings, log.connection),
        cutter=RayDocumentParser(cut),
        embed=Embedder(ServeEmbedder(LazyDeploymentHandle(embedding.NAME, embedding.NAME))),
        fetch=Web(Fetcher(limits)),
        max_bytes=largest,
    )
    keep = partial(
        keep_indexes,
        house.postgres_dsn,
        above=settings.exact_up_to,
        memory=settings.index_memory,
    )
    return IngestParts(
        pipeline=Pipeline(log, stages, NatsLive(log.connection).publish),
        nats_url=house.nats_url,
        at_once=settings.ingest_concurrency,
        close=log.close,
        beside=(keep,),
        tries=NatsKeyValue(log.connection, INGEST_TRIES),
    )


class Embedder:
    """The port `Embed` over Serve."""

    def __init__(self, serve: ServeEmbedder) -> None:
        self._serve = serve

    async def __call__(self, space: str, texts: Sequence[str]) -> Rows:
        """See Embed."""
        try:
            return await self._serve.embed_texts(texts, space=space)
        except EmbeddingFailed as error:
            raise DependencyUnavailable(f"The embedder does not answer: {error}") from error
        except Exception as error:  # Serve is not there yet, or no more
            raise DependencyUnavailable(f"The embedder cannot be asked: {error!r}"[:300]) from error


class Web:
    """The port `Fetch`: keeps to robots.txt, the same site and the addresses that are allowed. At
    most `FETCHES` at once, tenants in turn; who waits for a host's time is not among them."""

    def __init__(self, fetcher: Fetcher, *, at_once: int = FETCHES) -> None:
        self._fetcher, self._places = fetcher, Turns(at_once)

    async def page(self, request: DocumentRequested) -> PageFetched:
        """See Fetch."""
        found = await _asked(lambda: self._fetcher.page(request.url, room=self._room(request)))
        return PageFetched(
            url=found.url, content=found.content, media_type=found.media_type, links=found.links
        )

    async def sitemap(self, request: DocumentRequested) -> Sequence[str]:
        """See Fetch."""
        return await _asked(lambda: self._fetcher.sitemap(request.url, room=self._room(request)))

    def _room(self, request: DocumentRequested) -> Room:
        return lambda: self._places.turn(request.tenant)


async def _asked(ask: Callable[[], Awaitable[_T]]) -> _T:
    """A host that does not answer is asked again a few times. Raises StageFailed."""
    for pause in (*FETCH_PAUSES_S, None):
        try:
            return await ask()
        except FetchRefused as error:
            if not error.passing or pause is None:
                code = cast(FailureCode, error.code)
                raise StageFailed("fetch", code, error.reason) from error
        await asyncio.sleep(pause)
    raise AssertionError("unreachable: the last attempt returns or raises")
