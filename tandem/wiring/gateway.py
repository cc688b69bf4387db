"""What a gateway replica stands on: the log, the live feed, the way to the shards, the read
models, the knowledge base and the buckets that replicas share."""

from __future__ import annotations

from contextlib import AsyncExitStack

import asyncpg

from config.logs import set_up_logs
from config.settings import Settings
from events.jetstream.connection import Connection
from events.jetstream.log import JetStreamLog
from events.key_value import OPERATOR_SESSIONS, PRESENCE, SIGN_IN_FAILURES, NatsKeyValue
from events.live.nats_feed import NatsLive
from projections.engine.database import open_pool
from serve_apps.embedding import deployment as embedding
from serve_apps.embedding.deployment import ServeEmbedder
from serve_apps.embedding.query_cache import QueryCache
from serve_apps.gateway.hub import GatewayPorts
from serve_apps.gateway.knowledge.ports import KnowledgePorts, PostgresKnowledge
from serve_apps.gateway.operators.board.readings import PostgresReadings
from tandem.addresses import Addresses
from tandem.wiring.conversations import conversations
from tandem.wiring.handles import LazyDeploymentHandle
from tandem.wiring.library import open_library
from tandem.wiring.objects import documents_of
from tandem.wiring.shard import retriever
from tandem.wiring.tenants import Tenants

READINGS_AT_ONCE = 4
"""Connections to Postgres; none is opened before an operator asks for a list."""


async def gateway_ports(house: Addresses) -> GatewayPorts:
    """Raises LogUnavailable."""
    set_up_logs(house.settings.log_level)
    connection = await Connection.open(house.nats_url, name="tandem-gateway")
    log = JetStreamLog(connection)
    async with AsyncExitStack() as stack:  # closes what is open when something fails
        stack.push_async_callback(connection.close)
        tenants = await Tenants.open(log, house.settings)
        stack.callback(tenants.close)
        pool = await open_pool(house.postgres_dsn, min_size=0, max_size=READINGS_AT_ONCE)
        stack.push_async_callback(pool.close)
        return GatewayPorts(
            log=log,
            live=NatsLive(connection),
            conversations=conversations(house, tenants),
            secret=house.secret,
            readings=PostgresReadings(pool),
            sessions=NatsKeyValue(connection, OPERATOR_SESSIONS),
            failures=NatsKeyValue(connection, SIGN_IN_FAILURES),
            presence=NatsKeyValue(connection, PRESENCE),
            knowledge=knowledge_ports(log, pool, house.settings),
            close=stack.pop_all().aclose,
        )


def knowledge_ports(log: JetStreamLog, pool: asyncpg.Pool, settings: Settings) -> KnowledgePorts:
    """The knowledge base as a gateway asks it. Raises ValueError for an
    `objects_url` that is none."""
    embedder = ServeEmbedder(LazyDeploymentHandle(embedding.NAME, embedding.NAME))
    return KnowledgePorts(
        library=open_library(log, settings),
        originals=documents_of(settings, log.connection),
        readings=PostgresKnowledge(pool, embedder.embed_texts),
        look=retriever(pool, settings, QueryCache(embedder.embed_query).embed_query).look,
    )
