"""Generation behind Ray Serve: parts, failures and cancellation cross the process boundary."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing

import pytest
from openai_double import Answer

from actors.ports import GenerationDone, GenerationFailed, TextDelta
from config.settings import Settings

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def ray_here():
    """A small Ray of this module's own, unless the run has one already."""
    import ray
    from ray import serve

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    started = not ray.is_initialized()
    if started:
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            runtime_env={"env_vars": {"OPENAI_API_KEY": "sk-nobody"}},
        )
    yield serve
    serve.delete("generation-extractive")
    serve.delete("generation-model")
    if started:
        serve.shutdown()
        ray.shutdown()


@pytest.fixture(scope="module")
def generator(ray_here):
    """The port over a handle to a replica of its own, for any settings."""
    from serve_apps.generation.deployment import ServeGenerator, generation_app

    def build(name: str, settings: Settings, **times: float) -> ServeGenerator:
        app = generation_app(settings)
        return ServeGenerator(ray_here.run(app, name=name, route_prefix=None), **times)

    return build


@pytest.mark.timeout(600)
async def test_an_extractive_answer_streams_from_a_replica(generator, passage, request_of):
    page = passage("Standard delivery takes 3 days.", score=0.8)
    ours = await asyncio.to_thread(generator, "generation-extractive", Settings(model=""))
    parts = [part async for part in ours.stream(request_of("How long does delivery take?", page))]
    assert parts[0] == TextDelta("Standard delivery takes 3 days. [1]")
    assert isinstance(parts[-1], GenerationDone)
    assert await ours.summarize([], "so far") is None


@pytest.mark.timeout(600)
async def test_failures_keep_their_reason_and_leaving_stops_the_model(
    generator, passage, request_of, double
):
    question = request_of("How long?", passage("Standard delivery takes 3 days."))
    settings = Settings(
        model="openai/m", model_api_base=double.url, model_timeout_s=60, turn_timeout_s=120
    )
    ours = await asyncio.to_thread(generator, "generation-model", settings)

    double.script("m", Answer("Standard delivery", then="error"))
    parts: list[object] = []
    with pytest.raises(GenerationFailed) as caught:
        await _collect(ours, question, parts)
    assert caught.value.reason == "interrupted"
    assert parts == [TextDelta("Standard"), TextDelta(" delivery")]

    double.requests.clear()
    double.script("m", Answer("Standard delivery", then="stall"))
    async with aclosing(ours.stream(question)) as stream:
        async for _ in stream:
            break
    async with asyncio.timeout(60):
        await double.requests[0].disconnected.wait()
    assert not double.requests[0].finished

    impatient = type(ours)(ours._handle, first_s=60, next_s=0.3)
    with pytest.raises(GenerationFailed) as caught:
        await _collect(impatient, question, [])
    assert caught.value.reason == "interrupted"


async def _collect(ours, question, parts: list[object]) -> None:
    async with aclosing(ours.stream(question)) as stream:
        async for part in stream:
            parts.append(part)
