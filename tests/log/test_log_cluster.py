"""The log on three real servers with three replicas: what a single server cannot answer."""

from __future__ import annotations

import asyncio
import json

import pytest
from log_makers import PATIENCE_S, append_many, new_commit

from events.jetstream.log import JetStreamLog
from events.log.envelope import encode_commit
from events.log.event_log import Head, LogUnavailable, VersionConflict
from events.log.stream import conversation_stream


@pytest.fixture(scope="module")
def cluster(start_nats, free_ports) -> list:
    ports = free_ports(3)
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
    return [
        start_nats(
            extra=f'server_name: "n{number}"\n'
            f'cluster {{ name: "tandem", listen: "127.0.0.1:{port}", routes: [{routes}] }}\n'
        )
        for number, port in enumerate(ports)
    ]


@pytest.fixture(scope="module")
async def replicated(cluster) -> JetStreamLog:
    url = ",".join(server.url for server in cluster)
    log = await JetStreamLog.connect(url, replicas=3, timeout=PATIENCE_S)
    await log.ensure_streams()
    yield log
    await log.close()


async def test_a_retry_is_answered_duplicate_by_a_replicated_stream_and_is_a_success(
    replicated, stream
):
    new = new_commit(1)
    stored = await replicated.append(stream, new, expected=Head())
    headers = {
        "Nats-Expected-Last-Subject-Sequence": "0",
        "Nats-Msg-Id": f"{stream.tenant}.{stream.id}.{new.commit_id}",
    }
    payload = encode_commit(stream, new, after=Head())
    answer = await replicated.connection.request(
        stream.subject, payload, headers=headers, timeout=5
    )
    assert json.loads(answer.data)["duplicate"] is True
    assert await replicated.append(stream, new, expected=Head()) == stored
    assert list(await replicated.load(stream)) == [stored]


async def test_a_duplicate_of_an_earlier_commit_is_a_conflict(replicated, stream):
    first, second = await append_many(replicated, stream, 2)
    for expected in (Head(), second.head):
        with pytest.raises(VersionConflict):
            await replicated.append(stream, new_commit(1), expected=expected)
    assert list(await replicated.load(stream)) == [first, second]


async def test_of_concurrent_appends_on_a_cluster_exactly_one_wins(replicated, tenant):
    for round_number in range(5):
        stream = conversation_stream(tenant, f"c{round_number}")
        results = await asyncio.gather(
            *(replicated.append(stream, new_commit(n), expected=Head()) for n in range(16)),
            return_exceptions=True,
        )
        winners = [result for result in results if not isinstance(result, BaseException)]
        assert len(winners) == 1
        assert sum(isinstance(result, VersionConflict) for result in results) == 15
        assert list(await replicated.load(stream)) == winners


async def test_the_same_append_sent_twice_at_once_is_stored_once(replicated, tenant):
    for round_number in range(5):
        stream = conversation_stream(tenant, f"c{round_number}")
        one, two = await asyncio.gather(
            *(replicated.append(stream, new_commit(1), expected=Head()) for _ in range(2))
        )
        assert one == two
        assert list(await replicated.load(stream)) == [one]


async def test_many_appends_at_once_on_a_cluster_are_stored_in_groups(replicated, tenant):
    real, counts = replicated.connection.request, []

    async def request(subject, payload, **options):
        answer = await real(subject, payload, **options)
        counts.append(json.loads(answer.data).get("count", 0))
        return answer

    streams = [conversation_stream(tenant, f"c{number}") for number in range(120)]
    replicated.connection.request = request
    try:
        written = await asyncio.gather(*(append_many(replicated, s, 5) for s in streams))
        again = await asyncio.gather(
            *(
                replicated.append(s, new_commit(5), expected=commits[3].head)
                for s, commits in zip(streams, written, strict=True)
            )
        )
    finally:
        replicated.connection.request = real
    assert sum(counts) > 300
    assert again == [commits[-1] for commits in written]
    for stream, commits in zip(streams, written, strict=True):
        assert list(await replicated.load(stream)) == commits


async def test_the_log_survives_the_death_of_the_streams_leader(replicated, cluster, tenant):
    """The last test here: it leaves two servers of three."""
    stream, after, acknowledged = conversation_stream(tenant, "c1"), Head(), []
    for number in range(1, 61):
        if number == 30:
            info = await replicated.connection.client.jetstream().stream_info("CONVERSATIONS")
            cluster[int(info.cluster.leader[1:])].kill()
        while True:
            try:
                commit = await replicated.append(stream, new_commit(number), expected=after)
                break
            except LogUnavailable:
                continue
        acknowledged.append(commit)
        after = commit.head
    assert list(await replicated.load(stream)) == acknowledged
