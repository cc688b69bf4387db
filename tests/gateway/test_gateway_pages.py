"""The built pages: their policy, their caching, and nothing from outside the folder."""

from __future__ import annotations

import httpx
import pytest

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self' ws: wss:; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)


@pytest.fixture
async def client(gateway, dist):
    async with gateway(dist=dist) as house, httpx.AsyncClient(base_url=house.http) as made:
        yield made


async def test_a_page_comes_with_a_strict_policy(client):
    page = await client.get("/")
    assert page.text == "<!doctype html><title>shop</title>"
    assert page.headers["content-security-policy"] == POLICY
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"]
    docs = await client.get("/docs")
    assert docs.headers["content-type"] == "text/html; charset=utf-8"
    assert "unsafe-eval" not in docs.headers["content-security-policy"]


async def test_an_answer_of_the_api_may_do_nothing_at_all(client):
    answer = await client.get("/healthz")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_widget_may_be_loaded_by_any_page_and_is_never_stale(client, dist):
    widget = await client.get("/widget.js", headers={"Origin": "https://shop.example"})
    assert widget.headers["access-control-allow-origin"] == "*"
    assert widget.headers["content-type"].startswith("text/javascript")
    assert "no-cache" in widget.headers["cache-control"]
    tag = {"If-None-Match": widget.headers["etag"]}
    assert (await client.get("/widget.js", headers=tag)).status_code == 304
    (dist / "widget.js").write_text("built anew")
    assert (await client.get("/widget.js", headers=tag)).text == "built anew"


async def test_what_is_named_by_its_content_is_kept_for_good(client):
    asset = await client.get("/docs-AB12CD34.js")
    assert "immutable" in asset.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    ["/../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/.hidden", "/nothing", "/%00"],
)
async def test_nothing_outside_of_the_folder_is_given(client, dist, path):
    (dist / ".hidden").write_text("not for you")
    (dist / "link.txt").symlink_to(dist.parent / "outside.txt")
    for asked in (path, "/link.txt"):
        answer = await client.send(
            httpx.Request("GET", httpx.URL(str(client.base_url)).copy_with(raw_path=asked.encode()))
        )
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert "not for you" not in answer.text


async def test_before_the_pages_are_built_a_page_says_so(gateway, tmp_path):
    async with (
        gateway(dist=tmp_path / "none") as house,
        httpx.AsyncClient(base_url=house.http) as client,
    ):
        for path in ("/", "/docs", "/console"):
            page = await client.get(path)
            assert page.status_code == 503
            assert "make" in page.text
        assert (await client.get("/widget.js")).status_code == 404
