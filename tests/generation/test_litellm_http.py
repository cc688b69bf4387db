"""The LiteLLM chain against a provider that speaks real HTTP and fails in every way we know."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from openai_double import Answer, Error, OpenAIDouble

from actors.ports import GenerationDone, GenerationFailed, PromptMessage, TextDelta
from actors.speech.texts import NO_ANSWER

GOOD = Answer("Standard delivery takes 3 days [1].")
STALL = Answer("", first_stall=True)


def chain(double: OpenAIDouble, *models: str, first_s: float = 20.0, between_s: float = 20.0):
    from serve_apps.generation.litellm_models import LiteLLMGenerator, Patience

    return LiteLLMGenerator(
        [f"openai/{model}" for model in models],
        patience=Patience(first_s=first_s, between_s=between_s, whole_s=60),
        api_base=double.url,
    )


@pytest.fixture
async def question(passage, request_of, double):
    """A request, with LiteLLM warm: its first call imports for most of a second."""
    request = request_of("How long?", passage("Standard delivery takes 3 days."))
    double.script("warm", GOOD)
    await collect(chain(double, "warm"), request)
    double.requests.clear()
    double.somebody_asked.clear()
    return request


async def collect(generator, request) -> tuple[str, GenerationDone]:
    text = ""
    async with aclosing(generator.stream(request)) as parts:
        async for part in parts:
            if isinstance(part, GenerationDone):
                return text, part
            text += part.text
    raise AssertionError("the stream ended without GenerationDone")


async def failure_of(generator, request) -> tuple[str, GenerationFailed]:
    text = ""
    try:
        async with aclosing(generator.stream(request)) as parts:
            async for part in parts:
                text += part.text if isinstance(part, TextDelta) else ""
    except GenerationFailed as failed:
        return text, failed
    raise AssertionError("it should have failed")


async def test_an_answer_streams_piece_by_piece_and_says_what_it_cost(double, question):
    double.script("m", GOOD)
    parts = [part async for part in chain(double, "m").stream(question)]
    assert [p.text for p in parts[:-1]] == [
        "Standard",
        " delivery",
        " takes",
        " 3",
        " days",
        " [1].",
    ]
    assert parts[-1] == GenerationDone(
        text=GOOD.text,
        cited=(1,),
        model="openai/m",
        prompt_version="answer-1",
        input_tokens=11,
        output_tokens=7,
    )


async def test_the_prompt_goes_out_as_written(double, question):
    from serve_apps.generation.prompt import answer_messages

    double.script("m", GOOD)
    await collect(chain(double, "m"), question)
    (asked,) = double.requests
    assert asked.body["messages"] == answer_messages(question)
    assert asked.body["stream"] is True


async def test_no_answer_in_the_sources_gives_no_text_at_all(double, question):
    double.script("m", Answer(NO_ANSWER))
    text, done = await collect(chain(double, "m"), question)
    assert (text, done.text) == ("", "")


async def test_a_server_error_before_the_first_token_is_tried_once_more(double, question):
    double.script("m", Error(500), GOOD)
    text, _ = await collect(chain(double, "m"), question)
    assert text == GOOD.text
    assert double.asked("m") == 2


async def test_when_it_fails_again_the_turn_fails_with_a_reason(double, question):
    double.script("m", Error(500))
    text, failed = await failure_of(chain(double, "m"), question)
    assert (text, failed.reason) == ("", "model_error")
    assert double.asked("m") == 2


@pytest.mark.parametrize(
    "step",
    [Error(500), Error(429, "30"), Error(401), Answer("", then="error"), Answer("", then="drop")],
    ids=["500", "429", "401", "error_in_stream", "dropped"],
)
async def test_before_the_first_text_the_next_model_takes_over(double, question, step):
    double.script("m", step)
    double.script("n", GOOD)
    text, done = await collect(chain(double, "m", "n"), question)
    assert (text, done.model) == (GOOD.text, "openai/n")
    assert double.asked("m") == 1


async def test_a_stall_before_the_first_token_moves_on_to_the_next_model(double, question):
    double.script("m", STALL)
    double.script("n", GOOD)
    text, done = await collect(chain(double, "m", "n", first_s=0.4), question)
    assert (text, done.model) == (GOOD.text, "openai/n")


async def test_a_stall_of_the_only_model_is_a_timeout(double, question):
    double.script("m", STALL)
    text, failed = await failure_of(chain(double, "m", first_s=0.4), question)
    assert (text, failed.reason) == ("", "timeout")


@pytest.mark.parametrize("then", ["error", "drop", "stall"])
async def test_once_text_was_sent_a_failure_is_an_interruption_and_nobody_else_is_asked(
    double, question, then
):
    double.script("m", Answer("Standard delivery takes", then=then))
    double.script("n", GOOD)
    text, failed = await failure_of(chain(double, "m", "n", between_s=0.4), question)
    assert (text, failed.reason) == ("Standard delivery takes", "interrupted")
    assert double.asked("n") == 0
    assert double.asked("m") == 1


async def test_a_short_wait_that_the_provider_names_is_kept_by_the_last_model(double, question):
    double.script("m", Error(429, "0"), GOOD)
    text, _ = await collect(chain(double, "m"), question)
    assert text == GOOD.text


async def test_a_long_wait_is_a_failure_with_its_reason(double, question):
    double.script("m", Error(429, "30"))
    _, failed = await failure_of(chain(double, "m"), question)
    assert failed.reason == "rate_limited"
    assert double.asked("m") == 1


@pytest.mark.parametrize(
    "step", [Error(503), Error(429, "30"), Answer("", then="drop")], ids=["503", "429", "dropped"]
)
async def test_a_model_that_keeps_failing_is_left_alone_for_a_while(double, question, step):
    double.script("m", step)
    double.script("n", GOOD)
    generator = chain(double, "m", "n")
    for _ in range(5):
        await collect(generator, question)
    assert double.asked("n") == 5
    assert double.asked("m") <= 3  # the Router counts its failures beside the call


async def test_leaving_the_stream_ends_the_request_at_the_provider(double, question):
    double.script("m", Answer("one two three four five six", then="stall"))
    async with aclosing(chain(double, "m").stream(question)) as parts:
        async for _ in parts:
            break
    (asked,) = double.requests
    async with asyncio.timeout(60):
        await asked.disconnected.wait()
    assert not asked.finished


async def test_a_cancelled_turn_ends_the_request_at_the_provider(double, question):
    double.script("m", STALL)
    turn = asyncio.create_task(collect(chain(double, "m"), question))
    async with asyncio.timeout(60):
        await double.somebody_asked.wait()
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        await double.requests[0].disconnected.wait()


async def test_a_summary_comes_from_the_first_model_that_gives_one(double, question):
    double.script("m", Error(500))
    double.script("n", Answer("The visitor wants to return order 17."))
    messages = [PromptMessage("visitor", "I want to return order 17")]
    summary = await chain(double, "m", "n").summarize(messages, "so far")
    assert summary == "The visitor wants to return order 17."


async def test_no_summary_at_all_is_a_failure(double, question):
    double.script("m", Error(500))
    with pytest.raises(GenerationFailed):
        await chain(double, "m").summarize([], "so far")
