"""Pages and sitemaps, with everything that a fetch has to keep to."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import lru_cache, partial

import httpx
import structlog

from serve_apps.fetching.addresses import Resolve, checked_url, same_site, system_resolve
from serve_apps.fetching.content import Fetched, fetched
from serve_apps.fetching.limits import FetchLimits
from serve_apps.fetching.refusal import FetchRefused
from serve_apps.fetching.robots import Robots, origin, read_robots
from serve_apps.fetching.session import GZIP_MAGIC, Answer, Session, session_of, unpacked
from serve_apps.fetching.sitemap import Sitemap, read_sitemap

Room = Callable[[], AbstractAsyncContextManager[None]]
"""A place among those who fetch: entered while a host is asked, and not while its turn is waited
for."""

_ORIGINS = 1000
"""Whose rules are remembered."""
_log = structlog.get_logger(__name__)


class Fetcher:
    """Remembers the rules of the hosts it asked, and when each may be asked again: one for a
    process. `clock` gives seconds, monotonic."""

    def __init__(
        self,
        limits: FetchLimits | None = None,
        *,
        resolve: Resolve = system_resolve,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits or FetchLimits()
        self._resolve, self._clock = resolve, clock
        self._rules: OrderedDict[str, tuple[float, Robots]] = OrderedDict()
        self._free: dict[str, float] = {}

    async def page(self, address: str, *, room: Room = nullcontext) -> Fetched:
        """Raises FetchRefused."""
        url = checked_url(address)
        async with self._asking(url, room) as session:
            answer = await self._answer(session, url)
        if not answer.body.strip():
            raise FetchRefused("fetch_failed", "the page is empty")
        return await asyncio.to_thread(
            fetched, answer.url, answer.content_type, answer.body, links=self._limits.links
        )

    async def sitemap(self, address: str, *, room: Room = nullcontext) -> list[str]:
        """The pages of the same site that it names, each once, in its order; those of the sitemaps
        that it leads to after its own. Raises FetchRefused; a sitemap that is only led to and
        cannot be read is left out."""
        seed = checked_url(address)
        limits, pages = self._limits, dict[str, None]()
        seen, coming = {str(seed)}, [(seed, 0)]
        for read in range(limits.sitemap_files):
            if not coming or len(pages) >= limits.sitemap_pages:
                break
            url, depth = coming.pop(0)
            try:
                found = await self._sitemap_file(seed, url, room)
            except FetchRefused as error:
                if not read:
                    raise
                _log.warning("a sitemap was left out", url=str(url), reason=error.reason)
                continue
            pages.update(dict.fromkeys(_of_site(seed, found.pages)))
            further = _of_site(seed, found.maps) if depth < limits.sitemap_depth else []
            fresh = [one for one in further if one not in seen]
            seen.update(fresh)
            coming += [(httpx.URL(one), depth + 1) for one in fresh]
        if not pages:
            raise FetchRefused("not_found", f"the sitemap names no page of {seed.host}")
        if len(pages) > limits.sitemap_pages or coming:
            _log.warning("a sitemap names more than is taken", url=str(seed), found=len(pages))
        return list(pages)[: limits.sitemap_pages]

    async def _sitemap_file(self, seed: httpx.URL, url: httpx.URL, room: Room) -> Sitemap:
        async with self._asking(seed, room) as session:
            content = (await self._answer(session, url)).body
        if content.startswith(GZIP_MAGIC):
            content = unpacked(content, self._limits.body_bytes)
        return read_sitemap(content, self._limits.sitemap_pages)

    @asynccontextmanager
    async def _asking(self, url: httpx.URL, room: Room) -> AsyncGenerator[Session]:
        """In the host's own time, then when there is room, and then within ours."""
        await self._turn(origin(url))
        try:
            async with (
                room(),
                asyncio.timeout(self._limits.whole_s),
                session_of(url, self._limits, self._resolve) as session,
            ):
                yield session
        except TimeoutError as error:
            reason = f"{url.host} took longer than {self._limits.whole_s:g} s"
            raise FetchRefused("fetch_failed", reason, passing=True) from error

    async def _answer(self, session: Session, url: httpx.URL) -> Answer:
        answer = await session.get(url, before=partial(self._check_robots, session))
        if 200 <= answer.status < 300:
            return answer
        if answer.status in (404, 410):
            raise FetchRefused("not_found", f"{answer.url.host} has no such page ({answer.status})")
        reason = f"{answer.url.host} answers {answer.status}"
        passing = answer.status in (408, 425, 429) or answer.status >= 500
        raise FetchRefused("fetch_failed", reason, passing=passing)

    async def _check_robots(self, session: Session, url: httpx.URL) -> None:
        rules = await self._rules_of(session, url)
        if not rules.allows(url):
            raise FetchRefused("robots", f"the robots.txt of {url.host} does not allow {url.path}")

    async def _rules_of(self, session: Session, url: httpx.URL) -> Robots:
        place, now = origin(url), self._clock()
        kept = self._rules.get(place)
        if kept is not None and now - kept[0] < self._limits.robots_kept_s:
            return kept[1]
        rules = await read_robots(session, url, self._limits)
        self._rules[place] = (now, rules)
        self._free[place] = max(self._free.get(place, 0.0), now + rules.delay_s)
        if len(self._rules) > _ORIGINS:
            forgotten, _ = self._rules.popitem(last=False)
            self._free.pop(forgotten, None)
        return rules

    async def _turn(self, place: str) -> None:
        """Wait until the host may be asked, and book that moment; the rules that it goes by are
        those of the last time that they were read."""
        kept = self._rules.get(place)
        if kept is None or not kept[1].delay_s:
            return
        now = self._clock()
        at = max(now, self._free.get(place, 0.0))
        self._free[place] = at + kept[1].delay_s
        await asyncio.sleep(at - now)


def _of_site(seed: httpx.URL, addresses: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for address in addresses:
        try:
            url = checked_url(address)
        except FetchRefused:
            continue
        if same_site(seed, url):
            found.append(str(url))
    return found


@lru_cache(maxsize=4)
def _fetcher(limits: FetchLimits) -> Fetcher:
    return Fetcher(limits)


async def fetch_page(url: str, limits: FetchLimits) -> Fetched:
    """The page at `url`, by this process's own `Fetcher`. Raises FetchRefused."""
    return await _fetcher(limits).page(url)


async def fetch_sitemap(url: str, limits: FetchLimits) -> list[str]:
    """The pages of its site that the sitemap at `url` names. Raises FetchRefused."""
    return await _fetcher(limits).sitemap(url)
