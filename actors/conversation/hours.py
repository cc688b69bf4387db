"""When people are there: a tenant's opening hours at a moment, and when they open next.

A window belongs to the day it opens on: `22:00` to `06:00` ends the next morning, `00:00` to
`24:00` is the whole day, and so are two equal times. Clock times are the tenant's own. On the night
the clocks change, a time that does not exist is the hour after it, and one that comes twice is the
first of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from events.tenancy import HandoffPolicy, OpenHours

LOOK_AHEAD_DAYS = 15
"""Two weeks: one window may fall out when the clocks change."""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """Whether people are there; when not, the weekday they come back on (1 Monday to 7 Sunday,
    0 for today) and the clock time, `09:00`. Both are empty when they never do."""

    open: bool
    opens_day: int = 0
    opens_at: str = ""


class UnknownTimezone(Exception):
    """There is no such time zone."""


def opening(policy: HandoffPolicy, at: int) -> Opening:
    """At `at` (ms since 1970, UTC). Raises UnknownTimezone."""
    if not policy.hours:
        return Opening(open=True)
    zone = timezone(policy.timezone)
    now = datetime.fromtimestamp(at / 1000, UTC)
    today = now.astimezone(zone).date()
    windows = sorted(_windows(policy.hours, zone, today))
    if any(opens <= now < closes for opens, closes in windows):
        return Opening(open=True)
    for opens, closes in windows:
        if now < opens < closes:
            local = opens.astimezone(zone)
            day = 0 if local.date() == today else local.isoweekday()
            return Opening(open=False, opens_day=day, opens_at=local.strftime("%H:%M"))
    return Opening(open=False)


@lru_cache(maxsize=256)
def timezone(name: str) -> ZoneInfo:
    """The IANA time zone, `Europe/Madrid`. Raises UnknownTimezone."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # not found; a path; a folder
        raise UnknownTimezone(f"{name!r} is no time zone: say one such as Europe/Madrid") from error


def _windows(
    hours: tuple[OpenHours, ...], zone: tzinfo, today: date
) -> Iterator[tuple[datetime, datetime]]:
    """All windows of the days around `today`, as moments in UTC."""
    for ahead in range(-2, LOOK_AHEAD_DAYS):  # one that opened at 24:00 the day before yesterday
        day = today + timedelta(days=ahead)
        for one in hours:
            if day.isoweekday() in one.days:
                opens, closes = _minutes(one.opens), _minutes(one.closes)
                if closes <= opens:
                    closes += 24 * 60
                yield _moment(day, opens, zone), _moment(day, closes, zone)


def _minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def _moment(day: date, minutes: int, zone: tzinfo) -> datetime:
    """The moment the clocks show `minutes` after the midnight that begins `day`."""
    days, rest = divmod(minutes, 24 * 60)
    clock = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), zone)
    return clock.astimezone(UTC)
