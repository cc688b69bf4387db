"""An operator takes over while the AI's answer streams, 200 times at seeded random moments, in half
of them with every shard killed around that moment: nothing of the answer appears afterwards."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from openai_double import Answer, Asked, OpenAIDouble
from operator_http import OperatorHttp

from benchmarks.house import House, until
from events.conversation import AnswerRecorded, ModeChanged
from events.jetstream.log import JetStreamLog
from events.log.stream import conversation_stream
from tandem.clients.visitor import Frame, Visitor

AT_ONCE = 25
BATCHES = 8
SHARDS = 2
PACE_S = 0.02
QUESTION = "How long does delivery take?"
ANSWER = (
    "Orders to mainland Spain arrive in 1 to 2 working days [1]. "
    "Portugal takes 2 to 3 working days, and all other countries take 3 to 6 working days [1]. "
    "The Balearic Islands take 3 to 4 working days [1]. "
    "Orders placed before 14:00 Madrid time on a working day leave our warehouse in Valencia "
    "the same day [1]."
)
STREAMS_S = len(ANSWER.split()) * PACE_S
pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
async def model() -> AsyncIterator[OpenAIDouble]:
    async with OpenAIDouble() as double:
        double.script("slow", Answer(ANSWER, pace_s=PACE_S))
        yield double


@pytest.fixture(scope="module")
async def house_with_a_slow_model(
    model: OpenAIDouble, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """A house whose answers take more than a second to stream."""
    home = tmp_path_factory.mktemp("slow") / "home"
    settings = {
        "TANDEM_MODEL": "openai/slow",
        "TANDEM_MODEL_API_BASE": model.url,
        "OPENAI_API_KEY": "none",
    }
    house = House(home, **settings)
    await asyncio.to_thread(house.__enter__)
    try:
        yield house
    finally:
        await asyncio.to_thread(house.__exit__)


class Watched:
    """A visitor, and what came over the socket after a person had taken over."""

    def __init__(self, house: House) -> None:
        self.visitor = Visitor(house.socket_url, on_frame=self._note)
        self.taken = False
        self.spoken = False
        self.deltas = 0
        self.ghosts: list[Frame] = []

    def _note(self, frame: Frame) -> None:
        if frame["type"] == "event" and frame["kind"] == "mode" and frame.get("mode") == "human":
            self.taken = True
        spoken = frame["type"] == "event" and frame["kind"] in ("assistant_message", "turn_failed")
        self.spoken |= spoken
        if frame["type"] == "delta" or spoken:
            self.deltas += frame["type"] == "delta"
            if self.taken:
                self.ghosts.append(frame)


async def _ask_and_take_over(one: Watched, ana: OperatorHttp, after_s: float) -> None:
    await one.visitor.say(QUESTION)
    await asyncio.sleep(after_s)  # the random moment itself, not a wait for anything
    await ana.order(one.visitor.conversation, "take_over")
    await one.visitor.until(lambda: one.taken, timeout_s=60)


async def _first_words_s(house: House) -> float:
    """How long it takes on this machine, with as many asking at once, until half of them read
    the first words of their answers. Where it is too slow for a model's patience some turns fail:
    they count as the slowest."""
    loop = asyncio.get_running_loop()

    async def one_of_them() -> float:
        one = Watched(house)
        async with one.visitor:
            asked = loop.time()
            await one.visitor.say(QUESTION)
            try:
                await one.visitor.until(lambda: one.deltas > 0 or one.spoken, timeout_s=120)
            except TimeoutError:
                seen = [(event["version"], event["kind"]) for event in one.visitor.events]
                raise AssertionError(f"no word of an answer within 120 s; seen: {seen}") from None
            return loop.time() - asked

    return sorted(await asyncio.gather(*(one_of_them() for _ in range(AT_ONCE))))[AT_ONCE // 2]


async def _hear_from(one: Watched, ana: OperatorHttp) -> None:
    """A reply of the operator, which reaches the page after all that was on its way before."""
    reply = await ana.order(one.visitor.conversation, "reply", text="This is Ana, I am here.")
    await one.visitor.until(
        lambda: any(event["version"] == reply["version"] for event in one.visitor.events),
        timeout_s=60,
    )


async def _kill_every_shard(house: House, moment_s: float) -> None:
    await asyncio.sleep(moment_s)  # likewise
    for _ in range(SHARDS):
        killed = house.kill("shard")
        await until(lambda dead=killed: house.is_back("shard", killed=dead), what="a shard is back")


@pytest.mark.parametrize("killed", [False, True], ids=["shards live", "shards are killed"])
async def test_nothing_of_an_answer_appears_after_a_person_took_over(
    house_with_a_slow_model: House, model: OpenAIDouble, killed: bool
) -> None:
    house, choice = house_with_a_slow_model, random.Random(7 + killed)
    watched: list[Watched] = []
    async with OperatorHttp(house.url) as ana, AsyncExitStack() as sockets:
        await ana.sign_in_as_demo(house.home)
        begins_s = await _first_words_s(house)
        ends_s = begins_s + STREAMS_S * 1.2
        for _ in range(BATCHES // 2):
            batch = [Watched(house) for _ in range(AT_ONCE)]
            watched += batch
            for one in batch:
                await sockets.enter_async_context(one.visitor)
            async with asyncio.TaskGroup() as group:
                for one in batch:
                    moment_s = choice.uniform(0.05, ends_s)
                    group.create_task(_ask_and_take_over(one, ana, moment_s))
                if killed:
                    group.create_task(_kill_every_shard(house, choice.uniform(begins_s, ends_s)))
        await until(lambda: all(_is_over(asked) for asked in model.requests), what="models")
        for one in watched:
            await _hear_from(one, ana)
    assert len(watched) == AT_ONCE * BATCHES // 2
    assert any(one.deltas for one in watched), "no answer was ever streaming: this proves nothing"
    assert [one.ghosts for one in watched if one.ghosts] == []
    await _the_log_agrees(house, watched)


def _is_over(asked: Asked) -> bool:
    return asked.finished or asked.disconnected.is_set()


async def _the_log_agrees(house: House, watched: list[Watched]) -> None:
    log = await JetStreamLog.connect(house.addresses["nats_url"])
    try:
        for one in watched:
            commits = await log.load(conversation_stream("demo", one.visitor.conversation))
            facts = [fact for commit in commits for fact in commit.facts]
            taken = next(i for i, f in enumerate(facts) if isinstance(f, ModeChanged))
            assert not any(isinstance(fact, AnswerRecorded) for fact in facts[taken:])
    finally:
        await log.close()
