"""Trajectories as harnesses leave them: of every version, damaged, and hostile."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from autoagent.evidence import trajectory, trial_files
from autoagent.evidence.outline import found, outline, parts, window
from autoagent.evidence.trajectory import read_trajectory

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=30,
)
STEP = st.fixed_dictionaries(
    {},
    optional={
        name: JSON
        for name in (
            "step_id",
            "source",
            "message",
            "reasoning_content",
            "tool_calls",
            "observation",
        )
    },
)


def atif(*steps: Any, version: str = "ATIF-v1.6") -> dict[str, Any]:
    return {"schema_version": version, "agent": {"name": "a", "version": "0"}, "steps": list(steps)}


def step(number: int, message: Any, **more: Any) -> dict[str, Any]:
    return {"step_id": number, "source": "agent", "message": message, **more}


CALLS = {
    "tool_calls": [
        {"tool_call_id": "c1", "function_name": "sh", "arguments": {"command": "ls /app"}}
    ],
    "observation": {"results": [{"source_call_id": "c1", "content": "question.txt\n"}]},
}


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """A trial's directory inside a job's, as Harbor lays them out."""
    directory = tmp_path / "jobs" / "e3" / "t1__abc"
    for name in ("agent", "verifier"):
        (directory / name).mkdir(parents=True)
    return directory


def leave(trial: Path, content: Any, name: str = "trajectory.json") -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    (trial / "agent" / name).write_text(text)
    return trial


def test_an_outline_has_one_line_a_step(trial: Path) -> None:
    leave(
        trial,
        atif(
            {"step_id": 1, "source": "user", "message": "Answer\nthe question."},
            step(2, "Let me look.", **CALLS),
            step(3, "", reasoning_content="It is 42."),
        ),
    )
    assert outline(read_trajectory(trial), 5000) == snapshot("""\
1 user: Answer the question.
2 agent: Let me look. sh({command: ls /app}) -> question.txt [13 B]
3 agent: (reasoning) It is 42.\
""")


def test_a_window_has_the_whole_of_its_steps(trial: Path) -> None:
    leave(trial, atif(step(1, "one"), step(2, "Let me look.", **CALLS), step(3, "three")))
    assert window(read_trajectory(trial), 2, 5, 4000) == snapshot("""\
--- step 2 of 3, agent
Let me look.
call sh: {command: ls /app}
result: question.txt


--- step 3 of 3, agent
three\
""")


@pytest.mark.parametrize("version", [f"ATIF-v1.{minor}" for minor in range(9)])
def test_every_version_is_read(trial: Path, version: str) -> None:
    """1.6 made content a list of parts, 1.8 added audio; 1.7 made ids optional."""
    parts_ = [
        {"type": "text", "text": "see"},
        {"type": "image", "source": {"media_type": "image/png", "path": "shot.png"}},
        {"type": "audio", "source": {"media_type": "audio/wav", "path": "say.wav"}},
    ]
    leave(trial, atif(step(1, parts_), version=version))
    assert outline(read_trajectory(trial), 5000) == "1 agent: see [image shot.png] [audio say.wav]"


def worked(number: int, printed: str, seconds: float = 2.0) -> dict[str, Any]:
    """A step that ran a command, at its time, for its price."""
    observation = {"results": [{"source_call_id": "c1", "content": printed}]}
    at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=number * seconds)
    metrics = {"cost_usd": 0.001}
    return step(
        number,
        f"no {number}",
        timestamp=at.isoformat(),
        metrics=metrics,
        **CALLS | {"observation": observation},
    )


def test_a_long_trajectory_shows_its_ends_and_what_failed(trial: Path) -> None:
    """What stands between is one line of sums."""
    says = {90: "exit code 2", 120: "Error: no tool"}
    leave(trial, atif(*(worked(n, says.get(n, "fine\n")) for n in range(1, 201))))
    lines = outline(read_trajectory(trial), 1400).splitlines()
    assert sum(map(len, lines)) < 1500
    assert (lines[0], lines[-1]) == snapshot(
        (
            "1 agent: no 1 sh({command: ls /app}) -> fine [5 B, $0.001]",
            "200 agent: no 200 sh({command: ls /app}) -> fine [5 B, 2 s, $0.001]",
        )
    )
    assert [line for line in lines if line.startswith(("[", "90 ", "120 "))] == snapshot(
        [
            "[… steps 4 to 89; sh 86; 430 B; 172 s; $0.086 …]",
            "90 agent: no 90 sh({command: ls /app}) -> exit code 2 [exit 2, 11 B, 2 s, $0.001]",
            "[… steps 91 to 119; sh 29; 145 B; 58 s; $0.029 …]",
            "120 agent: no 120 sh({command: ls /app}) -> Error: no tool [error, 14 B, 2 s, $0.001]",
            "[… steps 121 to 192; sh 72; 360 B; 144 s; $0.072 …]",
        ]
    )


@pytest.mark.parametrize("count", [41, 500, 5000])
@pytest.mark.parametrize("failing", [1, 2, 10_000])
def test_no_outline_is_longer_than_it_may_be(trial: Path, count: int, failing: int) -> None:
    leave(
        trial, atif(*(worked(n, "x" * 300 + "\nexit 1" * (n % failing == 0)) for n in range(count)))
    )
    text = outline(read_trajectory(trial), 1400)
    assert len(text) < 1500
    assert text.splitlines()[0].startswith("1 agent")
    assert text.splitlines()[-1].startswith(f"{count} agent")


@pytest.mark.parametrize(
    ("content", "end"),
    [
        ("a\nexit code 1", "exit 1"),
        ("[exit 127]\nnot found", "exit 127"),
        ("exit code: 0\nfine", "exit 0"),
        ("Process exited with code 3.", "exit 3"),
        ("returncode=-9", "exit -9"),
        ({"return_code": 2, "stdout": ""}, "exit 2"),
        ("Traceback (most recent call last):\n…", "error"),
        ("return 0;", ""),
        ("we exit 3 times, then stop", ""),
        (None, ""),
    ],
)
def test_how_a_call_ended_is_read_where_harnesses_say_it(
    trial: Path, content: Any, end: str
) -> None:
    leave(trial, atif(worked(1, content)))
    assert read_trajectory(trial).step(1).end == end


def test_a_text_is_found_wherever_it_stands(trial: Path) -> None:
    """In the middle of a step that no window shows whole, whatever its case."""
    long = "x" * 40_000 + "here is the NEEDLE, and\nmore " + "y" * 40_000
    leave(trial, atif(step(1, "a"), worked(2, long), step(3, "needle again"), step(4, "b")))
    read = read_trajectory(trial)
    text, holding, more = found(read, "needle", 1, 1900)
    assert (holding, more) == (2, None)
    assert [line[:3] for line in text.splitlines()] == ["2: ", "3: "]
    assert "here is the NEEDLE, and more yy" in text
    assert found(read, "needle", 3, 1900) == ("3: needle again", 1, None)
    assert found(read, "nowhere", 1, 1900) == ("", 0, None)


def test_places_that_have_no_room_are_told_from_which_step_on(trial: Path) -> None:
    leave(trial, atif(*(step(n, "a needle " * 200) for n in range(1, 101))))
    read = read_trajectory(trial)
    text, holding, more = found(read, "needle", 1, 1000)
    assert (holding, len(text) < 1000) == (100, True)
    assert more == len(text.splitlines()) + 1
    assert text.splitlines()[0].endswith("[200 places]")


@pytest.mark.parametrize("name", ["trajectory.json", "session.log"])
def test_a_log_that_is_no_trajectory_is_read_as_text(trial: Path, name: str) -> None:
    """Whatever the harness calls it; our own record of its calls stands before it."""
    leave(trial, "".join(f"line {n}: thinking aloud\n" for n in range(300)), name)
    record = {"call": "exec", "command": "ls", "return_code": 0}
    (trial / "environment-calls.jsonl").write_text(json.dumps(record))
    (trial / "agent/picture.png").write_bytes(b"\x89PNG\0\0")
    read = read_trajectory(trial)
    assert read.origin == f"environment-calls.jsonl, {name}"
    assert (
        outline(read, 2000).splitlines()[1].startswith(f"2 {name}: line 0: thinking aloud line 1")
    )
    assert "line 299: thinking aloud" in window(read, len(read), 1, 4000)
    assert found(read, "line 123:", 1, 500)[1] == 1


def test_without_a_trajectory_our_own_record_stands_in(trial: Path) -> None:
    """A harness that crashed wrote none; what it asked of its environment is written by us."""
    lines = [
        {
            "step": 1,
            "call": "exec",
            "command": "ls",
            "return_code": 0,
            "stdout": "a",
            "seconds": 0.1,
        },
        {"step": 2, "call": "upload_file", "path": "/app/x", "error": "OSError: full"},
    ]
    text = "\n".join([json.dumps(lines[0]), "{broken", json.dumps(lines[1])])
    (trial / "environment-calls.jsonl").write_text(text)
    read = read_trajectory(trial)
    assert read.origin == "environment-calls.jsonl"
    assert outline(read, 100_000) == snapshot("""\
1 environment: exec(ls) -> return_code 0 a [exit 0, 14 B, 0.1 s]
2 environment: upload_file(/app/x) -> error OSError: full [error, 19 B]\
""")


def test_nothing_at_all_is_said_with_its_reason(trial: Path) -> None:
    read = read_trajectory(trial)
    assert (len(read), outline(read, 100_000), window(read, 1, 5, 100)) == (0, "", "")
    assert read.problem.split("; ") == snapshot(
        [
            "agent/trajectory.json: No such file or directory",
            "environment-calls.jsonl: No such file or directory",
        ]
    )
    assert "no directory" in read_trajectory(Path()).problem


# -- hostile ---------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(steps=st.lists(STEP | JSON, max_size=6), tail=JSON)
def test_no_json_is_too_strange_to_read(trial: Path, steps: list[Any], tail: Any) -> None:
    leave(trial, {"steps": steps, "extra": tail})
    read = read_trajectory(trial)
    assert len(outline(read, 100_000).splitlines()) == len(read)
    assert isinstance(window(read, 1, 20, 5000), str)
    assert parts(trial, trial) in (f"the same {len(read)} steps", "no trajectory on one side")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(data=st.binary(max_size=200))
def test_no_bytes_are_too_strange_to_read(trial: Path, data: bytes) -> None:
    (trial / "agent/trajectory.json").write_bytes(data)
    (trial / "environment-calls.jsonl").write_bytes(data)
    (trial / "verifier/test-stdout.txt").write_bytes(data)
    assert isinstance(outline(read_trajectory(trial), 5000), str)
    assert isinstance(trajectory.verifier_output(trial, 50), str)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"steps": ' * 50_000, '{"steps": [' + "9" * 5000 + "]}", "NaN", "null", "[]"],
)
def test_deep_or_absurd_json_is_a_reason_not_a_failure(trial: Path, text: str) -> None:
    leave(trial, text)
    assert "agent/trajectory.json" in read_trajectory(trial).problem


def test_wide_and_deep_arguments_are_cut(trial: Path) -> None:
    wide: Any = "x" * 100
    for _ in range(3):
        wide = [wide] * 50
    leave(trial, atif(step(1, "", tool_calls=[{"function_name": "f", "arguments": {"a": wide}}])))
    assert len(window(read_trajectory(trial), 1, 1, 3000)) < 3100
    assert len(outline(read_trajectory(trial), 5000)) < 200


def test_a_file_over_the_limit_is_not_read(trial: Path) -> None:
    with (trial / "agent/trajectory.json").open("wb") as file:
        file.truncate(trial_files.SIZE_LIMIT + 1)
    assert "has 16,777,217 bytes, of at most 16,777,216" in read_trajectory(trial).problem


def test_of_a_record_over_the_limit_the_last_calls_are_read(trial: Path) -> None:
    """A harness that printed 100 MB still has an ending, and that tells most."""
    line = json.dumps({"call": "exec", "command": "seq", "return_code": 0, "stdout": "x" * 99_000})
    count = trial_files.SIZE_LIMIT // len(line) + 2
    last = json.dumps({"call": "exec", "command": "make", "return_code": 2})
    (trial / "environment-calls.jsonl").write_text(f"{line}\n" * count + last)
    read = read_trajectory(trial)
    assert "our record of its calls has " in read.problem
    assert (len(read), read.step(len(read)).end) == (11, "exit 2")


def test_a_huge_step_shows_its_ends(trial: Path) -> None:
    leave(trial, atif(step(1, "begin " + "x" * 100_000 + " end")))
    assert len(window(read_trajectory(trial), 1, 5, 2000)) < 2100


@pytest.mark.parametrize("level", ["file", "agent", "trial", "job"])
def test_no_link_is_followed(trial: Path, tmp_path: Path, level: str) -> None:
    """Threat B3: a link would show the meta-agent whatever the server may read."""
    leave(trial, atif(step(1, "secret")))
    place = {
        "file": trial / "agent/trajectory.json",
        "agent": trial / "agent",
        "trial": trial,
        "job": trial.parent,
    }[level]
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    assert len(read_trajectory(trial)) == 0


def test_a_pipe_is_never_waited_for(trial: Path) -> None:
    os.mkfifo(trial / "agent/trajectory.json")
    os.mkfifo(trial / "verifier/test-stdout.txt")
    assert "not a regular file" in read_trajectory(trial).problem
    assert trajectory.verifier_output(trial, 100) == ""


# -- verifier, exception, parting --------------------------------------------------------------


def test_the_end_of_a_long_output_is_shown(trial: Path) -> None:
    (trial / "verifier/test-stdout.txt").write_text("x" * 1000 + " the end\n")
    (trial / "exception.txt").write_text("HarnessCrashed: exit 1\n")
    shown = trajectory.verifier_output(trial, 100)
    assert shown.endswith(" the end")
    assert shown.startswith("[… 909 bytes before this …]")
    assert trajectory.exception(trial, 100) == "HarnessCrashed: exit 1"


def twin(trial: Path) -> Path:
    other = trial.parent / "t1__def"
    (other / "agent").mkdir(parents=True)
    return other


def test_trajectories_part_at_the_first_different_step(trial: Path) -> None:
    leave(trial, atif(step(1, "same", timestamp="2026-01-01"), step(2, "cat x"), step(3, "done")))
    other = leave(twin(trial), atif(step(1, "same"), step(2, "cat y\x1b[0m")))
    assert parts(trial, other) == snapshot('step 2 of 3 and 2: "cat x" became "cat y\\x1b[0m"')
    assert parts(other, trial) == snapshot('step 2 of 2 and 3: "cat y\\x1b[0m" became "cat x"')


def test_trajectories_that_differ_in_length_part_at_the_end_of_the_shorter(trial: Path) -> None:
    leave(trial, atif(step(1, "a"), step(2, "b")))
    assert (
        parts(trial, leave(twin(trial), atif(step(1, "a"))))
        == 'step 2 of 2 and 1: "b" became the end'
    )


def test_times_ids_and_metrics_do_not_part_trajectories(trial: Path) -> None:
    leave(trial, atif(step(1, "a", metrics={"prompt_tokens": 1}, **CALLS)))
    calls = json.loads(json.dumps(CALLS).replace("c1", "c9"))
    other = leave(twin(trial), atif(step(7, "a", timestamp="2026-02-02", **calls)))
    assert parts(trial, other) == "the same 1 steps"
