"""A lucky null that strict keeps, judged by the other gates. A real climb, in real sandboxes.

    .venv/bin/python bench/lucky_null.py [--candidates N] [--json] [--check]

The quickstart's finished harness is made to give up at random on two messages of five, and then
climbed with candidates that change nothing but a constant that nothing reads: every one
of them is exactly as good as the baseline. Under `strict` they are proposed until one is kept,
by luck alone. Then the same bytes are proposed in climbs of their own: under `confirm` with three
passes, which keeps what is no better with a probability of at most 1/8, and under `posterior`,
plain and bounded. Each climb is certified.

The dice are real: another run tells another story. `--check` exits 1 unless strict kept a null
and confirm did not.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from autoagent.commands.before.init import commit_all
from autoagent.commands.during import demo_script
from autoagent.commands.during.demo_script import quickstart
from autoagent.records import Row, Verdict
from autoagent.referee.ending.worth import worth
from autoagent.referee.referee import Referee
from autoagent.workspace.state import STATE_VARIABLE

NOISE = """
    if __import__("random").random() < 0.4:
        return {"instruction": instruction, "calls": [], "answer": "I give up."}, 0
"""
OTHERS = {
    "confirm": 'rule = "confirm"\npasses = 3',
    "posterior": 'rule = "posterior"',
    "posterior, bounded": 'rule = "posterior"\nbounded = true',
}
SALT = "NOBODY_READS_THIS = {number}\n"


def noisy_harness(example: Path) -> str:
    """The quickstart's harness after every edit that the demo keeps, and with dice in it."""
    source = (example / "agent.py").read_text()
    for edit in demo_script.load_edits(example / "edits.toml"):
        if edit.expect == "keep":
            source = edit.apply(source)
    head, begun, rest = source.partition("    agent = create_agent(environment)\n")
    assert begun, "the quickstart's run_task has changed"
    return salted(head + begun + NOISE.lstrip("\n") + rest, 0)


def salted(source: str, number: int) -> str:
    """The same harness, with another value of the constant."""
    lines = [line for line in source.splitlines(keepends=True) if "NOBODY_READS_THIS" not in line]
    place = next(n for n, line in enumerate(lines) if line.startswith("MAX_TURNS"))
    return "".join([*lines[:place], SALT.format(number=number), *lines[place:]])


def workspace(place: Path, gate: str) -> Path:
    """A workspace whose harness is noisy, decided by one gate."""
    root = place / "workspace"
    example = quickstart()
    leftovers = shutil.ignore_patterns("__pycache__", ".autoagent", "results.tsv", ".git")
    shutil.copytree(example, root, ignore=leftovers)
    (root / "agent.py").write_text(noisy_harness(example))
    toml = (root / "autoagent.toml").read_text()
    (root / "autoagent.toml").write_text(toml.replace('rule = "strict"', gate))
    commit_all(root, ["."], "noisy")
    return root


def settled(referee: Referee) -> None:
    """Wait until nothing runs."""
    while referee.advance().phase in ("validating", "evaluating", "certifying"):
        os.sched_yield()


def measured(referee: Referee) -> tuple[Row, Verdict]:
    """Measure what is committed, and record it."""
    referee.run_benchmark()
    settled(referee)
    verdict = referee.position.pending
    assert verdict is not None
    return referee.append_result(), verdict


def climb(place: Path, gate: str, numbers: list[int]) -> dict[str, Any]:
    """Propose these nulls until one is kept; what was kept, and what the climb is worth."""
    place.mkdir()
    os.environ[STATE_VARIABLE] = str(place / "state")
    root = workspace(place, gate)
    told: list[str] = []
    kept: int | None = None
    with closing(Referee.open(root)) as referee:
        referee.start_climb("nulls")
        settled(referee)
        row, _ = measured(referee)
        told.append(f"baseline: {row.passed}")
        noise = " ".join(referee.status().notes[:3])
        for number in numbers:
            harness = root / "agent.py"
            harness.write_text(salted(harness.read_text(), number))
            referee.commit_candidate(f"null {number}")
            row, verdict = measured(referee)
            told.append(f"null {number}: {row.status}, {verdict.sentence}")
            if row.status == "keep":
                kept = number
                break
        referee.finish_climb()
        settled(referee)
        return {"kept": kept, "told": told, "noise": noise, "worth": worth(referee.status())}


def main() -> int:
    """Run the climbs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--candidates", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="autoagent-lucky-") as directory:
        place = Path(directory)
        numbers = list(range(1, given.candidates + 1))
        found = {"strict": climb(place / "strict", 'rule = "strict"', numbers)}
        lucky = found["strict"]["kept"]
        if lucky is not None:
            for number, (name, gate) in enumerate(OTHERS.items()):
                found[name] = climb(place / f"other{number}", gate, [lucky])
    if given.json:
        print(json.dumps(found, indent=1))
    else:
        for name, facts in found.items():
            print(f"{name}\n  {facts['noise']}")
            print("".join(f"  {line}\n" for line in facts["told"]), end="")
            print(f"  {facts['worth']}")
    shown = lucky is not None and found["confirm"]["kept"] is None
    return 1 if given.check and not shown else 0


if __name__ == "__main__":
    sys.exit(main())
