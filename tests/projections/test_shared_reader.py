"""The lanes of a process read the log once, and each stands and falls alone."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace

import pytest

BATCH = 4
"""So that a window is 16 commits, and a lane is left behind soon."""


def small_read_models():
    from projections.read_models.catalogue import read_models

    models = read_models()
    for model in models:
        model.batch_size = BATCH
    return models


def with_messages(messages_projection):
    """All read models, that of messages replaced."""
    messages_projection.batch_size = BATCH
    return [
        messages_projection if model.name == "messages" else model for model in small_read_models()
    ]


@pytest.fixture
def joins(monkeypatch):
    """Who began to read where: (lane, place, reader), in order."""
    from projections.engine import reader

    seen, join = [], reader.Reader.join

    def joined(self, lane, place):
        seen.append((lane, place, self))
        join(self, lane, place)

    monkeypatch.setattr(reader.Reader, "join", joined)
    return seen


def of_one_reader(worker, joins) -> bool:
    """All is well, and all lanes read with the same reader."""
    return worker.health().ok and len({id(each) for each in last_readers(joins)}) == 1


def last_readers(joins):
    return {lane: reader for lane, _, reader in joins}.values()


async def test_all_lanes_read_with_one_consumer_and_each_commit_once(
    house, taken_in, eventually
) -> None:
    from projecting import told_once
    from projection_talk import Talk

    from projections.engine.worker import running_worker
    from projections.read_models.catalogue import read_models

    nats, log, dsn, pool = house
    talk = Talk(log, "acme")
    await talk.rounds("c1", 0, 9)
    async with running_worker(read_models(), nats.url, dsn) as worker:
        last = await talk.rounds("c1", 10, 19)
        await taken_in(pool, last.version)
        (only,) = await log.connection.client.jetstream().consumers_info("CONVERSATIONS")
        assert only.delivered.consumer_seq == last.version == 40

        async def well() -> bool:
            return worker.health().ok and worker.health().lag == 0

        await eventually(well, "nothing is outstanding")
        assert sum(lane.failures for lane in worker.health().lanes) == 0
    await told_once(pool, nats.url, dsn, "acme", 20)


async def test_a_lane_that_fails_stops_no_other_and_misses_nothing(
    house, taken_in, eventually, joins
) -> None:
    from projecting import told_once
    from projection_talk import Talk

    from projections.engine.worker import running_worker
    from projections.read_models.messages import MessagesProjection
    from projections.read_models.queries import checkpoint

    nats, log, dsn, pool = house

    class Failing(MessagesProjection):
        broken = True

        async def apply(self, connection, commits) -> None:
            await super().apply(connection, commits)
            if self.broken and any(commit.version > 6 for commit in commits):
                raise RuntimeError("the table is full")

    failing, talk = Failing(), Talk(log, "acme")
    projections = with_messages(failing)
    others = [model.name for model in projections if model is not failing]
    await talk.rounds("c1", 0, 2)
    async with running_worker(projections, nats.url, dsn) as worker:
        last = await talk.rounds("c1", 3, 29)
        await taken_in(pool, last.version, *others)
        assert await checkpoint(pool, "messages") <= 6
        lanes = {lane.projection: lane for lane in worker.health().lanes}
        assert not any(lanes[name].failures for name in others)

        async def told() -> bool:
            lanes = {lane.projection: lane for lane in worker.health().lanes}
            return "the table is full" in lanes["messages"].error

        await eventually(told, "the lane says what stopped it")
        failing.broken = False
        last = await talk.rounds("c1", 30, 31)
        await taken_in(pool, last.version)

        async def together() -> bool:
            return of_one_reader(worker, joins)

        await eventually(together, "the lane reads with the others again")
    await told_once(pool, nats.url, dsn, "acme", 32)


async def test_a_slow_lane_holds_the_others_back_for_a_moment_only(
    house, taken_in, eventually, monkeypatch, joins
) -> None:
    from projecting import told_once
    from projection_talk import Talk

    from projections.engine import reader
    from projections.engine.worker import running_worker
    from projections.read_models.messages import MessagesProjection
    from projections.read_models.queries import checkpoint

    nats, log, dsn, pool = house
    may_go, talk = asyncio.Event(), Talk(log, "acme")

    class Slow(MessagesProjection):
        async def apply(self, connection, commits) -> None:
            await super().apply(connection, commits)
            await may_go.wait()

    # were it waited for more than once, 25 batches would take longer than `taken_in` waits
    monkeypatch.setattr(reader, "PATIENCE_S", 3.0)
    projections = with_messages(Slow())
    others = [model.name for model in projections if model.name != "messages"]
    last = await talk.rounds("c1", 0, 49)
    async with running_worker(projections, nats.url, dsn) as worker:
        await taken_in(pool, last.version, *others)
        assert await checkpoint(pool, "messages") == 0
        may_go.set()
        await taken_in(pool, last.version)

        async def together() -> bool:
            return of_one_reader(worker, joins)

        await eventually(together, "the lane reads with the others again")
        assert sum(lane.failures for lane in worker.health().lanes) == 0
    await told_once(pool, nats.url, dsn, "acme", 50)


@pytest.mark.parametrize("first", [True, False], ids=["started-first", "started-last"])
async def test_a_lane_far_behind_reads_alone_until_it_has_caught_up(
    house, taken_in, eventually, joins, first
) -> None:
    from projecting import told_once
    from projection_talk import Talk

    from projections.engine.worker import running_worker

    nats, log, dsn, pool = house
    *others, behind = small_read_models()
    talk = Talk(log, "acme")
    last = await talk.rounds("c1", 0, 49)
    async with running_worker(others, nats.url, dsn):
        await taken_in(pool, last.version, *(model.name for model in others))
    joins.clear()
    projections = [behind, *others] if first else [*others, behind]
    async with running_worker(projections, nats.url, dsn) as worker:
        await taken_in(pool, last.version)

        async def together() -> bool:
            return of_one_reader(worker, joins)

        await eventually(together, "all lanes share one reader")
        last = await talk.rounds("c1", 50, 51)
        await taken_in(pool, last.version)
        assert {(model.name, 100) for model in others} <= {join[:2] for join in joins}
        alone, joined = [place for lane, place, _ in joins if lane == behind.name]
        assert alone == 0
        assert joined >= 100 - 4 * BATCH
    await told_once(pool, nats.url, dsn, "acme", 52)


async def test_after_a_kill_each_lane_goes_on_from_its_own_checkpoint(
    house, taken_in, joins
) -> None:
    from projecting import told_once
    from projection_talk import Talk

    from projections.engine.worker import running_worker
    from projections.read_models.queries import checkpoint

    nats, log, dsn, pool = house
    program = f"""
import asyncio
from projections.read_models.catalogue import read_models
from projections.engine.worker import run_worker

def stopping(model, at):
    apply = model.apply
    async def some(connection, commits):
        if commits[-1].version > at:
            await asyncio.Event().wait()
        await apply(connection, commits)
    model.apply, model.batch_size = some, 1
    return model

models = [stopping(model, 2 * n + 1) for n, model in enumerate(read_models())]
asyncio.run(run_worker(models, {nats.url!r}, {dsn!r}))
"""
    last = await Talk(log, "acme").rounds("c1", 0, 19)
    models = small_read_models()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    try:
        for n, model in enumerate(models):
            await taken_in(pool, 2 * n + 1, model.name)
    finally:
        process.kill()
        await process.wait()
    stood = {(model.name, await checkpoint(pool, model.name)) for model in models}
    assert {place for _, place in stood} == {2 * n + 1 for n in range(len(models))}
    async with running_worker(models, nats.url, dsn):
        await taken_in(pool, last.version)
    began = {}
    for lane, place, _ in joins:
        began.setdefault(lane, place)
    assert set(began.items()) == stood
    await told_once(pool, nats.url, dsn, "acme", 20)


def test_what_is_delivered_again_is_not_handed_out_again(monkeypatch) -> None:
    from projections.engine import source

    def message(delivery: int, version: int):
        place = SimpleNamespace(consumer=delivery, stream=version)
        return SimpleNamespace(metadata=SimpleNamespace(sequence=place))

    monkeypatch.setattr(
        source, "commit_of", lambda message, version: SimpleNamespace(version=version)
    )
    sequencer = source.Sequencer("test", 10)
    first, _ = sequencer.batch([message(1, 11), message(2, 13)])
    again, poison = sequencer.batch([message(3, 11), message(4, 13), message(5, 14)])
    assert poison is None
    assert [commit.version for commit in first.commits] == [11, 13]
    assert [commit.version for commit in again.commits] == [14]
    assert (again.after, again.through) == (13, 14)


async def test_the_reader_that_is_furthest_leads() -> None:
    """No server is needed: who joins whom is settled before anything is read."""
    from projections.engine.reader import Readers

    behind, one, other, late = small_read_models()[:4]
    readers = Readers("nats://127.0.0.1:9", (behind, one, other, late))
    async with (
        readers.reading(behind, 0) as first,
        readers.reading(one, 100) as leading,
        readers.reading(other, 100 + 4 * BATCH) as third,
        readers.reading(late, 99) as own,
    ):
        assert leading is third
        assert len({first, leading, own}) == 3
        assert readers.fits(leading, one, 100)
        assert readers.fits(first, behind, 99)
        assert not readers.fits(first, behind, 100), "it has come to where the others are"
        assert not readers.fits(leading, one, 99), "what it needs was dropped"
