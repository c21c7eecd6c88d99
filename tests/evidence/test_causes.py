"""Why a trial failed, as far as a few kilobytes tell."""

import json
from pathlib import Path
from typing import Any

import pytest

from autoagent.evidence.causes import READ_BYTES, Cause, cause_of
from autoagent.records import Trial


def trial_that(**facts: Any) -> Trial:
    return Trial.model_validate(
        {"id": "e3.t1.1", "task": "t1", "attempt": 1, "outcome": "failed", "reward": 0.0} | facts
    )


def leave(directory: Path, calls: list[dict[str, Any]], printed: str = "") -> Path:
    place = directory / "jobs" / "e3" / "t1__x"
    (place / "verifier").mkdir(parents=True)
    (place / "verifier/test-stdout.txt").write_text(printed)
    (place / "environment-calls.jsonl").write_text("".join(f"{json.dumps(c)}\n" for c in calls))
    return place


def ran(code: int = 0, printed: str = "") -> dict[str, Any]:
    return {"call": "exec", "command": "x", "return_code": code, "stdout": printed}


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"outcome": "timeout"}, "timeout"),
        ({"outcome": "timeout", "silent": True}, "timeout before its first call"),
        ({"outcome": "crashed"}, "crashed"),
        ({"outcome": "crashed", "unanswered": True}, "no usable answer of its model"),
        ({"outcome": "invalid"}, "verifier error: no reward"),
        ({"outcome": "void", "reward": None}, "measured nothing"),
        ({"outcome": "tampered"}, "tampered with its verifier"),
    ],
)
def test_an_outcome_is_a_cause_of_its_own(facts: dict[str, Any], what: str) -> None:
    assert cause_of(trial_that(**facts), Path(), verifier_shown=True).what == what


@pytest.mark.parametrize(
    ("calls", "printed", "reward", "what"),
    [
        ([ran()] * 8, "expected 4, got 5", 0.0, "wrong answer"),
        ([ran()] * 8, "2 of 3 right, 1 wrong", 0.67, "partly right"),
        ([ran()] * 4 + [ran(1, "sh: foo: not found")] * 4, "expected 4", 0.0, "tool errors"),
        ([{"call": "exec", "error": "OSError: gone"}] * 3, "", 0.0, "tool errors"),
        ([ran()], "expected 4, got 5", 0.0, "gave up after 1 call"),
        ([ran()] * 8, "cat: answer.txt: No such file", 0.0, "left no answer where the verifier"),
        ([], "expected 4, got 5", 0.0, "wrong answer"),
    ],
)
def test_a_trial_that_ran_to_its_end_failed_for_what_its_files_say(
    tmp_path: Path, calls: list[dict[str, Any]], printed: str, reward: float, what: str
) -> None:
    place = leave(tmp_path, calls, printed)
    found = cause_of(trial_that(reward=reward), place, verifier_shown=True)
    assert found.what.startswith(what)


def test_what_a_verifier_prints_is_not_read_where_the_human_hides_it(tmp_path: Path) -> None:
    place = leave(tmp_path, [ran()] * 8, "cat: answer.txt: No such file; SECRET wrong")
    assert cause_of(trial_that(), place, verifier_shown=False) == Cause("wrong answer")


def test_only_the_end_of_a_long_record_is_read(tmp_path: Path) -> None:
    """One call that is seen whole is no sign that there was no other."""
    long = ran(0, "x" * (READ_BYTES // 2))
    place = leave(tmp_path, [long, long], "expected 4, got 5")
    assert cause_of(trial_that(), place, verifier_shown=True).what == "wrong answer"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("expected 42, got 7", "expected 1, got 0.5", True),
        ("'paris' is not 'rome'", "'oslo' is not 'bern'", True),
        ("/app/a/x.txt differs", "/app/b/y.txt differs", True),
        ("row is missing", "column is missing", False),
    ],
)
def test_what_varies_from_task_to_task_makes_no_other_cause(
    one: str, other: str, alike: bool
) -> None:
    assert (Cause("wrong", one).alike == Cause("wrong", other).alike) is alike
