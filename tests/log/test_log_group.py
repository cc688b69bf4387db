"""Group commit: many appends at once are one atomic batch, and each still stands for itself.

The server is real; a lost answer is played at the connection.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from log_makers import PATIENCE_S, append_many, message, new_commit, take
from nats.aio.msg import Msg

from events.jetstream import group_commit as jetstream_group
from events.jetstream.connection import ConnectionBroken, NoAnswer
from events.jetstream.log import JetStreamLog
from events.jetstream.streams import stream_config
from events.live.nats_feed import NatsLive
from events.log.event_log import Commit, Head, LogUnavailable, VersionConflict
from events.log.stream import StreamName, conversation_stream

STREAMS = 100


class Batches:
    """Stands between a log and its connection, and sees each batch that is committed."""

    def __init__(self, log: JetStreamLog) -> None:
        self._real = log.connection.request
        self.acks: list[dict] = []
        self.alone = 0
        self.loss: Exception | None = None
        """Raised instead of the answer to a batch, which is stored."""
        self.stand_in: Callable[[dict], dict] = lambda ack: ack
        log.connection.request = self.request

    async def request(self, subject, payload, **options):
        answer = await self._real(subject, payload, **options)
        headers = options.get("headers") or {}
        if "Nats-Batch-Commit" not in headers:
            self.alone += "Nats-Msg-Id" in headers
            return answer
        self.acks.append(json.loads(answer.data))
        if self.loss is not None:
            raise self.loss
        told = json.dumps(self.stand_in(self.acks[-1])).encode()
        return Msg(_client=None, subject="inbox", data=told)

    @property
    def stored(self) -> int:
        """How many commits went in batches that the server stored."""
        return sum(ack.get("count", 0) for ack in self.acks)


@pytest.fixture
def batches(jetstream_log) -> Batches:
    return Batches(jetstream_log)


@pytest.fixture
def streams(tenant) -> list[StreamName]:
    return [conversation_stream(tenant, f"c{number}") for number in range(STREAMS)]


async def append_to_each(
    log: JetStreamLog, streams: list[StreamName], number: int = 1, heads: list[Head] | None = None
) -> list[Commit]:
    """One append to each of `streams`, all at once. Raises what the first one raised."""
    return await asyncio.gather(
        *(
            log.append(stream, new_commit(number), expected=heads[place] if heads else Head())
            for place, stream in enumerate(streams)
        )
    )


async def test_one_append_at_a_time_is_never_a_batch(jetstream_log, batches, stream):
    await append_many(jetstream_log, stream, 20)
    assert (batches.acks, batches.alone) == ([], 20)


async def test_appends_that_wait_together_are_stored_together(jetstream_log, batches, streams):
    stored = await append_to_each(jetstream_log, streams)
    assert batches.stored >= STREAMS - jetstream_group.ALONE_IN_FLIGHT
    assert batches.stored + batches.alone == STREAMS
    assert [await jetstream_log.last(stream) for stream in streams] == stored
    assert len({commit.version for commit in stored}) == STREAMS


async def test_chains_grow_through_groups_without_a_hole(jetstream_log, batches, streams):
    async def write(stream: StreamName) -> list[Commit]:
        return await append_many(jetstream_log, stream, 20)

    written = await asyncio.gather(*(write(stream) for stream in streams))
    assert batches.stored > STREAMS * 10
    for stream, commits in zip(streams, written, strict=True):
        assert list(await jetstream_log.load(stream)) == commits
        assert [commit.number for commit in commits] == list(range(1, 21))


async def test_a_group_is_read_by_a_subscription_in_the_order_of_its_versions(
    jetstream_log, batches, streams
):
    (start,) = await append_many(jetstream_log, streams[0], 1)
    stored = await append_to_each(jetstream_log, streams[1:])
    feed = jetstream_log.subscribe("conversation", after=start.version)
    assert await take(feed, len(stored)) == sorted(stored, key=lambda commit: commit.version)
    await feed.aclose()
    assert batches.stored > STREAMS // 2


async def test_who_watches_gets_each_commit_of_a_group(jetstream_log, batches, streams, log_nats):
    live = await NatsLive.connect(log_nats)
    async with live.watch(streams[30]) as one, live.watch(streams[-1]) as other:
        stored = await append_to_each(jetstream_log, streams)
        assert await take(one, 1) == [stored[30]]
        assert await take(other, 1) == [stored[-1]]
    await live.close()
    assert batches.stored > STREAMS // 2


@pytest.mark.parametrize("place", [50, STREAMS - 1], ids=["in the middle", "last"])
async def test_a_stale_writer_in_a_group_fails_alone(jetstream_log, batches, streams, place):
    first = await append_to_each(jetstream_log, streams)
    heads = [commit.head for commit in first]
    newer = await jetstream_log.append(streams[place], new_commit(7), expected=heads[place])
    batches.acks.clear()

    results = await asyncio.gather(
        *(
            jetstream_log.append(stream, new_commit(2), expected=head)
            for stream, head in zip(streams, heads, strict=True)
        ),
        return_exceptions=True,
    )
    assert [ack["error"]["err_code"] for ack in batches.acks if "error" in ack] == [10071]
    stale = results.pop(place)
    assert isinstance(stale, VersionConflict)
    assert (stale.expected, stale.actual) == (heads[place].version, newer.version)
    assert all(isinstance(result, Commit) for result in results)
    assert list(await jetstream_log.load(streams[place])) == [first[place], newer]


async def test_a_commit_that_is_sent_again_in_a_group_is_returned(jetstream_log, batches, streams):
    again = streams[50]
    (stored,) = await append_many(jetstream_log, again, 1)
    results = await append_to_each(jetstream_log, streams)
    assert any("error" in ack for ack in batches.acks)
    assert results[50] == stored
    for stream, commit in zip(streams, results, strict=True):
        assert list(await jetstream_log.load(stream)) == [commit]


async def test_a_commit_of_a_group_is_known_by_its_id(jetstream_log, batches, streams):
    stored = await append_to_each(jetstream_log, streams)
    assert batches.stored > STREAMS // 2
    assert await append_to_each(jetstream_log, streams) == stored
    heads = [commit.head for commit in stored]
    second = await append_to_each(jetstream_log, streams, 2, heads)
    for stream, commit in zip(streams, second, strict=True):
        with pytest.raises(VersionConflict):
            await jetstream_log.append(stream, new_commit(1), expected=commit.head)
        assert len(await jetstream_log.load(stream)) == 2


@pytest.mark.parametrize("loss", [NoAnswer("late"), ConnectionBroken("cut")], ids=repr)
async def test_a_group_that_was_stored_but_not_acknowledged_is_not_doubled(
    jetstream_log, batches, streams, loss
):
    batches.loss = loss
    stored = await append_to_each(jetstream_log, streams)
    assert batches.stored > STREAMS // 2
    for stream, commit in zip(streams, stored, strict=True):
        assert list(await jetstream_log.load(stream)) == [commit]


@pytest.mark.parametrize(
    "change", [{"count": 1}, {"batch": "another"}], ids=["too few", "another batch"]
)
async def test_an_answer_that_does_not_fit_is_not_believed(jetstream_log, batches, streams, change):
    batches.stand_in = lambda ack: {**ack, **change, "seq": ack["seq"] + 5}
    stored = await append_to_each(jetstream_log, streams)
    assert batches.stored > STREAMS // 2
    assert [await jetstream_log.last(stream) for stream in streams] == stored


async def test_two_appends_to_one_stream_do_not_spoil_a_group(jetstream_log, batches, streams):
    results = await asyncio.gather(
        *(
            jetstream_log.append(stream, new_commit(number), expected=Head())
            for number in (1, 2)
            for stream in streams
        ),
        return_exceptions=True,
    )
    assert not any("error" in ack for ack in batches.acks)
    assert batches.stored > STREAMS // 2
    assert sum(isinstance(result, Commit) for result in results) == STREAMS
    assert sum(isinstance(result, VersionConflict) for result in results) == STREAMS
    for stream in streams:
        assert len(await jetstream_log.load(stream)) == 1


async def test_a_large_commit_does_not_join_a_group(jetstream_log, batches, streams):
    huge = new_commit(1, message(1, "x" * jetstream_group.LARGEST_PAYLOAD))
    stored = await asyncio.gather(
        *(jetstream_log.append(stream, huge, expected=Head()) for stream in streams[:40])
    )
    assert (batches.acks, batches.alone) == ([], 40)
    assert [await jetstream_log.last(stream) for stream in streams[:40]] == stored


async def test_who_gives_up_leaves_the_others_of_the_group_alone(jetstream_log, batches, streams):
    tasks = [
        asyncio.create_task(jetstream_log.append(stream, new_commit(1), expected=Head()))
        for stream in streams
    ]
    for turns in range(4):
        await asyncio.sleep(0)  # the tasks come as far as waiting, then being sent
        tasks[20 + turns].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [place for place, result in enumerate(results) if not isinstance(result, Commit)] == [
        20, 21, 22, 23,
    ]  # fmt: skip
    for stream, result in zip(streams, results, strict=True):
        if isinstance(result, Commit):
            assert list(await jetstream_log.load(stream)) == [result]


async def test_a_wait_in_a_group_ends_with_the_time_out(log_nats, streams):
    log = await JetStreamLog.connect(log_nats, timeout=0.5)
    await log.ensure_streams()
    silence = asyncio.Event()

    async def request(*_, **__):
        await silence.wait()

    log.connection.request = request
    tasks = [
        asyncio.create_task(log.append(stream, new_commit(1), expected=Head()))
        for stream in streams[:12]
    ]
    async with asyncio.timeout(PATIENCE_S):
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        with pytest.raises(LogUnavailable, match="too many appends wait"):
            task.result()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await log.close()


async def test_a_stream_that_does_not_allow_batches_is_written_one_by_one_until_it_does(
    start_nats, streams
):
    log = await JetStreamLog.connect(start_nats().url)
    old = stream_config("conversation", replicas=1)
    old.allow_atomic = None
    await log.connection.client.jetstream().add_stream(old)
    batches = Batches(log)
    stored = await append_to_each(log, streams)
    assert [ack["error"]["err_code"] for ack in batches.acks] == [10174]
    stored = await append_to_each(log, streams, 2, [commit.head for commit in stored])
    assert len(batches.acks) == 1

    await log.ensure_streams()
    other = await JetStreamLog.connect(log.connection.client.connected_url.geturl())
    seen = Batches(other)
    stored = await append_to_each(other, streams, 3, [commit.head for commit in stored])
    assert seen.stored > STREAMS // 2
    for stream, commit in zip(streams, stored, strict=True):
        assert [kept.number for kept in await log.load(stream)] == [1, 2, 3]
        assert await log.last(stream) == commit
    await log.close()
    await other.close()


async def test_a_server_that_stores_a_batch_one_by_one_doubles_nothing(
    jetstream_log, batches, streams
):
    """As servers before 2.12 do, which do not know the headers; their version is not trusted."""
    real = jetstream_log.connection.client.publish

    def without(headers: dict | None) -> dict | None:
        return headers and {k: v for k, v in headers.items() if not k.startswith("Nats-Batch")}

    async def publish(subject, payload=b"", reply="", headers=None):
        await real(subject, payload, reply, without(headers))

    jetstream_log.connection.client.publish = publish
    stored = await append_to_each(jetstream_log, streams)
    assert [ack.get("count") for ack in batches.acks] == [None]
    for stream, commit in zip(streams, stored, strict=True):
        assert list(await jetstream_log.load(stream)) == [commit]


@pytest.mark.parametrize(
    ("version", "known"), [("2.11.9", False), ("2.12.0", False), ("2.12.1", True), ("3.0.0", True)]
)
async def test_an_older_server_is_known_by_its_version(jetstream_log, version, known, monkeypatch):
    from nats.aio.client import Client, ServerVersion

    monkeypatch.setattr(Client, "connected_server_version", ServerVersion(version))
    assert jetstream_group.knows_batches(jetstream_log.connection.client) is known


async def test_groups_lose_nothing_acknowledged_when_the_server_is_killed(start_nats, streams):
    server = start_nats()
    log = await JetStreamLog.connect(server.url, timeout=PATIENCE_S)
    await log.ensure_streams()
    batches = Batches(log)
    acknowledged: dict[StreamName, list[Commit]] = {stream: [] for stream in streams}
    grown = asyncio.Condition()

    async def write(stream: StreamName) -> None:
        head = Head()
        for number in range(1, 31):
            commit = await log.append(stream, new_commit(number), expected=head)
            acknowledged[stream].append(commit)
            head = commit.head
            async with grown:
                grown.notify_all()

    async with asyncio.timeout(3 * PATIENCE_S):
        writers = [asyncio.create_task(write(stream)) for stream in streams]
        for goal in (600, 1_600):
            async with grown:
                await grown.wait_for(lambda: sum(map(len, acknowledged.values())) >= goal)  # noqa: B023  # awaited here
            server.kill()
            server.start()
        await asyncio.gather(*writers)
    assert batches.stored > STREAMS * 10
    for stream in streams:
        assert list(await log.load(stream)) == acknowledged[stream]
        assert len(acknowledged[stream]) == 30
    await log.close()
