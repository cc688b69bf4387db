"""Where a key may be used from: the origins of browsers' pages."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

LOOPBACK = "loopback"


def is_loopback_host(host: str) -> bool:
    """True for `localhost`, 127.0.0.0/8 and ::1, by their spelling: no name is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_loopback(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
        host = parts.hostname
        _ = parts.port  # raises ValueError on what is no port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host:
        return False
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        return False
    return is_loopback_host(host)


def allows(origins: Iterable[str], origin: str | None) -> bool:
    """May a page of `origin` use a key with these `origins`?

    No origin means no browser (a browser always says), so nothing to protect: allowed.
    """
    if origin is None:
        return True
    wanted = origin.casefold()
    return any(
        _is_loopback(wanted) if allowed == LOOPBACK else allowed.casefold().rstrip("/") == wanted
        for allowed in origins
    )


def same_origin(origin: str | None, host: str | None) -> bool:
    """Is a request to `host` (`example.org:8000`) by a page of that very host? No origin means
    no browser, or a page's own plain reading, so nothing to protect: allowed."""
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not parts.netloc or host is None:
        return False
    return parts.netloc.casefold() == host.casefold()
