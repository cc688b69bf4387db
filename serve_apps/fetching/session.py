"""One host asked: redirects that stay there, an answer that stays small, errors in our words."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import msgspec

from serve_apps.fetching.addresses import (
    CheckedTransport,
    Resolve,
    checked_url,
    same_site,
    system_resolve,
)
from serve_apps.fetching.limits import FetchLimits
from serve_apps.fetching.refusal import FetchRefused

AGENT = "Tandem/1 (knowledge ingest)"
GZIP_MAGIC = b"\x1f\x8b"

_PIECE = 65_536
_HEADERS = {
    "User-Agent": AGENT,
    "Accept": "text/html, application/xhtml+xml, application/pdf, text/*;q=0.9, */*;q=0.5",
    "Accept-Encoding": "gzip, deflate",  # what is unpacked here, within bounds
}
_CUT_OFF = "it was cut off: its packed content has no end"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WINDOW = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a host said: its status, the address that it is of in the end, the unpacked body."""

    status: int
    url: httpx.URL
    content_type: str
    body: bytes


Before = Callable[[httpx.URL], Awaitable[None]]
"""Called with each address before it is asked; raises FetchRefused to stop."""


class Session:
    """Asks the site of `seed`, and no other."""

    def __init__(self, client: httpx.AsyncClient, seed: httpx.URL, limits: FetchLimits) -> None:
        self._client, self._seed, self._limits = client, seed, limits

    async def get(
        self, url: httpx.URL, *, before: Before, most: int | None = None, cut: bool = False
    ) -> Answer:
        """The answer after all redirects, of any status. `most` bounds the body in bytes; one that
        is longer is refused, or, with `cut`, ends there. Raises FetchRefused."""
        for _ in range(self._limits.redirects + 1):
            await before(url)
            try:
                found = await self._once(url, most or self._limits.body_bytes, cut)
            except httpx.TimeoutException as error:
                reason = f"{url.host} did not answer in time"
                raise FetchRefused("fetch_failed", reason, passing=True) from error
            except (httpx.HTTPError, ssl.SSLError) as error:
                reason = f"{url.host} could not be asked: {error or type(error).__name__}"
                raise FetchRefused("fetch_failed", reason[:300], passing=True) from error
            if isinstance(found, Answer):
                return found
            url = self._followed(found)
        raise FetchRefused("fetch_failed", f"more than {self._limits.redirects} redirects")

    async def _once(self, url: httpx.URL, most: int, cut: bool) -> Answer | httpx.URL:
        """The answer, or where it sends us."""
        response = await self._client.send(self._client.build_request("GET", url), stream=True)
        try:
            where = response.headers.get("location", "")
            if response.status_code in _REDIRECTS and where:
                return _joined(url, where)
            return Answer(
                status=response.status_code,
                url=url,
                content_type=response.headers.get("content-type", ""),
                body=await _body(response, most, cut),
            )
        finally:
            await response.aclose()

    def _followed(self, url: httpx.URL) -> httpx.URL:
        target = checked_url(str(url))
        if not same_site(self._seed, target):
            reason = f"it leads to another site, {target.host}: hand over that address instead"
            raise FetchRefused("refused_address", reason)
        return target


@asynccontextmanager
async def session_of(
    seed: httpx.URL, limits: FetchLimits, resolve: Resolve = system_resolve
) -> AsyncGenerator[Session]:
    """A session with the site of `seed`: no proxy, cookie or password of this machine is used."""
    timeout = httpx.Timeout(limits.read_s, connect=limits.connect_s)
    transport = CheckedTransport(
        httpx.AsyncHTTPTransport(trust_env=False, limits=httpx.Limits(max_connections=4)),
        private=limits.private,
        resolve=resolve,
    )
    async with httpx.AsyncClient(
        transport=transport,
        timeout=timeout,
        headers=_HEADERS,
        follow_redirects=False,
        trust_env=False,
    ) as client:
        yield Session(client, seed, limits)


def unpacked(content: bytes, most: int) -> bytes:
    """What a gzip file holds. Raises FetchRefused when that is longer than `most`, or broken."""
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        found = unpack.decompress(content, most + 1)
    except zlib.error as error:
        raise FetchRefused("fetch_failed", "its gzip is damaged") from error
    if len(found) > most:
        raise too_large(most)
    if not unpack.eof:
        raise FetchRefused("fetch_failed", _CUT_OFF, passing=True)
    return found


def too_large(most: int) -> FetchRefused:
    return FetchRefused("too_large", f"it is larger than {most / 1024 / 1024:.3g} MB")


def _joined(url: httpx.URL, where: str) -> httpx.URL:
    try:
        return url.join(where)
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchRefused("fetch_failed", f"it leads to no address: {where[:100]!r}") from error


async def _body(response: httpx.Response, most: int, cut: bool) -> bytes:
    """The body as it is unpacked piece by piece: a bomb is not more than its first `most` bytes."""
    announced = response.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most and not cut:
        raise too_large(most)
    body = bytearray()
    async for piece in _plain(response, most):
        body += piece
        if len(body) > most:
            if cut:
                return bytes(body[:most])
            raise too_large(most)
    return bytes(body)


async def _plain(response: httpx.Response, most: int) -> AsyncIterator[bytes]:
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        async for piece in response.aiter_raw(_PIECE):
            yield piece
        return
    if coding not in _WINDOW:
        raise FetchRefused("unsupported", f"it is packed as {coding[:50]}, which was not asked for")
    unpack = zlib.decompressobj(_WINDOW[coding])
    sent = 0
    async for packed in response.aiter_raw(_PIECE):
        sent += len(packed)
        if sent > most:
            raise too_large(most)
        rest = packed
        try:
            while rest:
                yield unpack.decompress(rest, _PIECE)
                rest = unpack.unconsumed_tail
        except zlib.error as error:
            raise FetchRefused("fetch_failed", "its packing is damaged") from error
    yield unpack.flush(_PIECE)
    if sent and not unpack.eof:
        raise FetchRefused("fetch_failed", _CUT_OFF, passing=True)
