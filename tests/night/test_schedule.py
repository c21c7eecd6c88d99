"""Hours are what the wall clock shows; a night has one end, whatever clocks do."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.night.schedule import Deadline, window

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2029, 1, 1), timezones=st.just(BERLIN))


def at(text: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


@pytest.mark.parametrize(
    ("now", "start", "until", "begins", "ends"),
    [
        ("2026-11-27 12:00", "23:00", "07:00", "2026-11-27 23:00", "2026-11-28 07:00"),
        ("2026-11-27 23:00:02", "23:00", "07:00", "2026-11-27 23:00:02", "2026-11-28 07:00"),
        ("2026-11-28 03:00", "23:00", "07:00", "2026-11-28 03:00", "2026-11-28 07:00"),
        ("2026-11-28 07:00", "23:00", "07:00", "2026-11-28 23:00", "2026-11-29 07:00"),
        ("2026-11-27 12:00", "01:00", "07:00", "2026-11-28 01:00", "2026-11-28 07:00"),
        ("2026-11-27 12:00", None, "07:00", "2026-11-27 12:00", "2026-11-28 07:00"),
        ("2026-11-27 12:00", "23:00", None, "2026-11-27 23:00", None),
        ("2026-11-27 23:30", "23:00", None, "2026-11-28 23:00", None),
        ("2026-11-27 12:00", None, None, "2026-11-27 12:00", None),
        # clocks skip 02:00 to 03:00, so the hour is when it would have been
        ("2026-03-28 12:00", "23:00", "02:30", "2026-03-28 23:00", "2026-03-29 03:30"),
        # clocks show 02:00 to 03:00 twice, and the first is meant, unless it is past
        ("2026-10-24 12:00", "23:00", "02:30", "2026-10-24 23:00", "2026-10-25 02:30"),
    ],
)
def test_the_night_that_is_on_else_the_next_one(
    now: str, start: str | None, until: str | None, begins: str, ends: str | None
) -> None:
    found = window(start, until, at(now), BERLIN)

    assert found == (at(begins), at(ends) if ends else None)


def test_a_night_over_a_change_of_clocks_is_as_long_as_it_is() -> None:
    spring = window("23:00", "07:00", at("2026-03-28 23:00"), BERLIN)
    autumn = window("23:00", "07:00", at("2026-10-24 23:00"), BERLIN)

    assert spring.end and spring.end - spring.start == 7 * 3600
    assert autumn.end and autumn.end - autumn.start == 9 * 3600


@given(HOURS, HOURS, MOMENTS)
def test_a_night_ends_at_its_hour_within_a_day_or_so_and_starts_before(
    start: str, until: str, moment: datetime
) -> None:
    now = moment.timestamp()

    found = window(start, until, now, BERLIN)

    assert found.end is not None
    assert now <= found.start < found.end
    assert found.end - now <= timedelta(hours=26).total_seconds()
    shown = datetime.fromtimestamp(found.end, BERLIN).strftime("%H:%M")
    skipped = f"{(int(until[:2]) + 1) % 24:02}{until[2:]}"
    assert shown in (until, skipped)


@given(HOURS, MOMENTS)
def test_an_hour_alone_is_the_next_one(hour: str, moment: datetime) -> None:
    now = moment.timestamp()

    found = window(hour, None, now, BERLIN)

    assert found.end is None
    assert 0 <= found.start - now <= timedelta(hours=26).total_seconds()


class Clocks:
    """A wall clock that can be set, and the time that passes."""

    def __init__(self) -> None:
        self.wall, self.paced = at("2026-11-27 23:00"), 50.0

    def pass_by(self, hours: float) -> None:
        self.wall, self.paced = self.wall + hours * 3600, self.paced + hours * 3600


@pytest.mark.parametrize(
    ("set_by", "asleep", "left"),
    [
        (0, 0, 5),
        (-3, 0, 5),  # set back: no longer
        (2, 0, 3),  # set forward: the hour has come sooner
        (0, 4, 1),  # asleep, the machine's own time stood still
        (0, 9, -4),
    ],
)
def test_no_clock_that_is_set_back_lengthens_a_night(set_by: int, asleep: int, left: int) -> None:
    clocks = Clocks()
    deadline = Deadline(clocks.wall + 8 * 3600, lambda: clocks.wall, lambda: clocks.paced)

    clocks.pass_by(3)
    clocks.wall += (set_by + asleep) * 3600

    assert deadline.left() == pytest.approx(left * 3600)


def test_a_night_without_an_hour_never_ends_by_the_clock() -> None:
    assert Deadline(None).left() == float("inf")
