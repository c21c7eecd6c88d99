"""What the meta-agent foretold and what came of it, a plateau, and the skills it keeps."""

import json
from contextlib import closing
from pathlib import Path

from inline_snapshot import snapshot

from autoagent.commands.before.init import commit_all
from autoagent.evidence import events
from autoagent.evidence.journal import Journal
from autoagent.records import Trial
from autoagent.report.played import climbs
from autoagent.report.story import story
from autoagent.worker.engine import EvaluationSpec
from autoagent.worker.scripted import ScriptedEngine

from .callers import TWO, Caller, Connect, edit


async def candidate(
    caller: Caller, workspace: Path, line: str, **foretold: list[str]
) -> dict[str, object]:
    """Commit an edit, measure and record it."""
    edit(workspace, line)
    await caller.ask("commit_candidate", description=f"try {line}", **foretold)
    measured = await caller.ask("run_benchmark")
    await caller.ask("append_result")
    return measured


async def test_what_was_tried_on_the_failing_tasks_is_told(
    connect: Connect, workspace: Path
) -> None:
    """A discarded candidate that passed one of them, and one that was to fix one and did not."""
    async with connect(ScriptedEngine(TWO, {"t2": [1.0], "t3": [1.0]}, TWO)) as caller:
        await caller.baseline()
        await candidate(caller, workspace, "X = 1", should_fix=["t3"], may_break=["t1", "t2"])
        await candidate(caller, workspace, "X = 2", should_fix=["t4"])
        tried = (await caller.ask("diagnose"))["tried"]
    assert [line.split(" ", 1)[1] for line in tried] == snapshot(
        [
            "discard passed t3: (pruned after 3/4) try X = 1",
            "discard was to fix t4: (pruned after 2/4) try X = 2",
        ]
    )


async def test_predictions_are_held_against_what_was_measured(
    connect: Connect, workspace: Path
) -> None:
    async with connect(ScriptedEngine(TWO, {"t2": [1.0], "t3": [1.0], "t4": [1.0]})) as caller:
        await caller.baseline()
        measured = await candidate(
            caller, workspace, "X = 1", should_fix=["t3", "t1"], may_break=["t2"]
        )
    assert measured["foretold"] == snapshot(
        [
            "foretold to be fixed, and was: t3",
            "foretold to be fixed, and was not: t1",
            "might break, and did not: t2",
            "fixed, and not foretold: t4",
            "broken, and not foretold: t1",
        ]
    )


async def test_a_prediction_that_names_no_task_of_the_climb_is_refused(
    connect: Connect, workspace: Path
) -> None:
    async with connect() as caller:
        await caller.baseline()
        edit(workspace)
        said = await caller.refused("commit_candidate", description="x", may_break=["t1", "t9"])
        needless = await caller.ask("commit_candidate", description="x", should_fix=["t1", "t3"])
    assert said == snapshot(
        "There is no task 't9' in this climb. Tasks: t1, t2, t3, t4. Next: "
        "commit_candidate(description) with names from this list."
    )
    assert "nothing to fix, the incumbent passes: t1" in needless["warnings"]


async def test_a_plateau_is_told_with_what_was_not_tried(connect: Connect, workspace: Path) -> None:
    """It is as long as `night.plateau` says, for the meta-agent and for the human."""
    (workspace / "autoagent.toml").write_text("[night]\nplateau = 3\n")
    commit_all(workspace, ["."], "sooner")
    async with connect(ScriptedEngine(TWO)) as caller:
        status = await caller.baseline()
        for number in range(3):
            edit(workspace, f"X = {number}")
            await caller.ask("commit_candidate", description=f"number {number}")
            await caller.ask("run_benchmark")
            told = await caller.ask("append_result")
            status = await caller.ask("status")
            assert ("plateau" in told["message"]) == (number == 2)
    (advice,) = [note for note in status["notes"] if note.startswith("plateau")]
    assert advice == snapshot(
        "plateau: the last 3 candidates were not kept; none of them was a tool, or "
        "a check of the result, or a simpler harness. diagnose() clusters what still fails."
    )


async def test_skills_are_listed_with_their_size(connect: Connect, workspace: Path) -> None:
    """Notes are the meta-agent's own and no skill; names are cut."""
    skills = workspace / ".agent/skills"
    skills.mkdir(parents=True)
    (skills / "tables.md").write_text("x" * 1200)
    (skills / f"{'long-' * 40}.md").write_text("x")
    (workspace / ".agent/notes").mkdir()
    (workspace / ".agent/notes/learnt.md").write_text("mine")
    for number in range(20):
        (workspace / f".agent/more{number:02}.md").write_text("x")
    async with connect() as caller:
        await caller.baseline()
        listed = (await caller.ask("status"))["skills"]
    assert len(listed) == 9
    assert listed[0] == "more00.md 1 B"
    assert listed[-1] == "and 14 more"
    assert all(len(line) <= 60 and "notes" not in line for line in listed)


class Recorded(ScriptedEngine):
    """Trials that leave a record of their calls; that of t3 reads its verifier."""

    def _directory(self, spec: EvaluationSpec, trial: Trial) -> str:
        place = spec.jobs / spec.id / f"{trial.id}__x"
        place.mkdir(parents=True)
        command = "cat /tests/test.sh" if trial.task == "t3" else "cat question.txt"
        call = json.dumps({"call": "exec", "command": command})
        (place / "environment-calls.jsonl").write_text(f"{call}\n")
        return str(place)


async def test_passes_of_a_kept_edit_are_looked_at_and_told_to_the_human(
    connect: Connect, workspace: Path
) -> None:
    """In the journal and the report; nothing is decided by it, and no discarded edit is told."""
    engine = Recorded(TWO, {"t3": [1.0]}, {"t1": [1.0], "t2": [1.0], "t3": [1.0]})
    async with connect(engine) as caller:
        await caller.baseline()
        await candidate(caller, workspace, "X = 1")
        await candidate(caller, workspace, "X = 2")
        status = await caller.ask("status")
    with closing(Journal(Path(status["state_directory"]) / "journal.sqlite3")) as journal:
        (entry,) = journal.of_kind(events.PassesDoubted)
        (climb,) = climbs(journal)
    assert entry.event.trials == {"e5.t3.1": ("named what it is graded by: /tests",)}
    assert status["incumbent"]["score"]["passed"] == 3
    assert any("to look at: e5.t3.1 named what" in said for said in story(climb, 0.0).incidents)
