"""Sessions: refreshed, raced for, stolen, ended; and who a token stands for meanwhile."""

from __future__ import annotations

import asyncio

import httpx
import jwt
import pytest
from gateway_house import KEY, SECRET, until
from operator_house import (
    CONSOLE,
    PASSWORD,
    Clock,
    bearer,
    cheap_passwords,
    hired,
    is_problem,
    sign_in,
)

from serve_apps.gateway.operators.accounts.accounts import change_operator, remove_operator
from serve_apps.gateway.operators.accounts.sessions import (
    RACE_MS,
    Session,
    TokenReused,
    UnknownToken,
    rotated,
)

COOKIE = "tandem_session"


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


async def refresh(client, cookie=None, **headers):
    """A refresh with the client's own cookie, or with another in its place."""
    jar = None
    if cookie is not None:
        jar, headers["Cookie"] = client.cookies, f"{COOKIE}={cookie}"
        client.cookies = httpx.Cookies()
    try:
        return await client.post("/v1/operator/session/refresh", headers=CONSOLE | headers)
    finally:
        if jar is not None:
            client.cookies = jar


async def me(client, answer):
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    return await client.get("/v1/operator/me", headers=headers)


# Refreshing.


async def test_a_refresh_gives_a_new_token_and_a_new_cookie(client, house, clock):
    await hired(house)
    first = await sign_in(client)
    old = client.cookies[COOKIE]
    clock.pass_minutes(16)
    is_problem(await me(client, first), 401, "expired")
    again = await refresh(client)
    assert again.status_code == 200
    assert client.cookies[COOKIE] != old
    assert again.json()["me"] == first.json()["me"]
    assert (await me(client, again)).status_code == 200


async def test_an_old_cookie_that_comes_again_ends_the_whole_session(client, house, clock):
    await hired(house)
    await sign_in(client)
    stolen = client.cookies[COOKIE]
    good = await refresh(client)
    assert (await me(client, good)).status_code == 200
    clock.pass_minutes(1)
    is_problem(await refresh(client, stolen), 401, "session_over")
    is_problem(await refresh(client), 401, "session_over")
    is_problem(await me(client, good), 401, "revoked")


async def test_a_very_old_cookie_is_known_too(client, house, clock):
    await hired(house)
    await sign_in(client)
    stolen = client.cookies[COOKIE]
    for _ in range(10):
        clock.pass_minutes(14)
        assert (await refresh(client)).status_code == 200
    is_problem(await refresh(client, stolen), 401, "session_over")
    is_problem(await refresh(client), 401, "session_over")


async def test_two_tabs_that_refresh_at_once_both_stay(client, house, clock):
    await hired(house)
    await sign_in(client)
    shared = client.cookies[COOKIE]
    both = await asyncio.gather(*(refresh(client, shared) for _ in range(2)))
    assert [answer.status_code for answer in both] == [200, 200]
    cookies = [answer.cookies[COOKIE] for answer in both]
    assert cookies[0] != cookies[1]
    clock.pass_minutes(14)
    for cookie in cookies[:1]:  # whichever of them the browser kept
        assert (await refresh(client, cookie)).status_code == 200


async def test_the_answer_to_a_refresh_may_get_lost(client, house, clock):
    await hired(house)
    await sign_in(client)
    kept = client.cookies[COOKIE]
    await refresh(client, kept)
    clock.now += RACE_MS
    again = await refresh(client, kept)
    assert again.status_code == 200
    assert (await me(client, again)).status_code == 200


async def test_a_session_ends_after_twelve_idle_hours_and_after_seven_days(client, house, clock):
    await hired(house)
    await sign_in(client)
    clock.pass_minutes(12 * 60 + 1)
    is_problem(await refresh(client), 401, "session_over")
    await sign_in(client)
    for _ in range(14):
        clock.pass_minutes(12 * 60 - 1)
        last = await refresh(client)
    assert last.status_code == 200
    clock.pass_minutes(15)
    is_problem(await refresh(client), 401, "session_over")
    is_problem(await me(client, last), 401, "expired")


async def test_no_token_outlives_its_session(client, house, clock):
    await hired(house)
    await sign_in(client)
    began = clock.now
    for _ in range(14):
        clock.pass_minutes(12 * 60 - 1)
        last = await refresh(client)
    assert last.json()["expires_at"] == began + 7 * 24 * 3_600_000


@pytest.mark.parametrize(
    "cookie", ["", "x", "a" * 22 + "." + "b" * 43, "../../x." + "b" * 43, "*.>", "a" * 5000]
)
async def test_what_was_never_a_cookie_of_ours_is_no_session(client, cookie):
    is_problem(await refresh(client, cookie), 401, "session_over")


async def test_a_guess_at_a_known_session_ends_nothing(client, house):
    await hired(house)
    await sign_in(client)
    session = client.cookies[COOKIE].split(".")[0]
    is_problem(await refresh(client, f"{session}.{'x' * 43}"), 401, "session_over")
    assert (await refresh(client)).status_code == 200


# Signing out.


async def test_who_signs_out_is_out_everywhere(client, house):
    await hired(house)
    signed_in = await sign_in(client)
    cookie = client.cookies[COOKIE]
    out = await client.delete("/v1/operator/session", headers=CONSOLE)
    assert (out.status_code, out.content) == (204, b"")
    assert COOKIE not in client.cookies
    is_problem(await me(client, signed_in), 401, "revoked")
    is_problem(await refresh(client, cookie), 401, "session_over")
    assert (await client.delete("/v1/operator/session", headers=CONSOLE)).status_code == 204


async def test_signing_out_ends_one_session_of_several(client, house):
    await hired(house)
    one = await sign_in(client)
    async with httpx.AsyncClient(base_url=house.http) as elsewhere:
        other = await sign_in(elsewhere)
        await client.delete("/v1/operator/session", headers=CONSOLE)
        is_problem(await me(client, one), 401, "revoked")
        assert (await me(elsewhere, other)).status_code == 200


# Another site's page.


@pytest.mark.parametrize(("method", "path"), [("POST", "/refresh"), ("DELETE", "")])
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "console_header"),
        (CONSOLE | {"Origin": "https://evil.example"}, "foreign_origin"),
        (CONSOLE | {"Origin": "http://localhost:1"}, "foreign_origin"),
        (CONSOLE | {"Origin": "null"}, "foreign_origin"),
        (CONSOLE | {"Sec-Fetch-Site": "cross-site"}, "foreign_origin"),
        (CONSOLE | {"Sec-Fetch-Site": "same-site"}, "foreign_origin"),
    ],
)
async def test_another_sites_page_can_neither_refresh_nor_sign_out(
    client, house, *, method, path, headers, code
):
    await hired(house)
    signed_in = await sign_in(client)
    answer = await client.request(method, f"/v1/operator/session{path}", headers=headers)
    is_problem(answer, 403, code)
    assert "set-cookie" not in answer.headers
    assert (await me(client, signed_in)).status_code == 200
    assert (await refresh(client)).status_code == 200


async def test_the_consoles_own_page_may(client, house):
    await hired(house)
    await sign_in(client)
    for headers in (
        {"Origin": house.http},
        {"Origin": house.http, "Sec-Fetch-Site": "same-origin"},
        # a proxy that renames the host: the browser itself says whose page asks
        {"Origin": "https://console.example", "Sec-Fetch-Site": "same-origin"},
    ):
        answer = await refresh(client, **headers)
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers


async def test_no_answer_of_these_routes_ever_allows_another_origin(client, house):
    await hired(house)
    headers = await bearer(client)
    asked = {"Origin": "https://shop.example"}  # allowed for the visitors' routes
    preflight = asked | {"Access-Control-Request-Method": "GET"}
    for path in ("/v1/operator/me", "/v1/operator/session", "/v1/operator/conversations"):
        for method, sent in (("GET", asked | headers), ("OPTIONS", preflight)):
            is_problem(await client.request(method, path, headers=sent), 403, "foreign_origin")


# What changes an account.


@pytest.mark.parametrize("fields", [{"password": "another " + PASSWORD}, {"role": "viewer"}])
async def test_a_new_password_or_role_ends_all_sessions_at_once(client, house, fields):
    ident = await hired(house)
    signed_in = await sign_in(client)
    changed = await change_operator(
        house.log, "demo", ident, at=2, passwords=cheap_passwords(), **fields
    )
    await until(lambda: house.hub.operators.account("demo", ident) == changed)
    is_problem(await me(client, signed_in), 401, "revoked")
    is_problem(await refresh(client), 401, "session_over")


async def test_a_new_name_shows_at_once_and_ends_nothing(client, house):
    ident = await hired(house)
    signed_in = await sign_in(client)
    changed = await change_operator(house.log, "demo", ident, name="Anna", at=2)
    await until(lambda: house.hub.operators.account("demo", ident) == changed)
    assert (await me(client, signed_in)).json()["name"] == "Anna"
    assert (await refresh(client)).json()["me"]["name"] == "Anna"


async def test_a_removed_operator_is_refused_at_once(client, house):
    ident = await hired(house)
    signed_in = await sign_in(client)
    await remove_operator(house.log, "demo", ident, at=2)
    await until(lambda: house.hub.operators.account("demo", ident) is None)
    is_problem(await me(client, signed_in), 401, "revoked")
    is_problem(await refresh(client), 401, "session_over")
    is_problem(await sign_in(client), 401, "wrong_credentials")


async def test_a_gateway_that_has_not_read_the_account_yet_says_so(client, house):
    """Nobody is thrown out because one replica is a moment behind another."""
    from events.key_value import MemoryKeyValue
    from serve_apps.gateway.operators.accounts.access import AccessTokens
    from serve_apps.gateway.operators.accounts.directory import OperatorDirectory
    from serve_apps.gateway.operators.accounts.identity import Identity
    from serve_apps.gateway.operators.accounts.sessions import Sessions
    from serve_apps.gateway.shared.refusal import Refusal

    class Behind:
        version = 1

        def read_in(self):
            return True

    await hired(house)
    token = (await sign_in(client)).json()["token"]
    identity = Identity(
        Behind(),
        OperatorDirectory(),
        AccessTokens(SECRET),
        Sessions(MemoryKeyValue()),
        house.hub.ports.clock,
    )
    with pytest.raises(Refusal) as no:
        await identity.of(token)
    assert no.value.code == "unavailable"


# Other tokens.


async def test_a_visitors_token_opens_nothing_here_and_an_operators_nothing_there(client, house):
    await hired(house)
    operator = await bearer(client)
    opened = (await client.post("/v1/conversations", json={"key": KEY})).json()
    visitor = {"Authorization": f"Bearer {opened['token']}"}
    events = f"/v1/conversations/{opened['conversation']}/events"
    is_problem(await client.get("/v1/operator/me", headers=visitor), 401, "bad_token")
    is_problem(await client.get(events, headers=operator), 401, "bad_token")
    assert (await client.get(events, headers=visitor)).status_code == 200


async def test_the_house_secret_itself_signs_no_operators_token(client, house, clock):
    ident = await hired(house)
    token = (await sign_in(client)).json()["token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == ident
    for key, algorithm, change in (
        (SECRET, "HS256", {}),
        (None, "none", {}),
        (SECRET, "HS256", {"aud": "tandem.visitor"}),
    ):
        forged = jwt.encode(claims | change, key, algorithm=algorithm)
        headers = {"Authorization": f"Bearer {forged}"}
        is_problem(await client.get("/v1/operator/me", headers=headers), 401, "bad_token")


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YTpi", "Bearer a.b.c", "x"])
async def test_no_token_is_no_operator(client, header):
    headers = {"Authorization": header} if header else {}
    is_problem(await client.get("/v1/operator/me", headers=headers), 401, "bad_token")


# The rotation itself.


def session(**fields):
    began = {"tenant": "demo", "operator": "op", "stamp": 1, "began_at": 0, "rotated_at": 0}
    return Session(**(began | {"current": ("a",)} | fields))


def test_a_rotation_replaces_what_was_current():
    after = rotated(session(replaced=("z",)), "a", "b", 5)
    assert (after.current, after.replaced, after.past) == (("b",), ("a",), ("z",))
    assert after.rotated_at == 5


def test_in_the_race_the_replaced_token_gets_a_sibling_and_after_it_ends_the_session():
    after = rotated(session(), "a", "b", 5)
    sibling = rotated(after, "a", "c", 5 + RACE_MS)
    assert sibling.current == ("b", "c")
    assert rotated(sibling, "b", "d", 9).replaced == ("b", "c")
    with pytest.raises(TokenReused):
        rotated(after, "a", "c", 6 + RACE_MS)
    with pytest.raises(TokenReused):
        rotated(rotated(after, "b", "c", 6), "a", "d", 7)
    with pytest.raises(UnknownToken):
        rotated(after, "x", "c", 6)


def test_a_session_never_grows_without_bound():
    after = session()
    for n in range(500):
        after = rotated(after, after.current[-1], f"t{n}", n)
        after = rotated(after, after.replaced[-1], f"s{n}", n)
    assert len(after.current) + len(after.replaced) + len(after.past) < 100
    raced = rotated(session(), "a", "b", 0)
    for n in range(50):
        raced = rotated(raced, "a", f"r{n}", 1)
    assert len(raced.current) == 8
    assert "b" in raced.past
