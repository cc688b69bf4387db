"""Lanes outlive what dies around them, and say what is wrong."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import uuid
from pathlib import Path

import pytest


async def test_all_lanes_take_in_what_was_there_and_what_comes(house, taken_in, eventually) -> None:
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

        async def well() -> bool:
            health = worker.health()
            return health.ok and health.lag == 0

        await eventually(well, "the health says that all is taken in")
        assert [lane.checkpoint for lane in worker.health().lanes] == [last.version] * len(
            read_models()
        )
    await told_once(pool, nats.url, dsn, "acme", 20)


async def test_a_crash_right_behind_the_commit_doubles_nothing(
    house, taken_in, monkeypatch
) -> None:
    from projecting import told_once
    from projection_talk import Talk

    from projections.engine import lane
    from projections.engine.worker import running_worker
    from projections.read_models.catalogue import read_models

    nats, log, dsn, pool = house
    crashes, feed_live = iter(range(6)), lane.feed_live

    async def crashing(pool, projection, batch) -> int:
        checkpoint = await feed_live(pool, projection, batch)
        if next(crashes, None) is not None:
            raise ConnectionError("died before the lane knew its checkpoint")
        return checkpoint

    monkeypatch.setattr(lane, "feed_live", crashing)
    talk = Talk(log, "acme")
    async with running_worker(read_models(), nats.url, dsn) as worker:
        for n in range(6):
            last = await talk.rounds("c1", n, n)
            await taken_in(pool, last.version)
        assert sum(lane.failures for lane in worker.health().lanes) >= 3
    assert next(crashes, None) is None
    await told_once(pool, nats.url, dsn, "acme", 6)


async def test_a_delivery_that_is_lost_on_its_way_is_noticed_and_read_again(
    house, taken_in, monkeypatch
) -> None:
    from projecting import told_once
    from projection_talk import Talk

    from projections.engine import source
    from projections.engine.worker import running_worker
    from projections.read_models.catalogue import read_models

    nats, log, dsn, pool = house
    losses, whole = iter(range(3)), source.Sequencer.batch

    def lossy(self, messages):
        if len(messages) > 2 and next(losses, None) is not None:
            messages = [messages[0], *messages[2:]]
        return whole(self, messages)

    monkeypatch.setattr(source.Sequencer, "batch", lossy)
    last = await Talk(log, "acme").rounds("c1", 0, 9)
    async with running_worker(read_models(), nats.url, dsn) as worker:
        await taken_in(pool, last.version)
        assert sum(lane.failures for lane in worker.health().lanes) >= 3
    assert next(losses, None) is None
    await told_once(pool, nats.url, dsn, "acme", 10)


async def test_a_feed_that_stands_still_is_opened_anew(house, taken_in, monkeypatch) -> None:
    """Messages that are fetched and dropped, as FastStream does when a fetch fails oddly."""
    from projection_talk import Talk

    from projections.engine import reader
    from projections.engine.worker import running_worker
    from projections.read_models.messages import MessagesProjection

    nats, log, dsn, pool = house
    drops, take = iter(range(1)), reader.Reader._take

    async def dropping(self, messages) -> None:
        if next(drops, None) is None:
            await take(self, messages)

    monkeypatch.setattr(reader.Reader, "_take", dropping)
    monkeypatch.setattr(reader, "STALL_S", 0.5)
    last = await Talk(log, "acme").rounds("c1", 0, 0)
    async with running_worker([MessagesProjection()], nats.url, dsn) as worker:
        await taken_in(pool, last.version, "messages")
        assert worker.health().lanes[0].failures >= 1


async def test_a_commit_that_cannot_be_read_stops_its_lane_only_and_is_named(
    house, taken_in, eventually
) -> None:
    from projection_talk import Talk

    from projections.engine.worker import running_worker
    from projections.read_models.catalogue import read_models
    from projections.read_models.conversations import ConversationsProjection
    from projections.read_models.queries import checkpoint

    nats, log, dsn, pool = house

    class OfTenancy(ConversationsProjection):
        name, kind, tables = "settings", "tenancy", ("settings",)

        def ddl(self) -> str:
            return "CREATE TABLE settings (tenant text NOT NULL)"

        async def apply(self, connection, commits) -> None:
            raise AssertionError("there is nothing of this kind")

    good = await Talk(log, "acme").rounds("c1", 0, 1)
    poison = (
        b'[{"specversion":"1.0","id":"x/0","source":"/tandem/acme/conversation/c2","type":'
        b'"tandem.conversation.MoodSensed.v7","subject":"c2","commitid":"x","commitnumber":1,'
        b'"commitindex":0,"data":{"at":1}}]'
    )
    await log.connection.client.jetstream().publish("tandem.acme.conversation.c2", poison)
    projections = (*read_models(), OfTenancy())
    async with running_worker(projections, nats.url, dsn) as worker:

        async def told() -> bool:
            lanes = {lane.projection: lane for lane in worker.health().lanes}
            return (
                all("UnknownFact" in lanes[p.name].error for p in read_models())
                and lanes["settings"].state == "running"
            )

        await eventually(told, "the lanes say what stopped them")
        stopped = worker.health().lanes[0]
        assert "tandem.acme.conversation.c2: version 5 holds" in stopped.error
        assert "MoodSensed.v7" in stopped.error
        assert stopped.state == "stopped"
        assert not worker.health().ok
        # what stood before it was taken in, nothing behind it is
        await Talk(log, "globex").rounds("c1", 0, 0)
        await taken_in(pool, good.version)
        for projection in read_models():
            assert await checkpoint(pool, projection.name) == good.version


async def test_nats_is_killed_and_comes_back(house, taken_in) -> None:
    from projecting import told_once
    from projection_talk import Talk

    from projections.engine.worker import running_worker
    from projections.read_models.catalogue import read_models

    nats, log, dsn, pool = house
    talk = Talk(log, "acme")
    async with running_worker(read_models(), nats.url, dsn) as worker:
        for n in range(2):
            last = await talk.rounds("c1", 5 * n, 5 * n + 4)
            await taken_in(pool, last.version, "conversations")
            nats.kill()
            await asyncio.to_thread(nats.start)
            await log.connection.wait_until_up(30)
        last = await talk.rounds("c1", 10, 14)
        await taken_in(pool, last.version)
        assert all(lane.failures for lane in worker.health().lanes)
    await told_once(pool, nats.url, dsn, "acme", 15)


async def test_a_worker_starts_before_its_servers(start_nats, taken_in, eventually) -> None:
    from projections.engine.worker import running_worker
    from projections.read_models.turns import TurnsProjection

    dsn = "postgresql://nobody@127.0.0.1:9/none"
    async with running_worker([TurnsProjection()], "nats://127.0.0.1:9", dsn) as worker:

        async def told() -> bool:
            return worker.health().lanes[0].failures >= 2

        await eventually(told, "the lane tries again and again")
        assert worker.health().lanes[0].error


@pytest.fixture
async def own_postgres():
    """A Postgres of the test's own, which it may kill; as the house runs it."""
    from tandem.embedded.postgres import EmbeddedPostgres

    home = Path(tempfile.mkdtemp(prefix="tandem-pg-"))
    await asyncio.to_thread(home.chmod, 0o755)  # as root, Postgres runs under another user
    server = EmbeddedPostgres(home / "data", sockets=home / "s")
    await server.start()
    yield server
    await server.stop()
    shutil.rmtree(home, ignore_errors=True)


async def test_postgres_is_killed_and_comes_back(own_nats, log, own_postgres, taken_in) -> None:
    from projecting import told_once
    from projection_talk import Talk

    from projections.engine.database import open_pool
    from projections.engine.schema import ensure_schema
    from projections.engine.worker import running_worker
    from projections.read_models.catalogue import read_models

    dsn = own_postgres.dsn
    await ensure_schema(dsn)
    tenant = f"pg-{uuid.uuid4().hex[:8]}"
    talk = Talk(log, tenant)
    async with running_worker(read_models(), own_nats, dsn) as worker:
        last = await talk.rounds("c1", 0, 4)
        pool = await open_pool(dsn)
        await taken_in(pool, last.version, "messages")
        os.kill(own_postgres.pid, signal.SIGKILL)
        await own_postgres.wait()
        last = await talk.rounds("c1", 5, 9)
        await own_postgres.start()
        await taken_in(pool, last.version)
        assert sum(lane.failures for lane in worker.health().lanes) >= 1
    await told_once(pool, own_nats, dsn, tenant, 10)
    await pool.close()


async def test_a_worker_process_is_killed_again_and_again(house, taken_in) -> None:
    from projecting import told_once
    from projection_talk import Talk

    nats, log, dsn, pool = house
    program = (
        "import asyncio; from projections.read_models.catalogue import read_models;"
        "from projections.engine.worker import run_worker;"
        f"asyncio.run(run_worker(read_models(), {nats.url!r}, {dsn!r}))"
    )
    talk, rounds = Talk(log, "acme"), 0
    for attempt in range(4):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
        try:
            first = rounds
            rounds += 40
            writing = asyncio.create_task(talk.rounds(f"c{attempt}", 0, 39))
            # killed while it works: something is taken in, and more is being written
            await taken_in(pool, 2 * first + 10, "messages")
        finally:
            process.kill()
            await process.wait()
        last = await writing
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    try:
        await taken_in(pool, last.version)
    finally:
        process.kill()
        await process.wait()
    await told_once(pool, nats.url, dsn, "acme", rounds)


def test_the_asyncapi_document_names_each_subscription() -> None:
    import json

    from projections.engine.feed import asyncapi
    from projections.read_models.catalogue import read_models

    document = json.loads(asyncapi(read_models()))
    assert document["asyncapi"].startswith("3.")
    assert {"conversations", "messages", "turns"} <= set(document["channels"])
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert addresses == {"tandem.*.conversation.*"}
