"""Generation as a Ray Serve deployment, and the adapter that turns its handle into the port.

    app = generation_app(settings)             # serve.run(app, name="generation", ...)
    generator = ServeGenerator(handle, ...)    # actors.ports.Generator

A failure crosses the process boundary as a value, so no wrapping by Ray can hide its reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Protocol

import msgspec
from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException

from actors.ports import (
    GenerationDone,
    GenerationFailed,
    GenerationPart,
    GenerationRequest,
    Generator,
    PromptMessage,
    TextDelta,
)
from config.settings import Settings
from serve_apps.generation.extractive import ExtractiveGenerator

NAME = "generation"
FIRST_PART_S = 60.0
NEXT_PART_S = 30.0
SETTINGS = {
    "model",
    "model_fallbacks",
    "model_api_base",
    "model_timeout_s",
    "turn_timeout_s",
}
"""All that a replica is told of the settings: no secret leaves for another process."""
SUMMARY_S = 60.0


class Failure(msgspec.Struct, frozen=True, tag_field="part", tag="failed"):
    """GenerationFailed, as a value."""

    reason: str
    detail: str


class _Stream(Protocol):
    """What a Serve handle's streaming call returns."""

    async def __anext__(self) -> Any: ...
    def cancel(self) -> None: ...


def generator_of(settings: Settings) -> Generator:
    """The LiteLLM chain when a model is set, else the extractive generator."""
    if not settings.model:
        return ExtractiveGenerator()
    # litellm takes seconds to import, so only a process with a model pays for it
    from serve_apps.generation.litellm_models import (  # noqa: PLC0415
        LiteLLMGenerator,
        patience_of,
    )

    fallbacks = [name.strip() for name in settings.model_fallbacks.split(",") if name.strip()]
    return LiteLLMGenerator(
        [settings.model, *fallbacks],
        patience=patience_of(settings),
        api_base=settings.model_api_base,
    )


class Generation:
    """The replica: one generator, many streams at once."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._generator = generator_of(Settings(**settings))

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GenerationPart | Failure]:
        """The parts of the port; a Failure instead of an exception ends them."""
        try:
            async with aclosing(self._generator.stream(request)) as parts:
                async for part in parts:
                    yield part
        except GenerationFailed as failure:
            yield Failure(failure.reason, failure.detail)

    async def summarize(
        self, messages: Sequence[PromptMessage], summary: str
    ) -> str | Failure | None:
        """A new rolling summary, None without a model, or a Failure."""
        try:
            return await self._generator.summarize(messages, summary)
        except GenerationFailed as failure:
            return Failure(failure.reason, failure.detail)


def generation_app(settings: Settings, *, replicas: int = 1, cpus: float = 0.0) -> Any:
    """The Serve application. `cpus` is what Ray books for a replica; models run elsewhere."""
    deployment: Any = serve.deployment(
        name=NAME,
        num_replicas=replicas,
        max_ongoing_requests=256,
        ray_actor_options={"num_cpus": cpus},
        graceful_shutdown_timeout_s=5,
    )(Generation)
    return deployment.bind(settings.model_dump(mode="json", include=SETTINGS))


class ServeGenerator:
    """Implements `actors.ports.Generator` over a handle to `Generation`.

    Leaving a stream early cancels the request, so the call to the model stops.
    """

    def __init__(
        self, handle: Any, *, first_s: float = FIRST_PART_S, next_s: float = NEXT_PART_S
    ) -> None:
        self._handle = handle
        self._first_s, self._next_s = first_s, next_s

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GenerationPart]:
        """Raises GenerationFailed; `timeout` before the first part, `interrupted` after it."""
        response: _Stream = self._handle.options(stream=True).stream.remote(request)
        written = False
        done = False
        try:
            while not done:
                part = await self._next(response, written=written)
                if isinstance(part, Failure):
                    done = True
                    raise GenerationFailed(part.reason, part.detail)
                done = isinstance(part, GenerationDone)
                written = written or isinstance(part, TextDelta)
                yield part
        finally:
            if not done:
                response.cancel()

    async def _next(self, response: _Stream, *, written: bool) -> GenerationPart | Failure:
        wait = self._next_s if written else self._first_s
        try:
            async with asyncio.timeout(wait):
                return await response.__anext__()
        except TimeoutError as error:
            reason = "interrupted" if written else "timeout"
            raise GenerationFailed(reason, f"no part within {wait:g} s") from error
        except StopAsyncIteration as error:
            raise GenerationFailed("interrupted", "the stream ended without its end") from error
        except (RayError, RayServeException) as error:
            reason = "interrupted" if written else "model_error"
            raise GenerationFailed(reason, f"{type(error).__name__}: {error}"[:300]) from error

    async def summarize(self, messages: Sequence[PromptMessage], summary: str) -> str | None:
        """Raises GenerationFailed."""
        response: Any = self._handle.summarize.remote(tuple(messages), summary)
        try:
            async with asyncio.timeout(SUMMARY_S):
                reply = await response
        except TimeoutError as error:
            response.cancel()
            raise GenerationFailed("timeout", f"no summary within {SUMMARY_S:g} s") from error
        except (RayError, RayServeException) as error:
            raise GenerationFailed(
                "model_error", f"{type(error).__name__}: {error}"[:300]
            ) from error
        if isinstance(reply, Failure):
            raise GenerationFailed(reply.reason, reply.detail)
        return reply
