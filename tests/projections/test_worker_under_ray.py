"""The worker as a Ray actor: it starts by itself, also after its process was killed."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid

import pytest

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def ray_here():
    """A small Ray of this module's own, unless the run has one already."""
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    started = not ray.is_initialized()
    if started:
        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield ray
    if started:
        ray.shutdown()


@pytest.fixture
def actor(ray_here, own_nats, prepared):
    from projections.engine.worker import ProjectionWorker
    from projections.read_models.catalogue import read_models

    worker = (
        ray_here.remote(ProjectionWorker)
        .options(max_restarts=-1, max_task_retries=-1, num_cpus=0)
        .remote(read_models, own_nats, prepared)
    )
    yield worker
    ray_here.kill(worker)


@pytest.mark.timeout(600)
async def test_the_actor_takes_in_the_log_and_comes_back_when_it_is_killed(
    actor, log, pool, taken_in, eventually
) -> None:
    from projection_talk import Talk

    from projections.read_models.catalogue import read_models
    from projections.read_models.queries import counts

    tenant = f"ray-{uuid.uuid4().hex[:8]}"
    talk = Talk(log, tenant)

    async def well() -> bool:
        health = await asyncio.wait_for(actor.health.remote(), 60)
        return len(health.lanes) == len(read_models()) and health.ok and health.lag == 0

    last = await talk.rounds("c1", 0, 4)
    await taken_in(pool, last.version)
    await eventually(well, "the actor says that all is well")
    os.kill(await actor.pid.remote(), signal.SIGKILL)
    last = await talk.rounds("c1", 5, 9)
    await taken_in(pool, last.version)
    await eventually(well, "the actor that was started again says so too")
    found = await counts(pool, tenant)
    assert (found.messages, found.answered_turns) == (20, 10)
    assert await asyncio.wait_for(actor.stop.remote(), 30)
