"""Weak verifiers in real sandboxes, each passed by a wrong agent; and how trials are judged."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from autoagent.commands.before.review import Review
from autoagent.records import Trial
from autoagent.review.agents import AGENTS, COMMON, script, targets
from autoagent.review.trials import Part, Role, judged

from ..conftest import write_one_task
from .ours import ROOT, copied


def trial(outcome: str, detail: str = "") -> Trial:
    facts = {"id": "x", "task": "x", "attempt": 1, "outcome": outcome, "detail": detail}
    return Trial.model_validate(facts | {"reward": None if outcome == "void" else 0.0})


def said_of(*played: tuple[str, str, str]) -> list[str]:
    """What is said of a task whose parts ended like this: role, who, outcome."""
    parts = [
        Part(str(n), "t", cast("Role", role), who, None) for n, (role, who, _) in enumerate(played)
    ]
    trials = {str(n): trial(outcome, "why") for n, (_, _, outcome) in enumerate(played)}
    faults = judged(parts, trials)
    assert all(fault.task == "t" and fault.fix for fault in faults)
    return [fault.what for fault in faults]


WELL = (("oracle", "0", "passed"), ("noop", "0", "failed"))


def test_nothing_is_said_of_a_task_that_tells_right_from_wrong() -> None:
    wrong = [("wrong", agent.name, "failed") for agent in AGENTS]
    answers = [("right answer", "a", "passed"), ("wrong answer", "b", "failed")]
    assert said_of(*WELL, *wrong, *answers) == []


@pytest.mark.parametrize(
    ("played", "said"),
    [
        ([("oracle", "0", "failed"), ("oracle", "1", "timeout")], "its oracle fails (failed: why)"),
        (
            [("oracle", "0", "passed"), ("oracle", "1", "failed"), ("oracle", "2", "passed")],
            "flaky: its oracle passes 2 of 3 times (failed: why)",
        ),
        ([("noop", "0", "passed"), ("noop", "1", "passed")], "an agent that does nothing passes"),
        (
            [("noop", "0", "failed"), ("noop", "1", "passed"), ("noop", "2", "failed")],
            "flaky: an agent that does nothing passes 1 of 3 times",
        ),
        (
            [*WELL, ("wrong", "empty", "passed"), ("wrong", "zero", "passed")],
            "an agent passes that leaves empty files (empty), or answers 0 to everything (zero)",
        ),
        (
            [*WELL, ("wrong", "echo", "invalid")],
            "its verifier leaves no reward for an agent that repeats the instruction "
            "(invalid: why)",
        ),
        ([*WELL, ("right answer", "a", "failed")], "the right answer 'a' fails (failed: why)"),
        ([*WELL, ("wrong answer", "b", "passed")], "the wrong answer 'b' passes"),
        (
            [*WELL, ("wrong", "echo", "void")],
            "1 of 3 trials measured nothing: void: why",
        ),
    ],
)
def test_what_trials_show_is_said_once(played: list[tuple[str, str, str]], said: str) -> None:
    assert said_of(*played) == [said]


def test_where_nothing_passes_too_its_wrong_agents_are_no_news() -> None:
    assert said_of(("noop", "0", "passed"), ("wrong", "empty", "passed")) == [
        "an agent that does nothing passes"
    ]


def test_an_agent_writes_where_the_instruction_says() -> None:
    told = "Read `/app/in/data.csv`, e.g. row 1.5, and write `out.json` and /app/sub/answer.md."
    assert targets(told) == ["/app/in/data.csv", "out.json", "/app/sub/answer.md"]
    assert targets("Answer the question.") == [*COMMON]
    assert "'it'\"'\"'s'" in script(AGENTS[0], "it's")


# -- in sandboxes ----------------------------------------------------------------------------

ANSWER = "/app/answer.txt"
WEAK = {
    # name: the verifier's condition, the oracle, the agents that pass
    "exists": (f"[ -f {ANSWER} ]", "echo right > answer.txt", "empty zero yes echo"),
    "number": (f'[ "$(cat {ANSWER})" -ge 0 ]', "echo 7 > answer.txt", "zero"),
    "json": (f"python3 -m json.tool {ANSWER}", "echo '[7]' > answer.txt", "braces zero"),
    "long": (f"[ $(wc -c < {ANSWER}) -gt 30 ]", "seq 99 > answer.txt", "apology echo words dump"),
    "keyword": (f"grep -q marmalade {ANSWER}", "echo marmalade > answer.txt", "echo words"),
    "counted": (f"grep -qw 317 {ANSWER}", "echo 317 > answer.txt", "words"),
    "data": (f"grep -q '42 crowns' {ANSWER}", "echo 42 crowns > answer.txt", "dump excerpt copy"),
    "ran": (f"bash {ANSWER}", "echo 'exit 0' > answer.txt", "program empty"),
    "gone": ("[ ! -e /app/question.txt ]", "rm question.txt", "delete"),
    "called": ("[ -s /app/called.log ]", "./tool", "tools"),
    "sound": (f'[ "$(cat {ANSWER})" = "b 1845" ]', "echo b 1845 > answer.txt", ""),
}
TOO = {"yes", "delete"}
"""Agents that play every task."""
ANSWERS = """
[[right]]
name = "exactly"
run = "echo right > answer.txt"

[[right]]
name = "other words"
files = { "/app/answer.txt" = "correct" }

[[wrong]]
name = "denied"
run = "echo not right > answer.txt"
"""


def weak_task(root: Path, name: str, condition: str, oracle: str, agents: str = "") -> Path:
    task = root / "tasks" / name
    question = f"About {name}. {'Say marmalade.' * (name == 'keyword')}"
    write_one_task(task, expected="x", question=question)
    (task / "environment/question.txt").write_text("the wage of a clerk was 42 crowns\n")
    (task / "environment/tool").write_text("#!/bin/bash\necho called >> /app/called.log\n")
    (task / "environment/tool").chmod(0o755)
    docker = "FROM autoagent-base\nWORKDIR /app\nCOPY question.txt tool /app/\n"
    (task / "environment/Dockerfile").write_text(docker)
    grade = f"reward=0; {condition} && reward=1; echo $reward > /logs/verifier/reward.txt\n"
    (task / "tests/test.sh").write_text(f"#!/bin/bash\n{grade}")
    (task / "solution/solve.sh").write_text(f"#!/bin/bash\n{oracle}\n")
    return task


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workspace", "task"),
    [(ROOT, "other-account"), (ROOT / "examples/quickstart", "credits-balance")],
)
def test_no_wrong_agent_passes_a_task_of_ours(workspace: Path, task: str, tmp_path: Path) -> None:
    """All of them, its oracle, a no-op and its own answers; `autoagent tasks review` plays all."""
    root = copied(workspace, tmp_path / "workspace")
    review = Review(root, 1, None)
    review.parts = [part for part in review.parts if part.task == task]
    found = review.play(lambda _: None)
    assert found.faults == ()
    assert found.trials == len(review.parts) > len(AGENTS)


@pytest.mark.slow
def test_every_weak_verifier_is_named_with_the_agents_that_pass_it(
    make_workspace: Callable[..., Path],
) -> None:
    """And nothing else is: a verifier that is sound is passed by none of them."""
    root = make_workspace({"plain": ("q", "a 99 b")}, config="[benchmark]\nconcurrency = 4\n")
    for name, facts in WEAK.items():
        weak_task(root, name, *facts)
    weak_task(root, "nothing", "true", "true")
    weak_task(root, "unsolved", "false", "true")
    answers = weak_task(root, "answers", f"grep -q right {ANSWER}", "echo right > answer.txt")
    (answers / "answers.toml").write_text(ANSWERS)
    crash = weak_task(root, "crash", "true", "echo 7 > answer.txt")
    (crash / "tests/test.sh").write_text(
        f"#!/bin/bash -e\n[ $(cat {ANSWER}) = 7 ]\necho 1 > /logs/verifier/reward.txt\n"
    )
    review = Review(root, 1, None)
    assert review.announcement.startswith(f"{len(review.parts)} trials of 16 tasks: ")
    named = {name: {*agents.split()} for name, (_, _, agents) in WEAK.items()}
    review.parts = [
        part
        for part in review.parts
        if part.role != "wrong" or part.who in named.get(part.task, set()) | TOO
    ]

    found = review.play(lambda _: None)

    said: dict[str, list[str]] = {}
    for fault in found.faults:
        said.setdefault(fault.task, []).append(fault.what)
    passing = {
        task: {agent.name for agent in AGENTS if any(f"({agent.name})" in w for w in what)}
        for task, what in said.items()
    }
    assert {task: agents for task, agents in passing.items() if agents} == {
        task: agents for task, agents in named.items() if agents
    }
    assert said["nothing"] == ["an agent that does nothing passes"]
    assert said["unsolved"] == ["its oracle fails (failed)"]
    assert said["answers"] == [
        "the right answer 'other words' fails (failed)",
        "the wrong answer 'denied' passes",
    ]
    assert said["crash"][0].startswith(
        "its verifier leaves no reward for an agent that answers Yes"
    )
    assert {*said} == {*named, "nothing", "unsolved", "answers", "crash"} - {"sound"}
    assert found.trials == len(review.parts)
