"""An operator works over a real WebSocket: signs in, sees the board, takes over, answers."""

from __future__ import annotations

import asyncio

import pytest
from console_house import hire
from gateway_house import WAIT_S, until


@pytest.fixture(scope="module")
async def ana(house):
    return await hire(house, "Ana")


@pytest.fixture(scope="module")
async def bob(house):
    return await hire(house, "Bob")


async def started(visitor, text="Hello?"):
    """A conversation that was begun, and its id."""
    conversation = (await visitor.hello())["conversation"]
    await visitor.say("m1", text)
    return conversation


async def test_an_operator_is_welcomed_and_shown_the_board(house, ana):
    async with house.visitor() as visitor:
        conversation = await started(visitor, "Where is my parcel?")
        async with ana.console() as console:
            welcome = await console.hello()
            row = await console.until_row(conversation)
    assert console.socket.subprotocol == "tandem.operator.v1.json"
    me = {"operator": ana.operator, "name": "Ana", "role": "manager", "tenant": "demo"}
    assert me.items() <= welcome["me"].items()
    assert welcome["me"]["company"] == "demo ltd"
    assert welcome["expires_at"] == ana.expires_at
    assert row["last_text"] == "Where is my parcel?"
    assert (row["unanswered"], row["messages"], row["last_who"]) == (1, 1, "visitor")


async def test_a_change_reaches_every_console_at_once(house, ana, bob):
    async with ana.console() as one, bob.console() as two, house.visitor() as visitor:
        await one.hello()
        await two.hello()
        conversation = await started(visitor)
        await visitor.send("handoff")
        for console in (one, two):
            row = await console.until_row(conversation, reason="visitor_asked")
            assert row["waiting_since"]
            assert row["handoffs"] == 1


async def test_two_operators_click_at_once_and_one_is_told_who_was_first(house, ana, bob):
    async with ana.console() as one, bob.console() as two, house.visitor() as visitor:
        await one.hello()
        await two.hello()
        conversation = await started(visitor)
        answers = await asyncio.gather(
            one.order("take_over", conversation, epoch=1),
            two.order("take_over", conversation, epoch=1),
        )
        by_type = {answer["type"]: answer for answer in answers}
        winner, loser = ("Ana", "Bob") if answers[0]["type"] == "accepted" else ("Bob", "Ana")
        assert set(by_type) == {"accepted", "rejected"}
        assert by_type["rejected"]["code"] == "taken"
        assert winner in by_type["rejected"]["detail"]
        mode = await visitor.until("event", kind="mode")
        notice = await visitor.until("event", kind="notice")
    assert (mode["mode"], mode["operator_name"]) == ("human", winner)
    assert winner in notice["text"]
    assert loser not in notice["text"]


async def test_a_reply_reaches_the_visitors_socket_and_a_note_does_not(house, ana):
    async with ana.console() as console, house.visitor() as visitor:
        await console.hello()
        conversation = await started(visitor)
        await console.watch(conversation)
        assert (await console.order("take_over", conversation, epoch=1))["type"] == "accepted"
        await console.order("note", conversation, text="a regular, be kind")
        accepted = await console.order("reply", conversation, epoch=2, text="I am here.")
        reply = await visitor.until("event", kind="operator_message")
        await console.until("commit", version=accepted["version"])
        again = await console.order(
            "reply", conversation, epoch=2, text="I am here.", id=accepted["id"]
        )
        await visitor.settle()
    assert (reply["text"], reply["operator_name"]) == ("I am here.", "Ana")
    assert reply["version"] == accepted["version"]
    assert again["duplicate"]
    assert "be kind" not in str(visitor.frames)
    assert console.facts(conversation).count("OperatorReplied") == 1
    assert "NoteAdded" in console.facts(conversation)


async def test_what_the_ai_says_after_a_release_and_a_resolve_is_all_seen(house, ana):
    async with ana.console() as console, house.visitor() as visitor:
        await console.hello()
        conversation = await started(visitor)
        await console.order("take_over", conversation, epoch=1)
        released = await console.order("release", conversation, epoch=2)
        assert released["type"] == "accepted"
        assert (await visitor.until("event", kind="mode", mode="ai"))["type"] == "event"
        await console.order("take_over", conversation, epoch=3)
        await console.order("resolve", conversation, epoch=4)
        await visitor.until("event", kind="status", status="resolved")
        row = await console.until_row(conversation, status="resolved")
        assert row["resolved_at"]
        await console.order("reopen", conversation)
        await visitor.until("event", kind="status", status="open")
        await console.until_row(conversation, status=None)  # open, which goes without saying


async def test_a_supervised_draft_is_mended_and_only_the_mended_text_goes_out(house, ana):
    async with ana.console() as console, house.visitor() as visitor:
        await console.hello()
        conversation = await started(visitor)
        stream = house.stream(conversation)
        await console.order("supervise", conversation, epoch=1)
        await house.conversations.answer(stream, "The drafted words.")
        row = await console.until_row(conversation, mode="supervised", last_who="visitor")
        while not row.get("draft"):
            await console.next()
            row = console.rows[conversation]
        approved = await console.order(
            "approve", conversation, epoch=2, draft=row["draft"], text="The mended words."
        )
        answer = await visitor.until("event", kind="assistant_message")
    assert approved["type"] == "accepted"
    assert answer["text"] == "The mended words."
    assert "drafted" not in str(visitor.frames)


async def test_a_watched_conversation_comes_whole_and_then_as_it_happens(house, ana):
    async with house.visitor() as visitor, ana.console() as console:
        await console.hello()
        conversation = await started(visitor)
        stream = house.stream(conversation)
        version = await console.watch(conversation)
        await house.conversations.answer(stream, "Hello!")
        await visitor.until("event", kind="assistant_message")
        last = await house.log.last(stream)
        await console.until("commit", version=last.version)
        commits = console.commits(conversation)
        stored = await house.log.load(stream)
    assert version == stored[0].version
    assert [commit["number"] for commit in commits] == [1, 2]
    assert [commit["hash"] for commit in commits] == [commit.hash for commit in stored]
    assert commits[1]["previous_hash"] == commits[0]["hash"]
    assert [commit["commit"] for commit in commits] == [commit.commit_id for commit in stored]
    assert commits[0]["facts"][1]["text"] == "Hello?"


async def test_after_a_reconnect_exactly_what_was_missed_follows(house, ana):
    async with house.visitor() as visitor:
        conversation = await started(visitor)
        stream = house.stream(conversation)
        async with ana.console() as console:
            await console.hello()
            seen = await console.watch(conversation)
        await house.conversations.answer(stream, "Hello!")
        await visitor.say("m2", "Thank you")
        missed = [commit.version for commit in await house.log.load(stream)][1:]
        async with ana.console() as back:
            await back.hello()
            assert await back.watch(conversation, after=seen) == missed[-1]
            assert [commit["version"] for commit in back.commits(conversation)] == missed
            await back.send("unwatch", conversation=conversation)
            await back.settle()
            back.frames.clear()
            await house.conversations.answer(stream, "You are welcome")
            await back.until_row(conversation, last_text="You are welcome")
            assert back.commits(conversation) == []


async def test_watching_again_begins_again_from_the_place_that_is_named(house, ana):
    async with house.visitor() as visitor, ana.console() as console:
        await console.hello()
        conversation = await started(visitor)
        version = await console.watch(conversation)
        assert await console.watch(conversation, after=version) == version
        assert await console.watch(conversation) == version
        assert [commit["version"] for commit in console.commits(conversation)] == [version] * 2


async def test_typing_is_seen_by_the_other_side_and_never_by_oneself(house, ana, bob):
    async with ana.console() as one, bob.console() as two, house.visitor() as visitor:
        await one.hello()
        await two.hello()
        conversation = await started(visitor)
        await one.watch(conversation)
        await two.watch(conversation)
        await visitor.send("typing", on=True)
        await one.until("typing", who="visitor", on=True)
        await two.until("typing", who="visitor", on=True)
        await two.send("typing", conversation=conversation, on=True)  # not the visitor's to see
        assert (await one.until("typing", who="operator"))["operator_name"] == "Bob"
        await one.order("take_over", conversation, epoch=1)
        await visitor.until("event", kind="mode")
        await one.send("typing", conversation=conversation, on=True)
        assert (await two.until("typing", who="operator"))["operator_name"] == "Ana"
        typing = await visitor.until("typing")
        await one.settle()
        assert typing == {"type": "typing", "who": "operator", "on": True, "operator_name": "Ana"}
        names = [f["operator_name"] for f in one.frames if f["type"] == "typing" and f["on"]
                 and f["who"] == "operator"]  # fmt: skip
        assert names == ["Bob"]


async def test_deltas_of_the_open_turn_are_seen_and_a_ghosts_are_not(house, ana):
    from events.live.frames import Delta, Typing

    async with ana.console() as console, house.visitor() as visitor:
        await console.hello()
        conversation = await started(visitor)
        stream = house.stream(conversation)
        await console.watch(conversation)
        await house.live.publish(stream, Typing("assistant", True))
        await house.live.publish(stream, Delta("turn-m1", 0, "Hel"))
        await console.until("typing", who="assistant")
        await console.until("delta", turn="turn-m1", text="Hel")
        await console.order("take_over", conversation, epoch=1)
        await console.until("commit", number=2)
        await house.live.publish(stream, Delta("turn-m1", 1, "lo"))
        await house.live.publish(stream, Typing("visitor", True))
        await console.until("typing", who="visitor")
    assert [f["text"] for f in console.frames if f["type"] == "delta"] == ["Hel"]


def there(console):
    """Who looks on, as this console was told: names, and `visitor`."""
    shown = [frame for frame in console.frames if frame["type"] == "present"]
    last = {frame.get("operator_name", frame["who"]): frame["on"] for frame in shown}
    return {name for name, on in last.items() if on}


async def test_who_looks_on_is_known_to_all_who_watch(house, ana, bob):
    async with ana.console() as one, house.visitor() as visitor:
        await one.hello()
        conversation = await started(visitor)
        await one.watch(conversation)
        await one.until("present", who="visitor", on=True)
        async with bob.console() as two:
            await two.hello()
            await two.watch(conversation)
            while there(two) != {"visitor", "Ana"}:
                await two.next()
            while there(one) != {"visitor", "Bob"}:
                await one.next()
        await one.until("present", who="operator", on=False)
        await visitor.until_event("m1")
        seen = visitor.events[-1]["version"]
        await visitor.send("seen", version=seen + 100)  # it cannot have seen what is not there
        await one.until("present", who="visitor", on=True, version=seen)
        await visitor.socket.close()
        await one.until("present", who="visitor", on=False)
    assert there(one) == set()


async def test_a_visitor_with_two_pages_is_there_until_both_are_closed(house, ana):
    async with ana.console() as console, house.visitor() as phone:
        await console.hello()
        conversation = await started(phone)
        await console.watch(conversation)
        await console.until("present", who="visitor", on=True)
        async with house.visitor() as laptop:
            await laptop.hello(token=phone.frames[0]["token"])
            await console.until("present", who="visitor", on=True)
        await console.until("present", who="visitor", on=False)
        await console.until("present", who="visitor", on=True)  # the phone says that it stays


async def test_an_order_goes_on_when_its_console_is_gone(house, ana):
    async with house.visitor() as visitor:
        conversation = await started(visitor)
        stream = house.stream(conversation)
        async with ana.console() as console:
            await console.hello()
            house.conversations.answering.clear()
            asked = len(house.conversations.asked)
            await console.send("take_over", id="go-on", conversation=conversation, epoch=1)
            await until(lambda: len(house.conversations.asked) > asked)
            console.socket.transport.abort()
        house.conversations.answering.set()
        await visitor.until("event", kind="mode", mode="human")
        assert len(await house.log.load(stream)) == 2


async def test_an_operators_presence_is_kept_while_a_console_is_open(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    limits = GatewayLimits(session_check_s=0.02, presence_s=0.01)
    now = 10**9
    async with gateway(limits=limits, clock=lambda: now) as house:
        ana = await hire(house)
        async with ana.console() as console:
            await console.hello()
            async with asyncio.timeout(WAIT_S):
                # What is watched has no event to wait for.
                while (first := await house.hub.presence.last_seen("demo", ana.operator)) is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                now += 4000  # four seconds on: long enough to be written again
                while (later := await house.hub.presence.last_seen("demo", ana.operator)) == first:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        assert later > first


async def test_when_the_gateway_stops_its_consoles_are_told_to_come_back(gateway):
    async with gateway() as house:
        ana = await hire(house)
        async with ana.console() as console:
            await console.hello()
            leaving = asyncio.create_task(house.hub.leave())
            code, reason = await console.closed()
            await leaving
    assert code == 1012
    assert "come back" in reason
