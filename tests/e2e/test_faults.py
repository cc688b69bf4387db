"""Fifty conversations talk while a part is killed with SIGKILL: nothing acknowledged is lost or
doubled, every message gets its answer or a visible failure, and the part comes back by itself."""

from __future__ import annotations

import asyncio
import random

import asyncpg
import pytest

from benchmarks.house import House, until
from events.conversation import AnswerRecorded, MessageReceived, TurnFailed
from events.jetstream.log import JetStreamLog
from events.log.stream import conversation_stream
from tandem.clients.visitor import Visitor

CONVERSATIONS = 50
QUESTIONS = (
    "How long does shipping take?",
    "Can I return a lamp?",
    "¿Cuánto tarda el envío?",
    "What does the warranty cover?",
    "How can I contact you?",
)
pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


async def talk(house: House, seed: int, begun: asyncio.Event, done: list[Visitor]) -> None:
    choice = random.Random(seed)
    async with Visitor(house.socket_url) as visitor:
        for _ in range(3):
            ident = await visitor.say(choice.choice(QUESTIONS), timeout_s=90)
            begun.set()
            await visitor.reply_to(ident, timeout_s=120)
    done.append(visitor)


@pytest.mark.parametrize("victim", ["shard", "gateway", "nats", "postgres", "projections"])
async def test_a_part_killed_in_mid_talk_costs_no_message(house: House, victim: str) -> None:
    begun = asyncio.Event()
    done: list[Visitor] = []
    async with asyncio.TaskGroup() as group:
        for seed in range(CONVERSATIONS):
            group.create_task(talk(house, seed, begun, done))
        await begun.wait()
        killed = house.kill(victim)
    assert len(done) == CONVERSATIONS
    assert sum(visitor.repeats for visitor in done) == 0, "an event came twice or out of order"
    await until(lambda: house.is_back(victim, killed=killed), what=f"{victim} is back")
    await _the_log_agrees(house, done)
    await _the_read_model_agrees(house, done)


async def _the_log_agrees(house: House, done: list[Visitor]) -> None:
    log = await JetStreamLog.connect(house.addresses["nats_url"])
    try:
        for visitor in done:
            stream = conversation_stream("demo", visitor.conversation)
            facts = [fact for commit in await log.load(stream) for fact in commit.facts]
            received = [fact.message for fact in facts if isinstance(fact, MessageReceived)]
            ended = [
                message
                for fact in facts
                if isinstance(fact, AnswerRecorded | TurnFailed)
                for message in fact.in_reply_to
            ]
            assert sorted(received) == sorted(visitor.accepted), "lost or doubled in the log"
            assert sorted(ended) == sorted(received), "a message without its one end"
            seen = [e["message"] for e in visitor.events if e["kind"] == "visitor_message"]
            assert sorted(seen) == sorted(received), "lost or doubled on the socket"
    finally:
        await log.close()


async def _the_read_model_agrees(house: House, done: list[Visitor]) -> None:
    ids = [visitor.conversation for visitor in done]
    wanted = sum(len(visitor.accepted) for visitor in done)
    for _ in range(600):
        try:
            connection = await asyncpg.connect(house.addresses["postgres_dsn"], timeout=60)
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.1)
            continue
        try:
            rows = await connection.fetch(
                "select message from read.messages"
                " where conversation = any($1) and author = 'visitor'",
                ids,
            )
        finally:
            await connection.close()
        if len(rows) >= wanted:
            break
        await asyncio.sleep(0.1)
    assert len(rows) == wanted
    assert len({row["message"] for row in rows}) == wanted
