"""Signing in: who gets in, what is told to who does not, and when there is no further try."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
import structlog
from gateway_house import until
from operator_house import PASSWORD, Clock, bearer, cheap_passwords, hired, is_problem, sign_in

from serve_apps.gateway.operators.accounts.lockouts import SignInFailures, Tries, tried_account


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def house(gateway, clock, monkeypatch):
    monkeypatch.setattr("serve_apps.gateway.shared.tenants.QUIET_S", 0.02)
    async with gateway(clock=clock) as running:
        yield running


@pytest.fixture
async def client(house):
    async with httpx.AsyncClient(base_url=house.http, timeout=60) as made:
        yield made


async def wrong(client, times, name="Ana", **fields):
    """So many sign-ins with a wrong password: the last answer."""
    for _ in range(times):
        answer = await sign_in(client, name, password="not the password", **fields)
    return answer


async def test_who_knows_the_password_is_signed_in(client, house, clock):
    ident = await hired(house, role="admin")
    answer = await sign_in(client, email=" ANA@shop.example ")
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    me = {
        "operator": ident,
        "email": "ana@shop.example",
        "name": "Ana",
        "role": "admin",
        "tenant": "demo",
        "company": "demo ltd",
    }
    assert body["me"] == me
    assert 0 <= clock.now + 15 * 60_000 - body["expires_at"] < 1000
    headers = {"Authorization": f"Bearer {body['token']}"}
    assert (await client.get("/v1/operator/me", headers=headers)).json() == me


async def test_the_cookie_is_for_these_routes_alone_and_no_script_reads_it(client, house):
    await hired(house)
    (cookie,) = (await sign_in(client)).headers.get_list("set-cookie")
    name_and_value, *marks = [part.strip().lower() for part in cookie.split(";")]
    assert name_and_value.startswith("tandem_session=")
    assert set(marks) == {"httponly", "samesite=strict", "path=/v1/operator", "max-age=43200"}


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-Proto": "https"}, {"Sec-Fetch-Site": "same-origin", "Origin": "https://x.org"}],
)
async def test_the_cookie_is_secure_where_the_browser_came_by_https(client, house, headers):
    await hired(house)
    asked = {"email": "ana@shop.example", "password": PASSWORD}
    answer = await client.post("/v1/operator/session", json=asked, headers=headers)
    assert "; Secure" in answer.headers["set-cookie"]


async def test_an_unknown_email_is_answered_as_a_wrong_password_is(client, house):
    await hired(house)
    known, unknown = await wrong(client, 1), await wrong(client, 1, "Nobody")
    is_problem(known, 401, "wrong_credentials")
    assert known.content == unknown.content
    ignored = {"date", "x-request-id"}
    assert [h for h in known.headers.items() if h[0] not in ignored] == [
        h for h in unknown.headers.items() if h[0] not in ignored
    ]


async def test_an_unknown_email_costs_a_whole_check_of_a_password(gateway):
    passwords = cheap_passwords()
    checked = []
    verify = passwords.verify

    async def counted(kept, password):
        checked.append(kept)
        return await verify(kept, password)

    passwords.verify = counted
    async with (
        gateway(passwords=passwords) as house,
        httpx.AsyncClient(base_url=house.http) as client,
    ):
        await hired(house)
        await wrong(client, 1)
        await wrong(client, 1, "Nobody")
        await wrong(client, 1, tenant="no such tenant")
    assert [kept is None for kept in checked] == [False, True, True]


async def test_the_fifth_failure_in_a_row_locks_known_and_unknown_alike(client, house):
    await hired(house)
    for name in ("Ana", "Nobody"):
        is_problem(await wrong(client, 5, name), 401, "wrong_credentials")
        locked = await sign_in(client, name)
        is_problem(locked, 429, "locked")
        assert locked.headers["retry-after"] == "900"


async def test_a_lock_is_not_opened_by_the_right_password_and_ends_by_itself(client, house, clock):
    await hired(house)
    await wrong(client, 5)
    clock.pass_minutes(14.9)
    is_problem(await sign_in(client), 429, "locked")
    clock.pass_minutes(0.2)
    assert (await sign_in(client)).status_code == 201


async def test_each_failure_after_a_lock_locks_for_longer_up_to_an_hour(client, house, clock):
    await hired(house)
    await wrong(client, 4)
    waits = []
    for _ in range(4):
        is_problem(await wrong(client, 1), 401, "wrong_credentials")
        waits.append(int((await sign_in(client)).headers["retry-after"]) // 60)
        clock.pass_minutes(waits[-1] + 0.1)
    assert waits == [15, 30, 60, 60]


async def test_a_right_password_wipes_the_failures_out(client, house):
    await hired(house)
    for _ in range(3):
        await wrong(client, 4)
        assert (await sign_in(client)).status_code == 201


async def test_many_tries_at_once_are_no_way_around_the_count(client, house):
    await hired(house)
    tries = [wrong(client, 1) for _ in range(20)]
    codes = [answer.json()["code"] for answer in await asyncio.gather(*tries)]
    assert codes.count("wrong_credentials") == 5
    assert set(codes) <= {"wrong_credentials", "locked", "rate_limited"}


async def test_replicas_count_together(gateway, clock):
    from events.key_value import MemoryKeyValue

    shared = {"failures": MemoryKeyValue(), "clock": clock}
    async with gateway(**shared) as one, gateway(**shared, log=one.log) as two:
        await hired(one)
        async with (
            httpx.AsyncClient(base_url=one.http) as first,
            httpx.AsyncClient(base_url=two.http) as second,
        ):
            await until(lambda: two.hub.operators.by_email("ana@shop.example"))
            await wrong(first, 3)
            await wrong(second, 2)
            is_problem(await sign_in(first), 429, "locked")


async def test_an_address_that_tries_many_accounts_is_stopped(gateway, clock):
    async with (
        gateway(clock=clock, limit_loopback=True) as house,
        httpx.AsyncClient(base_url=house.http) as client,
    ):
        await hired(house)
        address = house.hub.sign_in._failures.address("127.0.0.1")
        for _ in range(49):
            await house.hub.sign_in._failures.try_address(address, clock.now)
        assert (await sign_in(client)).status_code == 201  # a right one is forgiven
        await wrong(client, 1, "Nobody")
        stopped = await sign_in(client)
        is_problem(stopped, 429, "rate_limited")
        assert stopped.headers["retry-after"] == "900"
        clock.pass_minutes(15)
        assert (await sign_in(client)).status_code == 201


async def test_a_flood_of_one_address_is_stopped_before_any_password_is_looked_at(gateway):
    async with (
        gateway(limit_loopback=True) as house,
        httpx.AsyncClient(base_url=house.http) as client,
    ):
        tries = [sign_in(client, f"nobody{n}") for n in range(25)]
        codes = [answer.json()["code"] for answer in await asyncio.gather(*tries)]
    assert codes.count("rate_limited") == 5


async def test_one_email_of_two_companies_is_asked_which(client, house):
    await hired(house)
    await hired(house, tenant="other", email="ana@shop.example")
    asked = await sign_in(client)
    body = is_problem(asked, 409, "tenant_needed")
    companies = [("demo", "demo ltd"), ("other", "other ltd")]
    assert [(one["tenant"], one["company"]) for one in body["tenants"]] == companies
    assert "set-cookie" not in asked.headers
    assert (await sign_in(client, tenant="other")).json()["me"]["tenant"] == "other"
    unknown = await wrong(client, 1)  # only who knows the password is asked
    is_problem(unknown, 401, "wrong_credentials")


async def test_the_same_email_at_another_company_wipes_no_failures_out(client, house):
    await hired(house)
    await hired(house, tenant="other", email="ana@shop.example")
    for _ in range(4):
        is_problem(await wrong(client, 1, tenant="demo"), 401, "wrong_credentials")
        assert (await sign_in(client, tenant="other")).status_code == 201
    await wrong(client, 1, tenant="demo")
    is_problem(await sign_in(client, tenant="demo"), 429, "locked")


async def test_a_password_hashed_by_older_parameters_is_hashed_anew_and_sessions_go_on(
    gateway, clock
):
    from argon2 import PasswordHasher

    from serve_apps.gateway.operators.accounts.passwords import Passwords

    newer = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    async with (
        gateway(passwords=newer, clock=clock) as house,
        httpx.AsyncClient(base_url=house.http) as client,
    ):
        ident = await hired(house)

        def kept():
            return house.hub.operators.account("demo", ident).password

        before = kept()
        headers = await bearer(client)
        await until(lambda: kept() != before)
        assert "t=2" in kept()
        assert (await client.get("/v1/operator/me", headers=headers)).status_code == 200
        assert (await sign_in(client)).status_code == 201


async def test_who_cannot_count_lets_nobody_in(gateway):
    from events.key_value import MemoryKeyValue
    from events.log.event_log import LogUnavailable

    class Away(MemoryKeyValue):
        async def get(self, key):
            raise LogUnavailable("away")

    for port in ("failures", "sessions"):
        # A store of sessions that cannot be read is found out by the token that it gave.
        async with (
            gateway(**{port: Away()}) as house,
            httpx.AsyncClient(base_url=house.http) as client,
        ):
            await hired(house)
            answer = await sign_in(client)
            if port == "sessions":
                headers = {"Authorization": f"Bearer {answer.json()['token']}"}
                answer = await client.get("/v1/operator/me", headers=headers)
            is_problem(answer, 503, "unavailable")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "ana@shop.example"}, "password"),
        ({"email": "", "password": "x"}, "email"),
        ({"email": "a" * 300, "password": "x"}, "email"),
        ({"email": "a@b", "password": "x" * 2000}, "password"),
        ({"email": "a@b", "password": 12345678}, "password"),
        ({"email": "a@b", "password": "x", "tenant": ["demo"]}, "tenant"),
    ],
)
async def test_a_malformed_sign_in_names_its_field_and_repeats_no_value(client, body, field):
    answer = await client.post("/v1/operator/session", json=body)
    problem = is_problem(answer, 422, "invalid_request")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert "12345678" not in answer.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_what_a_form_of_another_page_could_send_is_refused(client, house, kind):
    await hired(house)
    body = json.dumps({"email": "ana@shop.example", "password": PASSWORD})
    answer = await client.post(
        "/v1/operator/session", content=body, headers={"Content-Type": kind} if kind else {}
    )
    is_problem(answer, 415, "content_type")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b'{"email":' + b"[" * 60_000,
        b'{"x":' + b'{"x":' * 10_000,
        b'"' + b"x" * 70_000 + b'"',
    ],
)
async def test_what_is_no_sign_in_at_all_is_refused(client, body):
    answer = await client.post(
        "/v1/operator/session", content=body, headers={"Content-Type": "application/json"}
    )
    is_problem(answer, *((413, "body_size") if len(body) > 65_536 else (422, "invalid_request")))


async def test_who_could_not_be_looked_at_for_others_waiting_is_not_counted(client, house):
    from serve_apps.gateway.operators.accounts.passwords import Busy

    await hired(house)
    passwords = house.hub.passwords
    verify = passwords.verify

    async def busy(kept, password):
        raise Busy("too many")

    passwords.verify = busy
    for _ in range(8):
        answer = await sign_in(client)
        is_problem(answer, 503, "busy")
        assert answer.headers["retry-after"] == "5"
    passwords.verify = verify
    assert (await sign_in(client)).status_code == 201


async def test_nothing_secret_is_logged(client, house):
    await hired(house)
    with structlog.testing.capture_logs() as logs:
        token = (await sign_in(client)).json()["token"]
        await wrong(client, 6)
        await client.post("/v1/operator/session/refresh", headers={"X-Tandem-Console": "1"})
    told = repr(logs)
    assert {"operator signed in", "sign-in failed", "sign-in at a locked account"} <= {
        line["event"] for line in logs
    }
    for secret in (PASSWORD, "not the password", token, client.cookies["tandem_session"]):
        assert secret not in told
    assert "ana@shop.example" not in told  # what is typed into that field may be a password


async def test_the_stores_keep_no_email_no_password_and_no_token(gateway):
    from events.key_value import MemoryKeyValue

    stores = {"failures": MemoryKeyValue(), "sessions": MemoryKeyValue()}
    async with gateway(**stores) as house, httpx.AsyncClient(base_url=house.http) as client:
        await hired(house)
        await sign_in(client)
        await wrong(client, 1)
        kept = repr([store._kept for store in stores.values()])
        assert "operator" in kept
        for secret in ("shop.example", PASSWORD, client.cookies["tandem_session"].split(".")[1]):
            assert secret not in kept


def test_the_longest_row_of_failures_is_still_an_hour():
    tries = Tries(count=10_000)
    assert tried_account(tries, 5).shut_until == 5 + 3_600_000


async def test_one_key_under_a_flood_counts_every_try():
    from events.key_value import MemoryKeyValue

    failures = SignInFailures(MemoryKeyValue(), "a secret of the tests that is long enough")
    key = failures.address("192.0.2.1")
    await asyncio.gather(*(failures.try_address(key, 1) for _ in range(30)))
    assert (await failures._change(key, lambda tries: tries)).count == 30
