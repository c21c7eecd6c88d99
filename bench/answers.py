"""How many of the example tasks' right and wrong answers their verifiers take for what they are.

    .venv/bin/python bench/answers.py

Every answer of every `answers.toml`, with the tasks' own tools and test.py, before any judge.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.answering import Suite  # noqa: E402

from autoagent.workspace.tasks.answers import read_answers  # noqa: E402

WORKSPACES = {
    "glowup": ROOT,
    "lumen": ROOT / "examples/quickstart",
    "aps": ROOT / "examples/aps-phone-setup",
}


def main() -> int:
    print("| workspace | tasks | right: passed | right: failed | wrong: passed | wrong: failed |")
    print("|---|---|---|---|---|---|")
    mistaken = 0
    for name, workspace in WORKSPACES.items():
        with tempfile.TemporaryDirectory() as place:
            suite = Suite(workspace, name, Path(place))
            counted = {(right, passed): 0 for right in (True, False) for passed in (True, False)}
            for task in suite.tasks:
                if answers := read_answers(task):
                    for answer in (*answers.right, *answers.wrong):
                        suite.play(answers.script(answer))
                        counted[answer in answers.right, suite.passes(task)[0]] += 1
        print(f"| {name} | {len(suite.tasks)} | {' | '.join(map(str, counted.values()))} |")
        mistaken += counted[True, False] + counted[False, True]
    return 1 if mistaken else 0


if __name__ == "__main__":
    sys.exit(main())
