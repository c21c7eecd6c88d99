"""Faults that the files of a workspace tell, each planted once, and none where there is none."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoagent.commands.before.review import Review
from autoagent.review.faults import Fault

from .ours import OURS, copied

SUBJECTS = (
    "the height of the tower in the old harbour of the capital",
    "how many ships left port between the first and the last storm",
    "which clerk signed the oldest contract that is still in force",
    "what a litre of milk cost on the market in the year of the flood",
    "the name of the bridge that the goods trains take at night",
    "who carried the flag when the second regiment came home",
    "the colour that every door of the hospital was painted in",
    "where the lighthouse keeper hid the key to the cellar",
)


def read(root: Path, gain: float | None = None) -> list[Fault]:
    """What a review says that runs no trial."""
    return list(Review(root, 1, gain).read().faults)


@pytest.fixture
def root(make_workspace: Callable[..., Path]) -> Path:
    """Eight tasks with nothing to say about, all different."""
    return make_workspace({f"t{n}": (f"Find {s}.", f"v{n}q") for n, s in enumerate(SUBJECTS)})


def test_nothing_is_said_of_tasks_that_are_well(root: Path) -> None:
    assert read(root) == []


@pytest.mark.parametrize("name", OURS)
def test_nothing_is_said_of_our_own(name: str, tmp_path: Path) -> None:
    """Our three workspaces, held-out tasks and all."""
    assert read(copied(OURS[name], tmp_path / "workspace")) == []


def plant(root: Path, path: str, text: str, mode: int = 0o644) -> None:
    place = root / "tasks/t3" / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(mode)


def in_config(root: Path, text: str) -> None:
    (root / "autoagent.toml").write_text(text)


HELD = '[holdout]\ntasks = ["t7"]\n'
TELLING = "the ferry left at 6:40 from pier nine"
GRADE = "#!/bin/bash\n{}\necho 0 > /logs/verifier/reward.txt\n"

PLANTED: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "the answer in the instruction, from the solution": (
        lambda r: (
            plant(r, "solution/solve.sh", f'#!/bin/bash\necho "{TELLING}" > answer.txt\n', 0o755),
            plant(r, "instruction.md", f"Say when.\n\nHint: {TELLING.upper()}!\n"),
        ),
        "t3",
        "the answer stands in its instruction",
    ),
    "the answer in the instruction, from a here-document": (
        lambda r: (
            plant(r, "solution/solve.sh", f"cat > a.txt <<'EOF'\n{TELLING}\nEOF\n", 0o755),
            plant(r, "instruction.md", f"Say that {TELLING}.\n"),
        ),
        "t3",
        "the answer stands in its instruction",
    ),
    "the answer in the instruction, from what the verifier expects": (
        lambda r: (
            plant(r, "tests/expected.txt", f"{TELLING}\n"),
            plant(r, "instruction.md", f"Say that {TELLING}.\n"),
        ),
        "t3",
        "the answer stands in its instruction",
    ),
    "the answer in the environment": (
        lambda r: (
            plant(r, "tests/expected.json", '{"pier": 9, "hour": 640}'),
            plant(r, "environment/data/old.json", '{"pier": 9,\n "hour": 640}\n'),
        ),
        "t3",
        "environment/data/old.json is the answer",
    ),
    "the solution in the environment": (
        lambda r: plant(r, "environment/notes.sh", (r / "tasks/t3/solution/solve.sh").read_text()),
        "t3",
        "environment/notes.sh is the answer",
    ),
    "no solution": (
        lambda r: shutil.rmtree(r / "tasks/t3/solution"),
        "t3",
        "it has no solution/solve.sh",
    ),
    "a verifier in the candidate's environment": (
        lambda r: in_config(r, '[benchmark]\nverify_in_place = ["t3*"]\n'),
        "t3",
        "its verifier shares the environment",
    ),
    "a verifier that downloads": (
        lambda r: plant(r, "tests/test.sh", GRADE.format("pip install pytest"), 0o755),
        "t3",
        "downloads its tools",
    ),
    "a verifier that reads HOME": (
        lambda r: plant(r, "tests/test.sh", GRADE.format("source ~/.bashrc"), 0o755),
        "t3",
        "sources a file of HOME",
    ),
    "a verifier that runs the candidate's files": (
        lambda r: plant(r, "tests/test.sh", GRADE.format("bash /app/run.sh"), 0o755),
        "t3",
        "runs files of the work directory",
    ),
    "a task that cannot be used": (
        lambda r: (r / "tasks/t3/instruction.md").unlink(),
        "t3",
        "cannot be used",
    ),
    "a held-out task that cannot be used": (
        lambda r: (
            (r / "tasks/t7/instruction.md").unlink(),
            in_config(r, HELD.replace("t7", "t[67]")),
        ),
        "t7",
        "cannot be used",
    ),
    "the same task twice": (
        lambda r: plant(r, "instruction.md", f"Answer the question: Find {SUBJECTS[1]} now.\n"),
        "t3",
        "it asks nearly what t1 asks",
    ),
    "the same task twice but for its numbers": (
        lambda r: [
            plant(r, f"../t{n}/instruction.md", f"Add up rows {n} to {n}0 of the table of wages.")
            for n in (1, 3)
        ],
        "t3",
        "it asks nearly what t1 asks",
    ),
    "a held-out task that is in the suite": (
        lambda r: (
            plant(r, "../t7/instruction.md", f"Answer this: Find {SUBJECTS[2]}, please.\n"),
            in_config(r, HELD),
        ),
        "t7",
        "one of the two is held out",
    ),
    "too few tasks": (lambda r: shutil.rmtree(r / "tasks/t3"), "", "too few. 7 tasks tell"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_named_with_its_fix(root: Path, fault: str) -> None:
    """And nothing else is, but for what goes with it."""
    change, task, said = PLANTED[fault]
    change(root)
    faults = [found for found in read(root) if not found.what.startswith("too few") or not task]
    assert [(found.task, said in found.what) for found in faults] == [(task, True)]
    assert all(found.fix for found in faults)


def test_the_tasks_that_a_gain_needs_are_counted(root: Path) -> None:
    (found,) = read(root, gain=10)
    assert "10 points are hoped for" in found.what
    assert found.fix == "write 66"
    assert read(root, gain=60) == []


@pytest.mark.parametrize(
    ("instruction", "answer"),
    [
        ("Answer yes or no.", "yes"),
        ("Write json to out.json.", "json"),
        ("One of: refund it, escalate it, ask back.", "escalate it"),
        ("There are 3 rows. How many columns?", "3"),
    ],
)
def test_a_choice_that_the_instruction_offers_gives_no_answer_away(
    root: Path, instruction: str, answer: str
) -> None:
    write = f"#!/bin/bash\necho '{answer}' > answer.txt\n"
    plant(root, "solution/solve.sh", write, 0o755)
    plant(root, "instruction.md", instruction)
    assert read(root) == []


def test_the_command_prints_each_line_with_its_fix(root: Path) -> None:
    shutil.rmtree(root / "tasks/t3/solution")
    command = [sys.executable, "-m", "autoagent", "tasks", "review", "--read"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    machine = subprocess.run([*command, "--json"], cwd=root, capture_output=True, text=True)
    assert (done.returncode, machine.returncode) == (1, 1)
    assert done.stdout.splitlines()[0].startswith("t3: it has no solution/solve.sh")
    assert done.stdout.splitlines()[1].strip().startswith("Fix: write one")
    facts = json.loads(machine.stdout)
    assert (facts["ok"], [fault["task"] for fault in facts["faults"]]) == (False, ["t3"])
