"""Two gateways over one real NATS: who signs in, is locked or signs out, is so on both."""

from __future__ import annotations

import httpx
import pytest
from gateway_house import until
from operator_house import CONSOLE, bearer, hired, is_problem, sign_in


@pytest.fixture
async def replicas(gateway, start_nats):
    """(house, house, server)"""
    from events.jetstream.log import JetStreamLog
    from events.key_value import OPERATOR_SESSIONS, PRESENCE, SIGN_IN_FAILURES, NatsKeyValue
    from events.live.nats_feed import NatsLive

    nats = start_nats()
    log = await JetStreamLog.connect(nats.url)
    await log.ensure_streams()
    live = await NatsLive.connect(nats.url)

    def ports():
        buckets = {"sessions": OPERATOR_SESSIONS, "failures": SIGN_IN_FAILURES}
        made = {name: NatsKeyValue(log.connection, kind) for name, kind in buckets.items()}
        presence = NatsKeyValue(log.connection, PRESENCE)
        return made | {"log": log, "live": live, "presence": presence}

    try:
        async with gateway(**ports()) as one, gateway(**ports()) as two:
            yield one, two, nats
    finally:
        await live.close()
        await log.close()


async def test_a_sign_in_holds_on_every_replica_until_it_is_over_on_all(replicas):
    one, two, _ = replicas
    ident = await hired(one)
    await until(lambda: two.hub.operators.account("demo", ident) is not None)
    async with (
        httpx.AsyncClient(base_url=one.http, timeout=60) as first,
        httpx.AsyncClient(base_url=two.http, timeout=60) as second,
    ):
        headers = await bearer(first)
        assert (await second.get("/v1/operator/me", headers=headers)).status_code == 200
        second.cookies.update(first.cookies)
        refreshed = await second.post("/v1/operator/session/refresh", headers=CONSOLE)
        assert refreshed.status_code == 200
        await second.delete("/v1/operator/session", headers=CONSOLE)
        is_problem(await first.get("/v1/operator/me", headers=headers), 401, "revoked")
        for n in range(5):
            client = (first, second)[n % 2]
            is_problem(await sign_in(client, password="wrong one"), 401, "wrong_credentials")
        for client in (first, second):
            is_problem(await sign_in(client), 429, "locked")


async def test_presence_is_seen_by_every_replica(replicas):
    one, two, _ = replicas
    ident = await hired(one)
    await until(lambda: two.hub.operators.account("demo", ident) is not None)
    async with httpx.AsyncClient(base_url=two.http, timeout=60) as client:
        headers = await bearer(client)
        before = (await client.get("/v1/operator/operators", headers=headers)).json()
        await one.hub.presence.touch("demo", ident, one.hub.ports.clock())
        after = (await client.get("/v1/operator/operators", headers=headers)).json()
    assert [one["online"] for one in (*before, *after)] == [False, True]


async def test_sessions_outlive_the_death_of_nats_and_nobody_is_let_in_meanwhile(replicas):
    one, _, nats = replicas
    await hired(one)
    async with httpx.AsyncClient(base_url=one.http, timeout=30) as client:
        headers = await bearer(client)
        nats.kill()
        is_problem(await client.get("/v1/operator/me", headers=headers), 503, "unavailable")
        is_problem(await sign_in(client), 503, "unavailable")
        cookie = dict(client.cookies)
        answer = await client.post("/v1/operator/session/refresh", headers=CONSOLE)
        is_problem(answer, 503, "unavailable")
        assert dict(client.cookies) == cookie
        nats.start()
        await one.log.connection.wait_until_up(20)
        assert (await client.get("/v1/operator/me", headers=headers)).status_code == 200
        answer = await client.post("/v1/operator/session/refresh", headers=CONSOLE)
        assert answer.status_code == 200
