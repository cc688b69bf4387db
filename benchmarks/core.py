"""The log and the actor without sockets: append, turns, rehydrate, memory. Real NATS."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Sequence

import psutil

from actors.conversation import commands as c
from actors.conversation.decide import OpenTurn, State, decide, fold, initial
from actors.hosting.batch import Asked
from actors.hosting.entity import Entity, TurnRunner, rehydrate
from actors.hosting.shard import Entities, ShardParts
from actors.hosting.snapshots import KeyValueSnapshots, MemorySnapshots, Snapshots
from benchmarks.figures import Figure, Section, percentile
from events.conversation import MessageReceived
from events.jetstream.log import JetStreamLog
from events.log.event_log import EMPTY, NewCommit
from events.log.stream import StreamName, conversation_stream

TENANT = "bench"


class InstantTurns:
    """Answers every turn at once: what is left is the actor and the log."""

    async def run(self, stream: StreamName, state: State, turn: OpenTurn) -> c.RecordAnswer:
        return _answer(turn)

    async def summary(self, state: State) -> None:
        return None


def say(number: int) -> c.ReceiveMessage:
    text = f"How long does shipping of lamp number {number} to Valencia take, and what is it?"
    return c.ReceiveMessage(id=f"m{number}", at=number + 1, text=text)


async def append_rate(log: JetStreamLog, *, commits: int = 20_000, writers: int = 256) -> Section:
    """Each writer appends to its own conversation, each append after the one before."""
    fact = MessageReceived(at=1, message="m", text="How long does shipping to Spain take? " * 2)
    mark = time.time_ns()

    async def write(writer: int) -> list[float]:
        stream = conversation_stream(TENANT, f"append-{mark}-{writer}")
        head, took = EMPTY, list[float]()
        for number in range(commits // writers):
            began = time.perf_counter()
            new = NewCommit(commit_id=f"{mark}-{writer}-{number}", facts=(fact,))
            head = (await log.append(stream, new, expected=head)).head
            took.append((time.perf_counter() - began) * 1000)
        return took

    alone = await write(writers)
    began = time.perf_counter()
    each = await asyncio.gather(*(write(writer) for writer in range(writers)))
    rate = sum(map(len, each)) / (time.perf_counter() - began)
    return Section(
        "Append to the log",
        f"{commits:,} commits of one fact by {writers} writers, expected version and commit id, "
        "`sync_interval: always`: who waits together is synced together; then one writer alone.",
        [
            Figure("appends, many writers", rate, "/s", "higher"),
            Figure("append alone, p50", percentile(alone, 0.5), "ms"),
            Figure("append alone, p99", percentile(alone, 0.99), "ms"),
        ],
    )


async def one_conversation(log: JetStreamLog) -> Section:
    """A long conversation: does a turn get dearer, what does a rehydrate cost?"""
    stream = conversation_stream(TENANT, f"long-{time.time_ns()}")
    bucket = await KeyValueSnapshots.open(log.connection.client.jetstream())
    entity = _entity(stream, log, bucket, InstantTurns())
    took: list[float] = []
    for number in range(510):
        began = time.perf_counter()
        await _turn(entity, number)
        took.append((time.perf_counter() - began) * 1000)
    state = await entity.state()
    await entity.passivate()
    with_snapshot = await _timed_rehydrate(stream, log, bucket)
    without = await _timed_rehydrate(stream, log, MemorySnapshots())
    again, head, _ = await rehydrate(stream, log, MemorySnapshots())
    assert again == state, "a rehydrate must give the same State"
    return Section(
        "One long conversation",
        f"510 turns in one entity over NATS, the answer given at once; then rehydrated from "
        f"{head.number:,} commits. Medians.",
        [
            Figure("turn, the 10th (median of 5–45)", percentile(took[5:45], 0.5), "ms"),
            Figure("turn, the 500th (median of 470–510)", percentile(took[470:], 0.5), "ms"),
            Figure(
                "500th over 10th", percentile(took[470:], 0.5) / percentile(took[5:45], 0.5), "x"
            ),
            Figure("rehydrate with a snapshot", with_snapshot, "ms"),
            Figure("rehydrate without", without, "ms"),
        ],
    )


async def memory_of_live(log: JetStreamLog, *, conversations: int = 1000) -> Section:
    """Live conversations in one shard: what each adds to the process."""

    async def nothing() -> None:
        return None

    entities = Entities(
        ShardParts(
            log=log,
            snapshots=MemorySnapshots(),
            turns=InstantTurns(),
            snapshot_every=10_000,
            passivate_after_s=3600,
            close=nothing,
        )
    )
    mark = time.time_ns()
    gc.collect()
    before = psutil.Process().memory_full_info().uss
    for number in range(10):
        await asyncio.gather(
            *(
                entities.ask(Asked(TENANT, f"live-{mark}-{place}", say(number)))
                for place in range(conversations)
            )
        )
    gc.collect()
    grown = psutil.Process().memory_full_info().uss - before
    return Section(
        "Memory of live conversations, placement `shared`",
        f"{conversations:,} conversations of 10 turns each, live in one process; what the process "
        "grew by (USS).",
        [
            Figure(f"{conversations:,} live conversations", grown / 2**20, "MB"),
            Figure("each", grown / conversations / 1024, "KB"),
        ],
    )


def pure_core(turns: int = 20_000) -> Section:
    """decide and fold alone, no I/O."""
    state = initial(TENANT, "pure")
    began = time.perf_counter()
    for number in range(turns):
        state = _decided(state, say(number))
        assert state.turn
        state = _decided(state, _answer(state.turn))
    took = time.perf_counter() - began
    return Section(
        "The pure core",
        f"{turns:,} turns through `decide` and `evolve`, no I/O, one core.",
        [Figure("turns", turns / took, "/s", "higher")],
    )


def _decided(state: State, command: c.ConversationCommand) -> State:
    facts = decide(state, command)
    assert isinstance(facts, tuple)
    return fold(state, state.version + 1, facts)


def _answer(turn: OpenTurn) -> c.RecordAnswer:
    text = "Orders within Spain arrive in three working days, to the islands in five."
    return c.RecordAnswer(
        id=f"answer:{turn.turn}", at=1, turn=turn.turn, epoch=turn.epoch, text=text
    )


def _entity(
    stream: StreamName, log: JetStreamLog, snapshots: Snapshots, turns: TurnRunner
) -> Entity:
    return Entity(
        stream, log=log, snapshots=snapshots, turns=turns, snapshot_every=50, now=lambda: 1
    )


async def _turn(entity: Entity, number: int) -> None:
    await entity.ask(say(number))
    while (await entity.state()).turn is not None:  # noqa: ASYNC110 each look lets the turn run
        await asyncio.sleep(0)


async def _timed_rehydrate(stream: StreamName, log: JetStreamLog, snapshots: Snapshots) -> float:
    took: list[float] = []
    for _ in range(15):
        began = time.perf_counter()
        await rehydrate(stream, log, snapshots)
        took.append((time.perf_counter() - began) * 1000)
    return percentile(took, 0.5)


async def sections(nats_url: str) -> Sequence[Section]:
    log = await JetStreamLog.connect(nats_url, name="tandem-bench")
    try:
        await log.ensure_streams()
        return [
            pure_core(),
            await append_rate(log),
            await one_conversation(log),
            await memory_of_live(log),
        ]
    finally:
        await log.close()
