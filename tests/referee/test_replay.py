"""A climb with a model, real workers and the STAND-IN; and the same climb from its recordings."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from autoagent.commands.after.verify import audit
from autoagent.commands.before.init import commit_all
from autoagent.evidence.events import CandidateCommitted, ClimbStarted, ResultRecorded
from autoagent.evidence.journal import Journal
from autoagent.evidence.position import Position
from autoagent.gateway.standin.rules import Rules
from autoagent.gateway.standin.server import running
from autoagent.records import STAND_IN
from autoagent.referee.ending.worth import worth
from autoagent.referee.referee import Referee
from autoagent.referee.telling.views import Status

from ..acting import acting

pytestmark = pytest.mark.slow

RULES = Rules.model_validate(
    {"fact": [{"name": "number", "in": "instruction", "pattern": r"question (\d)"}],
     "say": [{"text": "answer {number}", "unless": {"instruction": "question [25]"}},
             {"text": "answer 2", "when": {"instruction": "question 2", "prompt": "two"}}]}
)  # fmt: skip
"""It answers the first question, the second where the prompt speaks of two, and no fifth."""

CONFIG = """
[benchmark]
concurrency = 1
[certify]
passes = 1
[holdout]
tasks = ["t3"]
[gateway]
"""


def asking(source: str) -> str:
    """The tests' harness, with a model."""
    return acting("asks_its_model", source).replace('"rules"', '"gpt-5"')


async def over(referee: Referee, *busy: str) -> Position:
    with anyio.fail_after(120):
        while referee.advance().running is not None or referee.position.phase in busy:
            await anyio.sleep(0.05)
    return referee.position


async def climb(root: Path) -> tuple[list[dict[str, Any]], dict[str, Any], Status]:
    """Baseline, a better harness, a worse one, certificate; commits are told by their content."""
    harness = root / "agent.py"
    with closing(Referee.open(root)) as referee:
        referee.start_climb("night")
        await over(referee, "validating")
        for find, replacement in (("", ""), ("briefly", "briefly as the two"), ("the two", "one")):
            harness.write_text(harness.read_text().replace(find, replacement, 1))
            if find:
                referee.commit_candidate(f"say {replacement}")
            referee.run_benchmark()
            await over(referee)
            referee.append_result()
        referee.finish_climb()
        await over(referee, "certifying")
        status, path = referee.status(), referee.workspace.journal
    with closing(Journal(path, read_only=True)) as journal:
        assert audit(journal, (root / "results.tsv").read_text()).problems == ()
        candidates = [e.event.baseline for e in journal.of_kind(ClimbStarted)]
        candidates += [e.event.candidate for e in journal.of_kind(CandidateCommitted)]
        rows = [entry.event.row.model_dump() for entry in journal.of_kind(ResultRecorded)]
    content = {name: c.digest for c in candidates for name in (c.id, c.short)}
    assert status.certificate is not None, status.uncertified
    certificate = status.certificate.model_dump()
    for side in ("baseline", "champion"):
        certificate[side] = content[certificate[side]]
    return [row | {"commit": content[row["commit"]]} for row in rows], certificate, status


def again(root: Path, config: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the workspace as it began, with a state of its own."""
    copy, state = root.with_name("copy"), root.with_name("second-state")
    names = ("agent.py", "program.md", ".gitignore", "tasks")
    copy.mkdir()
    for name in names:
        (shutil.copytree if (root / name).is_dir() else shutil.copy)(root / name, copy / name)
    (copy / "agent.py").write_text((root / "agent.py.first").read_text())
    (copy / "autoagent.toml").write_text(config)
    commit_all(copy, ["."], "start")
    monkeypatch.setenv("AUTOAGENT_STATE_DIR", str(state))
    return copy


@pytest.fixture
def questions(make_workspace: Callable[..., Path], harness_source: str) -> Path:
    tasks = {f"t{n}": (f"question {n}", f"answer {n}") for n in (1, 2, 3, 5)}
    source = asking(harness_source)
    root = make_workspace(tasks, harness=source, commit=False)
    (root / "agent.py.first").write_text(source)
    return root


@pytest.mark.rule("R3")
async def test_a_climb_is_labelled_a_stand_ins_and_replayed_to_the_same_ledger_and_certificate(
    questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every column but the commit, dollars unrounded; the held-out task's trials too."""
    with running(RULES) as url:
        config = CONFIG + f'openai = {{ base_url = "{url}/v1" }}\n'
        (questions / "autoagent.toml").write_text(config)
        commit_all(questions, ["."], "start")
        rows, certificate, status = await climb(questions)

    assert [row["status"] for row in rows] == ["keep", "keep", "discard"]
    assert all(row["cost_usd"] for row in rows)
    assert [row["description"].startswith(f"{STAND_IN} ") for row in rows] == [True] * 3
    assert rows[2]["description"].startswith(f"{STAND_IN} (pruned after 1/3) say one")
    assert worth(status).startswith(f"{STAND_IN}: rules answered in the place of a model")
    assert status.notes[0].startswith(f"{STAND_IN}: ")
    assert (certificate["stand_in"], certificate["effect"]["pairs"]) == (True, 3)
    assert certificate["holdout"]["pairs"] == 1

    (evaluations,) = (questions.with_name("state")).glob("*/evaluations")
    places = [str(questions / ".autoagent/jobs"), str(evaluations)]
    copy = again(questions, CONFIG + f"replay = {places!r}\n", monkeypatch)
    replayed_rows, replayed, status = await climb(copy)

    assert replayed_rows == rows
    assert replayed == certificate
    assert worth(status).startswith(f"{STAND_IN}: ")


async def test_a_climb_without_its_recordings_is_refused_and_one_with_holes_is_void(
    questions: Path, tmp_path: Path
) -> None:
    """A replay never asks a provider for what is missing."""
    (questions / "autoagent.toml").write_text(CONFIG + 'replay = "recordings"\n')
    (questions / "recordings").mkdir()
    commit_all(questions, ["."], "start")
    with closing(Referee.open(questions)) as referee:
        referee.start_climb("night")
        await over(referee, "validating")
        evaluation = referee.run_benchmark()
        await over(referee)
        trials = referee.evaluation(evaluation).trials

    assert {trial.outcome for trial in trials} == {"void"}
    assert all("holds no answer to this call of t" in trial.detail for trial in trials)
