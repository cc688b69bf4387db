"""The worker as a Ray actor, and its parsers as Ray tasks: each may be killed at any time."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from ingest_bench import Bench, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def ray_here():
    """A small Ray of this module's own, unless the run has one already."""
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    started = not ray.is_initialized()
    if started:
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    if started:
        ray.shutdown()


def parts_of(url: str, marks: Path) -> Any:
    """A factory that travels to the actor by value: a slow embedder, and a parser that is killed
    by `deadly.md` each time and by `once.md` the first time."""

    def deadly_cut(cutting: Any) -> Any:
        import os
        import signal
        from pathlib import Path

        from tandem.wiring.cutting import cut

        name = cutting.submission.name
        mark = Path(marks) / name
        if name == "deadly.md" or (name == "once.md" and not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return cut(cutting)

    async def embed(space: str, texts: Any) -> Any:
        import asyncio

        import numpy as np

        await asyncio.sleep(0.4)
        rows = np.random.default_rng(1).normal(size=(len(texts), 8))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    async def parts() -> Any:
        from actors.documents import consumer
        from actors.documents.pipeline import Pipeline
        from actors.documents.ray_parser import RayDocumentParser
        from actors.documents.stages import Stages
        from actors.documents.worker import IngestParts
        from events.jetstream.log import JetStreamLog
        from events.live.nats_feed import NatsLive
        from events.objects.store import NatsObjectStore

        consumer.ACK_WAIT_S, consumer.BEAT_S = 5.0, 1.0
        log = await JetStreamLog.connect(url)
        documents = NatsObjectStore(log.connection)
        stages = Stages(log, documents, RayDocumentParser(deadly_cut), embed, fetch=None)  # type: ignore[arg-type]  # nothing is fetched
        pipeline = Pipeline(log, stages, NatsLive(log.connection).publish)
        return IngestParts(pipeline, url, 2, log.close)

    return parts


async def test_whoever_is_killed_nothing_is_lost_and_nothing_doubled(
    ray_here: Any, nats_bench: Bench, tmp_path: Path
) -> None:
    from actors.documents.worker import IngestWorker

    bench = nats_bench
    worker = (
        ray_here.remote(IngestWorker)
        .options(max_restarts=-1, max_task_retries=-1, num_cpus=0)
        .remote(parts_of(bench.server.url, tmp_path))
    )

    async def health() -> Any:
        return await asyncio.wait_for(worker.health.remote(), 60)

    async def busy() -> bool:
        now = await health()
        return now.finished >= 1 and len(now.in_hand) == 2

    try:
        names = [f"page{n}.md" for n in range(8)] + ["once.md", "deadly.md"]
        ones = [await bench.submit(name, f"# P\n\nThe text of {name}.") for name in names]
        await until(busy, "some are done, and two are in hand")
        os.kill(await asyncio.wait_for(worker.pid.remote(), 60), signal.SIGKILL)
        for one, name in zip(ones, names, strict=True):
            wanted = {"Submitted": 1, "Parsed": 1, "Chunked": 1, "Embedded": 1, "Indexed": 1}
            if name == "deadly.md":
                wanted = {"Submitted": 1, "Failed": 1}

            async def ended(one: Any = one, wanted: Any = wanted) -> bool:
                return await bench.kinds(one) == wanted

            await until(ended, f"{name} came to its end, once")
        assert (await bench.facts(ones[-1]))[-1].code == "crashed"

        async def quiet() -> bool:
            now = await health()
            return now.ok and not now.in_hand and now.outstanding == 0

        await until(quiet, "nothing is left to do")
        assert await asyncio.wait_for(worker.stop.remote(), 60)
    finally:
        ray_here.kill(worker)
