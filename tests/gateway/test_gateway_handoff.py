"""What a visitor's page is told while it waits for a person, and of a visitor who comes again."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from console_house import hire
from gateway_house import KEY, OTHER_KEY


@pytest.fixture(scope="module")
async def ana(house):
    return await hire(house, "Ana")


async def waiting(visitor):
    """A conversation that waits for a person."""
    conversation = (await visitor.hello())["conversation"]
    await visitor.say("m1", "I want a person")
    await visitor.send("handoff")
    return conversation


async def test_who_waits_is_told_its_place_and_moves_up(gateway):
    async with gateway() as house, house.visitor() as first, house.visitor() as second:
        ana = await hire(house)
        one = await waiting(first)
        assert (await first.until("queue"))["place"] == 1
        two = await waiting(second)
        assert (await second.until("queue"))["place"] == 2
        async with ana.console() as console:
            await console.hello()
            await console.order("take_over", one, epoch=1)
            assert (await first.until("queue"))["place"] == 0
            assert (await second.until("queue"))["place"] == 1
            await console.order("resolve", two, epoch=1)
        await first.settle()
        assert [f["place"] for f in first.frames if f["type"] == "queue"] == [1, 0]


async def test_who_comes_back_while_waiting_is_told_its_place_again(gateway):
    async with gateway() as house, house.visitor() as visitor:
        await waiting(visitor)
        await visitor.until("queue")
        token = visitor.frames[0]["token"]
        async with house.visitor() as back:
            await back.hello(token=token, after=visitor.events[-1]["version"])
            assert (await back.until("queue"))["place"] == 1


async def test_a_board_is_begun_when_somebody_waits_and_not_before(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    async with gateway(limits=GatewayLimits(board_linger_s=0)) as house:
        async with house.visitor() as visitor:
            await visitor.hello()
            await visitor.say("m1", "Hello")
            await visitor.settle()
            assert len(house.hub.boards) == 0
            await visitor.send("handoff")
            await visitor.until("queue")
            assert len(house.hub.boards) == 1
        while len(house.hub.boards):  # noqa: ASYNC110  # the gateway notices that it is gone
            await asyncio.sleep(0.005)


async def test_the_house_tells_the_visitor_what_happens_and_never_why(house, ana):
    async with house.visitor() as visitor, ana.console() as console:
        conversation = await waiting(visitor)
        asked = await visitor.until("event", kind="mode")
        queued = await visitor.until("event", kind="notice", notice="handoff_queued")
        await console.hello()
        await console.order("take_over", conversation, epoch=1)
        joined = await visitor.until("event", kind="notice", notice="operator_joined")
        await console.order("release", conversation, epoch=2)
        await visitor.until("event", kind="notice", notice="assistant_back")
    assert asked["handoff"] == "requested"
    assert queued["text"]
    assert joined["operator_name"] == "Ana"
    shown = str(visitor.frames)
    assert not any(word in shown for word in ("evidence", "reason", "epoch", "visitor_asked"))


async def test_an_event_stream_tells_notices_and_places_too(house):
    async with house.visitor() as visitor, httpx.AsyncClient(timeout=60) as client:
        conversation = await waiting(visitor)
        token = visitor.frames[0]["token"]
        kinds, places = [], []
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        url = f"{house.http}/v1/conversations/{conversation}/events"
        async with asyncio.timeout(20), client.stream("GET", url, headers=headers) as stream:
            lines = stream.aiter_lines()
            while not places or "notice" not in str(kinds):
                line = await anext(lines)
                if line.startswith("event: queue"):
                    places.append(await anext(lines))
                elif line.startswith("data:"):
                    kinds.append(line)
    assert '"place":' in places[0]
    assert '"handoff_queued"' in str(kinds)


async def visitor_of(house, conversation):
    commits = await house.log.load(house.stream(conversation))
    return commits[0].facts[0].visitor


async def test_a_fresh_conversation_is_the_same_visitors(house):
    async with house.visitor() as visitor:
        welcome = await visitor.hello()
        await visitor.say("m1", "one")
        version = (await visitor.until("event"))["version"]
    async with house.visitor() as again:
        fresh = await again.hello(token=welcome["token"], fresh=True, after=version)
        await again.say("m1", "two")  # its own conversation, so its own ids
        await again.until("event", message="m1")
    async with house.visitor() as old:
        assert (await old.hello(token=welcome["token"]))["conversation"] == welcome["conversation"]
        await old.until("event", message="m1", text="one")
    assert fresh["conversation"] != welcome["conversation"]
    assert fresh["version"] == 0
    first = await visitor_of(house, welcome["conversation"])
    assert first
    assert first == await visitor_of(house, fresh["conversation"])
    assert first not in (welcome["conversation"], fresh["conversation"])


async def test_two_browsers_are_two_visitors(house):
    seen = set()
    for _ in range(2):
        async with house.visitor() as visitor:
            conversation = (await visitor.hello())["conversation"]
            await visitor.say("m1", "one")
            seen.add(await visitor_of(house, conversation))
    assert len(seen) == 2


@pytest.mark.parametrize(
    "hello",
    [{"token": "x"}, {"key": OTHER_KEY, "origin": "https://other.example"}, {"conversation": "c"}],
)
async def test_a_fresh_conversation_needs_the_visitors_own_token(house, hello):
    async with house.visitor() as visitor:
        token = (await visitor.hello())["token"]
    hello = {"key": KEY, "token": token, "fresh": True} | hello
    async with house.visitor(origin=hello.pop("origin", None)) as other:
        await other.send("hello", **hello)
        assert (await other.until("error"))["code"] == "bad_token"


async def test_over_http_a_visitor_is_known_again_by_the_token(house):
    async with httpx.AsyncClient(base_url=house.http) as client:
        opened = (await client.post("/v1/conversations", json={"key": KEY})).json()
        seen = []
        for _ in range(2):
            bearer = {"Authorization": f"Bearer {opened['token']}"}
            path = f"/v1/conversations/{opened['conversation']}/messages"
            sent = await client.post(path, json={"id": "m1", "text": "hi"}, headers=bearer)
            assert sent.status_code == 202
            seen.append(await visitor_of(house, opened["conversation"]))
            opened = (
                await client.post("/v1/conversations", json={"key": KEY}, headers=bearer)
            ).json()
        other = await client.post("/v1/conversations", json={"key": OTHER_KEY}, headers=bearer)
    assert seen[0] == seen[1] != ""
    assert (other.status_code, other.json()["code"]) == (401, "bad_token")
