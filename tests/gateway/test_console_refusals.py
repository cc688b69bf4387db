"""What a console is refused, with which code and reason, and when its session is over."""

from __future__ import annotations

import json

import pytest
from console_house import PASSWORD, hire
from gateway_house import until


@pytest.fixture(scope="module")
async def ana(house):
    return await hire(house, "Ana")


async def started(visitor):
    conversation = (await visitor.hello())["conversation"]
    await visitor.say("m1", "Hello?")
    return conversation


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://shop.example", "http://localhost:1", "null"]
)
async def test_a_page_of_another_origin_is_refused_at_the_handshake(house, ana, origin):
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus) as refused:
        async with ana.console(origin=origin):
            pass
    assert refused.value.response.status_code == 403
    assert b"foreign_origin" in refused.value.response.body


async def test_the_gateways_own_page_and_a_program_come_in(house, ana):
    for origin in (house.http, None):
        async with ana.console(origin=origin) as console:
            await console.hello()


async def test_a_browser_that_says_whose_page_asks_is_believed(house, ana):
    from websockets.exceptions import InvalidStatus

    renamed = {"Origin": "https://desk.example", "Sec-Fetch-Site": "same-origin"}
    async with ana.console(additional_headers=renamed) as console:  # a proxy renamed the host
        await console.hello()
    with pytest.raises(InvalidStatus):
        async with ana.console(additional_headers={"Sec-Fetch-Site": "cross-site"}):
            pass


async def test_a_visitors_subprotocol_is_refused(house, ana):
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus) as refused:
        async with ana.console(subprotocols=["tandem.v1.json"]):
            pass
    assert refused.value.response.status_code == 400


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é" * 100])
async def test_a_token_that_is_none_ends_the_session(house, ana, token):
    async with ana.console() as console:
        await console.send("hello", token=token)
        assert (await console.until("error"))["code"] == "bad_token"
        assert await console.closed() == (1008, "bad_token")


async def test_a_visitors_token_opens_no_console(house, ana):
    async with house.visitor() as visitor, ana.console() as console:
        token = (await visitor.hello())["token"]
        await console.send("hello", token=token)
        assert await console.closed() == (1008, "bad_token")


async def test_an_operators_token_opens_no_conversation(house, ana):
    async with house.visitor() as visitor:
        await visitor.send("hello", key="pk_demo", token=ana.token)
        assert (await visitor.until("error"))["code"] == "bad_token"


async def test_a_silent_console_is_closed(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    async with gateway(limits=GatewayLimits(hello_timeout_s=0.05)) as house:
        ana = await hire(house)
        async with ana.console() as console:
            code, reason = await console.closed()
    assert (code, "no hello" in reason) == (1008, True)


async def test_nothing_is_answered_before_hello(house, ana):
    async with ana.console() as console:
        for frame in ("watch", "take_over", "note", "unwatch"):
            await console.send(frame, conversation="c", id="o", epoch=1, text="x")
            assert (await console.until("error"))["code"] == "hello_first"
    assert [frame["type"] for frame in console.frames] == ["error"] * 4


async def test_a_token_that_grew_too_old_closes_the_socket(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    now = [1_800_000_000_000]
    limits = GatewayLimits(session_check_s=0.01)
    async with gateway(limits=limits, clock=lambda: now[0]) as house:
        ana = await hire(house)
        async with ana.console() as console:
            await console.hello()
            now[0] = ana.expires_at + 1000
            assert (await console.until("error"))["code"] == "expired"
            assert await console.closed() == (1008, "expired")


async def test_a_fresh_hello_in_time_keeps_the_socket(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    now = [1_800_000_000_000]
    limits = GatewayLimits(session_check_s=0.01)
    async with gateway(limits=limits, clock=lambda: now[0]) as house:
        ana = await hire(house)
        async with ana.console() as console:
            await console.hello()
            now[0] = ana.expires_at - 1000
            fresh = await house.hub.identity.refresh(ana.session.refresh)
            await console.send("hello", token=fresh.token)
            assert (await console.until("welcome"))["expires_at"] == fresh.expires_at
            now[0] = ana.expires_at + 1000
            async with house.visitor() as visitor:
                conversation = await started(visitor)
                await console.until_row(conversation)
    assert [frame["type"] for frame in console.frames].count("board") == 1


async def test_another_operators_token_does_not_change_who_it_is(house, ana):
    bob = await hire(house, "Bob")
    async with ana.console() as console:
        await console.hello()
        await console.send("hello", token=bob.token)
        assert (await console.until("error"))["code"] == "another_operator"
        assert await console.closed() == (1008, "another_operator")


async def remove(house, operator):
    from serve_apps.gateway.operators.accounts.accounts import remove_operator

    await remove_operator(house.log, "demo", operator.operator, at=2)


async def demote(house, operator):
    from serve_apps.gateway.operators.accounts.accounts import change_operator

    await change_operator(house.log, "demo", operator.operator, role="viewer", at=2)


async def change_password(house, operator):
    from operator_house import cheap_passwords

    from serve_apps.gateway.operators.accounts.accounts import change_operator

    passwords = cheap_passwords()
    await change_operator(
        house.log, "demo", operator.operator, password=PASSWORD + "x", at=2, passwords=passwords
    )
    passwords.close()


async def sign_out(house, operator):
    await house.hub.sessions.end(operator.session.refresh)


@pytest.mark.parametrize("how", [remove, demote, change_password, sign_out])
async def test_an_operator_who_may_no_more_is_sent_away_within_seconds(gateway, how):
    from serve_apps.gateway.shared.limits import GatewayLimits

    async with gateway(limits=GatewayLimits(session_check_s=0.01)) as house:
        ana = await hire(house)
        async with ana.console() as console:
            await console.hello()
            await how(house, ana)
            assert (await console.until("error"))["code"] == "revoked"
            assert await console.closed() == (1008, "revoked")
        async with ana.console() as console:
            await console.send("hello", token=ana.token)
            assert (await console.closed())[0] == 1008


async def test_who_cannot_be_known_for_a_while_is_not_sent_away(gateway):
    from events.key_value import MemoryKeyValue
    from events.log.event_log import LogUnavailable
    from serve_apps.gateway.shared.limits import GatewayLimits

    class Away(MemoryKeyValue):
        away, asked = False, 0

        async def get(self, key):
            if self.away:
                self.asked += 1
                raise LogUnavailable("away")
            return await super().get(key)

    sessions = Away()
    limits = GatewayLimits(session_check_s=0.01)
    async with gateway(limits=limits, sessions=sessions) as house:
        ana = await hire(house)
        async with ana.console() as console, ana.console() as other:
            await console.hello()
            house.hub.sessions.__init__(sessions)  # what it remembers of sessions is gone
            sessions.away = True
            await until(lambda: sessions.asked > 2)
            await console.settle()
            await other.send("hello", token=ana.token)
            assert (await other.closed())[0] == 1013
            sessions.away = False
            await console.settle()


async def test_a_viewer_watches_and_does_nothing_else(house, ana):
    viewer = await hire(house, "Vic", role="viewer")
    async with viewer.console() as console, house.visitor() as visitor:
        await console.hello()
        conversation = await started(visitor)
        await console.watch(conversation)
        answer = await console.order("take_over", conversation, epoch=1)
        assert (answer["type"], answer["code"]) == ("rejected", "forbidden")
        answer = await console.order("note", conversation, text="x")
        assert answer["code"] == "forbidden"
        await console.send("typing", conversation=conversation, on=True)
        assert (await console.until("error"))["code"] == "forbidden"
        assert len(await house.log.load(house.stream(conversation))) == 1


async def test_another_tenants_conversation_is_as_one_that_never_was(house, ana):
    eve = await hire(house, "Eve", tenant="other")
    async with eve.console() as console, house.visitor() as visitor:
        await console.hello()
        conversation = await started(visitor)
        for ident in (conversation, "nothing"):
            await console.send("watch", conversation=ident)
            error = await console.until("error")
            assert (error["code"], error["conversation"]) == ("unknown_conversation", ident)
            answer = await console.order("take_over", ident, epoch=1)
            assert (answer["type"], answer["code"]) == ("rejected", "not_started")
            await console.send("typing", conversation=ident, on=True)
            assert (await console.until("error"))["code"] == "not_watched"
        await visitor.say("m2", "Is nobody there?")
        await visitor.settle()
        await console.settle()
        assert conversation not in str([f for f in console.frames if f["type"] != "error"])
        assert [event["kind"] for event in visitor.events] == ["visitor_message"] * 2


@pytest.mark.parametrize("ident", ["a.b", "demo.live.x", "a:b", "*", ">", "x" * 65, ""])
async def test_an_id_that_is_no_token_reaches_no_subject(house, ana, ident):
    async with ana.console() as console:
        await console.hello()
        await console.send("watch", conversation=ident)
        assert (await console.until("error"))["code"] in ("unknown_conversation", "bad_field")
        await console.send("note", id="n1", conversation=ident, text="x")
        frame = await console.next()
        while frame["type"] not in ("error", "rejected"):
            frame = await console.next()
        assert frame["code"] in ("unknown_conversation", "bad_field")


HOSTILE = {
    "no JSON": ("{", "bad_json"),
    "no object": ("[]", "bad_frame"),
    "no type": ("{}", "bad_frame"),
    "a type of another protocol": (json.dumps({"type": "message", "id": "m", "text": "x"}),
                                   "unknown_type"),
    "a server's frame": (json.dumps({"type": "board", "rows": []}), "unknown_type"),
    "no epoch": (json.dumps({"type": "take_over", "id": "o", "conversation": "c"}), "bad_field"),
    "a negative epoch": (
        json.dumps({"type": "take_over", "id": "o", "conversation": "c", "epoch": -1}),
        "bad_field",
    ),
    "an operator of one's own": (
        json.dumps({"type": "release", "id": "o", "conversation": "c", "epoch": 1, "to": "me"}),
        "bad_field",
    ),
    "no text": (
        json.dumps({"type": "reply", "id": "o", "conversation": "c", "epoch": 1, "text": ""}),
        "bad_field",
    ),
    "too long a text": (
        json.dumps({"type": "note", "id": "o", "conversation": "c", "text": "x" * 4001}),
        "bad_field",
    ),
    "a lone surrogate": (
        '{"type":"note","id":"o","conversation":"c","text":"\\ud800"}', "bad_json",
    ),
    "deep": ("[" * 5000, "bad_frame"),
    "a place beyond all": (
        json.dumps({"type": "watch", "conversation": "c", "after": 2**60}), "bad_field",
    ),
    "binary": (b"\x81", "bad_frame"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_frame_is_answered_and_five_end_the_session(house, ana, name):
    data, code = HOSTILE[name]
    async with ana.console() as console:
        await console.hello()
        await console.raw(data)
        assert (await console.until("error"))["code"] == code
        await console.settle()
        for _ in range(4):
            await console.raw(data)
        assert await console.closed() == (1008, "too many bad frames")


async def test_fields_that_name_an_operator_change_nothing(house, ana):
    async with ana.console() as console, house.visitor() as visitor:
        await console.hello()
        conversation = await started(visitor)
        await console.order(
            "take_over", conversation, epoch=1, operator="somebody", operator_name="Else", at=5
        )
        row = await console.until_row(conversation, mode="human")
    assert (row["operator"], row["operator_name"]) == (ana.operator, "Ana")


async def test_control_characters_are_taken_out_and_nothing_left_is_refused(house, ana):
    async with ana.console() as console, house.visitor() as visitor:
        await console.hello()
        conversation = await started(visitor)
        answer = await console.order("note", conversation, text=" \x00\x07 ")
        assert (answer["type"], answer["code"]) == ("rejected", "message_length")
        await console.order("note", conversation, text="a\x00b")
        last = await house.log.last(house.stream(conversation))
    assert last.facts[-1].text == "ab"


async def test_a_frame_too_big_ends_the_session(house, ana):
    async with ana.console() as console:
        await console.hello()
        await console.raw("x" * 70_000)
        assert (await console.until("error"))["code"] == "frame_size"
        assert (await console.closed())[0] == 1009


async def test_so_many_orders_may_wait_and_the_next_is_rejected(gateway):
    async with gateway() as house:
        ana = await hire(house)
        async with ana.console() as console, house.visitor() as visitor:
            await console.hello()
            conversation = await started(visitor)
            house.conversations.answering.clear()
            for number in range(9):
                await console.send("note", id=f"n{number}", conversation=conversation, text="x")
            rejected = await console.until("rejected")
            assert (rejected["id"], rejected["code"]) == ("n8", "too_many_in_flight")
            house.conversations.answering.set()
            for _ in range(8):
                await console.until("accepted")
            answer = await console.order("note", conversation, text="x", id="n8")
            assert answer["type"] == "accepted"


async def test_an_order_that_nobody_answers_is_unavailable_and_may_be_sent_again(gateway):
    async with gateway() as house:
        ana = await hire(house)
        async with ana.console() as console, house.visitor() as visitor:
            await console.hello()
            conversation = await started(visitor)
            house.conversations.down = True
            answer = await console.order("take_over", conversation, epoch=1, id="again")
            assert (answer["type"], answer["code"]) == ("rejected", "unavailable")
            house.conversations.down = False
            answer = await console.order("take_over", conversation, epoch=1, id="again")
            assert answer["type"] == "accepted"


async def test_too_many_frames_at_once_are_refused_and_then_end_the_session(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    limits = GatewayLimits(frames_burst=5, frames_per_s=0.001, flood_strikes=3)
    async with gateway(limits=limits) as house:
        ana = await hire(house)
        async with ana.console() as console:
            await console.hello()
            for _ in range(4):
                await console.send("ping", at=1)
            await console.send("note", id="n1", conversation="c", text="x")
            assert (await console.until("rejected"))["code"] == "rate_limited"
            await console.send("ping", at=2)
            await console.send("ping", at=3)
            assert (await console.closed())[0] == 1008


async def test_a_console_watches_a_bounded_number_of_conversations(gateway):
    from contextlib import AsyncExitStack

    from serve_apps.gateway.shared.limits import GatewayLimits

    async with gateway(limits=GatewayLimits(watched=2)) as house, AsyncExitStack() as stack:
        ana = await hire(house)
        visitors = [await stack.enter_async_context(house.visitor()) for _ in range(3)]
        one, two, three = [await started(visitor) for visitor in visitors]
        console = await stack.enter_async_context(ana.console())
        await console.hello()
        await console.watch(one)
        await console.watch(two)
        await console.send("watch", conversation=three)
        error = await console.until("error")
        assert (error["code"], error["conversation"]) == ("too_many_watched", three)
        await console.watch(two)  # again is not one more
        await console.send("unwatch", conversation=one)
        await console.watch(three)


async def test_a_console_that_does_not_read_is_cut_off_and_nobody_else_notices(gateway):
    import socket

    from events.conversation import NoteAdded
    from events.log.event_log import NewCommit
    from serve_apps.gateway.shared.limits import GatewayLimits

    limits = GatewayLimits(outbox_frames=4, slow_reader_s=0.3, close_grace_s=0.2)
    async with gateway(limits=limits) as house:
        ana = await hire(house)
        async with (
            house.visitor() as visitor,
            ana.console() as quick,
            ana.console(compression=None) as slow,
        ):
            await quick.hello()
            await slow.hello()
            conversation = await started(visitor)
            transport = slow.socket.transport
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            transport.pause_reading()
            await slow.send("watch", conversation=conversation)
            await quick.watch(conversation)
            stream = house.stream(conversation)
            head = (await house.log.last(stream)).head
            for number in range(200):
                note = NoteAdded(at=1, note=f"n{number}", operator="o", text="x" * 50_000)
                new = NewCommit(commit_id=f"c{number}", facts=(note,))
                head = (await house.log.append(stream, new, expected=head)).head
                await quick.until("commit", version=head.version)
            closed = house.hub.metrics.closed.labels("1013")
            await until(lambda: closed._value.get() == 1)
            transport.abort()
            await until(lambda: house.hub.metrics.consoles._value.get() == 1)
            await quick.settle()


async def test_figures_count_consoles_and_orders_by_what_came_of_them(gateway):
    import httpx

    async with gateway() as house:
        ana = await hire(house)
        async with ana.console() as console, house.visitor() as visitor:
            await console.hello()
            conversation = await started(visitor)
            await console.order("take_over", conversation, epoch=1)
            await console.order("release", conversation, epoch=7)
            async with httpx.AsyncClient() as client:
                figures = (await client.get(f"{house.http}/metrics")).text
    assert "tandem_gateway_consoles 1.0" in figures
    assert 'tandem_gateway_orders_total{outcome="accepted",type="take_over"} 1.0' in figures
    assert 'tandem_gateway_orders_total{outcome="stale_epoch",type="release"} 1.0' in figures
    assert "tandem_gateway_order_seconds_count 1.0" in figures
    assert conversation not in figures
