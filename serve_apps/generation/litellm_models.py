"""Answers by a language model: any provider that LiteLLM knows, with a fallback chain.

Implements `actors.ports.Generator`. The Router opens each call and rests a model that keeps
failing; this module walks the chain and keeps the time-outs, because the Router does not fall
back when a stream that it opened stalls before its first token (a 408 is raised there). Once
text was passed on, nothing is ever asked again.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from importlib import import_module
from typing import Any

import msgspec
import structlog

from actors.ports import (
    GenerationDone,
    GenerationFailed,
    GenerationPart,
    GenerationRequest,
    PromptMessage,
    TextDelta,
)
from actors.speech.sentences import CITATION
from actors.speech.texts import NO_ANSWER
from config.settings import Settings
from serve_apps.generation import prompt

_log = structlog.get_logger(__name__)

ANSWER_TOKENS = 600
SUMMARY_TOKENS = 200
TEMPERATURE = 0.0
REST_S = 30.0
"""How long a model that failed repeatedly is left alone."""
FAILS_BEFORE_REST = 2
RETRY_S = 0.2
LONGEST_WAIT_S = 5.0
"""The chain's last model is asked once more: after a server's error at once, after a 429 when it
says to wait no longer than this. Before that the next model is the better retry."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds to wait: for a model's first text, between two pieces, for the whole answer."""

    first_s: float
    between_s: float
    whole_s: float


class _Failure(Exception):
    """One model did not answer; `reason` is one of GenerationFailed's."""

    def __init__(self, reason: str, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail, self.retry_after_s = reason, detail, retry_after_s
        self.in_stream = False


def patience_of(settings: Settings) -> Patience:
    """The first text within `model_timeout_s`, half of it between pieces, all within a turn."""
    return Patience(
        first_s=settings.model_timeout_s,
        between_s=settings.model_timeout_s / 2,
        whole_s=settings.turn_timeout_s * 0.9,
    )


class LiteLLMGenerator:
    """`models` are LiteLLM names, the first asked first; `api_base` holds for all of them."""

    def __init__(self, models: Sequence[str], *, patience: Patience, api_base: str = "") -> None:
        if not models:
            raise ValueError("at least one model is needed")
        self._models = list(dict.fromkeys(models))
        self._patience = patience
        self._router = _router(self._models, patience, api_base)
        self._broken_streams: Counter[str] = Counter()

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GenerationPart]:
        """TextDelta parts as the model writes, then GenerationDone; its text is empty when the
        model says that the sources do not hold the answer.

        Raises GenerationFailed: `interrupted` once text was passed on, else the last model's
        reason. Closing the generator closes the call to the model.
        """
        messages = prompt.answer_messages(request)
        last = _Failure("model_error", "no model was asked")
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._patience.whole_s
        for index, model in enumerate(self._models):
            may_wait = index == len(self._models) - 1
            while True:
                written = False
                try:
                    async with aclosing(self._one(model, messages, deadline)) as parts:
                        async for part in parts:
                            written = written or isinstance(part, TextDelta)
                            yield part
                    self._broken_streams.pop(model, None)
                    return
                except _Failure as failure:
                    _log.warning(
                        "model_failed", model=model, reason=failure.reason, detail=failure.detail
                    )
                    self._let_rest(model, failure)
                    if written:
                        raise GenerationFailed("interrupted", failure.detail) from failure
                    last = failure
                wait = last.retry_after_s
                if not may_wait or wait is None or not self._worth(wait, deadline - clock()):
                    break
                may_wait = False
                await asyncio.sleep(wait)
        raise GenerationFailed(last.reason, last.detail) from last

    async def summarize(self, messages: Sequence[PromptMessage], summary: str) -> str | None:
        """A new rolling summary by the first model of the chain that gives one.

        Raises GenerationFailed.
        """
        last = _Failure("model_error", "no model was asked")
        for model in self._models:
            try:
                async with asyncio.timeout(self._patience.first_s):
                    reply: Any = await self._router.acompletion(
                        model=model,
                        messages=prompt.summary_messages(messages, summary),
                        max_tokens=SUMMARY_TOKENS,
                        temperature=TEMPERATURE,
                    )
                return str(reply.choices[0].message.content or "").strip() or None
            except Exception as error:  # noqa: BLE001 — every provider has errors of its own
                last = _failure(error)
        raise GenerationFailed(last.reason, last.detail) from last

    def _let_rest(self, model: str, failure: _Failure) -> None:
        """Counts what broke after a stream was opened; the Router counts only calls refused."""
        if not failure.in_stream or model == self._models[-1]:
            return
        self._broken_streams[model] += 1
        if self._broken_streams[model] < FAILS_BEFORE_REST:
            return
        del self._broken_streams[model]
        self._router.cooldown_cache.add_deployment_to_cooldown(
            model_id=_deployment(model),
            original_exception=failure,
            exception_status=503,
            cooldown_time=REST_S,
        )

    @staticmethod
    def _worth(wait: float, left: float) -> bool:
        return wait <= min(LONGEST_WAIT_S, left)

    async def _one(
        self, model: str, messages: list[prompt.Message], deadline: float
    ) -> AsyncGenerator[GenerationPart]:
        """One model's answer. Raises _Failure, whatever went wrong."""
        answer = _Answer(model)
        clock = asyncio.get_running_loop().time
        first_until = min(clock() + self._patience.first_s, deadline)
        stream: Any = None
        try:
            async with asyncio.timeout_at(first_until):
                stream = await self._open(model, messages)
            while True:
                # The time-out never spans a yield: a slow consumer is not the model's fault.
                until = min(clock() + self._patience.between_s, deadline)
                async with asyncio.timeout_at(until if answer.passed_on else first_until):
                    chunk = await anext(stream, None)
                if chunk is None:
                    break
                if delta := answer.take(chunk):
                    yield TextDelta(delta)
            if delta := answer.rest():
                yield TextDelta(delta)
            yield answer.done()
        except TimeoutError as error:
            where = "between two pieces" if answer.passed_on else "before the first text"
            failure = _Failure("timeout", f"{model}: time-out {where}")
            failure.in_stream = True
            raise failure from error
        except Exception as error:
            failure = _failure(error)
            failure.in_stream = stream is not None
            raise failure from error
        finally:
            if stream is not None:
                await stream.aclose()

    async def _open(self, model: str, messages: list[prompt.Message]) -> Any:
        return await self._router.acompletion(
            model=model,
            messages=messages,
            stream=True,
            stream_options={"include_usage": True},
            max_tokens=ANSWER_TOKENS,
            temperature=TEMPERATURE,
        )


class _Answer:
    """What one model has written so far.

    The start is held back while it may still become the sentinel "no answer".
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self.text = ""
        self.passed_on = 0
        self.finish = ""
        self.usage: tuple[int, int] = (0, 0)

    def take(self, chunk: Any) -> str:
        """The new text that may be passed on now. Raises _Failure on a cut-off."""
        usage = getattr(chunk, "usage", None)
        if usage is not None:
            self.usage = (usage.prompt_tokens or 0, usage.completion_tokens or 0)
        for choice in chunk.choices[:1]:
            self.text += choice.delta.content or ""
            self.finish = choice.finish_reason or self.finish
        start = self.text.lstrip()
        if NO_ANSWER.startswith(start[: len(NO_ANSWER)]):
            return ""
        return self.rest()

    def rest(self) -> str:
        """What was held back, unless it is the sentinel. Raises _Failure when nothing came."""
        if self.is_unknown:
            return ""
        new = self.text[self.passed_on :]
        self.passed_on = len(self.text)
        return new

    @property
    def is_unknown(self) -> bool:
        return self.text.lstrip().startswith(NO_ANSWER)

    def done(self) -> GenerationDone:
        if not self.text.strip():
            raise _Failure("model_error", f"{self.model}: an empty answer")
        if not self.finish:
            raise _Failure("interrupted", f"{self.model}: the stream ended without its end")
        text = "" if self.is_unknown else self.text.strip()
        numbers = [
            int(n) for group in CITATION.findall(text) for n in group.replace(";", ",").split(",")
        ]
        return GenerationDone(
            text=text,
            cited=tuple(dict.fromkeys(numbers)),
            model=self.model,
            prompt_version=prompt.VERSION,
            input_tokens=self.usage[0],
            output_tokens=self.usage[1],
        )


def _failure(error: Exception) -> _Failure:
    """Any provider's error as one of ours."""
    litellm = _litellm()
    if isinstance(error, _Failure):
        return error
    detail = f"{type(error).__name__}: {error}"[:300]
    if isinstance(error, TimeoutError | litellm.Timeout):
        return _Failure("timeout", detail)
    if isinstance(error, litellm.RateLimitError) or type(error).__name__ == "RouterRateLimitError":
        return _Failure("rate_limited", detail, retry_after_s=_retry_after(error))
    status = int(getattr(error, "status_code", 0) or 0)
    return _Failure("model_error", detail, retry_after_s=RETRY_S if status >= 500 else None)


def _retry_after(error: Exception) -> float | None:
    """Seconds of the `retry-after` header; 1 when there is none; None when it makes no sense."""
    response = getattr(error, "response", None)
    headers = getattr(error, "litellm_response_headers", None) or getattr(response, "headers", {})
    try:
        return max(float(headers.get("retry-after", 1.0)), 0.0)
    except ValueError:
        return None


def _litellm() -> Any:
    """The library, quiet and without a call home. Its import takes seconds: only a model pays."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it is fetched on import
    litellm: Any = import_module("litellm")
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.drop_params = True
    for name in ("LiteLLM", "LiteLLM Router"):  # what matters of it we log ourselves
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return litellm


def _deployment(model: str) -> str:
    """The Router's id of a model."""
    return f"tandem:{model}"


def _router(models: Sequence[str], patience: Patience, api_base: str) -> Any:
    """One deployment a model, each under its own name, so that the chain stays ours to walk."""
    litellm = _litellm()
    rests = {
        "TimeoutErrorAllowedFails": FAILS_BEFORE_REST - 1,
        "RateLimitErrorAllowedFails": FAILS_BEFORE_REST - 1,
        "InternalServerErrorAllowedFails": FAILS_BEFORE_REST - 1,
        "ServiceUnavailableErrorAllowedFails": FAILS_BEFORE_REST - 1,
    }
    policy = {"allowed_fails_policy": rests, "cooldown_time": REST_S}
    return litellm.Router(
        model_list=[
            {
                "model_name": model,
                "litellm_params": {"model": model, **({"api_base": api_base} if api_base else {})},
                # the last of the chain never rests: after it there is nobody to ask
                "model_info": {"id": _deployment(model), **(policy if model != models[-1] else {})},
            }
            for model in models
        ],
        num_retries=0,
        timeout=patience.whole_s,
    )
