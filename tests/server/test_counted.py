"""Sessions of one client, told apart by the numbers of their requests."""

import pytest

from autoagent.server.sessions import Counted


@pytest.mark.parametrize(
    ("numbers", "sessions"),
    [
        ([3, 4, 7, 30], 1),
        ([3, 5, 4, 6], 1),
        ([3, 3], 2),
        ([3, 4, 3, 5, 4, 6], 2),
        ([3, 40, 4], 2),
        ([3, 3, 3], 3),
    ],
    ids=str,
)
def test_who_uses_a_number_again_or_counts_from_below_is_another_session(
    numbers: list[int], sessions: int
) -> None:
    """Requests that are sent side by side may overtake each other, and are of one session."""
    counted = Counted()

    assert len({counted.session(number) for number in numbers}) == sessions
