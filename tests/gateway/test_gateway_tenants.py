"""Who may come in: keys and origins from the log, tokens from the secret, text that is kept."""

from __future__ import annotations

import asyncio

import pytest
from gateway_house import KEY, SECRET, House, until


async def test_the_directory_follows_the_log_and_the_newest_settings_hold(gateway):
    async with gateway() as house:
        directory = house.hub.directory
        assert (await directory.by_key(KEY)).tenant == "demo"
        await house.configure("demo", "pk_new", ("https://new.example",))
        await until(lambda: "pk_new" in directory.by_id("demo").keys)
        assert await directory.by_key(KEY) is None
        assert (await directory.by_key("pk_new")).tenant == "demo"
        assert not directory.any_allows("https://shop.example")
        assert directory.any_allows("https://new.example")


async def test_a_key_stays_with_the_tenant_that_had_it_first(gateway):
    async with gateway() as house:
        await house.configure("thief", KEY, ("loopback",))
        await until(lambda: house.hub.directory.by_id("thief") is not None)
        assert (await house.hub.directory.by_key(KEY)).tenant == "demo"


async def test_a_key_is_found_while_the_directory_is_still_read_in():
    from events.log.memory import MemoryLog
    from serve_apps.gateway.shared.tenants import TenantDirectory

    log = MemoryLog()
    directory = TenantDirectory(log)
    running = asyncio.create_task(directory.run())
    await asyncio.sleep(0)
    looking = asyncio.create_task(directory.by_key(KEY))
    await asyncio.sleep(0)
    await House(log, None, None).configure("demo", KEY, ("loopback",))
    assert (await looking).tenant == "demo"
    running.cancel()
    await asyncio.wait({running})


async def test_the_directory_survives_an_outage_of_the_log():
    from events.log.event_log import LogUnavailable
    from events.log.memory import MemoryLog
    from serve_apps.gateway.shared.tenants import TenantDirectory

    class Flaky(MemoryLog):
        tries = 0

        def subscribe(self, kind, *, after=0):
            self.tries += 1
            if self.tries < 3:
                raise LogUnavailable("away")
            return super().subscribe(kind, after=after)

    log = Flaky()
    await House(log, None, None).configure("demo", KEY, ("loopback",))
    directory = TenantDirectory(log)
    running = asyncio.create_task(directory.run())
    await until(lambda: directory.by_id("demo") is not None)
    assert log.tries == 3
    running.cancel()
    await asyncio.wait({running})


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost", True),
        ("https://localhost:8443", True),
        ("http://demo.localhost:8000", True),
        ("http://127.255.1.2:1", True),
        ("http://[::1]:8000", True),
        (None, True),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://0.0.0.0", False),
        ("http://10.0.0.1", False),
        ("http://[::2]", False),
        ("file://localhost", False),
        ("null", False),
        ("", False),
        ("http://localhost@evil.example", False),
        ("http://localhost:99999999", False),
        ("http://localhost/path", False),
    ],
)
def test_loopback_means_this_machine_and_nothing_that_looks_like_it(origin, allowed):
    from serve_apps.gateway.shared.origins import allows

    assert allows(("loopback",), origin) is allowed


def test_an_origin_is_matched_whole():
    from serve_apps.gateway.shared.origins import allows

    assert allows(("https://shop.example",), "https://shop.example")
    assert allows(("https://Shop.example/",), "https://shop.example")
    for other in ("http://shop.example", "https://shop.example:444", "https://a.shop.example"):
        assert not allows(("https://shop.example",), other)


def test_a_token_proves_its_conversation_and_no_other_secret_does():
    from serve_apps.gateway.shared.tokens import BadToken, VisitorTokens

    token = VisitorTokens(SECRET).issue("demo", "c1", "v1")
    proven = VisitorTokens(SECRET).read(token)
    assert (proven.tenant, proven.conversation, proven.visitor) == ("demo", "c1", "v1")
    with pytest.raises(BadToken):
        VisitorTokens(SECRET + "x").read(token)
    with pytest.raises(BadToken, match="older"):
        VisitorTokens(SECRET, max_age_s=-1).read(token)
    with pytest.raises(ValueError, match="32 bytes"):
        VisitorTokens("short")


def test_a_token_from_before_visitors_had_an_id_names_its_conversation_as_one():
    import time

    import jwt

    from serve_apps.gateway.shared.tokens import BadToken, VisitorTokens

    claims = {"aud": "tandem.visitor", "ten": "demo", "con": "c1", "iat": int(time.time())}
    old = jwt.encode(claims, SECRET, algorithm="HS256")
    assert VisitorTokens(SECRET).read(old).visitor == "c1"
    for nobody in ("", "a.b", 7, None):
        with pytest.raises(BadToken, match="visitor"):
            VisitorTokens(SECRET).read(jwt.encode(claims | {"vis": nobody}, SECRET, "HS256"))


def test_ids_are_tokens_of_version_7_that_sort_by_time():
    import uuid

    from events.log.stream import is_token
    from serve_apps.gateway.shared.tokens import new_id, now_ms

    before = now_ms()
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(is_token(one) and uuid.UUID(one).version == 7 for one in ids)
    assert before <= int(ids[0][:12], 16) <= int(ids[-1][:12], 16) <= now_ms()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" a ", "a"),
        ("a\x00b", "ab"),
        ("a\r\nb\rc\td", "a\nb\nc\td"),
        ("\x1b[31mred\x9b", "[31mred"),
        ("\ud800x", "x"),
        (
            "👩\u200d💻 é ß 日本",
            "👩\u200d💻 é ß 日本",
        ),  # joiners stay: they are part of what was said
    ],
)
def test_text_is_kept_without_what_could_not_be(text, kept):
    from serve_apps.gateway.shared.limits import clean_text

    assert clean_text(text) == kept


def test_a_bucket_gives_a_burst_and_then_its_rate():
    from serve_apps.gateway.shared.limits import TokenBucket

    bucket = TokenBucket(3, 2.0, now=100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(100.4)
    assert bucket.take(100.5)
    assert [bucket.take(200.0) for _ in range(4)] == [True, True, True, False]
