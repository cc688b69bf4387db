"""One conversation as a client sees it: what it missed, then what comes, each once, in order.

The order of things is the guarantee. The feed is subscribed first (`LiveFeed.watch`), then
the log is read, then live commits are taken, so nothing falls between. `Commit.number` has no
holes: a commit that was read already is dropped, and a gap is filled from the log. A live
commit can be lost (a slow consumer, a reconnect), so a quiet conversation is compared with
the log now and then.

Visitors and operators follow alike; what each is shown of a commit or a live frame is a `View`.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Generic, Protocol, TypeVar

import msgspec
import structlog

from events.conversation import Mode
from events.live.frames import LiveFrame
from events.log.event_log import Commit, EventLog, Head, LogUnavailable
from events.log.stream import StreamName
from serve_apps.gateway.shared.limits import GatewayLimits
from serve_apps.gateway.shared.live_frame_state import Standing, standing_after
from serve_apps.gateway.shared.metrics import GatewayMetrics

_log = structlog.get_logger(__name__)

_PLACE = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,15}))?\Z")


class FeedLost(Exception):
    """The live subscription ended: the client must come back."""


class Place(msgspec.Struct, frozen=True):
    """Up to where a client has seen. Without an `index` it has seen the whole commit."""

    version: int = 0
    index: int | None = None

    @classmethod
    def parse(cls, text: str) -> Place:
        """From `version` or `version.index`. Raises ValueError."""
        found = _PLACE.match(text)
        if found is None:
            raise ValueError(f"{text[:40]!r} is no place: `version` or `version.index`")
        return cls(int(found[1]), None if found[2] is None else int(found[2]))

    def before(self, version: int, index: int) -> bool:
        """True when what stands there comes after this place, so that it must still be shown."""
        if version != self.version:
            return version > self.version
        return self.index is not None and index > self.index

    @property
    def load_after(self) -> int:
        """The version after which the log must be read so as to miss nothing."""
        return self.version if self.index is None else max(0, self.version - 1)


Frame = TypeVar("Frame")
Frame_co = TypeVar("Frame_co", covariant=True)


class View(Protocol[Frame_co]):
    """What one client is shown of a conversation."""

    def of_commit(self, commit: Commit, seen: Place) -> Iterable[Frame_co]:
        """What comes after the place `seen`."""
        ...

    def of_live(self, frame: LiveFrame, standing: Standing) -> Iterable[Frame_co]:
        """`standing` is how the conversation stands at the last commit that was shown."""
        ...


class KnownEnds:
    """Where conversations ended when they were last looked at, and how they stood there. A
    bounded cache: it spares reading a whole conversation when a client comes back with its place.
    """

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._ends: OrderedDict[StreamName, tuple[Head, Standing]] = OrderedDict()

    def get(self, stream: StreamName) -> tuple[Head, Standing] | None:
        return self._ends.get(stream)

    def put(self, stream: StreamName, head: Head, standing: Standing) -> None:
        known = self._ends.get(stream)
        if known is None or known[0].version <= head.version:
            self._ends[stream] = (head, standing)
            self._ends.move_to_end(stream)
        if len(self._ends) > self._size:
            self._ends.popitem(last=False)


class ConversationFeed(Generic[Frame]):
    """Follow one conversation from a place. Use it inside `async with live.watch(stream)`."""

    def __init__(
        self,
        log: EventLog,
        stream: StreamName,
        place: Place,
        view: View[Frame],
        *,
        ends: KnownEnds,
        limits: GatewayLimits,
        metrics: GatewayMetrics,
    ) -> None:
        self._log, self._stream, self._place, self._view = log, stream, place, view
        self._ends, self._limits, self._metrics = ends, limits, metrics
        self._head = Head()
        self._standing, self._stood_at = Standing(), 0
        self._behind = False
        self._nudge: asyncio.Future[None] | None = None

    @property
    def version(self) -> int:
        return self._head.version

    @property
    def mode(self) -> Mode:
        return self._standing.mode

    @property
    def waiting(self) -> bool:
        """A person was asked for, and none has come."""
        return self._standing.waiting

    async def catch_up(self) -> list[Frame]:
        """Read what lies after the place. Raises what `EventLog.load` raises."""
        place, known = self._place, self._ends.get(self._stream)
        if place.version and known and known[0].version >= place.version:
            commits = await self._log.load(self._stream, after=Head(version=place.load_after))
            nothing_new = place.index is None and known[0].version == place.version
            if commits or nothing_new:
                self._head, self._standing = known
                self._stood_at = self._head.version
                return self._taken(commits)
        # How it stands is only known from the whole conversation.
        commits = await self._log.load(self._stream)
        if place.version > (commits[-1].version if commits else 0):
            await self._check_place()
        return self._taken(commits)

    async def _check_place(self) -> None:
        """A place beyond what was read: either the log was set up anew, so begin at the
        beginning; or a server that is behind has answered. Raises LogUnavailable then."""
        last = await self._log.last(self._stream)
        if last is not None and last.version >= self._place.version:
            raise LogUnavailable(f"{self._stream.subject}: read from a server that is behind")
        self._place = Place()

    def expect(self, version: int) -> None:
        """A commit of `version` exists: when it does not come by itself, look for it."""
        if version > self._head.version:
            asyncio.get_running_loop().call_later(self._limits.recheck_owed_s, self._miss, version)

    def _miss(self, version: int) -> None:
        if version > self._head.version:
            self.nudge()

    def nudge(self) -> None:
        """Compare with the log now: a live commit may have been lost."""
        if self._nudge is not None and not self._nudge.done():
            self._nudge.set_result(None)

    async def live(
        self, pushed: AsyncIterator[Commit | LiveFrame]
    ) -> AsyncGenerator[tuple[Frame, ...]]:
        """What comes, and an empty tuple after each look at the log. Raises FeedLost, and what
        `EventLog.load` raises but LogUnavailable: then the log is asked again a little later.
        """
        loop = asyncio.get_running_loop()
        coming: asyncio.Future[Commit | LiveFrame] | None = None
        # A recheck is due whatever comes meanwhile, but for a commit: live frames prove nothing.
        due = loop.time() + self._quiet_s()
        try:
            while True:
                coming = coming or asyncio.ensure_future(anext(pushed))
                nudge = self._nudge = self._nudge or loop.create_future()
                await asyncio.wait(
                    {coming, nudge},
                    timeout=max(0.0, due - loop.time()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if nudge.done() or loop.time() >= due:
                    self._nudge = None
                    yield await self._recheck()
                    due = loop.time() + self._quiet_s()
                if coming.done():
                    item, coming = _arrived(coming), None
                    if frames := await self._take(item):
                        yield frames
                    if isinstance(item, Commit):
                        due = loop.time() + self._quiet_s()
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.wait({coming})

    def _quiet_s(self) -> float:
        soon = self._standing.turn or self._behind
        return self._limits.recheck_owed_s if soon else self._limits.recheck_s

    async def _take(self, item: Commit | LiveFrame) -> tuple[Frame, ...]:
        if not isinstance(item, Commit):
            return tuple(self._view.of_live(item, self._standing))
        if item.version <= self._head.version:
            return ()
        if item.number == self._head.number + 1 and (self._head.number or not self._head.version):
            return tuple(self._taken((item,)))
        self._metrics.gaps.inc()
        return await self._read_on()

    async def _recheck(self) -> tuple[Frame, ...]:
        try:
            last = await self._log.last(self._stream)
        except LogUnavailable as error:
            _log.warning("the log cannot be read, will ask again", error=str(error))
            self._behind = True
            return ()
        if last is None or last.version <= self._head.version:
            self._behind = False
            return ()
        self._metrics.gaps.inc()
        return await self._read_on()

    async def _read_on(self) -> tuple[Frame, ...]:
        """Fill a gap from the log. When the log is away the feed stays behind, and knows it."""
        try:
            commits = await self._log.load(self._stream, after=self._head)
        except LogUnavailable as error:
            _log.warning("a gap cannot be filled yet", error=str(error))
            self._behind = True
            return ()
        # A read may be answered by a server that is a little behind: look again soon.
        self._behind = not commits
        return tuple(self._taken(commits))

    def _taken(self, commits: Iterable[Commit]) -> list[Frame]:
        """Move on past `commits`, and give what the client has not seen of them."""
        frames: list[Frame] = []
        last: Commit | None = None
        for last in commits:
            if last.version > self._stood_at:  # what is known of the end is never taken back
                self._standing = standing_after(self._standing, last)
                self._stood_at = last.version
            frames.extend(self._view.of_commit(last, self._place))
        if last is not None:
            self._head = last.head
            if last.version == self._stood_at:
                self._ends.put(self._stream, self._head, self._standing)
        return frames


def _arrived(coming: asyncio.Future[Commit | LiveFrame]) -> Commit | LiveFrame:
    try:
        return coming.result()
    except StopAsyncIteration:
        raise FeedLost("the live subscription ended") from None
