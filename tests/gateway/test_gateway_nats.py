"""The gateway over a real NATS server, also when that server dies under it."""

from __future__ import annotations


async def test_a_visitor_loses_nothing_when_nats_is_killed_and_started_again(gateway, start_nats):
    from events.jetstream.log import JetStreamLog
    from events.live.nats_feed import NatsLive
    from serve_apps.gateway.shared.limits import GatewayLimits

    nats = start_nats()
    log = await JetStreamLog.connect(nats.url)
    await log.ensure_streams()
    live = await NatsLive.connect(nats.url)
    try:
        limits = GatewayLimits(recheck_owed_s=0.2, recheck_s=1)
        async with gateway(log=log, live=live, limits=limits) as house:
            async with house.visitor() as visitor:
                welcome = await visitor.hello()
                stream = house.stream(welcome["conversation"])
                await visitor.say("m1", "before")
                await visitor.until("event", message="m1")
                nats.kill()
                await visitor.send("message", id="m2", text="while it is down")
                nats.start()
                answer = await visitor.until_answered("m2")
                if answer["type"] == "rejected":  # what the protocol asks for: the same id again
                    assert answer["code"] == "unavailable"
                    await visitor.say("m2", "while it is down")
                await visitor.until_event("m2")
                await house.conversations.answer(stream, "an answer")
                await visitor.until("event", kind="assistant_message")
            async with house.visitor() as back:
                await back.hello(token=welcome["token"])
                await back.until("event", kind="assistant_message")
        assert back.events == visitor.events
        assert len(back.events) == 3
    finally:
        await live.close()
        await log.close()


async def test_a_console_misses_nothing_when_nats_is_killed_and_started_again(gateway, start_nats):
    from console_house import hire

    from events.jetstream.log import JetStreamLog
    from events.live.nats_feed import NatsLive
    from serve_apps.gateway.shared.limits import GatewayLimits
    from tandem.clients.operator_socket import OperatorSocket
    from tandem.clients.visitor import Visitor

    nats = start_nats()
    log = await JetStreamLog.connect(nats.url)
    await log.ensure_streams()
    live = await NatsLive.connect(nats.url)
    try:
        limits = GatewayLimits(recheck_owed_s=0.2, recheck_s=1, board_reread_s=1, board_retry_s=0.2)
        async with gateway(log=log, live=live, limits=limits) as house:
            ana = await hire(house)
            url = f"ws://127.0.0.1:{house.port}/v1/operator/socket"
            async with Visitor(house.ws) as visitor, OperatorSocket(url, ana.token) as console:
                await visitor.say("before")
                ident = visitor.conversation
                await console.watch(ident)
                await console.order("take_over", ident, epoch=1)
                nats.kill()
                nats.start()
                await visitor.say("after")
                await console.order("reply", ident, epoch=2, text="I am here.")
                stored = await log.load(house.stream(ident))
                await console.until(
                    lambda: len(console.commits[ident]) == len(stored), timeout_s=30
                )
                await console.until(
                    lambda: console.rows[ident]["version"] == stored[-1].version, timeout_s=30
                )
                await visitor.until(lambda: "I am here." in str(visitor.events), timeout_s=30)
        assert [frame["number"] for frame in console.commits[ident]] == [1, 2, 3, 4]
        assert console.repeats == 0
    finally:
        await live.close()
        await log.close()
