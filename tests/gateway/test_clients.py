"""The programs' own clients of both sockets keep their promises over connections that break."""

from __future__ import annotations

import asyncio

import pytest
from console_house import hire


@pytest.fixture(scope="module")
async def ana(house):
    return await hire(house, "Ana")


def console_url(house):
    return house.ws.removesuffix("/v1/socket") + "/v1/operator/socket"


async def test_an_operators_program_works_on_a_conversation_over_broken_connections(house, ana):
    from tandem.clients.operator_socket import OperatorSocket
    from tandem.clients.visitor import RefusedByGateway, Visitor

    async with (
        Visitor(house.ws) as visitor,
        OperatorSocket(console_url(house), ana.token) as console,
    ):
        await visitor.say("I want a person")
        await visitor.send({"type": "handoff"})
        await visitor.until(lambda: visitor.place == 1, timeout_s=10)
        ident = visitor.conversation
        await console.until(lambda: "waiting_since" in console.rows.get(ident, {}), timeout_s=10)
        await console.watch(ident)
        await console.order("take_over", ident, epoch=1)
        for number in range(5):
            await console.drop()
            await visitor.drop()
            await console.order("reply", ident, epoch=2, text=f"reply {number}")
        stored = await house.log.load(house.stream(ident))
        await console.until(
            lambda: len(console.commits.get(ident, ())) == len(stored), timeout_s=10
        )
        await visitor.until(lambda: "reply 4" in str(visitor.events), timeout_s=10)
        with pytest.raises(RefusedByGateway, match="stale_epoch"):
            await console.order("release", ident, epoch=1)
        with pytest.raises(RefusedByGateway, match="unknown_conversation"):
            await console.watch("nothing")
    assert [commit["version"] for commit in console.commits[ident]] == [c.version for c in stored]
    assert (console.repeats, visitor.repeats) == (0, 0)
    assert console.connections > 1
    assert console.me["name"] == "Ana"


async def test_an_operators_program_with_an_old_token_is_told(house):
    from tandem.clients.operator_socket import OperatorSocket
    from tandem.clients.visitor import RefusedByGateway

    with pytest.raises(RefusedByGateway, match="bad_token"):
        async with OperatorSocket(console_url(house), "x"):
            pass


async def test_an_operators_program_says_hello_afresh_before_its_token_ends(gateway, monkeypatch):
    from tandem.clients import operator_socket

    monkeypatch.setattr(operator_socket, "FRESH_BEFORE_S", 10**6)  # it always ends soon
    asked = []
    async with gateway() as house:
        ana = await hire(house)

        async def token():
            asked.append(True)
            return ana.token

        async with operator_socket.OperatorSocket(console_url(house), token) as console:
            await asyncio.wait_for(console.until(lambda: len(asked) > 1, timeout_s=10), 15)
            assert console.connections == 1


async def test_a_visitors_program_begins_a_fresh_conversation(house):
    from tandem.clients.visitor import Visitor

    async with Visitor(house.ws) as first:
        await first.say("one")
    async with Visitor(house.ws, token=first.token, fresh=True) as second:
        await second.say("two")
        await second.drop()
        await second.say("three")
    assert second.conversation != first.conversation
    stored = await house.log.load(house.stream(second.conversation))
    assert len(stored) == 2
