"""A visitor talks over a real WebSocket: hello, messages, events, coming back."""

from __future__ import annotations

import asyncio

import pytest
from gateway_house import until


def places(events):
    return [(event["version"], event["index"]) for event in events]


async def test_a_new_visitor_is_welcomed_and_nothing_is_written(house):
    from events.log.stream import is_token

    async with house.visitor() as visitor:
        welcome = await visitor.hello()
    assert visitor.socket.subprotocol == "tandem.v1.json"
    assert is_token(welcome["conversation"])
    assert (welcome["version"], welcome["mode"], welcome["company"]) == (0, "ai", "demo ltd")
    limits = {"message_chars": 2000, "frame_bytes": 65536, "unacknowledged": 8}
    assert welcome["limits"] == limits
    assert await house.log.last(house.stream(welcome["conversation"])) is None


async def test_a_message_is_acknowledged_with_the_version_that_holds_it_and_shown(house):
    async with house.visitor() as visitor:
        welcome = await visitor.hello()
        await visitor.send("message", id="m1", text="  Where is my\x00 parcel?\r\n ")
        frames = [await visitor.next(), await visitor.next()]
        event = next(f for f in frames if f["type"] == "event")
        accepted = next(f for f in frames if f["type"] == "accepted")
    last = await house.log.last(house.stream(welcome["conversation"]))
    assert accepted == {"type": "accepted", "id": "m1", "version": last.version}
    assert event["kind"] == "visitor_message"
    assert (event["message"], event["text"]) == ("m1", "Where is my parcel?")
    assert event["version"] == last.version


async def test_sending_a_message_again_changes_nothing(house):
    async with house.visitor() as visitor:
        welcome = await visitor.hello()
        first = await visitor.say("m1", "hello")
        again = await visitor.say("m1", "hello")
    assert first == again
    assert len(await house.log.load(house.stream(welcome["conversation"]))) == 1


async def test_messagepack_carries_the_same_frames(house):
    async with house.visitor(codec="msgpack") as visitor:
        await visitor.hello()
        await visitor.say("m1", "hola")
        await visitor.send("ping", at=12.5)
        assert (await visitor.until("pong"))["at"] == 12.5
    assert visitor.socket.subprotocol == "tandem.v1.msgpack"


async def test_without_a_subprotocol_json_is_spoken(house):
    async with house.visitor(subprotocols=None) as visitor:
        await visitor.hello()
        assert visitor.socket.subprotocol is None


async def test_an_answer_streams_and_its_event_hides_what_is_not_for_a_visitor(house):
    from events.conversation import Source, TurnCost
    from events.live.frames import Delta, Typing

    async with house.visitor() as visitor:
        stream = house.stream((await visitor.hello())["conversation"])
        await visitor.say("m1", "hello")
        await house.live.publish(stream, Typing("visitor", True))  # its own: not echoed
        await house.live.publish(stream, Typing("assistant", True))
        await house.live.publish(stream, Delta("turn-m1", 0, "Hi "))
        source = Source(n=1, chunk="c1", document="d1", title="T", quote="Q", url="u", score=0.9)
        await house.conversations.answer(
            stream,
            "Hi [1]",
            html="<p>Hi</p>",
            sources=(source,),
            confidence=0.7,
            guard={"secret": "yes"},
            cost=TurnCost(model="gpt-secret"),
        )
        await house.live.publish(stream, Delta("turn-m1", 1, "late"))  # of a turn that is over
        await visitor.settle()
    said = [f for f in visitor.frames if f["type"] in ("typing", "delta", "event")][:-1]
    assert [f["type"] for f in said] == ["event", "typing", "delta", "event"]
    assert said[1] == {"type": "typing", "who": "assistant", "on": True}
    assert said[2] == {"type": "delta", "turn": "turn-m1", "index": 0, "text": "Hi "}
    answer = said[3]
    shown = {"n": 1, "title": "T", "quote": "Q", "chunk": "c1", "url": "u"}
    assert answer["sources"] == [shown]
    assert answer["in_reply_to"] == ["m1"]
    assert answer["answer"] == "answer"
    assert "secret" not in str(said)


async def test_a_handoff_and_a_rating_are_shown(house):
    async with house.visitor() as visitor:
        await visitor.hello()
        await visitor.say("m1", "hello")
        await visitor.send("handoff")
        handoff = await visitor.until("event", kind="mode")
        await visitor.send("rate", score=4)
        rated = await visitor.until("event", kind="rated")
    assert handoff["handoff"] == "requested"
    assert rated["score"] == 4


async def test_a_handoff_before_any_message_is_an_error_with_its_reason(house):
    async with house.visitor() as visitor:
        await visitor.hello()
        await visitor.send("handoff")
        assert (await visitor.until("error"))["code"] == "not_started"


async def test_coming_back_gives_all_that_was_said_and_who_speaks(house):
    from actors.conversation.commands import ReplyAsOperator, TakeOver

    async with house.visitor() as visitor:
        welcome = await visitor.hello()
        await visitor.say("m1", "one")
    stream = house.stream(welcome["conversation"])
    ann = {"operator": "ann", "operator_name": "Ann"}
    await house.conversations.ask(stream, TakeOver(id="t", at=1, epoch=1, **ann))
    reply = ReplyAsOperator(id="o1", at=2, epoch=2, text="Hi", html="<p>Hi</p>", **ann)
    await house.conversations.ask(stream, reply)
    async with house.visitor() as back:
        again = await back.hello(token=welcome["token"], conversation=welcome["conversation"])
        await back.until("event", kind="operator_message")
    assert again["mode"] == "human"
    assert again["conversation"] == welcome["conversation"]
    kinds = [event["kind"] for event in back.events]
    assert kinds == ["visitor_message", "mode", "notice", "operator_message"]
    assert {event["operator_name"] for event in back.events[1:]} == {"Ann"}


async def test_who_speaks_is_known_also_to_one_who_missed_nothing(house):
    from actors.conversation.commands import TakeOver

    async with house.visitor() as visitor:
        welcome = await visitor.hello()
        await visitor.say("m1", "one")
        stream = house.stream(welcome["conversation"])
        change = TakeOver(id="t", at=1, operator="ann", epoch=1)
        await house.conversations.ask(stream, change)
        version = (await visitor.until("event", kind="mode"))["version"]
    for _ in range(2):
        async with house.visitor() as back:
            again = await back.hello(token=welcome["token"], after=version)
            await back.settle()
        assert again["mode"] == "human"
        assert back.events == []
        house.hub._ends._ends.clear()  # the second time as in a gateway that just started


@pytest.mark.parametrize("process", ["the same", "another"])
async def test_who_comes_back_in_the_middle_of_an_answer_goes_on_seeing_it(house, process):
    from events.live.frames import Delta

    async with house.visitor() as visitor:
        welcome = await visitor.hello()
        stream = house.stream(welcome["conversation"])
        version = await visitor.say("m1", "one")
        await visitor.until_event("m1")
    if process == "another":
        house.hub._ends._ends.clear()
    async with house.visitor() as back:
        await back.hello(token=welcome["token"], after=version)
        await house.live.publish(stream, Delta("turn-m0", 0, "a ghost"))
        await house.live.publish(stream, Delta("turn-m1", 7, "the rest"))
        assert (await back.until("delta"))["text"] == "the rest"


@pytest.mark.parametrize("seen", [None, 0, 1, 2, 3, 4])
async def test_a_half_received_commit_is_resumed_exactly(house, seen):
    from events.conversation import AnswerRated, MessageReceived
    from events.log.event_log import Head, NewCommit

    async with house.visitor() as visitor:
        welcome = await visitor.hello()
    stream = house.stream(welcome["conversation"])
    facts = (
        MessageReceived(at=1, message="a", text="a"),
        AnswerRated(at=1, score=1),
        MessageReceived(at=1, message="b", text="b"),
        MessageReceived(at=1, message="c", text="c"),
    )
    first = await house.log.append(stream, NewCommit(commit_id="c1", facts=facts), expected=Head())
    after = MessageReceived(at=2, message="d", text="d")
    last = await house.log.append(
        stream, NewCommit(commit_id="c2", facts=(after,)), expected=first.head
    )
    place = {"after": first.version}
    if seen is not None:
        place["after_index"] = seen
    async with house.visitor() as back:
        await back.hello(token=welcome["token"], **place)
        await back.until("event", message="d")
    rest = [] if seen is None else list(range(seen + 1, len(facts)))
    wanted = [(first.version, index) for index in rest] + [(last.version, 0)]
    assert places(back.events) == wanted


async def test_a_place_that_this_log_never_had_begins_at_the_beginning(house):
    async with house.visitor() as visitor:
        welcome = await visitor.hello()
        await visitor.say("m1", "one")
    async with house.visitor() as back:
        await back.hello(token=welcome["token"], after=9_000_000, after_index=0)
        assert (await back.until("event"))["message"] == "m1"


async def test_two_sockets_on_one_conversation_see_the_same(house):
    async with house.visitor() as phone, house.visitor() as laptop:
        welcome = await phone.hello()
        await laptop.hello(token=welcome["token"])
        await phone.say("m1", "from the phone")
        await laptop.until("event", message="m1")
        await laptop.say("m2", "from the laptop")
        await phone.until("event", message="m2")
        await phone.settle()
        await laptop.until("typing", who="operator", on=False)
    assert phone.events == laptop.events
    assert len(phone.events) == 2


async def test_messages_of_one_socket_are_kept_in_the_order_they_were_sent(house):
    async with house.visitor() as visitor:
        welcome = await visitor.hello()
        for number in range(8):  # sent without waiting for one to be accepted
            await visitor.send("message", id=f"m{number}", text=str(number))
        for number in range(8):
            await visitor.until("event", message=f"m{number}")
    commits = await house.log.load(house.stream(welcome["conversation"]))
    texts = [fact.text for commit in commits for fact in commit.facts if hasattr(fact, "text")]
    assert texts == [str(number) for number in range(8)]


async def test_a_lost_live_commit_is_read_from_the_log(gateway):
    from events.log.memory import MemoryLive, MemoryLog
    from serve_apps.gateway.shared.limits import GatewayLimits

    class LossyLive(MemoryLive):
        losing = False

        def push(self, stream, commit):
            if not self.losing:
                super().push(stream, commit)

    log = MemoryLog()
    live = LossyLive(log)
    limits = GatewayLimits(recheck_s=0.1, recheck_owed_s=0.1)
    async with gateway(log=log, live=live, limits=limits) as house, house.visitor() as visitor:
        await visitor.hello()
        await visitor.say("m1", "one")
        await visitor.until("event", message="m1")
        live.losing = True
        await visitor.say("m2", "two")
        await visitor.say("m3", "three")
        await visitor.until("event", message="m3")  # a quiet spell: the log is asked
        live.losing = False
        await visitor.say("m4", "four")
        await visitor.until("event", message="m4")
        assert [event["message"] for event in visitor.events] == ["m1", "m2", "m3", "m4"]


async def test_an_accepted_message_that_is_not_pushed_is_looked_for_soon(gateway):
    from events.log.memory import MemoryLive, MemoryLog
    from serve_apps.gateway.shared.limits import GatewayLimits

    class SilentLive(MemoryLive):
        def push(self, stream, commit):
            pass

    log = MemoryLog()
    limits = GatewayLimits(recheck_s=3600, recheck_owed_s=0.1)
    live = SilentLive(log)
    async with gateway(log=log, live=live, limits=limits) as house, house.visitor() as visitor:
        await visitor.hello()
        await visitor.say("m1", "one")
        await visitor.until("event", message="m1")


async def test_the_log_may_be_away_while_a_visitor_is_there(gateway):
    from events.log.event_log import LogUnavailable
    from events.log.memory import MemoryLive, MemoryLog
    from serve_apps.gateway.shared.limits import GatewayLimits

    class FlakyLog(MemoryLog):
        away = False
        refused = 0

        async def load(self, stream, **where):
            self.check()
            return await super().load(stream, **where)

        async def last(self, stream):
            self.check()
            return await super().last(stream)

        def check(self):
            if self.away:
                self.refused += 1
                raise LogUnavailable("away")

    class SilentLive(MemoryLive):
        def push(self, stream, commit):
            pass

    log = FlakyLog()
    limits = GatewayLimits(recheck_s=0.05, recheck_owed_s=0.05)
    async with gateway(log=log, live=SilentLive(log), limits=limits) as house:
        async with house.visitor() as visitor:
            stream = house.stream((await visitor.hello())["conversation"])
            await visitor.say("m1", "one")
            await visitor.until("event", message="m1")
            await house.conversations.answer(stream, "an answer")
            log.away = True
            refused = log.refused
            await until(lambda: log.refused >= refused + 2)
            log.away = False
            await visitor.until("event", kind="assistant_message")
            log.away = True
            async with house.visitor() as other:
                await other.send("hello", key="pk_demo")
                code, reason = await other.closed()
            log.away = False
        assert code == 1013
        assert "come back" in reason


async def test_when_the_gateway_stops_its_clients_are_told_to_come_back(gateway):
    async with gateway() as house:
        async with house.visitor() as visitor:
            await visitor.hello()
            leaving = asyncio.create_task(house.hub.leave())
            code, reason = await visitor.closed()
            await leaving
        assert code == 1012
        assert "come back" in reason


async def test_what_was_asked_goes_on_when_the_client_is_gone(house):
    async with house.visitor() as visitor:
        welcome = await visitor.hello()
        house.conversations.answering.clear()
        asked = len(house.conversations.asked)
        await visitor.send("message", id="m1", text="one")
        await until(lambda: len(house.conversations.asked) > asked)
        visitor.socket.transport.abort()
    house.conversations.answering.set()
    stream = house.stream(welcome["conversation"])
    await until(lambda: bool(house.log._versions.get(stream)))
