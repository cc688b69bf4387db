"""Opening hours: whether people are there, and when they come back."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.conversation.hours import Opening, UnknownTimezone, opening
from events.tenancy import HandoffPolicy, OpenHours

MADRID = "Europe/Madrid"
WEEKDAYS = OpenHours(days=(1, 2, 3, 4, 5), opens="09:00", closes="17:00")


def ms(text: str, zone: str = MADRID, *, fold: int = 0) -> int:
    """The moment the clocks of `zone` show `2026-06-01 09:00`."""
    clock = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(clock.timestamp() * 1000)


def policy(*hours: OpenHours, zone: str = MADRID) -> HandoffPolicy:
    return HandoffPolicy(hours=hours, timezone=zone)


def closed(day: int, at: str) -> Opening:
    return Opening(open=False, opens_day=day, opens_at=at)


OPEN = Opening(open=True)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-06-01 08:59", closed(0, "09:00")),  # a Monday
        ("2026-06-01 09:00", OPEN),
        ("2026-06-01 16:59", OPEN),
        ("2026-06-01 17:00", closed(2, "09:00")),
        ("2026-06-05 17:00", closed(1, "09:00")),
        ("2026-06-06 12:00", closed(1, "09:00")),
    ],
)
def test_weekdays_from_nine_to_five(now, expected):
    assert opening(policy(WEEKDAYS), ms(now)) == expected


def test_without_hours_somebody_is_always_there():
    assert opening(HandoffPolicy(timezone="No/Where"), 0) == OPEN


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-06-01 21:59", closed(0, "22:00")),
        ("2026-06-01 22:00", OPEN),
        ("2026-06-02 05:59", OPEN),  # Tuesday's morning is still Monday's window
        ("2026-06-02 06:00", closed(1, "22:00")),
        ("2026-06-01 05:00", closed(0, "22:00")),  # Sunday opened nothing
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_opens_on(now, expected):
    night = OpenHours(days=(1,), opens="22:00", closes="06:00")
    assert opening(policy(night), ms(now)) == expected


@pytest.mark.parametrize("closes", ["24:00", "00:00"])
def test_a_whole_day_has_no_hole_at_midnight(closes):
    hours = OpenHours(days=(1, 2), opens="00:00", closes=closes)
    for now in ("2026-06-01 00:00", "2026-06-01 23:59", "2026-06-02 00:00", "2026-06-02 23:59"):
        assert opening(policy(hours), ms(now)) == OPEN
    assert opening(policy(hours), ms("2026-06-03 00:00")) == closed(1, "00:00")


def test_the_same_weekday_next_week_is_named_and_is_not_today():
    monday = OpenHours(days=(1,), opens="09:00", closes="10:00")
    assert opening(policy(monday), ms("2026-06-01 10:00")) == closed(1, "09:00")


def test_the_earliest_of_several_windows_is_told():
    hours = (WEEKDAYS, OpenHours(days=(6,), opens="10:30", closes="14:00"))
    assert opening(policy(*hours), ms("2026-06-05 18:00")) == closed(6, "10:30")


def test_the_same_moment_is_open_here_and_closed_there():
    now = ms("2026-06-01 10:00", "UTC")
    assert opening(policy(WEEKDAYS), now) == OPEN
    assert opening(policy(WEEKDAYS, zone="America/Mexico_City"), now) == closed(0, "09:00")


def test_the_clocks_go_forward_and_nine_is_still_nine():
    # On 29 March 2026 Madrid's clocks jump from 02:00 to 03:00.
    sunday = OpenHours(days=(7,), opens="09:00", closes="17:00")
    assert opening(policy(sunday), ms("2026-03-29 08:59")) == closed(0, "09:00")
    assert opening(policy(sunday), ms("2026-03-29 09:00")) == OPEN
    missing = OpenHours(days=(7,), opens="02:30", closes="05:00")
    assert opening(policy(missing), ms("2026-03-29 01:59")) == closed(0, "03:30")


def test_an_hour_that_comes_twice_opens_with_the_first():
    # On 25 October 2026 Madrid's clocks go back from 03:00 to 02:00.
    sunday = OpenHours(days=(7,), opens="02:30", closes="04:00")
    assert opening(policy(sunday), ms("2026-10-25 02:30", fold=0)) == OPEN
    assert opening(policy(sunday), ms("2026-10-25 02:10", fold=1)) == OPEN
    assert opening(policy(sunday), ms("2026-10-25 02:29", fold=0)) == closed(0, "02:30")


@pytest.mark.parametrize("zone", ["No/Where", "../etc/passwd", "", "Europe", "a\0b"])
def test_a_time_zone_that_is_none_is_named(zone):
    with pytest.raises(UnknownTimezone, match="no time zone"):
        opening(policy(WEEKDAYS, zone=zone), 0)


def test_hours_on_no_day_never_open():
    never = OpenHours(days=(), opens="09:00", closes="17:00")
    assert opening(policy(never), ms("2026-06-01 10:00")) == Opening(open=False)


clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59)) | st.just("24:00")
windows = st.builds(
    OpenHours,
    days=st.lists(st.integers(1, 7), min_size=1, max_size=7, unique=True).map(tuple),
    opens=clocks,
    closes=clocks,
)
zones = st.sampled_from(
    [MADRID, "UTC", "America/Mexico_City", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(
    lambda clock: int(clock.replace(tzinfo=UTC).timestamp() * 1000)
)


@settings(max_examples=40)
@given(hours=st.lists(windows, min_size=1, max_size=3), zone=zones, at=moments)
def test_at_the_time_that_is_told_somebody_is_there(hours, zone, at):
    """Walk on to the day and clock time that the visitor is told: then it is open."""
    asked = policy(*hours, zone=zone)
    now = opening(asked, at)
    if now.open:
        assert now == OPEN
        return
    assert now.opens_at, "some window opens within two weeks"
    local = datetime.fromtimestamp(at / 1000, ZoneInfo(zone))
    assert 0 <= now.opens_day <= 7
    step = at
    for _ in range(15 * 24 * 60):
        step = step // 60_000 * 60_000 + 60_000
        then = datetime.fromtimestamp(step / 1000, ZoneInfo(zone))
        if opening(asked, step).open:
            assert then.strftime("%H:%M") == now.opens_at
            is_today = then.date() == local.date()
            assert now.opens_day == (0 if is_today else then.isoweekday())
            return
        if then.minute % 7:  # not each minute: a jump ahead while nothing opens
            continue
    raise AssertionError("it never opened")
