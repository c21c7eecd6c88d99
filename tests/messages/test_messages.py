"""Whatever is put in wrong, the answer names where, what, and the next step."""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli
from mcp import Client
from typer.testing import CliRunner

from autoagent.commands.cli import app
from autoagent.errors import AutoAgentError
from autoagent.referee.referee import Referee
from autoagent.server.app import build_server
from autoagent.server.arguments import refusal
from autoagent.worker.scripted import ScriptedEngine

from ..conftest import HARNESS, git, write_one_task
from ..referee.playing import with_baseline
from ..server.callers import PATIENT, Caller

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = tomli.loads((HERE / "inputs.toml").read_text())["case"]
SAID_FILE = HERE / "said.toml"
SAID: dict[str, str] = tomli.loads(SAID_FILE.read_text()) if SAID_FILE.exists() else {}
WRITES = os.environ.get("SAID") == "write"
FRAMES = re.compile("[│╭╮╰╯─]+")


@pytest.fixture(scope="session")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of one task with nothing to refuse, to be copied."""
    root = tmp_path_factory.mktemp("in-order") / "workspace"
    (root / "tasks").mkdir(parents=True)
    (root / "program.md").write_text("# Answer questions\n")
    (root / "agent.py").write_text(HARNESS)
    (root / ".gitignore").write_text("results.tsv\n.autoagent/\nautoagent.toml\n.env\n")
    write_one_task(root / "tasks/t1", expected="a", question="a")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        git(root, *arguments)
    return root


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
async def test_a_bad_input_is_answered_with_where_what_and_the_next_step(
    case: Mapping[str, Any], in_order: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole message is a snapshot, and says the three things that the case names."""
    root = tmp_path / "workspace"
    shutil.copytree(in_order, root, symlinks=True)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "CLAUDE_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.chdir(root)
    if case.get("at") != "idle":
        spoil(root, case)
    answer = typed(root, case) if "command" in case else await called(root, case)
    said = told(answer, root, tmp_path)

    if WRITES:
        SAID[case["name"]] = said
        lines = [f"{json.dumps(n)} = {json.dumps(SAID[n], ensure_ascii=False)}\n" for n in order()]
        SAID_FILE.write_text("# Written by test_messages.py.\n\n" + "\n".join(lines))
    missing = [part for part in ("where", "what", "next") if case[part] not in said]
    assert not missing, said
    assert said == SAID[case["name"]]


def test_there_are_sixty_bad_inputs_and_a_message_for_each() -> None:
    names = [case["name"] for case in CASES]
    assert len({*names}) == len(names) >= 60
    assert {*names} == {*SAID}


def order() -> list[str]:
    """The cases that were played, in the table's order."""
    return [case["name"] for case in CASES if case["name"] in SAID]


def spoil(root: Path, case: Mapping[str, Any]) -> None:
    """Make what the case is about."""
    for name in case.get("remove", ()):
        shutil.rmtree(root / name)
    for name, text in case.get("files", {}).items():
        path = root / name
        if text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        else:
            path.unlink()
    for name, size in case.get("large", {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x" * size)
    harness = root / "agent.py"
    for old, new in case.get("replace", {}).items():
        text = harness.read_text()
        assert old in text
        harness.write_text(text.replace(old, new, 1))
    for command in case.get("git", ()):
        git(root, *command.split(" "))
    if "replace" in case and "at" not in case:
        git(root, "commit", "-qam", "spoilt")


def typed(root: Path, case: Mapping[str, Any]) -> str:
    """What a command says that is refused."""
    arguments = [word.replace("ROOT", str(root)) for word in case["command"]]
    done = CliRunner().invoke(app, arguments, prog_name="autoagent")
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 2, done.output
    return done.output


async def called(root: Path, case: Mapping[str, Any]) -> str:
    """What a tool says that is refused, or the server where it does not even start."""
    try:
        referee = Referee.open(root, ScriptedEngine({"t1": [1.0]}))
    except AutoAgentError as error:
        return refusal(error)
    try:
        if case.get("at") == "idle":
            with_baseline(referee)
            spoil(root, case)
        async with Client(build_server(referee, PATIENT)) as client:
            return await Caller(client).refused(case["tool"], **case["arguments"])
    finally:
        referee.close()


def told(answer: str, root: Path, tmp_path: Path) -> str:
    """A message without what differs from run to run, or from one Harbor to another."""
    for place, name in ((root, "ROOT"), (tmp_path, "TMP"), (Path(sys.executable), "PYTHON")):
        answer = answer.replace(str(place), name)
    answer = re.sub(r"\b[0-9a-f]{7,40}\b", "COMMIT", FRAMES.sub(" ", answer))
    answer = " ".join(answer.split())
    return re.sub(r"(of that name\. It has )[\w, -]+;", r"\1TYPES;", answer)
