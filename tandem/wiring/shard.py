"""What a shard stands on: the log, snapshots, search, the model apps."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial

import asyncpg

from actors.hosting.shard import ShardParts
from actors.hosting.snapshots import KeyValueSnapshots
from actors.turn.ai_turn import AiTurn
from config.logs import set_up_logs
from config.settings import Settings
from events.jetstream.connection import Connection
from events.jetstream.log import JetStreamLog
from events.live.nats_feed import NatsLive
from projections.engine.database import open_pool
from projections.knowledge.search.search import KnowledgeSearch
from projections.read_models.operator_queries import place_for
from serve_apps.embedding import deployment as embedding
from serve_apps.embedding.deployment import ServeEmbedder
from serve_apps.embedding.query_cache import EmbedQuery, QueryCache
from serve_apps.generation import deployment as generation
from serve_apps.generation.deployment import ServeGenerator
from serve_apps.handoff_availability import QueueHandoffAvailability
from serve_apps.retrieval import rerank
from serve_apps.retrieval.rerank import ServeReranker
from serve_apps.retrieval.retriever import KnowledgeRetriever, ScorePassages
from serve_apps.signals.reader import MessageSignals
from tandem.addresses import Addresses
from tandem.wiring.handles import LazyDeploymentHandle
from tandem.wiring.tenants import Tenants

SEARCHES_AT_ONCE = 4


async def shard_parts(house: Addresses) -> ShardParts:
    """Raises LogUnavailable, OSError."""
    settings = house.settings
    set_up_logs(settings.log_level)
    async with AsyncExitStack() as stack:  # closes what is open when something fails
        connection = await Connection.open(house.nats_url, name="tandem-shard")
        stack.push_async_callback(connection.close)
        log = JetStreamLog(connection)
        tenants = await Tenants.open(log, settings)
        stack.callback(tenants.close)
        pool = await open_pool(house.postgres_dsn, min_size=0, max_size=SEARCHES_AT_ONCE)
        stack.push_async_callback(pool.close)
        desk = QueueHandoffAvailability(tenants.policy_of, partial(place_for, pool))
        return ShardParts(
            log=log,
            snapshots=await KeyValueSnapshots.open(connection.client.jetstream()),
            turns=_turns(settings, pool, NatsLive(connection), tenants, desk),
            handoff_availability=desk,
            snapshot_every=settings.snapshot_every,
            passivate_after_s=settings.passivate_after_s,
            close=stack.pop_all().aclose,
        )


def _turns(
    settings: Settings,
    pool: asyncpg.Pool,
    live: NatsLive,
    tenants: Tenants,
    desk: QueueHandoffAvailability,
) -> AiTurn:
    embedder = ServeEmbedder(LazyDeploymentHandle(embedding.NAME, embedding.NAME))
    embed_query = QueryCache(embedder.embed_query).embed_query
    return AiTurn(
        retriever=retriever(pool, settings, embed_query),
        generator=ServeGenerator(LazyDeploymentHandle(generation.NAME, generation.NAME)),
        signals=MessageSignals(embed_query),
        desk=desk,
        live=live,
        company_of=tenants.company_of,
        timeout_s=settings.turn_timeout_s,
        memory_tokens=settings.memory_tokens,
        summarizes=bool(settings.model),
    )


def retriever(
    pool: asyncpg.Pool, settings: Settings, embed_query: EmbedQuery
) -> KnowledgeRetriever:
    """The search of a turn, for whoever looks."""
    return KnowledgeRetriever(
        KnowledgeSearch(pool, exact_up_to=settings.exact_up_to),
        embed_query,
        rerank=_rerank(settings),
    )


def _rerank(settings: Settings) -> ScorePassages | None:
    if not settings.rerank_model:
        return None
    return ServeReranker(LazyDeploymentHandle(rerank.NAME, rerank.NAME)).score
