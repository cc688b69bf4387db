"""A person takes over while an answer streams: nothing of it is seen afterwards, whatever a
shard that should be dead still publishes, and however often the visitor's page comes and goes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

import pytest
from unsteady import Unsteady

CHANGES = 12


class Shards:
    """Answers are begun, streamed and taken over at random; who was cut off goes on publishing."""

    def __init__(self, unsteady, stream):
        from events.log.event_log import Head

        self.unsteady, self.stream, self.head = unsteady, stream, Head()
        self.zombies: list[asyncio.Task[None]] = []
        self.over = False

    async def run(self):
        from events import conversation as e

        chance, epoch = self.unsteady.chance, 1
        await self.commit(
            e.ConversationStarted(at=1, tenant="demo", conversation="c"),
            e.MessageReceived(at=1, message="m", text="?"),
            e.TurnBegun(at=1, turn="turn-1", epoch=1, answers=("m",)),
        )
        for _ in range(CHANGES):
            self.zombies.append(asyncio.create_task(self.stream_deltas(f"turn-{epoch}")))
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            cancelled = e.TurnCancelled(at=1, turn=f"turn-{epoch}", reason="taken_over")
            mode = "human" if chance.random() < 0.7 else "supervised"
            await self.commit(
                cancelled,
                e.ModeChanged(at=1, mode=mode, epoch=epoch + 1, reason="x", operator="ann"),
            )
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            epoch += 2
            await self.commit(
                e.ModeChanged(at=1, mode="ai", epoch=epoch, reason="released"),
                e.TurnBegun(at=1, turn=f"turn-{epoch}", epoch=epoch, answers=("m",)),
            )
        await self.commit(e.TurnCancelled(at=1, turn=f"turn-{epoch}", reason="closed"))

    async def commit(self, *facts):
        from events.log.event_log import NewCommit

        new = NewCommit(commit_id=f"c{self.head.number}", facts=facts)
        self.head = (await self.unsteady.log.append(self.stream, new, expected=self.head)).head

    async def stream_deltas(self, turn):
        from events.live.frames import Delta

        index = 0
        while not self.over:
            await self.unsteady.live.publish(self.stream, Delta(turn, index, "word "))
            index += 1
            for _ in range(self.unsteady.chance.randrange(1, 4)):
                await asyncio.sleep(0)


async def follow(unsteady, stream, seen, ends, *, stop_after, complete):
    """One connection: what it shows is put behind `seen`, events and deltas alike. It is cut
    after some frames, and ends when all is `complete`."""
    from serve_apps.gateway.shared.feed import ConversationFeed, Place
    from serve_apps.gateway.shared.limits import GatewayLimits
    from serve_apps.gateway.shared.metrics import GatewayMetrics
    from serve_apps.gateway.visitors.frames import EventFrame
    from serve_apps.gateway.visitors.visible import VisitorView

    limits = GatewayLimits(recheck_s=0.01, recheck_owed_s=0.01)
    last = next((frame for frame in reversed(seen) if isinstance(frame, EventFrame)), None)
    place = Place(last.version, last.index) if last is not None else Place()
    made = {"ends": ends, "limits": limits, "metrics": GatewayMetrics()}
    feed = ConversationFeed(unsteady.log, stream, place, VisitorView(), **made)
    async with unsteady.live.watch(stream) as pushed:
        seen.extend(await feed.catch_up())
        async with aclosing(feed.live(pushed)) as coming:
            async for frames in coming:
                seen.extend(frames)
                stop_after -= len(frames)
                if stop_after <= 0 or complete():
                    return


def check(seen):
    """Each delta is of the turn that was begun by the change that its page saw last."""
    from serve_apps.gateway.visitors.frames import DeltaFrame, ModeEvent

    changes, deltas = 0, 0
    for frame in seen:
        if isinstance(frame, ModeEvent):
            changes += 1
            assert frame.mode == "ai" or changes % 2
        elif isinstance(frame, DeltaFrame):
            deltas += 1
            assert not changes % 2, "a delta while a person has the conversation"
            assert frame.turn == f"turn-{changes + 1}", "a delta of an answer that was cut off"
    return changes, deltas


@pytest.mark.parametrize("seed", range(60))
async def test_nothing_of_an_answer_is_seen_after_it_was_taken_over(seed):
    from events.log.event_log import LogUnavailable
    from events.log.stream import conversation_stream
    from serve_apps.gateway.shared.feed import KnownEnds

    unsteady, stream = Unsteady(seed), conversation_stream("demo", f"c{seed}")
    shards, seen, ends = Shards(unsteady, stream), [], KnownEnds()
    writing = asyncio.create_task(shards.run())

    def complete():
        return writing.done() and check(seen)[0] == 2 * CHANGES

    try:
        async with asyncio.timeout(20):
            while not complete():
                if unsteady.chance.random() < 0.3:
                    ends = KnownEnds()  # another gateway process
                cut = unsteady.chance.randrange(1, 40)
                with suppress(LogUnavailable):  # a server that is behind: come back
                    await follow(unsteady, stream, seen, ends, stop_after=cut, complete=complete)
    finally:
        shards.over = True
        await asyncio.wait({writing, *shards.zombies})
    writing.result()
    deltas_seen.append(check(seen)[1])


deltas_seen: list[int] = []


def test_some_deltas_were_seen_before():
    """Otherwise the test above would prove nothing."""
    assert sum(deltas_seen) > len(deltas_seen)


async def test_a_take_over_through_the_sockets_silences_the_answer(house):
    from console_house import hire

    from events.live.frames import Delta, Typing

    ana = await hire(house, "Ana")
    async with ana.console() as console, house.visitor() as visitor:
        await console.hello()
        conversation = (await visitor.hello())["conversation"]
        stream = house.stream(conversation)
        for round_ in range(20):
            epoch = 1 + 2 * round_
            await visitor.say(f"m{round_}", "How long does it take?")
            turn = f"turn-m{round_}"
            streaming = asyncio.create_task(zombie(house, stream, turn, Delta, Typing))
            await visitor.until("delta", turn=turn)
            taken, _ = await asyncio.gather(
                console.order("take_over", conversation, epoch=epoch),
                visitor.until("event", kind="mode", mode="human"),
            )
            assert taken["type"] == "accepted"
            mark = len(visitor.frames)
            await console.order("reply", conversation, epoch=epoch + 1, text="I am here.")
            await visitor.until("event", kind="operator_message")
            released = await console.order("release", conversation, epoch=epoch + 1)
            assert released["type"] == "accepted"
            await visitor.until("event", kind="mode", mode="ai")
            streaming.cancel()
            await asyncio.wait({streaming})
            await visitor.settle()
            later = [f for f in visitor.frames[mark:] if f["type"] in ("delta", "typing")]
            assert [f for f in later if f["type"] == "delta" or f["on"]] == []


async def zombie(house, stream, turn, delta, typing):
    """A shard that never hears that its turn is over."""
    index = 0
    while True:
        await house.live.publish(stream, typing("assistant", True))
        await house.live.publish(stream, delta(turn, index, "word "))
        index += 1
        await asyncio.sleep(0.001)
