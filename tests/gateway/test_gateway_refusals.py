"""What is refused, with which code and reason, and that nobody else notices."""

from __future__ import annotations

import contextlib
import socket
import time

import jwt
import pytest
from gateway_house import KEY, OTHER_KEY, SECRET, until


async def refused_hello(house, **hello):
    async with house.visitor() as visitor:
        await visitor.send("hello", **({"key": KEY} | hello))
        error = await visitor.until("error")
        return error["code"], visitor


async def test_a_wrong_key_is_an_error_and_1008(house):
    async with house.visitor() as visitor:
        await visitor.send("hello", key="pk_nobody")
        assert (await visitor.until("error"))["code"] == "wrong_key"
        assert await visitor.closed() == (1008, "wrong_key")


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:8000",
        "http://127.0.0.1:8000",
        "https://127.8.9.10",
        "http://[::1]:3000",
        "https://shop.example",
        None,
    ],
)
async def test_pages_of_an_allowed_origin_come_in(house, origin):
    async with house.visitor(origin=origin) as visitor:
        await visitor.hello()


async def test_another_tenants_page_may_not_use_this_key(house):
    async with house.visitor(origin="https://other.example") as visitor:
        await visitor.send("hello", key=KEY)
        assert (await visitor.until("error"))["code"] == "foreign_origin"
        assert await visitor.closed() == (1008, "foreign_origin")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1.evil.example", "null", "http://[::1"]
)
async def test_an_origin_that_nobody_allows_is_refused_at_the_handshake(house, origin):
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus) as refused:
        async with house.visitor(origin=origin):
            pass
    assert refused.value.response.status_code == 403
    assert b"foreign_origin" in refused.value.response.body


async def test_an_unknown_subprotocol_is_refused_with_the_known_ones(house):
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus) as refused:
        async with house.visitor(subprotocols=["tandem.v9.json"]):
            pass
    assert refused.value.response.status_code == 400
    assert b"tandem.v1.msgpack" in refused.value.response.body


def signed(secret: str = SECRET, **claims: object) -> str:
    sound = {"aud": "tandem.visitor", "ten": "demo", "con": "c1", "iat": int(time.time())}
    return jwt.encode(sound | claims, secret, algorithm="HS256")


BAD_TOKENS = {
    "no token at all": "x",
    "signed by another": signed("another secret that is also long enough"),
    "too old": signed(iat=int(time.time()) - 91 * 86_400),
    "for something else": signed(aud="else"),
    "of another tenant": signed(ten="other"),
    "a conversation that is no id": signed(con="a.b"),
    "a wildcard": signed(con=">"),
    "unsigned": jwt.encode({"ten": "demo", "con": "c1", "iat": 1}, None, algorithm="none"),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
async def test_a_bad_token_is_an_error_and_the_visitor_can_start_anew(house, name):
    async with house.visitor() as visitor:
        await visitor.send("hello", key=KEY, token=BAD_TOKENS[name])
        assert (await visitor.until("error"))["code"] == "bad_token"
        await visitor.hello()


async def test_a_conversation_cannot_be_entered_by_guessing_its_id(house):
    async with house.visitor() as visitor, house.visitor() as guesser:
        welcome = await visitor.hello()
        await visitor.say("m1", "private")
        await guesser.send("hello", key=KEY, conversation=welcome["conversation"])
        assert (await guesser.until("error"))["code"] == "bad_token"
        own = await guesser.hello()
        await guesser.send("hello", key=KEY)
        assert (await guesser.until("error"))["code"] == "greeted"
    async with house.visitor() as guesser:
        fields = {"token": own["token"], "conversation": welcome["conversation"]}
        await guesser.send("hello", key=KEY, **fields)
        assert (await guesser.until("error"))["code"] == "bad_token"


async def test_a_token_is_of_no_use_with_another_tenants_key(house):
    async with house.visitor() as visitor, house.visitor() as thief:
        welcome = await visitor.hello()
        await thief.send("hello", key=OTHER_KEY, token=welcome["token"])
        assert (await thief.until("error"))["code"] == "bad_token"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "message_length"),
        (" \n\t ", "message_length"),
        ("\x00\x01\x1b", "message_length"),
        ("x" * 2001, "message_length"),
    ],
)
async def test_a_message_of_no_or_too_many_characters_is_rejected(house, text, code):
    async with house.visitor() as visitor:
        await visitor.hello()
        await visitor.send("message", id="m1", text=text)
        rejected = await visitor.until("rejected")
        assert (rejected["id"], rejected["code"]) == ("m1", code)
        await visitor.say("m2", "é" * 2000)  # characters, not bytes


@pytest.mark.parametrize("ident", ["", "a b", "x" * 65, "a\nb", "*", "ünï"])
async def test_a_message_id_that_could_not_be_kept_is_rejected(house, ident):
    async with house.visitor() as visitor:
        await visitor.hello()
        await visitor.send("message", id=ident, text="hello")
        assert (await visitor.until("rejected"))["code"] == "message_id"


async def test_the_ninth_unacknowledged_message_is_rejected_and_eight_are_kept(gateway):
    async with gateway() as house, house.visitor() as visitor:
        await visitor.hello()
        house.conversations.answering.clear()
        for number in range(9):
            await visitor.send("message", id=f"m{number}", text="hello")
        rejected = await visitor.until("rejected")
        assert (rejected["id"], rejected["code"]) == ("m8", "too_many_unacknowledged")
        house.conversations.answering.set()
        for number in range(8):
            await visitor.until("accepted", id=f"m{number}")
        await visitor.say("m8", "hello")


async def test_an_outage_rejects_as_unavailable_and_the_same_id_can_be_sent_again(gateway):
    async with gateway() as house, house.visitor() as visitor:
        await visitor.hello()
        house.conversations.down = True
        await visitor.send("message", id="m1", text="hello")
        assert (await visitor.until("rejected", id="m1"))["code"] == "unavailable"
        house.conversations.down = False
        await visitor.say("m1", "hello")


async def test_a_shard_that_never_answers_is_unavailable_after_the_time_out(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    limits = GatewayLimits(ask_timeout_s=0.1)
    async with gateway(limits=limits) as house, house.visitor() as visitor:
        await visitor.hello()
        house.conversations.answering.clear()
        await visitor.send("message", id="m1", text="hello")
        assert (await visitor.until("rejected", id="m1"))["code"] == "unavailable"


async def test_a_flood_is_rejected_and_then_closed(house):
    async with house.visitor() as visitor, house.visitor() as other:
        await visitor.hello()
        await other.hello()
        with contextlib.suppress(Exception):  # it is cut off while it still sends
            for number in range(200):
                await visitor.send("message", id=f"m{number}", text="hello")
        code, reason = await visitor.closed()
        codes = {frame["code"] for frame in visitor.frames if frame["type"] == "rejected"}
        assert code == 1008
        assert "rate_limited" in reason
        assert "rate_limited" in codes
        await other.say("m1", "untouched")


async def test_sockets_of_one_address_share_a_limit(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    limits = GatewayLimits(address_messages=3, address_window_s=3600)
    async with gateway(limits=limits, limit_loopback=True) as house:
        async with house.visitor() as one, house.visitor() as two:
            await one.hello()
            await two.hello()
            await one.say("m1", "hello")
            await two.send("message", id="m2", text="hello")
            assert (await two.until("rejected"))["code"] == "rate_limited"
        async with house.visitor() as three:
            await three.send("hello", key=KEY)
            assert (await three.until("error"))["code"] == "rate_limited"


async def test_a_frame_beyond_64_kib_closes_with_1009(house):
    for frame in ("x" * 65_537, "é" * 40_000):
        async with house.visitor() as visitor:
            await visitor.hello()
            await visitor.raw(frame)
            code, reason = await visitor.closed()
        assert code == 1009
        assert "65536" in reason
    async with house.visitor(codec="msgpack") as visitor:
        await visitor.hello()
        await visitor.raw(b"x" * 65_537)
        assert (await visitor.closed())[0] == 1009


async def test_a_compressed_bomb_is_refused_too(house):
    async with house.visitor() as visitor:  # permessage-deflate is on in both
        await visitor.hello()
        await visitor.raw('{"type":"ping","at":1,"x":"' + "0" * 10_000_000 + '"}')
        assert (await visitor.closed())[0] == 1009


HOSTILE = {
    "no JSON": ("{", "bad_json"),
    "a list": ("[]", "bad_frame"),
    "a number": ("7", "bad_frame"),
    "no type": ('{"id":"a"}', "bad_frame"),
    "a type that is none": ('{"type":7}', "bad_frame"),
    "an unknown type": ('{"type":"shutdown"}', "unknown_type"),
    "a server's type": ('{"type":"welcome"}', "unknown_type"),
    "a missing field": ('{"type":"message","id":"a"}', "bad_field"),
    "a field of a wrong type": ('{"type":"message","id":1,"text":"a"}', "bad_field"),
    "a half surrogate": ('{"type":"message","id":"a","text":"\\ud800"}', "bad_json"),
    "a score of 9": ('{"type":"rate","score":9}', "bad_field"),
    "a number beyond all": ('{"type":"ping","at":' + "9" * 400 + "}", "bad_field"),
    "a deep nest": ("[" * 30_000, "bad_frame"),
    "a deep nest in a field": (
        '{"type":"ping","at":1,"x":' + "[" * 30_000 + "]" * 30_000 + "}",
        "bad_json",
    ),
    "binary": (b"\x00", "bad_frame"),
    "empty": ("", "bad_json"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_frame_is_answered_with_its_code_and_the_socket_goes_on(house, name):
    data, code = HOSTILE[name]
    async with house.visitor() as visitor:
        await visitor.hello()
        await visitor.raw(data)
        error = await visitor.until("error")
        assert error["code"] == code
        assert error["detail"]
        await visitor.say("m1", "still here")


async def test_several_bad_frames_close_with_1008(house):
    async with house.visitor() as visitor:
        await visitor.hello()
        for _ in range(5):
            await visitor.raw("{")
        assert await visitor.closed() == (1008, "too many bad frames")
    assert sum(frame["type"] == "error" for frame in visitor.frames) == 5


@pytest.mark.parametrize(
    "field",
    [
        {"after": -1},
        {"after": 2**64},
        {"after_index": -1},
        {"after": "1"},
        {"locale": "en'; --"},
        {"key": "k" * 200},
        {"token": "t" * 5000},
    ],
)
async def test_a_hello_with_a_bad_field_is_refused(house, field):
    async with house.visitor() as visitor:
        await visitor.send("hello", **({"key": KEY} | field))
        assert (await visitor.until("error"))["code"] == "bad_field"


async def test_the_first_frame_must_be_hello(house):
    async with house.visitor() as visitor:
        await visitor.send("message", id="m1", text="hello")
        assert (await visitor.until("error"))["code"] == "hello_first"
        await visitor.hello()


async def test_a_socket_that_says_nothing_is_closed(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    limits = GatewayLimits(hello_timeout_s=0.2, idle_timeout_s=0.2)
    async with gateway(limits=limits) as house:
        async with house.visitor() as visitor:
            code, reason = await visitor.closed()
            assert code == 1008
            assert "hello" in reason
        async with house.visitor() as visitor:
            await visitor.hello()
            assert await visitor.closed() == (1001, "idle")


def small_socket(house):
    """A connection whose buffers hold little, so that not reading is noticed soon."""
    listening = house.server.servers[0].sockets[0]
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)  # inherited when accepted
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    small.connect(("127.0.0.1", house.port))
    return small


async def test_a_client_that_does_not_read_is_closed_and_others_are_untouched(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    limits = GatewayLimits(
        outbox_frames=4, slow_reader_s=0.2, messages_burst=1000, frames_burst=1000, close_grace_s=30
    )
    async with gateway(limits=limits) as house:
        options = {"sock": small_socket(house), "max_queue": 1, "compression": None}
        async with house.visitor(**options) as deaf, house.visitor() as other:
            welcome = await deaf.hello()
            await other.hello(token=welcome["token"])
            for number in range(200):
                await other.say(f"m{number}", "x" * 2000)
                if house.hub.metrics.closed.labels("1013")._value.get():
                    break
            code, reason = await deaf.closed()  # only now it reads
            await other.say("m-last", "untouched")
        assert code == 1013
        assert "too slow" in reason


async def test_a_client_that_never_reads_is_cut_off(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    limits = GatewayLimits(
        outbox_frames=4,
        slow_reader_s=0.2,
        messages_burst=1000,
        frames_burst=1000,
        close_grace_s=0.2,
    )
    async with gateway(limits=limits) as house:
        options = {"sock": small_socket(house), "max_queue": 1, "compression": None}
        async with house.visitor(**options) as deaf, house.visitor() as other:
            welcome = await deaf.hello()
            await other.hello(token=welcome["token"])
            for number in range(200):
                await other.say(f"m{number}", "x" * 2000)
                if len(house.hub._connected) == 1:
                    break
            await until(lambda: len(house.hub._connected) == 1)
            deaf.socket.transport.abort()


async def test_a_long_history_does_not_make_a_reader_slow(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    limits = GatewayLimits(outbox_frames=2, messages_burst=1000, frames_burst=1000)
    async with gateway(limits=limits) as house:
        async with house.visitor() as visitor:
            welcome = await visitor.hello()
            for number in range(100):
                await visitor.say(f"m{number}", "hello")
        async with house.visitor() as back:
            await back.hello(token=welcome["token"])
            for number in range(5):
                await back.send("ping", at=number)
            await back.until("event", message="m99")
            await back.settle()
            assert sum(frame["type"] == "pong" for frame in back.frames) == 5
        assert [event["message"] for event in back.events] == [f"m{n}" for n in range(100)]


@pytest.mark.parametrize("as_serve", [False, True])
async def test_sockets_that_end_in_any_way_leave_nothing_behind(gateway, as_serve):
    async with gateway(as_serve=as_serve) as house:
        for _ in range(5):
            async with house.visitor() as visitor:
                await visitor.hello()
                await visitor.say("m1", "hello")
                visitor.socket.transport.abort()
            async with house.visitor() as visitor:
                await visitor.hello()
                await visitor.raw("x" * 70_000)
                await visitor.closed()
            async with house.visitor() as visitor:
                await visitor.hello()
            async with house.visitor() as visitor:
                await visitor.send("hello", key="pk_nobody")
                await visitor.closed()
        await until(lambda: not house.hub._connected and not house.live._watches)
        assert house.hub.metrics.sockets._value.get() == 0
