"""The meta-agent's shell against the workspace, the repository and the ledger (D)."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, override

import pytest

from autoagent.evidence.events import ResultRecorded
from autoagent.evidence.journal import Journal
from autoagent.referee import climb
from autoagent.worker.engine import EvaluationSpec
from autoagent.worker.scripted import ScriptedEngine

from ..conftest import git
from ..server.callers import ALL, TWO, Caller, edit
from ..workspace.test_user_repo import arm

Serving = Any  # conftest.py
D = pytest.mark.attack


@pytest.fixture(autouse=True)
def drift_is_looked_at_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(climb, "DRIFT_SECONDS", 0.0)


async def measure(caller: Caller, workspace: Path, line: str = "X = 1") -> dict[str, Any]:
    """Commit an edit, measure it, write its row."""
    edit(workspace, line)
    await caller.ask("commit_candidate", description="an edit")
    await caller.ask("run_benchmark")
    return await caller.ask("append_result")


EASY = "#!/bin/bash\necho 1 > /logs/verifier/reward.txt\n"


class Seeing(ScriptedEngine):
    """Keeps what the last harness held: its copy goes when it is measured."""

    ran: dict[str, str]

    @override
    def start(self, spec: EvaluationSpec) -> None:
        place = spec.harnesses.get("")
        files = [path for path in place.rglob("*") if path.is_file()] if place else []
        self.ran = {str(path.relative_to(place)): path.read_text() for path in files if place}
        super().start(spec)


DRIFTS = {
    "tasks/t1/tests/test.sh": EASY,
    "tasks/t1/instruction.md": "Do nothing.\n",
    "tasks/t1/environment/Dockerfile": "FROM autoagent-base\nWORKDIR /app\n",
    "tasks/t1/task.toml": "",
    "program.md": "# Anything goes\n",
    "autoagent.toml": "[benchmark]\npass_reward = 0.1\n",
}


@pytest.mark.slow
@D("D1.1", ending="no effect", what="edits a verifier during the climb, and measures again")
@D("D1.2", ending="flagged", what="edits instruction, Dockerfile, timeout, program.md and config")
@D("D1.3", ending="refused", what="commits a candidate together with such an edit")
async def test_what_runs_is_what_was_frozen_and_drift_is_told(
    serving: Serving, make_workspace: Callable[..., Path], harness_source: str
) -> None:
    """A real evaluation: the easy verifier on disk never runs."""
    tasks = {"t1": ("right", "right"), "t2": ("q", "wrong")}
    root = make_workspace(tasks, config="[gate]\npruning = false\n")
    async with serving(root) as caller:
        await caller.baseline()
        edit(root)
        await caller.ask("commit_candidate", description="honest")
        for name, text in DRIFTS.items():
            (root / name).write_text(text)
        (root / "tasks/t2/tests/test.sh").write_text(EASY)
        measured = await caller.ask("run_benchmark")
        drift = (await caller.ask("status"))["drift"]
        await caller.ask("append_result")
        edit(root, "Y = 1")
        refused = await caller.refused("commit_candidate", description="with drift")
    assert measured["score"]["passed"] == 1
    assert {line.split(":")[0] for line in drift} == {*DRIFTS, "tasks/t2/tests/test.sh"}
    assert "tasks/t1/tests/test.sh: changed" in refused


@D("D1.4", ending="refused", what="edits the frozen copy in the server's state")
async def test_a_changed_snapshot_measures_nothing_more(serving: Serving, workspace: Path) -> None:
    async with serving(workspace, ScriptedEngine(TWO, ALL)) as caller:
        await caller.baseline()
        edit(workspace)
        await caller.ask("commit_candidate", description="x")
        state = Path((await caller.ask("status"))["state_directory"])
        (frozen,) = state.glob("snapshots/*/tasks/t3/tests/test.sh")
        frozen.chmod(0o755)
        frozen.write_text(EASY)
        said = await caller.refused("run_benchmark")
    assert "tasks/t3/tests/test.sh was changed in the snapshot" in said


@D("D2.1", ending="no effect", what="swaps agent.py between commit_candidate and run_benchmark")
@D("D2.2", ending="no effect", what="adds notes in .agent/ after the commit")
async def test_the_bytes_that_were_checked_are_the_bytes_that_run(
    serving: Serving, workspace: Path
) -> None:
    engine = Seeing(TWO, ALL)
    async with serving(workspace, engine) as caller:
        await caller.baseline()
        edit(workspace, "CHECKED = 1")
        await caller.ask("commit_candidate", description="x")
        (workspace / "agent.py").write_text("raise SystemExit\n")
        (workspace / ".agent").mkdir()
        (workspace / ".agent/late.md").write_text("late")
        await caller.ask("run_benchmark")
    assert "CHECKED = 1" in engine.ran["agent.py"]
    assert ".agent/late.md" not in engine.ran


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param("reset", marks=D("D3.1", ending="no effect", what="resets the branch")),
        pytest.param("delete", marks=D("D3.2", ending="no effect", what="deletes the branch")),
        pytest.param("amend", marks=D("D3.3", ending="no effect", what="amends the user's HEAD")),
        pytest.param("gc", marks=D("D3.4", ending="no effect", what="expires and prunes objects")),
    ],
)
async def test_the_branch_is_a_projection(serving: Serving, workspace: Path, attack: str) -> None:
    """What was kept stays kept, and the branch shows it again."""
    commands = {
        "reset": [("update-ref", "refs/heads/autoagent/night", "HEAD")],
        "delete": [("update-ref", "-d", "refs/heads/autoagent/night")],
        "amend": [("commit", "--amend", "-qm", "mine")],
        "gc": [("reflog", "expire", "--expire=now", "--all"), ("gc", "-q", "--prune=now")],
    }[attack]
    engine = ScriptedEngine(TWO, ALL)
    async with serving(workspace, engine) as caller:
        await caller.baseline()
        kept = (await measure(caller, workspace))["row"]["commit"]
        before = (await caller.ask("status"))["incumbent"]
        for command in commands:
            git(workspace, *command)
        after = (await caller.ask("status"))["incumbent"]
        await measure(caller, workspace, "Y = 2")
        listed = git(workspace, "for-each-ref", "--format=%(objectname) %(refname)")
    assert before == after
    assert any(line.startswith(kept) and "night" in line for line in listed.split("\n"))


MORE_TRAPS = """
[includeIf "gitdir:/"]
	path = {evil}
[submodule "s"]
	update = "!{trap} submodule"
	url = ./
[sequence]
	editor = "{trap} sequence"
[pager]
	log = "{trap} pager"
[interactive]
	diffFilter = "{trap} filter"
[init]
	templateDir = {root}/myhooks
[log]
	showSignature = true
[receive]
	procReceiveRefs = refs
[diff "y"]
	textconv = "{trap} y"
	cachetextconv = true
[core]
	attributesFile = {root}/.gitattributes
"""


@D("D4.1", ending="no effect", what="hooks: every name, in .git/hooks and by core.hooksPath")
@D("D4.2", ending="no effect", what="filters: clean, smudge, process, by attributes")
@D("D4.3", ending="no effect", what="core.fsmonitor")
@D("D4.4", ending="no effect", what="include and includeIf")
@D("D4.5", ending="no effect", what="sshCommand, gitProxy, askPass, credential helper")
@D("D4.6", ending="no effect", what="external diff, textconv, merge driver")
@D("D4.7", ending="no effect", what="gpg.program with signing asked for")
@D("D4.8", ending="no effect", what="aliases, pager, editors")
@D("D4.9", ending="no effect", what="submodule update=!command")
@D("D4.10", ending="no effect", what="a promisor remote with an ext:: url, packObjectsHook")
@D("D9.3", ending="no effect", what="GIT_DIR, GIT_EXEC_PATH, GIT_CONFIG_* in the environment")
async def test_nothing_planted_in_the_repository_runs_in_a_whole_game(
    serving: Serving, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Start, baseline, keep, discard, revert, finish; the traps are shown to be live after."""
    canary, home = tmp_path / "canary", tmp_path / "home"
    arm(workspace, home, canary)
    trap = f"sh -c 'echo $0 $* >> {canary}' trap"
    evil = workspace / ".git/evil.config"
    with (workspace / ".git/config").open("a") as config:
        config.write(MORE_TRAPS.format(evil=evil, trap=trap, root=workspace))
    (workspace / ".gitmodules").write_text(f'[submodule "s"]\n\tpath = s\n\tupdate = "!{trap}"\n')
    (tmp_path / "bin").mkdir()
    for name in ("git-cat-file", "git-hash-object", "git-commit-tree", "git-update-ref", "git"):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\necho exec-path {name} >> {canary}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    with monkeypatch.context() as environment:
        for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"):
            environment.delenv(name)
        for name, value in {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "GIT_DIR": str(workspace / ".git"),
            "GIT_WORK_TREE": str(workspace),
            "GIT_EXEC_PATH": str(tmp_path / "bin"),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "core.fsmonitor",
            "GIT_CONFIG_VALUE_0": trap,
            "GIT_EXTERNAL_DIFF": trap,
            "GIT_SSH_COMMAND": trap,
            "GIT_TRACE2_EVENT": str(canary),
        }.items():
            environment.setenv(name, value)
        engine = ScriptedEngine(TWO, ALL, TWO)
        async with serving(workspace, engine) as caller:
            await caller.baseline()
            assert (await measure(caller, workspace))["row"]["status"] == "keep"
            assert (await measure(caller, workspace, "Y = 1"))["row"]["status"] == "discard"
            edit(workspace, "Z = 1")
            await caller.ask("commit_candidate", description="dropped")
            await caller.ask("revert")
            await caller.ask("finish_climb")
        assert not canary.exists(), canary.read_text()
        for name in ("GIT_EXEC_PATH", "GIT_TRACE2_EVENT", "GIT_CONFIG_COUNT"):
            environment.delenv(name, raising=False)
        subprocess.run(["git", "status"], cwd=workspace, capture_output=True)
    assert canary.exists(), "the traps were never armed"


@D("D5.1", ending="no effect", what="edits results.tsv")
@D("D5.2", ending="flagged", what="replaces results.tsv by a link to another ledger")
async def test_the_ledger_is_written_again_from_the_journal(
    serving: Serving, workspace: Path, tmp_path: Path
) -> None:
    ledger, elsewhere = workspace / "results.tsv", tmp_path / "elsewhere"
    async with serving(workspace, ScriptedEngine(TWO, TWO)) as caller:
        await caller.baseline()
        honest = ledger.read_text()
        ledger.write_text(honest.replace("0.5", "1.0").replace("2/4", "4/4"))
        await measure(caller, workspace)
        first = ledger.read_text()
        ledger.unlink()
        elsewhere.write_text("mine")
        ledger.symlink_to(elsewhere)
        await measure(caller, workspace, "Y = 1")
        notes = (await caller.ask("status"))["notes"]
        ledger.unlink()
        await measure(caller, workspace, "Z = 1")
    assert first.startswith(honest)
    assert any("results.tsv is" in note and "link" in note for note in notes), notes
    assert ledger.read_text().startswith(first)
    assert elsewhere.read_text() == "mine"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        pytest.param(
            "append_result",
            {"score": 1.0, "description": "x"},
            marks=D("D5.3", ending="refused", what="gives append_result a score"),
        ),
        pytest.param(
            "run_benchmark",
            {"passed": 4},
            marks=D("D5.4", ending="refused", what="gives run_benchmark a result"),
        ),
        pytest.param(
            "start_climb",
            {"tag": "x", "gate": "none"},
            marks=D("D5.5", ending="refused", what="gives start_climb a gate"),
        ),
        pytest.param(
            "run_benchmark",
            {"tasks": ["../t1"]},
            marks=D("D7.1", ending="refused", what="a path in the place of a task"),
        ),
        pytest.param(
            "run_benchmark",
            {"candidate": "--output=/tmp/x"},
            marks=D("D7.2", ending="refused", what="an option in the place of a candidate"),
        ),
        pytest.param(
            "read_trajectory",
            {"trial": "../../../../etc/passwd"},
            marks=D("D7.3", ending="refused", what="a path in the place of a trial"),
        ),
        pytest.param(
            "read_file",
            {"path": "tasks/t1/instruction.md/../tests/test.sh"},
            marks=D("D7.4", ending="refused", what="reads tests through an instruction"),
        ),
        pytest.param(
            "read_file",
            {"path": ".agent/../../secret"},
            marks=D("D7.5", ending="refused", what="reads through .agent/.."),
        ),
        pytest.param(
            "edit_file",
            {"path": ".agent/../program.md", "old": "", "new": "x"},
            marks=D("D7.6", ending="refused", what="writes through .agent/.."),
        ),
    ],
)
async def test_only_what_is_enumerated_is_taken(
    serving: Serving, workspace: Path, tool: str, arguments: dict[str, Any]
) -> None:
    (workspace.parent / "secret").write_text("secret")
    program = (workspace / "program.md").read_text()
    async with serving(workspace, ScriptedEngine(TWO)) as caller:
        if tool != "start_climb":
            await caller.ask("start_climb", tag="night")
            await caller.ask("run_benchmark")
            if tool != "append_result":
                await caller.ask("append_result")
        said = await caller.refused(tool, **arguments)
    assert "secret" not in said.replace("../secret", "")
    assert (workspace / "program.md").read_text() == program


@D("D7.7", ending="refused", what="a tag that is a path or an option")
@pytest.mark.parametrize("tag", ["../../x", "-x", "a b", "a..b", "x.lock", "\x1b[2J", ""])
async def test_a_tag_is_a_name(serving: Serving, workspace: Path, tag: str) -> None:
    async with serving(workspace, ScriptedEngine(TWO)) as caller:
        await caller.refused("start_climb", tag=tag)


@D("D7.8", ending="refused", what="links in .agent/ to files outside")
async def test_a_link_among_the_notes_is_refused(serving: Serving, workspace: Path) -> None:
    async with serving(workspace, ScriptedEngine(TWO)) as caller:
        await caller.baseline()
        edit(workspace)
        (workspace / ".agent").mkdir()
        (workspace / ".agent/tests").symlink_to(workspace / "tasks")
        said = await caller.refused("commit_candidate", description="x")
    assert ".agent/tests: a link" in said


NASTY = {
    "D6.1": ("a\tkeep\t9.9\nabcdef0\t1.0\t4/4", "tabs and newlines make cells and rows"),
    "D6.2": ("a\u2028b\u2029c\x85d\x0be", "line separators that some readers break at"),
    "D6.3": ('=HYPERLINK("http://x","y")', "a formula for a spreadsheet"),
    "D6.4": ("\x1b[2J\x1b]0;owned\x07 \x9b31m", "terminal escapes"),
    "D6.5": ("\u202eevil\u200b\ufeff", "marks that reorder or hide text"),
    "D6.6": ("x" * 100_000, "a description without end"),
    "D6.7": ("half \ud83d a pair", "half of a surrogate pair"),
}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, marks=D(name, ending="no effect", what=what))
        for name, (text, what) in NASTY.items()
    ],
)
async def test_a_description_is_one_inert_cell(
    serving: Serving, workspace: Path, autoagent: Any, text: str
) -> None:
    """In results.tsv, in `autoagent verify` and in what replies say of the incumbent."""
    text = text.encode("utf-8", "replace").decode() if "half" in text else text
    async with serving(workspace, ScriptedEngine(TWO, ALL)) as caller:
        await caller.baseline()
        edit(workspace)
        await caller.ask("commit_candidate", description=text)
        await caller.ask("run_benchmark")
        await caller.ask("append_result", description=text)
    rows = (workspace / "results.tsv").read_bytes().decode().split("\n")
    assert [line.count("\t") for line in rows if line] == [6, 6, 6]
    cell = rows[2].split("\t")[6]
    assert len(cell) <= 202
    assert cell.isprintable()
    assert not cell.startswith(("=", "+", "-", "@"))
    for command in (("verify",), ("verify", "--json")):
        _, printed = autoagent(*command, "--workspace", workspace)
        assert all(c.isprintable() or c == "\n" for c in printed)


@D("D8.1", ending="refused", what="a second server on the workspace")
async def test_a_second_server_is_refused_by_name(serving: Serving, workspace: Path) -> None:
    from mcp import Client

    from autoagent.referee.referee import Referee
    from autoagent.server.app import build_server

    async with serving(workspace, ScriptedEngine(TWO)) as caller:
        await caller.baseline()
        async with Client(build_server(lambda: Referee.open(workspace))) as client:
            said = await Caller(client).refused("status")
        assert (await caller.ask("status"))["phase"] == "idle"
    assert "process" in said or "pid" in said


@D("D8.2", ending="flagged", what="writes the journal beside the server")
async def test_an_event_written_beside_the_server_is_found(
    serving: Serving, workspace: Path, autoagent: Any
) -> None:
    async with serving(workspace, ScriptedEngine(TWO)) as caller:
        await caller.baseline()
        state = Path((await caller.ask("status"))["state_directory"])
    journal = Journal(state / "journal.sqlite3")
    row = journal.of_kind(ResultRecorded)[-1].event.row
    better = row.model_copy(update={"passed": "4/4", "avg_score": 1.0})
    journal.append(ResultRecorded(climb="night", row=better), "x")
    journal.close()
    code, printed = autoagent("verify", "--workspace", workspace)
    assert code != 0, printed


@D("D10.1", ending="refused", what="commits a candidate before the baseline was measured")
@D("D10.2", ending="no effect", what="plants a worse baseline after start_climb")
async def test_the_baseline_comes_first_and_is_what_was_frozen(
    serving: Serving, workspace: Path
) -> None:
    engine = Seeing(TWO)
    honest = (workspace / "agent.py").read_text()
    async with serving(workspace, engine) as caller:
        await caller.ask("start_climb", tag="night")
        edit(workspace)
        said = await caller.refused("commit_candidate", description="x")
        (workspace / "agent.py").write_text("raise SystemExit\n")
        await caller.ask("run_benchmark")
    assert "run_benchmark()" in said
    assert engine.ran["agent.py"] == honest


@D("D10.3", ending="refused", what="starts from a harness that differs from HEAD")
async def test_a_dirty_harness_starts_no_climb(serving: Serving, workspace: Path) -> None:
    edit(workspace)
    async with serving(workspace, ScriptedEngine(TWO)) as caller:
        assert "agent.py" in await caller.refused("start_climb", tag="night")


@D("D10.4", ending="refused", what="starts a second climb, or cancels the baseline")
async def test_the_baseline_cannot_be_shaken_off(serving: Serving, workspace: Path) -> None:
    engine = ScriptedEngine(TWO)
    async with serving(workspace, engine) as caller:
        await caller.baseline()
        await caller.refused("start_climb", tag="again")
        await caller.refused("cancel_benchmark")
