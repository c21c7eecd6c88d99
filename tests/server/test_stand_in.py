"""Wherever a number appears that a stand-in made, the reply says STAND-IN."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from mcp_types import TextResourceContents
from rich.console import Console

from autoagent.commands.after.verify import audit
from autoagent.commands.during.run import RunReport
from autoagent.commands.terminal import print_audit, print_run
from autoagent.evidence.journal import Journal
from autoagent.records import STAND_IN, Score
from autoagent.referee.referee import Referee
from autoagent.server.waiting import sentence
from autoagent.worker.engine import Engine
from autoagent.worker.scripted import ScriptedEngine
from autoagent.workspace.layout import open_workspace

from .callers import TWO, Caller, Connect, edit

THREE = {**TWO, "t3": [1.0]}


async def climb(caller: Caller, workspace: Path) -> dict[str, str]:
    """A whole climb; what each number came with."""
    said = {"baseline": "", "row": ""}
    await caller.ask("start_climb", tag="night")
    said["baseline"] = (await caller.ask("run_benchmark"))["message"]
    said["row"] = (await caller.ask("append_result"))["row"]["description"]
    edit(workspace)
    await caller.ask("commit_candidate", description="better")
    await caller.ask("run_benchmark")
    await caller.ask("append_result")
    status = await caller.ask("status")
    said |= {"status": status["message"], "note": " ".join(status["notes"])}
    edit(workspace, "X = 2")
    await caller.ask("commit_candidate", description="worse")
    await caller.ask("run_benchmark")
    said["pruned row"] = (await caller.ask("append_result"))["row"]["description"]
    said["certificate"] = (await caller.ask("finish_climb"))["message"]
    (report,) = (await caller.client.read_resource("autoagent://report")).contents
    assert isinstance(report, TextResourceContents)
    said["report"] = report.text
    said["ledger"] = (workspace / "results.tsv").read_text()
    with closing(Journal(open_workspace(workspace).journal, read_only=True)) as journal:
        found = audit(journal, said["ledger"])
    assert found.problems == ()
    out = Console(width=200)
    with out.capture() as captured:
        print_audit(out, found)
    said["verify"] = captured.get()
    return said


async def test_every_number_of_a_stand_ins_says_so(connect: Connect, workspace: Path) -> None:
    """The rows still follow from the journal, their label included."""
    async with connect(ScriptedEngine(TWO, THREE, TWO, THREE, stand_in=True)) as caller:
        said = await climb(caller, workspace)

    assert [name for name, text in said.items() if STAND_IN not in text] == []
    assert said["row"] == f"{STAND_IN} baseline"
    assert said["pruned row"] == f"{STAND_IN} (pruned after 1/4) worse"
    assert said["ledger"].count(f"\t{STAND_IN} ") == 3
    assert f". {STAND_IN}: rules answered in the place of a model; " in said["certificate"]


async def test_a_models_own_numbers_do_not(connect: Connect, workspace: Path) -> None:
    async with connect(ScriptedEngine(TWO, THREE, TWO, THREE)) as caller:
        said = await climb(caller, workspace)

    assert [name for name, text in said.items() if STAND_IN in text] == []


@pytest.mark.rule("R7")
async def test_a_description_that_bears_the_label_is_not_labelled_twice(
    connect: Connect, workspace: Path
) -> None:
    async with connect(ScriptedEngine(TWO, stand_in=True)) as caller:
        await caller.ask("start_climb", tag="night")
        await caller.ask("run_benchmark")
        recorded = await caller.ask("append_result", description=f"{STAND_IN} baseline")

    assert recorded["row"]["description"] == f"{STAND_IN} baseline"


def test_progress_says_it_while_it_runs(
    open_referee: Callable[[Engine | None], Referee],
) -> None:
    referee = open_referee(ScriptedEngine(TWO, stand_in=True))
    referee.start_climb("night")
    while referee.advance().phase == "validating":
        pass
    referee.run_benchmark()
    progress = referee.progress()
    assert progress is not None
    assert f", 4 passed ({STAND_IN}), " in sentence(progress)


def test_an_evaluation_on_its_own_says_it_beside_its_score(tmp_path: Path) -> None:
    score = Score(
        passed=1, expected=2, void=0, avg_score=0.5, task_scores={}, cost_usd=None, seconds=1.0,
        crashed=0, stand_in=True,
    )  # fmt: skip
    finding = RunReport(
        state="complete", trials=(), score=score, excluded={}, jobs=tmp_path, job="e1"
    )
    out = Console(width=200)
    with out.capture() as captured:
        print_run(out, finding)

    assert f"1/2 passed, average 0.50, 1.0 s\n{STAND_IN}: " in captured.get()
