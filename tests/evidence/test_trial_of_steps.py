"""The trial of a task with steps: read part by part, in the order in which they ran."""

import json
from pathlib import Path

import pytest

from autoagent.evidence import trajectory
from autoagent.evidence.outline import outline, window
from autoagent.evidence.trajectory import read_trajectory

CALLS = [
    {"step": 1, "call": "exec", "command": "ls", "return_code": 0, "stdout": "a", "stderr": ""},
    {"step": 2, "call": "exec", "command": "cat b", "return_code": 1, "stdout": "", "stderr": "no"},
]


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """Its first step left a trajectory, its second our record of its calls alone."""
    directory = tmp_path / "jobs/e3/t1__abc"
    for name in ("z", "a"):
        (directory / "steps" / name / "agent").mkdir(parents=True)
        (directory / "steps" / name / "verifier").mkdir()
        (directory / "steps" / name / "verifier/test-stdout.txt").write_text(f"printed by {name}")
        record = "\n".join(map(json.dumps, CALLS))
        (directory / "steps" / name / "environment-calls.jsonl").write_text(record)
    said = {"steps": [{"step_id": 1, "source": "agent", "message": "hello"}]}
    (directory / "steps/z/agent/trajectory.json").write_text(json.dumps(said))
    results = [
        {"step_name": "z", "verifier_result": {"rewards": {"reward": 1.0}}},
        {"step_name": "a", "exception_info": {"exception_type": "HarnessCrashed"}},
    ]
    (directory / "result.json").write_text(json.dumps({"step_results": results}))
    return directory


def test_each_step_of_the_task_begins_with_a_line_that_says_how_it_ended(trial: Path) -> None:
    read = read_trajectory(trial)

    assert outline(read, 4000).splitlines() == [
        "1 task: the task's step 'z' (rewards {'reward': 1.0})",
        "2 agent: hello",
        "3 task: the task's step 'a' (HarnessCrashed)",
        "4 environment: exec(ls) -> return_code 0 a [exit 0, 14 B]",
        "5 environment: exec(cat b) -> return_code 1 no [exit 1, 15 B]",
    ]
    assert read.origin == "trajectory.json, environment-calls.jsonl"
    assert read.problem.startswith("the task's step 'a' (HarnessCrashed): steps/a/agent/")
    assert "hello" in window(read, 2, 1, 1000)


def test_what_verifiers_printed_and_what_was_called_is_of_all_steps(trial: Path) -> None:
    assert trajectory.verifier_output(trial, 1000).splitlines()[1::2] == [
        "printed by z",
        "printed by a",
    ]
    assert [call.end for call in trajectory.last_calls(trial, 4096)] == ["exit 0", "exit 1"] * 2
    assert len(trajectory.last_calls(trial, 4096, 3)) == 3
    records = [*trial.glob("steps/*/environment-calls.jsonl")]
    assert trajectory.size_of(trial, record=True) == sum(path.stat().st_size for path in records)


def test_steps_of_a_trial_that_was_cut_off_are_told_by_name(trial: Path) -> None:
    (trial / "result.json").unlink()
    assert [
        line for line in outline(read_trajectory(trial), 4000).splitlines() if "task" in line
    ] == [
        "1 task: the task's step 'a'",
        "4 task: the task's step 'z'",
    ]


def test_no_link_in_a_step_is_followed(trial: Path) -> None:
    secret = trial.parent / "secret.json"
    secret.write_text('{"steps": [{"message": "secret"}]}')
    (trial / "steps/z/agent/trajectory.json").unlink()
    (trial / "steps/z/agent/trajectory.json").symlink_to(secret)
    (trial / "steps/b").symlink_to(trial / "steps/a")
    (trial / "result.json").write_text(
        json.dumps({"step_results": [{"step_name": n} for n in ("z", "b", "../../../x")]})
    )

    read = read_trajectory(trial)

    assert "secret" not in outline(read, 4000)
    assert sum(line.split()[1] == "task:" for line in outline(read, 4000).splitlines()) == 1
