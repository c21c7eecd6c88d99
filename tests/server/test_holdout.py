"""Held-out tasks are in no tool's answer and in no resource."""

from collections.abc import Callable
from pathlib import Path
from typing import override

import pytest
from inline_snapshot import snapshot
from mcp.shared.exceptions import MCPError

from autoagent.commands.before.init import commit_all
from autoagent.referee import climb
from autoagent.worker.engine import EvaluationSpec
from autoagent.worker.scripted import ScriptedEngine

from .callers import IMPATIENT, Caller, Connect, edit

MakeWorkspace = Callable[..., Path]
CONFIG = '[holdout]\ntasks = ["zebra-*"]\ndirectory = "../private"\n'


class Still(ScriptedEngine):
    """Every evaluation goes on for ever."""

    @override
    def start(self, spec: EvaluationSpec) -> None:
        self.started.append(spec)

    @override
    def alive(self, evaluation: str) -> bool:
        return True


@pytest.fixture
def workspace(make_workspace: MakeWorkspace, write_task: Callable[..., None]) -> Path:
    """Task t1; held out are zebra-inside in the workspace, zebra-outside and -broken beside it."""
    tasks = {"t1": ("question 1", "answer 1"), "zebra-inside": ("question 2", "answer 2")}
    root = make_workspace(tasks, config=CONFIG)
    for name in ("zebra-outside", "zebra-broken"):
        write_task(root.parent / "private" / name, expected="answer 3", question="question 3")
    (root.parent / "private/zebra-broken/tests/test.sh").unlink()
    return root


async def everything(caller: Caller) -> str:
    """All that can be read of the climb, as the wire carries it."""
    said = [(await caller.result("status")).model_dump_json()]
    for name in ("program", "harness", "ledger", "status", "report"):
        try:
            resource = await caller.client.read_resource(f"autoagent://{name}")
            said.append(resource.model_dump_json())
        except MCPError as error:
            said.append(str(error))
    said.append((await caller.client.list_tools()).model_dump_json())
    said.append((await caller.client.list_resources()).model_dump_json())
    paths = ("program.md", "agent.py", "results.tsv", "tasks/none/instruction.md")
    read = [await caller.result("read_file", path=path) for path in paths]
    return "\n".join([*said, *(result.model_dump_json() for result in read)])


async def test_no_answer_mentions_a_held_out_task(
    connect: Connect, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where one is broken, or changed during the climb."""
    monkeypatch.setattr(climb, "DRIFT_SECONDS", 0.0)
    async with connect(Still(), IMPATIENT) as caller:
        started = await caller.result("start_climb", tag="night")
        (workspace / "tasks/zebra-inside/instruction.md").write_text("easier\n")
        (workspace.parent / "private/zebra-outside/instruction.md").write_text("easier\n")
        said = started.model_dump_json() + await everything(caller)
        drift = (await caller.ask("status"))["drift"]
    assert "zebra" not in said
    assert drift == snapshot(
        [
            "held-out tasks: 2 files changed since the climb started, "
            "which goes on with what it froze."
        ]
    )


async def test_a_held_out_task_is_refused_as_an_unknown_one_is(
    connect: Connect, workspace: Path
) -> None:
    async with connect(Still(), IMPATIENT) as caller:
        await caller.ask("start_climb", tag="night")
        shown = await caller.ask("read_file", path="tasks/t1/instruction.md")
        refusals = {
            (await caller.refused("read_file", path=f"{place}/{name}/instruction.md")).replace(
                f"{place}/{name}", "…"
            )
            for name in ("zebra-inside", "zebra-outside", "zebra-broken", "none")
            for place in ("tasks", "holdout", "../private", f"{workspace}/tasks")
        }
    assert "question 1" in shown["text"]
    assert len(refusals) == 1


async def test_a_link_in_the_notes_leads_to_no_held_out_task(
    connect: Connect, workspace: Path
) -> None:
    """The server's user may read what a client may not."""
    (workspace / ".agent").mkdir()
    async with connect(Still(), IMPATIENT) as caller:
        await caller.ask("start_climb", tag="night")
        for place, name in (("tasks", "zebra-inside"), ("../private", "zebra-outside")):
            link = workspace / ".agent" / name
            link.symlink_to(workspace / place / name)
            said = await caller.refused("read_file", path=f".agent/{name}/instruction.md")
            assert "cannot be read. Readable: tried.md, .agent/<file>, program.md" in said


def clash(root: Path) -> None:
    (root.parent / "private/zebra-outside").rename(root.parent / "private/zebra-inside")


def break_all(root: Path) -> None:
    for place in ("workspace/tasks/zebra-inside", "private/zebra-outside"):
        (root.parent / place / "instruction.md").unlink()
    commit_all(root, ["."], "broken")


def change_one(root: Path) -> None:
    (root / "tasks/zebra-inside/instruction.md").write_text("easier\n")


def name_none(root: Path) -> None:
    (root / "autoagent.toml").write_text(CONFIG.replace('["zebra-*"]', '["zebra-outside"]'))
    commit_all(root, ["."], "a name from the other place")


def select_none(root: Path) -> None:
    (root / "autoagent.toml").write_text(CONFIG + '[benchmark]\nonly = ["x*"]\n')
    commit_all(root, ["."], "only what is not there")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (clash, "both have tasks of the same name, 1 in all"),
        (break_all, "None of the 3 held-out tasks can be used"),
        (change_one, "the tree is dirty: 1 file of held-out tasks differ from HEAD"),
        (name_none, "pattern 1 of holdout.tasks is no task in"),
        (select_none, "There are: t1, and 1 held out."),
    ],
)
async def test_a_climb_that_cannot_start_names_no_held_out_task(
    connect: Connect, workspace: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(workspace)
    async with connect(Still(), IMPATIENT) as caller:
        refusal = await caller.refused("start_climb", tag="night")
    assert said in refusal
    assert "zebra" not in refusal


CLIMB = {"t1": [0.0, 0.0, 1.0], "zebra-inside": [1.0], "zebra-outside": [1.0]}


async def test_a_whole_climb_tells_of_held_out_tasks_in_its_certificate_only(
    connect: Connect, workspace: Path
) -> None:
    """They are proved at the start and measured at the end, and no tool ever names one."""
    baseline = {"t1": [0.0]}
    engine = ScriptedEngine(baseline, {"t1": [1.0]}, CLIMB, CLIMB, oracle=ORACLE)
    said: list[str] = []
    async with connect(engine) as caller:
        for tool, arguments in MOVES:
            if tool == "commit_candidate":
                edit(workspace)
            said.append((await caller.result(tool, **arguments)).model_dump_json())
            said.append(await everything(caller))
        over = await caller.ask("status")
        for trial in ("e3.zebra-inside.1", "e8.zebra-inside.1", "e8.zebra-inside.1.baseline"):
            told = await caller.refused("read_trajectory", trial=trial)
            assert told.startswith(f"There is no trial {trial!r}")
    hidden = [spec for spec in engine.started if spec.running.hidden]
    assert [spec.running.kind for spec in hidden] == ["oracle", "noop", "certify"]
    assert {task.name for task in hidden[-1].tasks} == {"zebra-inside", "zebra-outside"}
    assert not any(spec.jobs.is_relative_to(workspace) for spec in hidden)
    assert "zebra" not in "\n".join(said)
    assert "on 2 held-out tasks" in over["message"]
    assert any("1 of 3 held-out tasks cannot be used" in note for note in over["notes"])


ORACLE = {"t1": [1.0], "zebra-inside": [1.0], "zebra-outside": [1.0]}
MOVES: tuple[tuple[str, dict[str, str]], ...] = (
    ("start_climb", {"tag": "night"}),
    ("run_benchmark", {}),
    ("append_result", {}),
    ("commit_candidate", {"description": "idea"}),
    ("run_benchmark", {}),
    ("append_result", {}),
    ("compare", {}),
    ("finish_climb", {}),
)
