"""`autoagent doctor`: what is wrong has a row of its own, and the row names the remedy."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from autoagent import installed
from autoagent.commands.before.doctor import examine
from autoagent.commands.before.rows import Check
from autoagent.commands.during.renew import renew
from autoagent.errors import ConfigError
from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine

from ..conftest import git
from ..gateway import providers
from ..referee.playing import ONE, with_baseline

MakeWorkspace = Callable[..., Path]


def row(root: Path, name: str) -> Check:
    return next(check for check in examine(root) if check.name == name)


def failing(root: Path) -> list[str]:
    """The rows that fail; each says what to do, after what is wrong if not below it."""
    checks = [check for check in examine(root) if check.state == "fail"]
    assert all(check.fix or ". " in check.detail for check in checks)
    return [check.name for check in checks]


def test_a_good_workspace_is_ready(autoagent: Any, workspace: Path) -> None:
    code, printed = autoagent("doctor", "--workspace", workspace)

    assert code == 0
    assert printed.endswith("Ready.\n")
    assert failing(workspace) == []


def test_a_failing_check_is_the_exit_code_and_has_its_fix_in_json(
    autoagent: Any, make_workspace: MakeWorkspace
) -> None:
    root = make_workspace(commit=False)

    code, found = autoagent.json("doctor", "--workspace", root)

    assert code == 1
    assert found["ok"] is False
    (bad,) = [check for check in found["checks"] if check["state"] == "fail"]
    assert bad["name"] == "repository"
    assert "git init" in bad["fix"]


def test_a_tree_that_differs_from_head_is_told_by_file(workspace: Path) -> None:
    (workspace / "program.md").write_text("something else")

    check = row(workspace, "repository")

    assert failing(workspace) == ["repository"]
    assert "program.md" in check.detail
    assert "git commit" in check.fix


def test_a_repository_without_a_commit_is_told(make_workspace: MakeWorkspace) -> None:
    root = make_workspace(commit=False)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)

    assert "no commit yet" in row(root, "repository").detail


def test_a_harness_without_a_boundary_is_told_where_to_put_one(
    make_workspace: MakeWorkspace,
) -> None:
    root = make_workspace(harness="print('no boundary')\n")

    assert failing(root) == ["harness"]
    assert "FIXED ADAPTER BOUNDARY" in row(root, "harness").detail


def test_a_missing_harness_is_told(workspace: Path) -> None:
    (workspace / "agent.py").unlink()

    assert failing(workspace) == ["repository", "harness"]


def test_a_malformed_config_is_told_once_and_the_rest_waits(make_workspace: MakeWorkspace) -> None:
    root = make_workspace(config="[benchmark]\nattemps = 3\n")

    assert failing(root) == ["config"]
    assert "attemps" in row(root, "config").detail
    assert {row(root, name).state for name in ("state directory", "harness", "journal")} == {"skip"}


def test_a_missing_program_is_told(workspace: Path) -> None:
    (workspace / "program.md").unlink()

    assert failing(workspace) == ["repository", "program"]


def test_a_stop_file_is_a_note_because_nothing_would_start(workspace: Path) -> None:
    (workspace / "STOP").touch()

    assert row(workspace, "program").state == "note"
    assert "STOP" in row(workspace, "program").detail


def test_an_unsandboxed_harness_is_a_note(make_workspace: MakeWorkspace) -> None:
    root = make_workspace(config='isolation = "process"\n[benchmark]\nenvironment = "docker"\n')

    assert row(root, "config").state == "note"
    assert "UNSANDBOXED" in row(root, "config").detail


def test_an_unsandboxed_harness_is_refused_where_its_tasks_run_in_the_sandbox(
    make_workspace: MakeWorkspace,
) -> None:
    root = make_workspace(config='isolation = "process"\n')

    assert row(root, "config").state == "fail"
    assert 'set `environment = "docker"` below [benchmark]' in row(root, "config").detail


def test_a_missing_workspace_is_one_failing_row(tmp_path: Path) -> None:
    assert failing(tmp_path / "nowhere") == ["config"]


def test_a_broken_task_has_a_row_of_its_own(workspace: Path) -> None:
    (workspace / "tasks/t2/tests/test.sh").unlink()

    assert "task t2" in failing(workspace)
    assert "tests/test.sh: missing" in row(workspace, "task t2").detail
    assert row(workspace, "tasks").detail.startswith("3 of 4")


@pytest.mark.parametrize("environment", ["sandbox", "docker"])
@pytest.mark.parametrize("key", ["environment", "agent", "verifier"])
def test_an_allowlist_is_refused_where_nothing_enforces_it(
    make_workspace: MakeWorkspace, environment: str, key: str
) -> None:
    root = make_workspace(config=f'[benchmark]\nenvironment = "{environment}"\n')
    task = root / "tasks/t1/task.toml"
    without = task.read_text().replace('network_mode = "no-network"\n', "")
    said = 'network_mode = "allowlist"\nallowed_hosts = ["x.org"]\n'
    task.write_text(without.replace(f"[{key}]\n", f"[{key}]\n{said}"))

    told = row(root, "task t1")

    assert told.state == "fail"
    assert f'{key}.network_mode: "allowlist" needs a provider that enforces it' in told.detail


def test_held_out_tasks_have_a_row_that_says_who_can_read_them(
    make_workspace: MakeWorkspace, write_task: Callable[..., None]
) -> None:
    root = make_workspace(config='[holdout]\ntasks = ["t4"]\ndirectory = "../private"\n')
    write_task(root.parent / "private/p1", expected="yes", question="which?")

    check = row(root, "holdout")

    assert (check.state, failing(root)) == ("note", [])
    assert check.detail == (
        "2 of 2 held-out tasks can be used; 1 inside the workspace, where the meta-agent's shell "
        "can read them: put them outside, readable by the server's user only (holdout.directory)"
    )
    assert row(root, "tasks").detail == "3 of 3 can be used"


def test_held_out_tasks_outside_the_workspace_are_hidden_from_a_client_without_a_shell(
    make_workspace: MakeWorkspace, write_task: Callable[..., None]
) -> None:
    root = make_workspace(config='[holdout]\ndirectory = "../private"\n')
    write_task(root.parent / "private/p1", expected="yes", question="which?")

    assert row(root, "holdout").state == "ok"
    assert row(root, "holdout").detail == (
        "1 of 1 held-out tasks can be used; outside the workspace; a shell of this user could "
        "still look for them (tier 0)"
    )


def test_a_broken_held_out_task_is_named_to_the_human(make_workspace: MakeWorkspace) -> None:
    root = make_workspace(config='[holdout]\ntasks = ["t4"]\n')
    (root / "tasks/t4/instruction.md").unlink()

    assert failing(root) == ["repository", "holdout", "held-out task t4"]
    assert "instruction.md: missing" in row(root, "held-out task t4").detail


def test_a_task_that_is_in_both_places_is_named_to_the_human(
    make_workspace: MakeWorkspace, write_task: Callable[..., None]
) -> None:
    root = make_workspace(config='[holdout]\ndirectory = "../private"\n')
    write_task(root.parent / "private/t2", expected="yes", question="which?")

    assert failing(root) == ["holdout"]
    assert row(root, "holdout").detail.endswith("In both: t2.")


def test_a_climb_without_held_out_tasks_is_a_note(workspace: Path) -> None:
    assert row(workspace, "holdout").state == "note"


def test_a_workspace_without_tasks_fails(make_workspace: MakeWorkspace) -> None:
    root = make_workspace(config='[benchmark]\nonly = ["nothing-*"]\n')

    assert failing(root) == ["tasks"]


def test_a_state_directory_in_reach_of_the_candidate_is_refused(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOAGENT_STATE_DIR", str(workspace / "state"))

    assert failing(workspace) == ["state directory"]


def test_the_server_that_holds_the_workspace_is_named(workspace: Path) -> None:
    referee = Referee.open(workspace, ScriptedEngine())
    try:
        held = row(workspace, "server")
    finally:
        referee.close()

    assert held.state == "ok"
    assert str(os.getpid()) in held.detail
    assert row(workspace, "server").detail == "none holds this workspace"


def test_while_a_climb_is_played_the_candidate_is_not_a_dirty_tree(workspace: Path) -> None:
    referee = Referee.open(workspace, ScriptedEngine({"t1": [1.0]}))
    referee.start_climb("night")
    while referee.advance().phase == "validating":
        pass
    harness = workspace / "agent.py"
    harness.write_text(harness.read_text().replace("MAX_TURNS = 3", "MAX_TURNS = 4"))
    try:
        assert failing(workspace) == []
        assert "night" in row(workspace, "repository").detail
    finally:
        referee.close()


def test_a_climb_that_was_played_leaves_journal_and_ledger_in_order(
    workspace: Path, climbed: Callable[[Path], None]
) -> None:
    climbed(workspace)

    assert row(workspace, "journal").state == "ok"
    assert row(workspace, "results.tsv").detail == "2 rows"


@pytest.mark.rule("R10")
def test_a_night_that_is_used_up_fails_with_the_command_that_grants_another(
    make_workspace: MakeWorkspace,
) -> None:
    """Whoever goes to bed without it would wake up to a start that was refused."""
    root = make_workspace(config="[budget]\nevaluations = 1\n")
    assert row(root, "night").detail == "not begun: 1 evaluations"
    referee = Referee.open(root, ScriptedEngine(ONE))
    try:
        with_baseline(referee)
        playing = row(root, "night")
        referee.finish_climb()
    finally:
        referee.close()

    used = row(root, "night")
    renew(root)

    assert (playing.state, "All 1 evaluations" in playing.detail) == ("note", True)
    assert used.state == "fail"
    assert "All 1 evaluations of the budget are used" in used.detail
    assert used.fix.startswith("`autoagent renew`")
    assert row(root, "night").detail == "the next climb has one of its own: 1 evaluations"


@pytest.mark.rule("R10")
def test_the_dollars_are_those_that_are_left_of_a_night_that_goes_on(
    make_workspace: MakeWorkspace,
) -> None:
    """The next climb draws on the same caps, as start_climb would say."""
    root = make_workspace(config="[budget]\ndollars = 1\ndollars_per_trial = 0.01\n")
    assert "reserve $0.24 for the baseline" in row(root, "budget").detail
    referee = Referee.open(root, ScriptedEngine(ONE))
    try:
        with_baseline(referee)
        assert row(root, "budget").detail == "the climb night is being played"
        referee.finish_climb()
    finally:
        referee.close()
    short = row(root, "budget")
    assert (short.state, "$0.92 are left" in short.detail) == ("fail", True)
    renew(root)
    assert "reserve $0.24 for the baseline" in row(root, "budget").detail


def test_an_edited_ledger_is_a_note_because_the_journal_decides(
    workspace: Path, climbed: Callable[[Path], None]
) -> None:
    climbed(workspace)
    ledger = workspace / "results.tsv"
    ledger.write_text(ledger.read_text().replace("3/4", "4/4"))

    assert row(workspace, "results.tsv").state == "note"


def test_a_damaged_journal_fails_and_the_ledger_is_not_compared(
    workspace: Path, climbed: Callable[[Path], None]
) -> None:
    climbed(workspace)
    (journal,) = (workspace.parent / "state").glob("*/journal.sqlite3")
    journal.write_bytes(journal.read_bytes().replace(b"one more turn", b"one more burn"))

    assert "journal" in failing(workspace)
    assert "does not match its hash" in row(workspace, "journal").detail
    assert row(workspace, "results.tsv").state == "skip"


UNASKED = "[gateway]\npreflight = false\n"


def served(
    make_workspace: MakeWorkspace, config: str = "", env: str = "", model: str = "gpt-5"
) -> Path:
    source = Path(__file__).parents[1] / "conftest.py"
    harness = source.read_text().split("HARNESS = '''\\\n")[1].split("'''\n")[0]
    root = make_workspace(
        harness=harness.replace('MODEL = "rules"', f'MODEL = "{model}"'), config=config
    )
    if env:
        (root / ".env").write_text(env)
    return root


def test_a_model_without_a_key_fails_because_the_night_would_be_wasted(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    root = served(make_workspace)

    assert "model" in failing(root)
    assert "no OPENAI_API_KEY in the environment" in row(root, "model").detail


def test_a_model_with_a_key_and_a_price_is_well_and_the_key_is_not_shown(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    root = served(make_workspace, UNASKED, env="OPENAI_API_KEY=sk-secret\n")

    told = row(root, "model")
    assert told.state == "ok"
    assert "$1.25 in and $10.00 out per million tokens" in told.detail
    assert "sk-secret" not in told.detail


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (None, "cannot be reached"),
        (401, "refuses the key (401). Set OPENAI_API_KEY to a key"),
        (404, "answers 404 to /chat/completions (scripted). Correct the model's name"),
        (503, "answers 503"),
        (200, "key in OPENAI_API_KEY"),
    ],
)
@pytest.mark.rule("R9")
def test_a_provider_is_asked_before_a_night_and_so_it_is_at_its_start(
    make_workspace: MakeWorkspace,
    status: int | None,
    said: str,
) -> None:
    """Where no call can succeed the climb is refused; what passes is waited out."""
    with providers.provider() as fake:
        url = fake.url if status else "http://127.0.0.1:1"
        answer = providers.Response(providers.Scripted(0).body, status or 0)
        fake.trouble = lambda call: None if status == 200 else answer
        config = f'[gateway.openai]\nbase_url = "{url}/v1"\n'
        root = served(make_workspace, config, env="OPENAI_API_KEY=sk-secret\n")
        (root / ".git/info/exclude").write_text(".env\n")
        told = row(root, "model")
        assert said in told.detail and "sk-secret" not in told.detail
        refuses = status in (None, 401, 404)
        assert told.state == ("fail" if refuses else "note" if status == 503 else "ok")
        with closing(Referee.open(root, ScriptedEngine({}))) as referee:
            if refuses:
                with pytest.raises(ConfigError, match="Set|Start|Correct"):
                    referee.start_climb("t")
            else:
                referee.start_climb("t")
            asked = [call.told for call in fake.calls if "chat" in call.path]
            assert all(told["max_completion_tokens"] == 1 for told in asked)


def test_a_cap_on_dollars_without_a_price_fails(make_workspace: MakeWorkspace) -> None:
    local = '[gateway.openai]\nbase_url = "http://localhost:1/v1"\n'
    root = served(make_workspace, f"[budget]\ndollars = 5\n{local}", model="llama")

    assert failing(root) == ["model"]
    assert "No price is known for 'llama'" in row(root, "model").detail


def test_a_harness_without_a_model_needs_nothing(workspace: Path) -> None:
    assert row(workspace, "model").detail == "rules: no provider's, so the harness has no network"


def test_a_file_of_keys_that_git_ignores_is_no_dirty_tree(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = served(make_workspace, UNASKED, env="OPENAI_API_KEY=sk-secret\n")
    exclude = root / ".git/info/exclude"
    exclude.write_text(".env\n")

    assert failing(root) == []


def test_a_package_of_another_version_than_the_locks_is_named_with_the_command_that_mends_it(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An environment in which something else put another Harbor beside what is locked."""
    assert row(workspace, "packages").state == "ok"
    lock = installed.lock().read_text()
    locked = metadata.version("harbor")
    (tmp_path / "requirements.lock").write_text(lock.replace(f"harbor=={locked}", "harbor==0.1"))
    monkeypatch.setattr(installed, "__file__", str(tmp_path / "installed.py"))

    check = row(workspace, "packages")

    assert check.state == "fail"
    assert f"harbor {locked} (pinned: 0.1)" in check.detail
    assert check.fix == (
        f"`uv pip install --python {sys.prefix} --constraints {tmp_path}/requirements.lock "
        "'harbor==0.1'`"
    )


def test_each_trouble_of_the_repository_has_a_fix_of_its_own(make_workspace: MakeWorkspace) -> None:
    root = make_workspace(commit=False)
    fixes = [row(root, "repository").fix]
    git(root, "init", "-q")
    fixes.append(row(root, "repository").fix)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    (root / "program.md").write_text("# Another\n")
    fixes.append(row(root, "repository").fix)
    assert fixes == [
        "`git init && git add -A && git commit -m start` in the workspace",
        "`git add -A && git commit -m start`",
        "`git add -A && git commit -m WHY`, or `git stash -u`",
    ]


def test_what_is_told_about_a_damaged_journal_begins_anew(
    workspace: Path, climbed: Callable[[Path], None]
) -> None:
    climbed(workspace)
    (journal,) = (workspace.parent / "state").glob("*/journal.sqlite3")
    data = bytearray(journal.read_bytes())
    data[data.index(b'"reward":1.0') + len(b'"reward":')] ^= 1
    journal.write_bytes(data)
    told = row(workspace, "journal").fix
    subprocess.run(told.split("`")[1], shell=True, check=True)
    assert row(workspace, "journal").detail == "none yet: no climb was started here"
    assert journal.with_name("x").parent.with_name(f"{journal.parent.name}.damaged").exists()
