"""What every EventLog keeps to. The same cases over JetStream and over memory."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import msgspec
import pytest
from log_makers import append_many, message, new_commit, take, turn

from events.log.envelope import encode_commit
from events.log.event_log import CorruptStream, Head, UnknownFact, VersionConflict
from events.log.stream import conversation_stream, knowledge_stream


async def test_what_was_appended_is_what_is_loaded(log, stream):
    stored = await log.append(stream, new_commit(1), expected=Head())
    assert (stored.number, stored.previous_hash, stored.stream) == (1, "", stream)
    assert (stored.correlation_id, stored.causation_id) == ("m1", "command-1")
    assert list(await log.load(stream)) == [stored]
    assert await log.last(stream) == stored


async def test_a_stream_without_commits_is_empty(log, stream):
    assert list(await log.load(stream)) == []
    assert await log.last(stream) is None


async def test_several_events_of_one_commit_stay_together_and_in_order(log, stream):
    facts = (message(1), turn(1), message(2))
    await log.append(stream, new_commit(1, *facts), expected=Head())
    (commit,) = await log.load(stream)
    assert commit.facts == facts


async def test_each_commit_counts_on_and_names_the_hash_of_the_one_before(log, stream):
    first, second, third = await append_many(log, stream, 3)
    assert [first.number, second.number, third.number] == [1, 2, 3]
    assert first.version < second.version < third.version
    assert (second.previous_hash, third.previous_hash) == (first.hash, second.hash)


async def test_a_writer_that_is_behind_is_refused_and_changes_nothing(log, stream):
    first, second = await append_many(log, stream, 2)
    with pytest.raises(VersionConflict) as refused:
        await log.append(stream, new_commit(9), expected=first.head)
    assert (refused.value.expected, refused.value.actual) == (first.version, second.version)
    assert stream.subject in str(refused.value)
    assert list(await log.load(stream)) == [first, second]


async def test_a_writer_that_believes_in_a_commit_which_is_not_there_is_refused(log, stream):
    (first,) = await append_many(log, stream, 1)
    with pytest.raises(VersionConflict):
        await log.append(stream, new_commit(9), expected=Head(first.version + 1, 2, "f" * 64))


async def test_a_commit_that_is_sent_again_is_stored_once_and_returned(log, stream):
    (first,) = await append_many(log, stream, 1)
    new = new_commit(2)
    stored = await log.append(stream, new, expected=first.head)
    assert await log.append(stream, new, expected=first.head) == stored
    assert await log.append(stream, new, expected=stored.head) == stored
    assert list(await log.load(stream)) == [first, stored]


async def test_a_commit_id_that_is_stored_but_not_last_is_a_conflict(log, stream):
    first, second = await append_many(log, stream, 2)
    for expected in (Head(), second.head):
        with pytest.raises(VersionConflict):
            await log.append(stream, new_commit(1), expected=expected)
    assert list(await log.load(stream)) == [first, second]


async def test_two_streams_may_use_the_same_commit_id(log, tenant):
    for name in ("c1", "c2"):
        stream = conversation_stream(tenant, name)
        await log.append(stream, new_commit(1), expected=Head())
        assert len(await log.load(stream)) == 1


@pytest.mark.parametrize(
    "commit_id", ['"quoted" id', "ñandú 🦤", "two\nlines", " spaced ", "x" * 128]
)
async def test_a_client_may_choose_any_commit_id(log, stream, commit_id):
    new = new_commit(1, commit_id=commit_id)
    stored = await log.append(stream, new, expected=Head())
    assert await log.append(stream, new, expected=Head()) == stored
    assert [commit.commit_id for commit in await log.load(stream)] == [commit_id]


@pytest.mark.parametrize("commit_id", ["", "x" * 129])
async def test_a_commit_id_of_the_wrong_length_is_a_mistake_of_the_caller(log, stream, commit_id):
    new = msgspec.structs.replace(new_commit(1), commit_id=commit_id)
    with pytest.raises(ValueError, match="1 to 128"):
        await log.append(stream, new, expected=Head())


async def test_of_concurrent_appends_exactly_one_wins(log, stream):
    (first,) = await append_many(log, stream, 1)
    results = await asyncio.gather(
        *(log.append(stream, new_commit(n), expected=first.head) for n in range(2, 34)),
        return_exceptions=True,
    )
    winners = [result for result in results if not isinstance(result, BaseException)]
    losers = [result for result in results if isinstance(result, VersionConflict)]
    assert (len(winners), len(losers)) == (1, 31)
    assert list(await log.load(stream)) == [first, winners[0]]


async def test_many_appends_at_once_are_all_stored(log, tenant):
    streams = [conversation_stream(tenant, f"c{number}") for number in range(1_500)]
    stored = await asyncio.gather(
        *(log.append(stream, new_commit(1), expected=Head()) for stream in streams)
    )
    assert len({commit.version for commit in stored}) == len(streams)
    assert [await log.last(stream) for stream in streams] == stored


async def test_more_than_a_thousand_commits_load_whole_in_order_or_in_part(log, stream):
    stored = await append_many(log, stream, 1_050)
    assert list(await log.load(stream)) == stored
    assert list(await log.load(stream, after=stored[999].head)) == stored[1_000:]
    assert list(await log.load(stream, limit=1_020)) == stored[:1_020]
    assert list(await log.load(stream, after=stored[9].head, limit=5)) == stored[10:15]
    assert list(await log.load(stream, after=stored[-1].head)) == []


async def test_a_load_of_many_megabytes_comes_whole(log, stream):
    after, stored = Head(), []
    for number in range(1, 13):
        new = new_commit(number, message(number, text=str(number % 10) * 500_000))
        stored.append(await log.append(stream, new, expected=after))
        after = stored[-1].head
    assert list(await log.load(stream)) == stored


async def test_a_client_may_load_after_a_place_that_it_knows_by_version_only(log, stream):
    stored = await append_many(log, stream, 5)
    assert list(await log.load(stream, after=Head(version=stored[2].version))) == stored[3:]


async def test_an_unknown_event_type_is_named_with_its_place(under_test, stream):
    (first,) = await append_many(under_test.log, stream, 1)
    payload = encode_commit(stream, new_commit(2), after=first.head)
    version = await under_test.put(stream, payload.replace(b"MessageReceived.v1", b"Teleported.v7"))
    with pytest.raises(UnknownFact, match=rf"c1: version {version} .*conversation\.Teleported\.v7"):
        await under_test.log.load(stream)


@pytest.mark.parametrize(
    "damage",
    [
        lambda payload: b"",
        lambda payload: b"[]",
        lambda payload: payload[:-7],
        lambda payload: payload.replace(b'"text"', b'"test"'),
        lambda payload: payload.replace(b'"commitindex":0', b'"commitindex":1'),
    ],
    ids=["nothing", "no events", "cut short", "a field is missing", "not from the start"],
)
async def test_a_payload_that_cannot_be_read_is_named_with_its_place(under_test, stream, damage):
    payload = encode_commit(stream, new_commit(1), after=Head())
    version = await under_test.put(stream, damage(payload))
    with pytest.raises(CorruptStream, match=f"c1: version {version} cannot be read"):
        await under_test.log.load(stream)


async def test_a_fact_of_an_older_version_is_lifted_when_it_is_read(under_test, stream):
    old = encode_commit(stream, new_commit(1), after=Head())
    old = old.replace(b"MessageReceived.v1", b"MessageReceived.v0")
    await under_test.put(stream, old.replace(b'"text":"hello"', b'"body":"hello"'))

    def body_became_text(data):
        return "tandem.conversation.MessageReceived.v1", {**data, "text": data["body"]}

    log = under_test.with_lifts({"tandem.conversation.MessageReceived.v0": body_became_text})
    (commit,) = await log.load(stream)
    assert commit.facts == (message(1),)
    second = await log.append(stream, new_commit(2), expected=commit.head)
    assert list(await log.load(stream)) == [commit, second]


async def test_a_hole_is_found_and_named(under_test, stream):
    (first,) = await append_many(under_test.log, stream, 1)
    lost = Head(version=first.version + 1, number=2, hash="e" * 64)
    version = await under_test.put(stream, encode_commit(stream, new_commit(3), after=lost))
    with pytest.raises(
        CorruptStream, match=rf"c1: version {version} holds commit 3 .* commit 2 .* hole"
    ):
        await under_test.log.load(stream)


async def test_a_hole_at_the_beginning_is_found_and_named(under_test, stream):
    lost = Head(version=1, number=1, hash="e" * 64)
    await under_test.put(stream, encode_commit(stream, new_commit(2), after=lost))
    with pytest.raises(CorruptStream, match=r"commit 2 where commit 1 was expected: a hole"):
        await under_test.log.load(stream)


async def test_two_commits_with_one_number_are_a_fork(under_test, stream):
    first, second = await append_many(under_test.log, stream, 2)
    twin = encode_commit(stream, new_commit(7), after=first.head)
    version = await under_test.put(stream, twin)
    with pytest.raises(CorruptStream, match=f"version {version} holds commit 2 .* fork"):
        await under_test.log.load(stream)
    with pytest.raises(CorruptStream, match="fork"):
        await under_test.log.load(stream, after=second.head)


async def test_a_commit_that_follows_another_history_is_a_fork(under_test, stream):
    (first,) = await append_many(under_test.log, stream, 1)
    other = msgspec.structs.replace(first.head, hash="d" * 64)
    version = await under_test.put(stream, encode_commit(stream, new_commit(2), after=other))
    with pytest.raises(
        CorruptStream, match=f"version {version}, commit 2, .* {first.hash} .* fork"
    ):
        await under_test.log.load(stream)
    with pytest.raises(CorruptStream, match="fork"):
        await under_test.log.load(stream, after=first.head)


async def test_a_subscription_gives_what_is_stored_and_then_what_comes(log, tenant):
    one, two = (conversation_stream(tenant, name) for name in ("c1", "c2"))
    (start,) = await append_many(log, one, 1)
    stored = await append_many(log, two, 3)
    async with aclosing(log.subscribe("conversation", after=start.version)) as commits:
        assert await take(commits, 3) == stored
        later = await append_many(log, one, 2, after=start.head)
        later += await append_many(log, two, 1, after=stored[-1].head)
        assert await take(commits, 3) == later


async def test_a_subscription_goes_over_all_tenants_and_one_kind(log, tenant):
    (start,) = await append_many(log, conversation_stream(tenant, "c1"), 1)
    stored = [
        (await append_many(log, conversation_stream(f"{tenant[:32]}-{n}", "c1"), 1))[0]
        for n in range(3)
    ]
    with pytest.raises(ValueError, match="no fact of a knowledge stream"):
        await append_many(log, knowledge_stream(tenant, "d1"), 1)
    async with aclosing(log.subscribe("conversation", after=start.version)) as commits:
        assert await take(commits, 3) == stored


async def test_a_subscription_longer_than_one_batch_misses_nothing(log, stream):
    (start,) = await append_many(log, stream, 1)
    async with aclosing(log.subscribe("conversation", after=start.version)) as commits:
        stored = await append_many(log, stream, 600, after=start.head)
        stored += await append_many(log, stream, 450, after=stored[-1].head)
        assert await take(commits, 1_050) == stored
