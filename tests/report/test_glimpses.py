"""What the report reads of a trial is what the trial says."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from autoagent.evidence.events import TrialFinished
from autoagent.records import Glimpse, ModelUse, Outcome, Trial, Used
from autoagent.report.glimpses import glimpse

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
DOLLARS = st.none() | st.floats(0, 100)
TRIALS = st.builds(
    Trial,
    id=TEXT,
    task=TEXT,
    attempt=st.integers(0, 9),
    side=TEXT,
    outcome=st.sampled_from(get_args(Outcome)),
    reward=st.none() | st.floats(0, 1),
    detail=TEXT,
    seconds=st.floats(0, 1e6),
    cost_usd=DOLLARS,
    judge_cost_usd=DOLLARS,
    model_use=st.none() | st.builds(ModelUse, calls=st.integers(0, 9)),
    silent=st.booleans(),
    unanswered=st.booleans(),
)


@given(TRIALS, TEXT)
def test_a_glimpse_says_what_its_trial_says(trial: Trial, directory: str) -> None:
    seen, place = glimpse(TrialFinished(trial=trial, directory=directory).text())
    assert place == directory
    for name in Glimpse.__struct_fields__:
        told, found = getattr(trial, name), getattr(seen, name)
        if name == "model_use" and told is not None:
            told = Used(*(getattr(told, field) for field in Used.__struct_fields__))
        assert found == told


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"directory": "", "trial": {"id": "x"}}', '{"directory": 1, "trial": {}}']
)
def test_what_is_no_trial_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        glimpse(text)
