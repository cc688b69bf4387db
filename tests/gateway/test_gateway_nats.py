"""The gateway over a real NATS server, also when that server dies under it."""

from __future__ import annotations


async def test_a_visitor_loses_nothing_when_nats_is_killed_and_started_again(gateway, start_nats):
    from events.jetstream import JetStreamLog
    from events.live_nats import NatsLive
    from serve_apps.gateway.limits import GatewayLimits

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
