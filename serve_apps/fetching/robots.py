"""What a host lets robots have, and how fast (RFC 9309)."""

from __future__ import annotations

import httpx
from protego import Protego

from serve_apps.fetching.limits import FetchLimits
from serve_apps.fetching.refusal import FetchRefused
from serve_apps.fetching.session import Session

ROBOT = "tandem"
"""The name that a robots.txt calls us by."""


class Robots:
    """The rules of one origin."""

    def __init__(self, text: str, longest_delay_s: float) -> None:
        self._rules = Protego.parse(text)
        asked = self._rules.crawl_delay(ROBOT)
        self.delay_s = min(max(float(asked or 0), 0.0), longest_delay_s)

    def allows(self, url: httpx.URL) -> bool:
        return self._rules.can_fetch(str(url), ROBOT)


def origin(url: httpx.URL) -> str:
    """Scheme, host and port: what one robots.txt is for."""
    return str(url.copy_with(raw_path=b"/"))


async def read_robots(session: Session, url: httpx.URL, limits: FetchLimits) -> Robots:
    """The rules for `url`. Where there is no robots.txt everything is allowed; where it cannot be
    read, nothing is. Raises FetchRefused."""

    async def asked(_: httpx.URL) -> None:
        return None

    found = await session.get(
        url.copy_with(raw_path=b"/robots.txt"), before=asked, most=limits.robots_bytes, cut=True
    )
    if found.status == 429 or found.status >= 500:
        reason = f"the robots.txt of {url.host} answers {found.status}, so nothing may be taken now"
        raise FetchRefused("fetch_failed", reason, passing=True)
    text = found.body.decode("utf-8", "replace") if 200 <= found.status < 300 else ""
    return Robots(text.removeprefix("\ufeff"), limits.crawl_delay_s)
