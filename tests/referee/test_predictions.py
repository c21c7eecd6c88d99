"""What was foretold against what was measured, by arithmetic alone."""

from hypothesis import given
from hypothesis import strategies as st

from autoagent.referee.telling.predictions import Foretold, in_lines, judged, over_a_night

TASKS = [f"t{number}" for number in range(6)]
SCORES = st.fixed_dictionaries(dict.fromkeys(TASKS, st.sampled_from([None, 0.0, 0.5, 1.0])))
NAMED = st.lists(st.sampled_from(TASKS), unique=True)


@given(before=SCORES, after=SCORES, should_fix=NAMED, may_break=NAMED)
def test_every_named_task_went_one_way(
    before: dict[str, float | None],
    after: dict[str, float | None],
    should_fix: list[str],
    may_break: list[str],
) -> None:
    """It came true, it did not, or nobody knows; and who was not measured tells nothing."""
    found = judged(should_fix, may_break, before, after)
    known = {task for task in TASKS if before[task] is not None and after[task] is not None}
    assert {*found.fixed, *found.unfixed} == {*should_fix} & known
    assert {*found.broke, *found.held} == {*may_break} & known
    assert {*found.unmeasured} == {*should_fix, *may_break} - known
    assert not {*found.rose, *found.fell} - known
    assert not {*found.rose} & {*should_fix} | {*found.fell} & {*may_break}
    assert bool(in_lines(found)) == bool({*should_fix, *may_break, *found.rose, *found.fell})


def test_a_night_is_told_beside_what_chance_would_have_given() -> None:
    one = Foretold(
        fixed=("a",), unfixed=("b", "c"), held=("d",), rose=("e",), fell=("f",), others=9
    )
    assert over_a_night([one, one]) == (
        "of tasks that an edit should fix, 2 of 6 rose (of those not named, 2 of 18); "
        "of those that it might break, 0 of 2 fell; 2 fell unforeseen"
    )
    assert over_a_night([Foretold(rose=("a",), others=3)]) == ""
