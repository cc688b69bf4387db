"""Bring the house up on the Ray cluster that this process has joined, and down again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial
from typing import Any

import httpx
import ray
import structlog
from ray import serve
from ray.serve.api import RunTarget, run_many
from ray.serve.config import HTTPOptions
from ray.serve.schema import LoggingConfig

from actors.documents.worker import IngestHealth, IngestWorker
from actors.hosting.placement import NAMESPACE
from actors.hosting.placement import start_shards as start_shard_actors
from actors.hosting.watchdog import Watchdog
from config.settings import Settings
from events.jetstream.log import JetStreamLog
from projections.engine.schema import ensure_schema
from projections.engine.worker import ProjectionWorker, WorkerHealth
from serve_apps.embedding import deployment as embedding
from serve_apps.embedding.deployment import embedding_app
from serve_apps.gateway.deployment import Gateway
from serve_apps.generation import deployment as generation
from serve_apps.generation.deployment import generation_app
from serve_apps.retrieval import rerank
from serve_apps.retrieval.rerank import rerank_app
from tandem.addresses import Addresses, web_url
from tandem.embedded.process import ServerFailed
from tandem.wiring.conversations import parts_of_shard
from tandem.wiring.demo import seed_demo
from tandem.wiring.gateway import gateway_ports
from tandem.wiring.ingest import ingest_parts
from tandem.wiring.read_models import projections_of_worker
from tandem.wiring.watchdog import watchdog_parts

__all__ = [
    "check",
    "clear_leftovers",
    "seed_demo",
    "start_ingest",
    "start_projections",
    "start_serve",
    "start_shards",
    "stop",
]

GATEWAY = "gateway"
INGEST = "ingest"
PROJECTIONS = "projections"
WATCHDOG = "watchdog"
READY_TIMEOUT_S = 240.0
LOOK_S = 0.1

_log = structlog.get_logger(__name__)
_remote: Any = ray.remote  # its overloads know no options


async def clear_leftovers(settings: Settings) -> None:
    """On a cluster that outlives this process: no actor of an earlier start, with its addresses
    and its code, may be found in the place of ours."""
    if settings.ray_address:
        await asyncio.to_thread(_kill_actors)


async def start_shards(house: Addresses) -> None:
    await _ensure_log(house)
    actors = start_shard_actors(house.settings.shards, partial(parts_of_shard, house))
    async with asyncio.timeout(READY_TIMEOUT_S):
        await asyncio.gather(*(actor.ready.remote() for actor in actors))


async def start_projections(house: Addresses) -> None:
    await asyncio.gather(_ensure_log(house), ensure_schema(house.postgres_dsn))
    make = partial(projections_of_worker, house)
    worker = _named(PROJECTIONS, ProjectionWorker, make, house.nats_url, house.postgres_dsn)
    async with asyncio.timeout(READY_TIMEOUT_S):
        while True:
            health: WorkerHealth = await worker.health.remote()
            if health.lanes and all(lane.state == "running" for lane in health.lanes):
                return
            await asyncio.sleep(LOOK_S)


async def start_ingest(house: Addresses) -> None:
    """It waits for the embedder by itself: what comes is parsed meanwhile."""
    await _ensure_log(house)
    worker = _named(INGEST, IngestWorker, partial(ingest_parts, house))
    async with asyncio.timeout(READY_TIMEOUT_S):
        while True:
            health: IngestHealth = await worker.health.remote()
            if health.state == "running":
                return
            await asyncio.sleep(LOOK_S)


async def start_serve(house: Addresses) -> None:
    await _ensure_log(house)
    await asyncio.to_thread(_deploy, house)
    # Only now: a turn that was cut off yesterday needs the model apps.
    dog = _named(WATCHDOG, Watchdog, partial(watchdog_parts, house))
    async with asyncio.timeout(READY_TIMEOUT_S):
        await dog.ready.remote()


def _deploy(house: Addresses) -> None:
    settings = house.settings
    # No request time-out: it would cut sockets and event streams.
    options = HTTPOptions(host=settings.host, port=settings.port, request_timeout_s=None)
    # An access log line for each frame's request would cost more than the request.
    quiet = LoggingConfig(log_level="WARNING", enable_access_log=False)
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    serve.start(http_options=options, logging_config=quiet)
    targets = [
        RunTarget(embedding_app(settings), name=embedding.NAME, route_prefix=None),
        RunTarget(generation_app(settings), name=generation.NAME, route_prefix=None),
        RunTarget(Gateway.bind(partial(gateway_ports, house)), name=GATEWAY, route_prefix="/"),
    ]
    if (reranking := rerank_app(settings)) is not None:
        targets.append(RunTarget(reranking, name=rerank.NAME, route_prefix=None))
    run_many(targets, wait_for_applications_running=True)


async def check(house: Addresses) -> None:
    """The gateway answers and everything behind it does. Raises ServerFailed."""
    url = f"{web_url(house.settings)}/readyz"
    seen = "nothing"
    try:
        async with asyncio.timeout(READY_TIMEOUT_S), httpx.AsyncClient(timeout=10) as client:
            while True:
                try:
                    answer = await client.get(url)
                except httpx.HTTPError as error:
                    seen = repr(error)
                else:
                    if answer.status_code == 200:
                        return
                    seen = answer.text[:300]
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise ServerFailed(f"{url} is not ready: {seen}") from None


async def stop(house: Addresses) -> None:
    """Send visitors away in good order; on a cluster of others, take our actors off it."""
    try:
        leave = serve.get_deployment_handle(Gateway.name, GATEWAY)
        await asyncio.wait_for(leave.leave.remote(), 10)
    except Exception as error:  # noqa: BLE001 the widgets come back by themselves all the same
        _log.warning("gateway not asked to leave", error=repr(error))
    if house.settings.ray_address:
        await asyncio.to_thread(_leave_cluster)


def _leave_cluster() -> None:
    for name in (GATEWAY, embedding.NAME, generation.NAME, rerank.NAME):
        serve.delete(name)
    _kill_actors()


def _kill_actors() -> None:
    """All actors of our namespace; the watchdog first, for it makes others when it asks them."""
    everyone: list[Any] = list(ray.util.list_named_actors(all_namespaces=True))
    ours = [entry["name"] for entry in everyone if entry["namespace"] == NAMESPACE]
    for name in sorted(ours, key=lambda name: name != WATCHDOG):
        with contextlib.suppress(ValueError):  # it went by itself
            ray.kill(ray.get_actor(name, namespace=NAMESPACE))


def _named(name: str, kind: type, *arguments: object) -> Any:
    """A detached actor of this name, made or found. It is started again whenever it dies."""
    actor = _remote(num_cpus=0, max_restarts=-1)(kind)
    return actor.options(
        name=name, namespace=NAMESPACE, lifetime="detached", get_if_exists=True
    ).remote(*arguments)


async def _ensure_log(house: Addresses) -> None:
    log = await JetStreamLog.connect(house.nats_url, name="tandem-start")
    try:
        await log.ensure_streams()
    finally:
        await log.close()
