"""The kinds of events: what they are stored as, and that whatever was ever written is read."""

import json
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from autoagent.evidence.events import (
    KINDS,
    CandidateCommitted,
    ClimbFinished,
    ClimbStarted,
    EvaluationFinished,
    Event,
    Facts,
    TasksValidated,
    TaskValidated,
    TrialLost,
    TrialStarted,
    Unknown,
    WorkerStarted,
    read,
)
from autoagent.records import Candidate, Copied, Noise, Score

CANDIDATE = Candidate(id="c" * 40, digest="d", parent=None, description="x", complexity=3)
SCORE = Score(
    passed=0, expected=1, void=0, avg_score=0, task_scores={"t": 0}, cost_usd=None, seconds=1,
    crashed=0,
)  # fmt: skip


def test_every_kind_has_one_record_and_each_record_is_frozen() -> None:
    assert set(KINDS.values()) == set(get_args(Event.__value__)) == set(Facts.__subclasses__())
    assert len(KINDS) == len(get_args(Event.__value__))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(TrialLost(trial="x"), "trial", "y")  # noqa: B010


def test_facts_are_stored_with_sorted_keys_without_spaces_and_without_their_kind() -> None:
    assert TrialLost(trial="ü").text() == '{"cost_usd":null,"trial":"ü"}'
    assert WorkerStarted().text() == "{}"


def test_what_says_nothing_is_left_unwritten_where_it_always_was() -> None:
    assert ClimbFinished(reason="x").text() == '{"reason":"x"}'
    assert json.loads(CandidateCommitted(candidate=CANDIDATE).text()).keys() == {"candidate"}
    foretold = CandidateCommitted(candidate=CANDIDATE, should_fix=("t",), edits=("words",))
    assert read("candidate_committed", foretold.text()) == foretold
    copied = (Copied(task="t", file="f", passages=1),)
    assert "copied" in CandidateCommitted(candidate=CANDIDATE, copied=copied).text()
    finished = EvaluationFinished(
        evaluation="e1", climb="n", kind="baseline", state="complete", score=SCORE,
        charged_dollars=0, verdict=None,
    )  # fmt: skip
    assert json.loads(finished.text())["kind"] == "baseline"
    assert "noise" not in finished.text()
    noisy = finished.model_copy(update={"noise": Noise(pairs=1, differing=0)})
    assert "noise" in noisy.text()
    assert read("evaluation_finished", noisy.text()) == noisy


OLD: list[tuple[str, dict[str, Any], Facts]] = [
    ("trial_lost", {"trial": "e1.t.1"}, TrialLost(trial="e1.t.1")),
    ("worker_started", {"pid": 7}, WorkerStarted()),
    (
        "trial_started",
        {"task": "t", "attempt": 1, "trial": "e1.t.1", "reserved_dollars": 0},
        TrialStarted(task="t", attempt=1, trial="e1.t.1", reserved_dollars=0.0),
    ),
    (
        "tasks_validated",
        {"tasks": ["t"], "excluded": {}},
        TasksValidated(tasks=("t",), excluded={}),
    ),
    (
        "task_validated",
        {"probe": "noop", "outcome": "failed", "detail": "", "trial": "e1.t.1"},
        TaskValidated(
            probe="noop", pass_reward=None, environment="sandbox", outcome="failed", detail="",
            trial="e1.t.1",
        ),
    ),
    (
        "climb_started",
        {
            "tag": "n", "snapshot": "s", "tasks": ["t"], "excluded": {}, "model": None, "head": "h",
            "baseline": CANDIDATE.model_dump(), "isolation": "sandbox",
        },
        ClimbStarted(
            tag="n", snapshot="s", tasks=("t",), excluded={}, baseline=CANDIDATE, model=None,
            head="h", isolation="sandbox",
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "body", "expected"), OLD, ids=[kind for kind, _, _ in OLD])
def test_facts_from_before_a_field_was_added_or_taken_away_are_read(
    kind: str, body: dict[str, Any], expected: Facts
) -> None:
    assert read(kind, json.dumps(body)) == expected


def test_a_kind_that_is_not_known_is_kept_as_it_is() -> None:
    assert read("moon_landed", '{"feet":1}') == Unknown(kind="moon_landed", text='{"feet":1}')


def test_facts_that_are_not_of_their_kind_are_refused() -> None:
    with pytest.raises(ValidationError, match="trial"):
        read("trial_lost", "{}")
