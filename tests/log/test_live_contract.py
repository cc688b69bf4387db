"""What every LiveFeed keeps to. The same cases over NATS and over memory."""

from __future__ import annotations

from log_makers import append_many, new_commit, take

from events.live.frames import Delta, Missed, Typing
from events.log.event_log import Commit, Head
from events.log.stream import conversation_stream, knowledge_stream


def delta(index: int) -> Delta:
    return Delta(turn="t1", index=index, text=f"word {index} ")


async def test_who_watches_gets_the_frames_in_order(live, stream):
    frames = [Typing(who="assistant", on=True), delta(0), delta(1)]
    async with live.feed.watch(stream) as watch:
        for frame in frames:
            await live.feed.publish(stream, frame)
        assert await take(watch, 3) == frames


async def test_who_watches_gets_each_commit_as_the_log_has_it(live, stream):
    async with live.feed.watch(stream) as watch:
        stored = await append_many(live.log, stream, 3)
        assert await take(watch, 3) == stored


async def test_a_commit_that_is_seen_live_is_already_in_the_log(live, stream):
    async with live.feed.watch(stream) as watch:
        after = Head()
        for number in range(1, 20):
            append = live.log.append(stream, new_commit(number), expected=after)
            after = (await append).head
            (seen,) = await take(watch, 1)
            assert await live.log.last(stream) == seen


async def test_every_watcher_of_a_conversation_gets_all_of_it(live, stream):
    async with live.feed.watch(stream) as one, live.feed.watch(stream) as two:
        stored = await append_many(live.log, stream, 2)
        assert await take(one, 2) == stored
        assert await take(two, 2) == stored


async def test_nothing_of_another_conversation_or_tenant_is_seen(live, tenant):
    mine = conversation_stream(tenant, "c1")
    async with live.feed.watch(mine) as watch:
        for other in (conversation_stream(tenant, "c2"), conversation_stream("other", "c1")):
            await live.feed.publish(other, delta(7))
        await append_many(live.log, conversation_stream(tenant, "c3"), 1)
        await live.feed.publish(mine, delta(0))
        assert await take(watch, 1) == [delta(0)]


async def test_a_document_with_the_id_of_a_conversation_is_not_seen(live, tenant):
    from events.knowledge import DocumentRemoved

    new = new_commit(1, DocumentRemoved(at=1, tenant=tenant, document="c1"))
    async with live.feed.watch(conversation_stream(tenant, "c1")) as watch:
        await live.log.append(knowledge_stream(tenant, "c1"), new, expected=Head())
        await live.feed.publish(conversation_stream(tenant, "c1"), delta(0))
        assert await take(watch, 1) == [delta(0)]


async def test_frames_are_not_history(live, stream):
    await live.feed.publish(stream, delta(0))
    async with live.feed.watch(stream) as watch:
        await live.feed.publish(stream, delta(1))
        assert await take(watch, 1) == [delta(1)]
    assert list(await live.log.load(stream)) == []


async def test_who_left_hears_no_more_and_the_rest_still_do(live, stream):
    async with live.feed.watch(stream) as stays:
        async with live.feed.watch(stream):
            pass
        await live.feed.publish(stream, delta(0))
        assert await take(stays, 1) == [delta(0)]


async def test_a_slow_reader_keeps_the_commits_and_loses_frames(live, stream):
    async with live.feed.watch(stream) as slow, live.feed.watch(stream) as quick:
        for index in range(3):
            await live.feed.publish(stream, delta(index))
        await take(quick, 3)
        stored = []
        for _ in range(3):
            stored += await append_many(
                live.log, stream, 1, after=stored[-1].head if stored else Head()
            )
            await take(quick, 1)
        await live.feed.publish(stream, delta(9))
        await take(quick, 1)
        assert await take(slow, 4) == [delta(2), *stored]
        await live.feed.publish(stream, delta(10))
        assert await take(slow, 1) == [delta(10)]


async def test_a_commit_drives_out_a_frame_and_not_an_older_commit(live, stream):
    async with live.feed.watch(stream) as slow, live.feed.watch(stream) as quick:
        (first,) = await append_many(live.log, stream, 1)
        await take(quick, 1)
        for index in range(3):
            await live.feed.publish(stream, delta(index))
        await take(quick, 3)
        (second,) = await append_many(live.log, stream, 1, after=first.head)
        await take(quick, 1)
        assert await take(slow, 4) == [first, delta(1), delta(2), second]


async def test_a_reader_that_lags_too_far_sees_by_the_numbers_what_it_missed(live, stream):
    async with live.feed.watch(stream) as slow, live.feed.watch(stream) as quick:
        after = Head()
        for number in range(1, 11):
            after = (await live.log.append(stream, new_commit(number), expected=after)).head
            await take(quick, 1)
        left = await take(slow, 4)
        assert all(isinstance(item, Commit) for item in left)
        assert [item.number for item in left] == [7, 8, 9, 10]


async def test_who_watches_a_tenant_gets_the_commits_of_all_its_conversations_and_no_frames(
    live, tenant
):
    one, two = conversation_stream(tenant, "c1"), conversation_stream(tenant, "c2")
    async with live.feed.watch_tenant(tenant) as watch:
        await live.feed.publish(one, delta(0))
        first = await append_many(live.log, one, 2)
        second = await append_many(live.log, two, 1)
        await append_many(live.log, conversation_stream("other", f"c-{tenant}"), 1)
        third = await append_many(live.log, one, 1, after=first[-1].head)
        assert await take(watch, 4) == [*first, *second, *third]


async def test_a_tenants_watcher_that_lags_too_far_is_told_that_it_missed_something(live, stream):
    async with (
        live.feed.watch_tenant(stream.tenant) as slow,
        live.feed.watch(stream) as quick,
    ):
        after = Head()
        for number in range(1, 11):  # its queue holds six
            after = (await live.log.append(stream, new_commit(number), expected=after)).head
            await take(quick, 1)
        assert await take(slow, 1) == [Missed()]
        left = await take(slow, 4)
        assert [item.number for item in left] == [7, 8, 9, 10]


async def test_who_left_a_tenants_watch_costs_nothing_more(live, stream):
    async with live.feed.watch_tenant(stream.tenant) as stays:
        async with live.feed.watch_tenant(stream.tenant):
            pass
        stored = await append_many(live.log, stream, 1)
        assert await take(stays, 1) == stored
