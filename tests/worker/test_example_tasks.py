"""The suites of the root workspace and of the examples: every task tells right from wrong."""

import importlib.util
import json
import shutil
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest
import tomli

from autoagent.commands.before.init import commit_all
from autoagent.records import Trial
from autoagent.referee.referee import Referee
from autoagent.worker.outcomes import unjudged
from autoagent.workspace.layout import open_workspace
from autoagent.workspace.tasks.answers import read_answers
from autoagent.workspace.tasks.inspect import inspect_task
from autoagent.workspace.tasks.selection import held_out, select

from ..acting import acting
from ..conftest import Bench

ROOT = Path(__file__).parents[2]
SUITES = {"glowup": ROOT, "aps": ROOT / "examples/aps-phone-setup"}


def tasks_of(suite: str) -> list[Path]:
    return sorted(path for path in (SUITES[suite] / "tasks").iterdir() if path.is_dir())


def is_judged(task: Path) -> bool:
    return (task / "tests/tone").is_dir()


async def outcomes(
    bench: Bench, tasks: dict[str, Path], kind: str = "oracle", seconds: float = 120
) -> dict[str, Trial]:
    """Run each task's solution, or nothing, through a real worker in real sandboxes."""
    spec = bench.spec(None, {}, kind=kind, concurrency=2, void_retries=0)
    return await bench.finish(bench.over(spec, tasks), seconds)


def copied(task: Path, place: Path, name: str) -> Path:
    """A copy of a task under another name, and of what it shares with the others of its suite."""
    shutil.copytree(task.parents[1] / "base", place / "base", dirs_exist_ok=True)
    return shutil.copytree(task, place / "tasks" / name)


def with_solution(task: Path, place: Path, name: str, solution: str) -> Path:
    """A copy of a task whose oracle does something else."""
    copy = copied(task, place, name)
    (copy / "solution/solve.sh").write_text(solution)
    return copy


@pytest.mark.slow
@pytest.mark.rule("R1")
@pytest.mark.parametrize("suite", SUITES)
async def test_every_oracle_passes_and_a_tone_without_a_judge_has_no_reward(
    bench: Bench, suite: str
) -> None:
    tasks = tasks_of(suite)

    trials = await outcomes(bench, {task.name: task for task in tasks})

    wanted = {task.name: "invalid" if is_judged(task) else "passed" for task in tasks}
    assert {name: trial.outcome for name, trial in trials.items()} == wanted, bench.log()
    assert {trial.detail for trial in trials.values() if trial.outcome == "invalid"} <= {
        "the verifier left no reward: no judge: OPENAI_BASE_URL is not set for verifiers"
    }


@pytest.mark.slow
@pytest.mark.rule("R1")
@pytest.mark.parametrize("suite", SUITES)
async def test_a_noop_fails_every_task(bench: Bench, suite: str) -> None:
    tasks = tasks_of(suite)

    trials = await outcomes(bench, {task.name: task for task in tasks}, "noop")

    assert {name: trial.outcome for name, trial in trials.items()} == {
        task.name: "failed" for task in tasks
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["enhance-noisy", "escalate-chargeback"])
async def test_answers_are_graded_in_a_sandbox_as_they_are_without_one(
    bench: Bench, name: str, tmp_path: Path
) -> None:
    """Played like the task's own solution; tests/worker/test_answers.py plays all of them."""
    task = SUITES["glowup"] / "tasks" / name
    answers = read_answers(task)
    assert answers is not None
    tasks = {
        f"{kind}-{number}": with_solution(
            task, tmp_path, f"{kind}-{number}", answers.script(answer)
        )
        for kind, some in (("right", answers.right), ("wrong", answers.wrong))
        for number, answer in enumerate(some[-3:])
    }

    trials = await outcomes(bench, tasks)

    assert {name: trial.outcome for name, trial in trials.items()} == {
        name: "passed" if name.startswith("right") else "failed" for name in tasks
    }


# -- the judge ------------------------------------------------------------------------------


@contextmanager
def a_judge() -> Generator[tuple[str, list[dict[str, Any]]]]:
    """A stand-in for the judge's model: it says what the first part of the path says."""
    asked: list[dict[str, Any]] = []

    class Judge(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            word = self.path.split("/")[1]
            asked.append({"word": word, "key": self.headers["authorization"], **body})
            names = body.get("response_format", {})["json_schema"]["schema"]["properties"]
            said = {
                name: {"score": "no" if name == "guard" else word, "reasoning": "because"}
                for name in names
            }
            if word == "flatters":
                said = {name: {"score": "yes", "reasoning": "because"} for name in names}
            message = {"role": "assistant", "content": json.dumps(said)}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            reply = {"id": "r", "object": "chat.completion", "created": 1, "model": body["model"]}
            data = json.dumps(reply | {"choices": [choice]}).encode()
            self.send_response(500 if word == "out" else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Judge)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def judged_by(task: Path, place: Path, name: str, url: str) -> Path:
    """A copy of a task whose verifier reaches this judge over the network."""
    copy = copied(task, place, name)
    toml = copy / "task.toml"
    text = toml.read_text().replace("${AUTOAGENT_JUDGE_BASE_URL:-}", url)
    toml.write_text(text.replace("[verifier]\n", '[verifier]\nnetwork_mode = "public"\n'))
    return copy


@pytest.mark.slow
@pytest.mark.rule("R9")
async def test_a_tone_is_judged_and_a_judge_that_is_out_leaves_no_reward(
    bench: Bench, tmp_path: Path
) -> None:
    """rewardkit itself, in the sandbox, asked once for a tone whose facts are right."""
    task = SUITES["glowup"] / "tasks/tone-bad-news"
    with a_judge() as (url, asked):
        words = ("yes", "no", "flatters", "out")
        tasks = {word: judged_by(task, tmp_path, word, f"{url}/{word}/v1") for word in words}
        no_facts = judged_by(task, tmp_path, "no-facts", f"{url}/yes/v1")
        (no_facts / "solution/solve.sh").write_text(
            "#!/bin/bash\n/app/glowup reply u-3022 --outcome refused --reason too-late --text No.\n"
        )

        trials = await outcomes(bench, tasks | {"no-facts": no_facts}, seconds=240)

    assert {name: trial.outcome for name, trial in trials.items()} == {
        "yes": "passed",
        "no": "failed",
        "flatters": "failed",
        "out": "invalid",
        "no-facts": "failed",
    }
    detail = trials["out"].detail
    assert detail.startswith("the verifier left no reward: the judge gave no answer: ")
    assert "500" in detail
    assert [a["word"] for a in asked if a["word"] != "out"].count("yes") == 1
    assert {a["key"] for a in asked} == {"Bearer placeholder"}
    assert {a["model"] for a in asked} == {"gpt-5-mini"}


PLANTED = """\
mkdir -p /verifier/rewardkit /app/rewardkit /root
for place in /verifier /app; do
  echo 'open("/logs/verifier/reward.txt", "w").write("1")' > $place/rewardkit/__main__.py
  touch $place/rewardkit/__init__.py
done
echo 'REWARDKIT_JUDGE=openai/anything' | tee /.env /app/.env /root/.env > /dev/null
"""


@pytest.mark.slow
async def test_a_rewardkit_of_the_candidates_own_is_not_what_the_verifier_imports(
    bench: Bench, tmp_path: Path
) -> None:
    task = SUITES["glowup"] / "tasks/tone-bad-news"
    solution = (task / "solution/solve.sh").read_text()
    with a_judge() as (url, asked):
        judged = judged_by(task, tmp_path, "planted", f"{url}/no/v1")
        spec = bench.spec(acting("does", WORK=solution + PLANTED), {}, trial_timeout_seconds=20.0)
        trials = await bench.finish(bench.over(spec, {"planted": judged}))

    assert trials["planted"].outcome == "tampered", bench.log()  # /app/rewardkit hides one
    assert {a["model"] for a in asked} == {"gpt-5-mini"}


@pytest.mark.slow
@pytest.mark.rule("R1")
async def test_a_climb_without_a_judge_leaves_tones_out_and_says_what_is_missing(
    make_workspace: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one candidate is measured on a tone that nobody judges, and the climb goes on.

    As in the root workspace where there is no key: a judge is named, and none can be asked.
    """
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    config = '[holdout]\ntasks = ["t?"]\n[gateway]\njudge = "gpt-5-mini"\n'
    root = make_workspace(config=config, commit=False)
    for name in ("credit-balance", "tone-bad-news"):
        copied(SUITES["glowup"] / "tasks" / name, root, name)
    commit_all(root, ["."], "start")
    with closing(Referee.open(root)) as referee:
        referee.start_climb("night")
        with anyio.fail_after(60):
            while referee.advance().phase != "baseline_needed":
                await anyio.sleep(0.05)

        assert referee.position.tasks == ("credit-balance",)
        assert (
            "tone-bad-news is left out: its oracle did not pass (invalid): the verifier left no "
            "reward: no judge: OPENAI_BASE_URL is not set for verifiers"
        ) in " ".join(referee.status().notes)


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, ""), ("the judge\n\n is  out \n", "the judge is out"), ("x" * 5000, "")],
)
def test_what_a_verifier_says_about_a_missing_reward_is_one_short_line(
    tmp_path: Path, content: str | None, told: str
) -> None:
    (tmp_path / "verifier").mkdir()
    if content is not None:
        (tmp_path / "verifier/unjudged.txt").write_text(content)

    assert unjudged(tmp_path) == told


# -- the files ------------------------------------------------------------------------------


def test_the_tasks_are_as_many_as_promised_and_the_held_out_ones_are_marked(
    tmp_path: Path,
) -> None:
    """What is held out by name is what says so of itself. Copies are opened: it leaves a state."""
    counted: dict[str, tuple[int, int]] = {}
    for suite, original in SUITES.items():
        held = {t.name for t in tasks_of(suite) if "\nholdout = true\n" in toml_of(t)}
        place = tmp_path / suite
        shutil.copytree(original / "tasks", place / "tasks")
        for name in ("agent.py", "autoagent.toml", "program.md"):
            shutil.copy(original / name, place)
        commit_all(place, ["."], "start")
        workspace = open_workspace(place)
        selected, excluded = select(workspace)
        assert excluded == {}
        assert set(held_out(workspace)) == held
        counted[suite] = (len(selected), len(held))
    assert counted == {"glowup": (20, 4), "aps": (12, 3)}


def toml_of(task: Path) -> str:
    return (task / "task.toml").read_text()


@pytest.mark.parametrize("suite", SUITES)
def test_the_tasks_have_nothing_to_complain_about(suite: str) -> None:
    reports = [inspect_task(task) for task in tasks_of(suite)]

    assert [(r.problems, r.notes) for r in reports] == [((), ())] * len(reports)
    assert all(report.has_solution for report in reports)
    names = {tomli.loads(toml_of(task))["task"]["name"] for task in tasks_of(suite)}
    assert names == {f"{suite}/{task.name}" for task in tasks_of(suite)}


@pytest.fixture(scope="module")
def sync() -> ModuleType:
    """The script that copies the backends into the tasks."""
    spec = importlib.util.spec_from_file_location("sync", ROOT / "examples/sync_backend.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_copy_of_a_backend_is_the_original(sync: ModuleType) -> None:
    for workspace in (sync.ROOT, sync.QUICKSTART, sync.APS):
        assert len(list(sync.copies(workspace))) > 25
        assert sync.stale_copies(workspace) == []


def test_a_copy_that_was_edited_is_named_and_mended(
    sync: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "backend/tests").mkdir(parents=True)
    (tmp_path / "backend/tests/check.py").write_text("original")
    copy = tmp_path / "tasks/one/tests/check.py"
    copy.parent.mkdir(parents=True)
    copy.write_text("edited")

    assert sync.main(["--check", str(tmp_path)]) == 1
    assert copy.read_text() == "edited"
    assert sync.main([str(tmp_path)]) == 0

    assert copy.read_text() == "original"
    assert sync.main(["--check", str(tmp_path)]) == 0
    assert "stale" in capsys.readouterr().out
