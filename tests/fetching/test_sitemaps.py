"""Sitemaps: the pages of one site, and nothing that an XML file could do to us."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest
from small_site import Site, small_site

from serve_apps.fetching import Fetcher, FetchLimits, FetchRefused

LIMITS = FetchLimits(private=True, sitemap_pages=5, sitemap_files=4)
XML = '<?xml version="1.0"?>\n'
NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with small_site() as running:
        yield running


def urls(*addresses: str) -> str:
    """A sitemap."""
    entries = "".join(f"<url><loc> {one} </loc><lastmod>2026</lastmod></url>" for one in addresses)
    return f"{XML}<urlset {NS}>{entries}</urlset>"


def index(*addresses: str) -> str:
    """An index of sitemaps."""
    entries = "".join(f"<sitemap><loc>{one}</loc></sitemap>" for one in addresses)
    return f"{XML}<sitemapindex {NS}>{entries}</sitemapindex>"


async def test_the_pages_of_the_same_site_come_once_in_order(site: Site) -> None:
    site.page(
        "/map.xml",
        urls(
            site.url("/b?x=1&amp;y=2"),
            site.url("/a"),
            site.url("/b?x=1&amp;y=2"),
            "http://elsewhere.example/",
            "file:///etc/passwd",
            "http://127.0.0.1:1/other-port",
        ),
        "application/xml",
    )
    found = await Fetcher(LIMITS).sitemap(site.url("/map.xml"))
    assert found == [site.url("/b?x=1&y=2"), site.url("/a")]


async def test_an_index_leads_to_its_sitemaps_packed_ones_too(site: Site) -> None:
    site.page("/index.xml", index(site.url("/1.xml.gz"), site.url("/gone"), site.url("/2.txt")))
    site.page("/1.xml.gz", gzip.compress(urls(site.url("/a")).encode()), "application/x-gzip")
    site.page("/2.txt", f"{site.url('/b')}\nnot an address\n{site.url('/c')}", "text/plain")
    found = await Fetcher(LIMITS).sitemap(site.url("/index.xml"))
    assert found == [site.url("/a"), site.url("/b"), site.url("/c")]


async def test_an_index_of_itself_and_a_deep_one_have_an_end(site: Site) -> None:
    for depth in range(6):
        site.page(f"/{depth}.xml", index(site.url("/0.xml"), site.url(f"/{depth + 1}.xml")))
    with pytest.raises(FetchRefused) as caught:
        await Fetcher(LIMITS).sitemap(site.url("/0.xml"))
    assert caught.value.code == "not_found"
    assert site.asked == ["/robots.txt", "/0.xml", "/1.xml", "/2.xml"]


async def test_pages_and_files_are_counted(site: Site) -> None:
    site.page("/many.xml", urls(*(site.url(f"/{n}") for n in range(50))))
    assert len(await Fetcher(LIMITS).sitemap(site.url("/many.xml"))) == LIMITS.sitemap_pages
    site.page("/index.xml", index(*(site.url(f"/map{n}.xml") for n in range(50))))
    for n in range(50):
        site.page(f"/map{n}.xml", urls(site.url("/same")))
    site.asked.clear()
    assert await Fetcher(LIMITS).sitemap(site.url("/index.xml")) == [site.url("/same")]
    assert len(site.asked) == 1 + LIMITS.sitemap_files  # robots.txt first


@pytest.mark.parametrize(
    "body",
    [
        f'{XML}<!DOCTYPE x [<!ENTITY a "lol">]><urlset {NS}><url><loc>&a;</loc></url></urlset>',
        f'{XML}<!DOCTYPE x SYSTEM "file:///etc/passwd"><urlset {NS}></urlset>',
        f"{XML}<urlset {NS}><url><loc>http://",
        "<!doctype html><title>Shop</title>",
        "<html><body>Shop</body></html>",
        "nothing to see",
        f"{XML}<urlset {NS}></urlset>",
    ],
)
async def test_what_is_no_sitemap_is_refused(site: Site, body: str) -> None:
    site.page("/map.xml", body, "application/xml")
    with pytest.raises(FetchRefused) as caught:
        await Fetcher(LIMITS).sitemap(site.url("/map.xml"))
    assert caught.value.code == "unsupported"


async def test_robots_are_kept_to_for_the_sitemap_itself(site: Site) -> None:
    site.page("/robots.txt", "User-agent: *\nDisallow: /map.xml", "text/plain")
    site.page("/map.xml", urls(site.url("/a")), "application/xml")
    with pytest.raises(FetchRefused) as caught:
        await Fetcher(LIMITS).sitemap(site.url("/map.xml"))
    assert caught.value.code == "robots"


async def test_a_packed_sitemap_that_is_cut_off_is_not_taken_as_whole(site: Site) -> None:
    whole = gzip.compress((f"{site.url('/a')}\n" * 500 + site.url("/b")).encode())
    site.page("/map.txt.gz", whole[:-9], "application/gzip")
    with pytest.raises(FetchRefused, match="cut off"):
        await Fetcher(LIMITS).sitemap(site.url("/map.txt.gz"))
