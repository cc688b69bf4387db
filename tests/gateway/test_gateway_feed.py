"""Catching up while others write: each event once and in order, whatever is lost or late."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

import pytest
from unsteady import Unsteady


async def write(unsteady, stream, count):
    """`count` commits of one to three facts; gives the places of all visible events."""
    from events.conversation import AnswerRated, MessageReceived, TurnBegun
    from events.log.event_log import Head, NewCommit

    head, places = Head(), []
    for number in range(count):
        facts = []
        for index in range(unsteady.chance.randrange(1, 4)):
            kind = unsteady.chance.randrange(3)
            if kind == 0:
                facts.append(MessageReceived(at=1, message=f"{number}.{index}", text="x"))
            elif kind == 1:
                facts.append(AnswerRated(at=1, score=1))
            else:
                facts.append(TurnBegun(at=1, turn="t", epoch=1, answers=()))
        new = NewCommit(commit_id=f"c{number}", facts=tuple(facts))
        head = (await unsteady.log.append(stream, new, expected=head)).head
        places += [
            (head.version, index)
            for index, fact in enumerate(facts)
            if not isinstance(fact, TurnBegun)
        ]
        for _ in range(unsteady.chance.randrange(3)):
            await asyncio.sleep(0)
    return places


async def follow(unsteady, stream, seen, ends, stop_after):
    """One connection: what it got before it was cut, resumed from what `seen` ends with."""
    from serve_apps.gateway.shared.feed import ConversationFeed, Place
    from serve_apps.gateway.shared.limits import GatewayLimits
    from serve_apps.gateway.shared.metrics import GatewayMetrics
    from serve_apps.gateway.visitors.visible import VisitorView

    limits = GatewayLimits(recheck_s=0.01, recheck_owed_s=0.01)
    place = Place(*seen[-1]) if seen else Place()
    feed = ConversationFeed(
        unsteady.log,
        stream,
        place,
        VisitorView(),
        ends=ends,
        limits=limits,
        metrics=GatewayMetrics(),
    )
    got = 0
    async with unsteady.live.watch(stream) as pushed:
        for event in await feed.catch_up():
            seen.append((event.version, event.index))
            got += 1
            if got >= stop_after:
                return
        async with aclosing(feed.live(pushed)) as coming:
            async for frames in coming:
                for frame in frames:
                    seen.append((frame.version, frame.index))
                    got += 1
                    if got >= stop_after:
                        return


def complete(writing, seen):
    return writing.done() and len(seen) >= len(writing.result())


async def ended_or_complete(following, writing, seen):
    """Wait until a connection is cut, or there is nothing left that it could get."""
    from gateway_house import until

    try:
        await until(lambda: following.done() or complete(writing, seen))
        if following.done():
            following.result()
    finally:
        following.cancel()
        await asyncio.wait({following})


@pytest.mark.parametrize("seed", range(40))
async def test_each_event_comes_once_and_in_order_over_many_connections(seed):
    from events.log.event_log import LogUnavailable
    from events.log.stream import conversation_stream
    from serve_apps.gateway.shared.feed import KnownEnds

    unsteady, stream = Unsteady(seed), conversation_stream("demo", f"c{seed}")
    writing = asyncio.create_task(write(unsteady, stream, 60))
    seen: list[tuple[int, int]] = []
    async with asyncio.timeout(20):
        ends = KnownEnds()
        while True:
            if unsteady.chance.random() < 0.3:
                ends = KnownEnds()  # another gateway process
            cut = unsteady.chance.randrange(1, 20)
            following = asyncio.create_task(follow(unsteady, stream, seen, ends, cut))
            with suppress(LogUnavailable):  # a server that is behind: come back
                await ended_or_complete(following, writing, seen)
            if complete(writing, seen):
                break
    assert seen == writing.result()
    at_the_end = list(seen)
    again = asyncio.create_task(follow(unsteady, stream, seen, KnownEnds(), 1))
    await asyncio.wait({again}, timeout=0.05)
    again.cancel()
    assert seen == at_the_end


async def test_a_subscription_that_ends_is_told():
    from events.log.memory import MemoryLog
    from events.log.stream import conversation_stream
    from serve_apps.gateway.shared.feed import ConversationFeed, FeedLost, KnownEnds, Place
    from serve_apps.gateway.shared.limits import GatewayLimits
    from serve_apps.gateway.shared.metrics import GatewayMetrics
    from serve_apps.gateway.visitors.visible import VisitorView

    async def nothing():
        return
        yield

    feed = ConversationFeed(
        MemoryLog(),
        conversation_stream("demo", "c"),
        Place(),
        VisitorView(),
        ends=KnownEnds(),
        limits=GatewayLimits(),
        metrics=GatewayMetrics(),
    )
    with pytest.raises(FeedLost):
        async for _ in feed.live(nothing()):
            pass


async def test_a_lost_commit_is_found_also_while_live_frames_keep_coming():
    from events.conversation import AnswerRated
    from events.live.frames import Typing
    from events.log.event_log import Head, NewCommit
    from events.log.memory import MemoryLive, MemoryLog
    from events.log.stream import conversation_stream
    from serve_apps.gateway.shared.feed import ConversationFeed, KnownEnds, Place
    from serve_apps.gateway.shared.limits import GatewayLimits
    from serve_apps.gateway.shared.metrics import GatewayMetrics
    from serve_apps.gateway.visitors.visible import VisitorView

    log, stream = MemoryLog(), conversation_stream("demo", "c")
    live = MemoryLive(MemoryLog())  # not this log's: every commit is lost
    limits = GatewayLimits(recheck_s=0.02)
    made = {"ends": KnownEnds(), "limits": limits, "metrics": GatewayMetrics()}
    feed = ConversationFeed(log, stream, Place(), VisitorView(), **made)

    async def chatter():
        while True:
            await live.publish(stream, Typing("operator", False))
            await asyncio.sleep(0.001)

    async with live.watch(stream) as pushed, asyncio.timeout(60):
        await feed.catch_up()
        new = NewCommit(commit_id="c", facts=(AnswerRated(at=1, score=5),))
        await log.append(stream, new, expected=Head())
        chattering = asyncio.create_task(chatter())
        async with aclosing(feed.live(pushed)) as coming:
            async for frames in coming:
                if any(frame.__struct_config__.tag == "event" for frame in frames):
                    break
        chattering.cancel()


@pytest.mark.parametrize("text", ["", "a", "-1", "1.", ".1", "1.2.3", "9" * 17, "1 ", "\u0661"])
def test_a_place_that_is_none_is_refused(text):
    from serve_apps.gateway.shared.feed import Place

    with pytest.raises(ValueError, match="no place"):
        Place.parse(text)


def test_a_place_reads_with_and_without_its_index():
    from serve_apps.gateway.shared.feed import Place

    assert Place.parse("12") == Place(12)
    assert Place.parse("12.3") == Place(12, 3)


def test_the_cache_of_ends_is_bounded_and_never_goes_back():
    from events.log.event_log import Head
    from events.log.stream import conversation_stream
    from serve_apps.gateway.shared.feed import KnownEnds
    from serve_apps.gateway.shared.live_frame_state import Standing

    ends = KnownEnds(size=2)
    ai, human = Standing(), Standing(mode="human")
    one, two, three = (conversation_stream("demo", name) for name in ("one", "two", "three"))
    ends.put(one, Head(5, 2, "h"), human)
    ends.put(one, Head(4, 1, "g"), ai)
    assert ends.get(one) == (Head(5, 2, "h"), human)
    ends.put(two, Head(6, 1, "h"), ai)
    ends.put(three, Head(7, 1, "h"), ai)
    assert ends.get(one) is None


async def test_the_rest_of_the_last_commit_is_not_lost_to_a_server_that_is_behind():
    from events.conversation import AnswerRated
    from events.log.event_log import Head, LogUnavailable, NewCommit
    from events.log.memory import MemoryLog
    from events.log.stream import conversation_stream
    from serve_apps.gateway.shared.feed import ConversationFeed, KnownEnds, Place
    from serve_apps.gateway.shared.limits import GatewayLimits
    from serve_apps.gateway.shared.live_frame_state import Standing
    from serve_apps.gateway.shared.metrics import GatewayMetrics
    from serve_apps.gateway.visitors.visible import VisitorView

    class Behind(MemoryLog):
        behind = True

        async def load(self, stream, **where):
            return () if self.behind else await super().load(stream, **where)

    log, ends, stream = Behind(), KnownEnds(), conversation_stream("demo", "c")
    facts = (AnswerRated(at=1, score=1), AnswerRated(at=1, score=2))
    new = NewCommit(commit_id="c", facts=facts)
    commit = await log.append(stream, new, expected=Head())
    ends.put(stream, commit.head, Standing())

    def feed():
        place = Place(commit.version, 0)
        made = {"ends": ends, "limits": GatewayLimits(), "metrics": GatewayMetrics()}
        return ConversationFeed(log, stream, place, VisitorView(), **made)

    with pytest.raises(LogUnavailable, match="behind"):
        await feed().catch_up()
    log.behind = False
    assert [event.index for event in await feed().catch_up()] == [1]
