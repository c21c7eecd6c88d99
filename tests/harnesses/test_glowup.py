"""The root workspace: its baseline, and that edits move the score while the stand-in answers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autoagent.commands.before.init import HARNESSES
from autoagent.commands.during import demo_script
from autoagent.config import load_config
from autoagent.gateway.standin.rules import load_rules
from autoagent.workspace.harness import boundary

ROOT = Path(__file__).parents[2]
HARNESS = (ROOT / "agent.py").read_bytes()
EDITS = ROOT / "examples/glowup-climb/edits.toml"

GLOWUP = """\
#!{python}
import json, sys
from pathlib import Path

LOG = Path(__file__).parent / "calls.jsonl"
REPLIES = {{
    "credits": {{"name": "Ada Byron", "credits": 42, "expires_on": "2026-11-30", "orders": []}},
    "search": {{"articles": [{{"id": "a-1", "title": "Refunds"}}]}},
    "article": {{"id": "a-1", "text": "upscale 4 credits"}},
    "order": {{"id": "o-1", "amount": "9.99", "credits_used": 0, "age_days": 3}},
    "refund": {{"order": "o-1", "paid_back": "9.99"}},
    "reply": {{"to": "u-3001"}},
}}
with LOG.open("a") as log:
    log.write(json.dumps(sys.argv[1:]) + chr(10))
print(json.dumps(REPLIES.get(sys.argv[1], {{"error": "no"}})))
"""


@pytest.fixture
def desk(app: Path) -> Path:
    """A support tool that keeps its calls, where the task has one."""
    (app / "glowup").write_text(GLOWUP.format(python=sys.executable))
    (app / "glowup").chmod(0o755)
    return app


def ask(message: str) -> str:
    return f"Answer the customer.\n\nSigned in: u-3001\n\n> {message}\n"


def called(desk: Path) -> list[list[str]]:
    """What the support tool was asked to do."""
    return [json.loads(line) for line in (desk / "calls.jsonl").read_text().splitlines()]


def climbed(*names: str) -> bytes:
    """The harness after these edits."""
    edits = {edit.name: edit for edit in demo_script.load_edits(EDITS)}
    source = HARNESS.decode()
    for name in names:
        source = edits[name].apply(source)
    return source.encode()


KEPT = [edit.name for edit in demo_script.load_edits(EDITS) if edit.expect == "keep"]


def test_the_root_is_a_workspace_whose_harness_is_the_article_s() -> None:
    split = boundary.split(HARNESS, "agent.py")
    template = boundary.split((HARNESSES / "openai.py").read_bytes(), "openai.py")

    assert boundary.model_pin(HARNESS) == "gpt-5"
    assert split.fixed == template.fixed
    assert load_config(ROOT).holdout.tasks == ("held-*",)
    assert load_rules(ROOT / "standin.toml").words is not None


def test_every_edit_that_should_be_kept_is_a_candidate() -> None:
    canonical = boundary.split(HARNESS, "agent.py")

    for count in range(1, len(KEPT) + 1):
        checked = boundary.check(
            climbed(*KEPT[:count]), canonical, "agent.py", model="gpt-5", class_name="AutoAgent"
        )
        assert (checked.problems, checked.warnings) == ((), ())


async def test_the_customer_gets_a_reply_with_the_facts_that_it_states(
    run_harness: Any, desk: Path
) -> None:
    ran = await run_harness(ROOT / "agent.py", ROOT / "standin.toml", ask("How many credits?"))

    assert ran.calls == ["check_credits", "search_knowledge", "reply"]
    assert called(desk)[1] == ["credits", "u-3001"]
    text = "You have 42 credits until 2026-11-30."
    facts = ["--outcome=answered", "--credits=42", "--until=2026-11-30"]
    assert called(desk)[-1] == ["reply", "u-3001", "--text", text, *facts]


async def test_a_reply_that_the_desk_refuses_does_not_end_the_run(
    run_harness: Any, desk: Path
) -> None:
    """What the tool says of it is there for the model to read; the stand-in knows no better."""
    tool = (desk / "glowup").read_text()
    (desk / "glowup").write_text(
        tool.replace('{"to": "u-3001"}', '{"error": "--credits is missing"}')
    )

    ran = await run_harness(ROOT / "agent.py", ROOT / "standin.toml", ask("How many credits?"))

    assert ran.calls[-1] == "reply"
    assert ran.trajectory["steps"][-1]["message"] == "You have 42 credits until 2026-11-30."


async def test_words_of_the_customer_are_never_shell(run_harness: Any, desk: Path) -> None:
    words = "What do credits cost? '; touch /app/pwned; echo $(touch /app/pwned) `id`"

    await run_harness(ROOT / "agent.py", ROOT / "standin.toml", ask(words))

    assert any("touch" in word for call in called(desk) for word in call)
    assert not (desk / "pwned").exists()


async def test_an_edit_of_the_harness_changes_what_the_stand_in_does(
    run_harness: Any, desk: Path, tmp_path: Path
) -> None:
    (tmp_path / "agent.py").write_bytes(climbed("articles", "hand-over", "orders"))

    ran = await run_harness(
        tmp_path / "agent.py", ROOT / "standin.toml", ask("Please pay my order o-1 back.")
    )

    assert [call for call in ran.calls if "order" in call] == ["look_up_order", "refund_order"]
    text, *facts = called(desk)[-1][3:]
    assert "I have paid back the 9.99." in text
    assert facts == ["--outcome=done", "--paid-back=9.99"]


async def test_without_the_tool_nothing_is_paid_back(run_harness: Any, desk: Path) -> None:
    await run_harness(
        ROOT / "agent.py", ROOT / "standin.toml", ask("Please pay my order o-1 back.")
    )

    assert "refund" not in [call[0] for call in called(desk)]
    assert not [word for word in called(desk)[-1] if "paid" in word]


@pytest.mark.slow
def test_the_stand_in_is_served_from_the_command_line() -> None:
    """It says what it is, and where; an interrupt ends it."""
    command = [sys.executable, "-m", "autoagent", "standin", "--rules", str(ROOT / "standin.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.terminate()

    assert first.startswith("STAND-IN at http://127.0.0.1:")
