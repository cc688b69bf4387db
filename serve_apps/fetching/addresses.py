"""Which hosts may be asked.

A name says nothing: `localhost.example` may resolve to this machine, `2130706433` and `0x7f.1` are
it too, and a name can resolve to another address the second time it is asked. So the host is
resolved once for each request, every address that it has is checked, and the connection goes to
an address that was checked, with the name only in `Host` and in TLS.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from serve_apps.fetching.refusal import FetchRefused

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses, as text. Raises OSError."""

MOST_URL = 2000

_SCHEMES = {"http": 80, "https": 443}
_NAT64 = IPv6Network("64:ff9b::/96")
_CLOUD = frozenset({ip_address("168.63.129.16"), ip_address("100.100.100.200")})
"""Public by number, yet a cloud's own service to its machines; the second is in the shared
range, which `private` would allow."""
_CLOUD_6 = ip_address("fd00:ec2::254")


def checked_url(text: str) -> httpx.URL:
    """`text` as an address that may be asked, without its fragment; its host is not resolved.

    Raises FetchRefused `refused_address`.
    """
    text = text.strip()
    if len(text) > MOST_URL or any(char <= " " or char in "\\\x7f" for char in text):
        raise _refused(f"this is no address of a page: {text[:100]!r}")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise _refused(f"this is no address of a page: {error}") from None
    if url.scheme not in _SCHEMES:
        raise _refused(f"only http and https are fetched, not {url.scheme or text[:50]!r}")
    if not url.host:
        raise _refused("the address names no host")
    if url.userinfo:
        raise _refused("an address with a user's name or password is not fetched")
    if not 1 <= port_of(url) <= 65535:
        raise _refused(f"there is no port {url.port}")
    return url.copy_with(fragment=None)


def port_of(url: httpx.URL) -> int:
    return url.port if url.port is not None else _SCHEMES[url.scheme]


def same_site(one: httpx.URL, other: httpx.URL) -> bool:
    """The same host, and the same port or the two usual ones: a site moves from http to https."""
    ports = {port_of(one), port_of(other)}
    return one.host == other.host and (len(ports) == 1 or ports == set(_SCHEMES.values()))


def is_refused(address: Address, *, private: bool) -> bool:
    """Whether nothing may be fetched from `address`. `private`: one's own networks are allowed."""
    inner = _inner(address)
    if inner is not None:
        return is_refused(inner, private=private)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return True
    if address in _CLOUD or address == _CLOUD_6:
        return True
    if isinstance(address, IPv6Address) and address.is_site_local:
        return not private
    if address == ip_address("255.255.255.255"):
        return True
    return not (address.is_global or private)


def _inner(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to, if it is of a kind that does."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo is not None else None)


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """As this machine resolves it; numbers in any notation become addresses. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class CheckedTransport(httpx.AsyncBaseTransport):
    """Resolves, checks and connects, for each request anew."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport, *, private: bool, resolve: Resolve = system_resolve
    ) -> None:
        self._inner, self._private, self._resolve = inner, private, resolve

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises FetchRefused when the host may not be asked; what `httpx` raises."""
        url = request.url
        addresses = await self._allowed(url.host, port_of(url))
        for address in addresses[:-1]:
            try:
                return await self._ask(request, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # nothing was sent; the host has another address
        return await self._ask(request, addresses[-1])

    async def _ask(self, request: httpx.Request, address: Address) -> httpx.Response:
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=str(address)),
            headers=request.headers,  # `Host` was set from the name
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return await self._inner.handle_async_request(pinned)

    async def _allowed(self, host: str, port: int) -> list[Address]:
        try:
            found = [_address(text) for text in await self._resolve(host, port)]
        except (OSError, UnicodeError, ValueError) as error:
            reason = f"{host} was not found by name"
            raise FetchRefused("fetch_failed", reason, passing=True) from error
        if not found:
            raise FetchRefused("fetch_failed", f"{host} has no address", passing=True)
        if any(is_refused(address, private=self._private) for address in found):
            raise _refused(f"{host} is at an address of a private network, which is not fetched")
        return found

    async def aclose(self) -> None:
        await self._inner.aclose()


def _address(text: str) -> Address:
    return ip_address(text.partition("%")[0])  # without an IPv6 zone, which is link-local anyway


def _refused(reason: str) -> FetchRefused:
    return FetchRefused("refused_address", reason)
