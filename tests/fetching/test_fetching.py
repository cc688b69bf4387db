"""Fetching: what is taken in, and what is refused, from a real server on this machine."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from small_site import HANG, Site, small_site

from serve_apps.fetching import Fetcher, FetchLimits, FetchRefused, fetch_page

OWN = FetchLimits(private=True)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with small_site() as running:
        yield running


async def refused(asked: Any) -> FetchRefused:
    """What it is refused with."""
    with pytest.raises(FetchRefused) as caught:
        await asked
    assert caught.value.reason
    return caught.value


def names(**hosts: list[Sequence[str]]) -> Any:
    """A resolver: a host's answers one after the other, the last one for ever. `a_test` is
    `a.test`."""

    async def resolve(host: str, _: int) -> Sequence[str]:
        answers = hosts[host.replace(".", "_")]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    return resolve


# What is taken in.


async def test_a_page_comes_as_it_is_with_its_own_address_and_kind(site: Site) -> None:
    site.page("/help", "<p>Lamps", "text/html; charset=utf-8")
    site.leads("/", "/help#top")
    page = await fetch_page(site.url("/"), OWN)
    assert (page.url, page.content, page.media_type) == (
        site.url("/help"),
        b"<p>Lamps",
        "text/html",
    )


@pytest.mark.parametrize(
    ("path", "announced", "kind"),
    [
        ("/a.pdf", "application/octet-stream", "application/pdf"),
        ("/a.csv", "text/plain; charset=utf-8", "text/csv"),
        ("/a", "application/xhtml+xml", "text/html"),
        ("/a.md", "text/plain", "text/markdown"),
    ],
)
async def test_the_kind_is_what_the_host_says_or_else_the_name(
    site: Site, path: str, announced: str, kind: str
) -> None:
    site.page(path, b"%PDF- or whatever", announced)
    assert (await fetch_page(site.url(path), OWN)).media_type == kind


async def test_text_of_another_character_set_becomes_utf8(site: Site) -> None:
    site.page("/", "<p>Größe".encode("latin-1"), "text/html; charset=iso-8859-1")
    page = await fetch_page(site.url(), OWN)
    assert page.content.decode("utf-8-sig") == "<p>Größe"


async def test_a_packed_page_is_unpacked(site: Site) -> None:
    site.page("/", gzip.compress(b"<p>" + b"lamp " * 50_000), Content_Encoding="gzip")
    assert len((await fetch_page(site.url(), OWN)).content) == 250_003


async def test_links_are_those_of_the_same_site(site: Site) -> None:
    site.page(
        "/a/",
        '<a href="b">1</a><a href="/c?x=1#y">2</a><a href="b#again">3</a>'
        '<a href="https://elsewhere.example/">4</a><a href="mailto:a@b.example">5</a>'
        '<a href="//user@127.0.0.1/">6</a><a>7</a>',
    )
    page = await fetch_page(site.url("/a/"), OWN)
    assert page.links == (site.url("/a/b"), site.url("/c?x=1"))
    one = FetchLimits(private=True, links=1)
    assert (await Fetcher(one).page(site.url("/a/"))).links == (site.url("/a/b"),)


# Addresses.


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:a9fe:a9fe]/latest/meta-data/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.100.100.200/latest/meta-data/",
        "http://168.63.129.16/machine",
        "http://10.1.2.3/",
        "http://192.168.0.1/",
        "http://172.16.0.1/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://[fec0::1]/",
        "http://localhost/",
    ],
)
async def test_an_address_that_is_not_of_the_open_net_is_refused(url: str) -> None:
    assert (await refused(fetch_page(url, FetchLimits()))).code == "refused_address"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://shop.example/",
        "gopher://127.0.0.1:6379/_x",
        "//shop.example/",
        "http://user:secret@shop.example/",
        "http://shop.example\\@127.0.0.1/",
        "http://shop.example/\r\nX: y",
        "http://shop.example:99999/",
        "http:///nothing",
        "http://shop.example/" + "a" * 2000,
        "",
    ],
)
async def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    assert (await refused(fetch_page(url, OWN))).code == "refused_address"


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "100.100.100.200"])
async def test_a_clouds_metadata_is_refused_in_own_networks_too(address: str) -> None:
    fetcher = Fetcher(OWN, resolve=names(inner_test=[[address]]))
    assert (await refused(fetcher.page("http://inner.test/"))).code == "refused_address"


async def test_a_name_that_resolves_to_this_machine_is_refused_unasked(site: Site) -> None:
    fetcher = Fetcher(resolve=names(shop_test=[["93.184.215.14", "127.0.0.1"]]))
    assert (await refused(fetcher.page(site.url(host="shop.test")))).code == "refused_address"
    assert site.asked == []


async def test_the_connection_goes_to_the_address_that_was_checked(site: Site) -> None:
    """A name that resolves to another address when it is asked again cannot get past the check:
    it is asked once for each request."""
    site.page("/", "<p>the checked one")
    async with small_site("127.0.0.2", site.port) as other:
        other.page("/", "<p>the other")
        answers = [["127.0.0.1"], ["127.0.0.1"], ["127.0.0.2"]]  # robots.txt, the page
        fetcher = Fetcher(OWN, resolve=names(shop_test=answers))
        page = await fetcher.page(site.url(host="shop.test"))
    assert page.content == b"<p>the checked one"
    assert other.asked == []
    assert set(site.hosts) == {f"shop.test:{site.port}"}


async def test_a_name_that_changes_its_address_between_two_hops_is_checked_again(
    site: Site,
) -> None:
    site.leads("/", "/secret")
    answers = [["127.0.0.1"], ["127.0.0.1"], ["169.254.169.254"]]
    fetcher = Fetcher(OWN, resolve=names(shop_test=answers))
    assert (await refused(fetcher.page(site.url(host="shop.test")))).code == "refused_address"
    assert site.asked == ["/robots.txt", "/"]


@pytest.mark.parametrize(
    "where",
    ["http://169.254.169.254/latest/", "http://localhost/", "file:///etc/passwd", "//evil.test/"],
)
async def test_a_redirect_to_another_host_is_refused(site: Site, where: str) -> None:
    site.leads("/", where)
    fetcher = Fetcher(OWN, resolve=names(shop_test=[["127.0.0.1"]], evil_test=[["127.0.0.1"]]))
    assert (await refused(fetcher.page(site.url(host="shop.test")))).code == "refused_address"


async def test_redirects_have_an_end(site: Site) -> None:
    site.leads("/", "/")
    assert (await refused(fetch_page(site.url(), OWN))).code == "fetch_failed"
    assert site.asked.count("/") == 6


# What hosts ask of robots.


async def test_robots_are_kept_to_on_each_hop(site: Site) -> None:
    site.page("/robots.txt", "User-agent: *\nDisallow: /private", "text/plain")
    site.page("/open", "<p>open")
    site.page("/private/a", "<p>no")
    site.leads("/way", "/private/a")
    fetcher = Fetcher(OWN)
    assert (await fetcher.page(site.url("/open"))).content == b"<p>open"
    assert (await refused(fetcher.page(site.url("/private/a")))).code == "robots"
    assert (await refused(fetcher.page(site.url("/way")))).code == "robots"
    assert "/private/a" not in site.asked
    assert site.asked.count("/robots.txt") == 1


async def test_where_the_rules_cannot_be_read_nothing_is_taken(site: Site) -> None:
    site.answers["/robots.txt"] = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    site.page("/", "<p>there")
    error = await refused(Fetcher(OWN).page(site.url()))
    assert (error.code, error.passing) == ("fetch_failed", True)


async def test_a_crawl_delay_is_kept_to_within_a_bound(site: Site) -> None:
    site.page("/robots.txt", "User-agent: tandem\nCrawl-delay: 3600", "text/plain")
    site.page("/", "<p>there")
    limits = FetchLimits(private=True, crawl_delay_s=0.5)
    fetcher, loop = Fetcher(limits), asyncio.get_running_loop()
    began = loop.time()
    for _ in range(3):
        await fetcher.page(site.url())
    assert loop.time() - began >= 0.95  # two pauses; the clock's grain is finer than this


# Sizes and times.


async def test_a_page_that_announces_too_much_is_not_read(site: Site) -> None:
    site.answers["/"] = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99999\r\n\r\n"
    )
    limits = FetchLimits(private=True, body_bytes=50_000)
    assert (await refused(Fetcher(limits).page(site.url()))).code == "too_large"


async def test_a_page_without_end_is_cut_off(site: Site) -> None:
    async def forever(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while True:
            writer.write(b"<p>more" * 10_000)
            await writer.drain()

    site.answers["/"] = forever
    limits = FetchLimits(private=True, body_bytes=300_000)
    assert (await refused(Fetcher(limits).page(site.url()))).code == "too_large"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_packed_page_that_is_cut_off_is_not_taken_as_whole(site: Site, coding: str) -> None:
    pack = gzip.compress if coding == "gzip" else zlib.compress
    whole = pack(b"<p>" + bytes(range(33, 127)) * 50)
    for kept in (len(whole) - 1, len(whole) // 2, 12):
        site.page("/", whole[:kept], Content_Encoding=coding)
        error = await refused(Fetcher(OWN).page(site.url()))
        assert (error.code, error.passing) == ("fetch_failed", True)
        assert "cut off" in error.reason
    site.page("/", whole, Content_Encoding=coding)
    assert (await Fetcher(OWN).page(site.url())).content.startswith(b"<p>")


async def test_a_gzip_bomb_is_cut_off_where_it_is_too_large(site: Site) -> None:
    bomb = gzip.compress(bytes(60_000_000))
    assert len(bomb) < 100_000
    limits = FetchLimits(private=True, body_bytes=1_000_000)
    site.page("/", bomb, Content_Encoding="gzip")
    assert (await refused(Fetcher(limits).page(site.url()))).code == "too_large"
    site.page("/map.xml.gz", bomb, "application/gzip")
    assert (await refused(Fetcher(limits).sitemap(site.url("/map.xml.gz")))).code == "too_large"


async def test_a_server_that_says_nothing_is_left(site: Site) -> None:
    site.answers["/"] = HANG
    limits = FetchLimits(private=True, read_s=1)
    error = await refused(Fetcher(limits).page(site.url()))
    assert (error.code, error.passing) == ("fetch_failed", True)


async def test_a_server_that_drips_is_left_when_the_time_is_over(site: Site) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-A: b\r\n")
            await writer.drain()
            await asyncio.sleep(0.1)  # less than `read_s`: each piece alone is in time

    site.answers["/"] = drip
    limits = FetchLimits(private=True, read_s=5, whole_s=1.5)
    error = await refused(Fetcher(limits).page(site.url()))
    assert (error.code, error.passing) == ("fetch_failed", True)
    assert "1.5 s" in error.reason


async def test_what_a_host_refuses_says_what_it_answers(site: Site) -> None:
    site.answers["/down"] = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
    site.page("/cat.png", b"\x89PNG", "image/png")
    site.page("/packed", b"x", Content_Encoding="br")
    fetcher = Fetcher(OWN)
    assert (await refused(fetcher.page(site.url("/none")))).code == "not_found"
    down = await refused(fetcher.page(site.url("/down")))
    assert (down.code, down.passing) == ("fetch_failed", True)
    assert (await refused(fetcher.page(site.url("/cat.png")))).code == "unsupported"
    assert (await refused(fetcher.page(site.url("/packed")))).code == "unsupported"


async def test_who_waits_for_a_hosts_turn_takes_no_place_from_another(site: Site) -> None:
    site.page("/", "<p>Lamps")
    async with small_site("127.0.0.2") as slow:
        slow.page("/robots.txt", "User-agent: *\nCrawl-delay: 3600", "text/plain")
        slow.page("/", "<p>Slow")
        fetcher = Fetcher(FetchLimits(private=True, crawl_delay_s=3600))
        room, here = asyncio.Semaphore(1), slow.url(host="127.0.0.2")

        @asynccontextmanager
        async def place() -> AsyncIterator[None]:
            async with room:
                yield

        await fetcher.page(here, room=place)
        waits = asyncio.create_task(fetcher.page(here, room=place))
        page = await asyncio.wait_for(fetcher.page(site.url(), room=place), 60)
        assert page.content == b"<p>Lamps"
        assert not waits.done()
        waits.cancel()
    assert slow.asked == ["/robots.txt", "/"]
