"""Every template makes a baseline that works, and leaves a trajectory that Harbor accepts."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, override

import pytest
from agents.tracing import Span, Trace, TracingProcessor, add_trace_processor

from autoagent.commands.before.init import EXTRAS, HARNESSES, Template, make_workspace
from autoagent.errors import WorkspaceError
from autoagent.gateway.money.prices import Prices
from autoagent.referee.candidates import baseline_draft
from autoagent.workspace.harness.boundary import model_pin
from autoagent.workspace.harness.limits import output_limits
from autoagent.workspace.layout import open_workspace

TEMPLATES: tuple[Template, ...] = get_args(Template)
WITHOUT_CLAUDE = pytest.mark.skipif(
    importlib.util.find_spec("claude_agent_sdk") is None,
    reason="claude-agent-sdk, with its program of 400 MB, is not installed",
)
WITH_MODEL = [
    pytest.param(name, marks=WITHOUT_CLAUDE if name == "claude" else ()) for name in EXTRAS
]


def validate(trajectory: Path) -> None:
    """As a human would: Harbor's own command."""
    command = [sys.executable, "-m", "harbor.utils.trajectory_validator", str(trajectory)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_a_harness_for_every_template() -> None:
    assert {path.stem for path in HARNESSES.glob("*.py")} == set(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_a_baseline_without_a_warning(tmp_path: Path, template: Template) -> None:
    workspace = make_workspace(tmp_path / "new", template).root
    if template == "claude" and importlib.util.find_spec("claude_agent_sdk") is None:
        with pytest.raises(WorkspaceError, match="claude_agent_sdk, which is not installed"):
            baseline_draft(open_workspace(workspace))
        return

    draft, split, model = baseline_draft(open_workspace(workspace))

    assert draft.warnings == ()
    assert split.fixed.startswith(b"# === FIXED ADAPTER BOUNDARY ===")
    assert (model == "none") == (template == "plain")


@pytest.mark.parametrize("template", EXTRAS)
def test_a_template_s_call_fits_into_five_cents_a_trial(template: Template) -> None:
    """What one reserves leaves room for what is read, and for another answer.

    Claude Code's own prompt is longer than that.
    """
    source = (HARNESSES / f"{template}.py").read_bytes()
    price = Prices({}).of(model_pin(source) or "")
    limits = output_limits(source)
    assert price is not None and limits
    assert template == "claude" or price.most(4000, max(limits)) <= 0.05
    assert 2 * price.most(0, max(limits)) <= 0.05


@pytest.mark.parametrize("template", WITH_MODEL)
async def test_a_template_does_its_task_with_the_stand_in(
    run_harness: Any, app: Path, tmp_path: Path, template: Template
) -> None:
    workspace = make_workspace(tmp_path / "new", template).root
    (app / "name.txt").write_text("Ada\n")
    hello = (workspace / "tasks/hello/instruction.md").read_text()
    instruction = hello.replace("/app", str(app))  # Claude Code's commands run as they are

    ran = await run_harness(workspace / "agent.py", workspace / "standin.toml", instruction)

    assert (app / "greeting.txt").read_text() == "Hello, Ada!\n"
    validate(ran.file)
    assert ran.calls == ["Bash" if template == "claude" else "run_shell"]
    assert ran.trajectory["steps"][1]["message"].strip() == instruction.strip()
    assert ran.trajectory["steps"][-1]["message"].startswith("I ran the command")


@pytest.mark.parametrize("template", WITH_MODEL)
async def test_tokens_are_the_model_s_and_add_up(
    run_harness: Any, tmp_path: Path, template: Template
) -> None:
    workspace = make_workspace(tmp_path / "new", template).root
    instruction = "```bash\ntrue\n```\n"

    ran = await run_harness(workspace / "agent.py", workspace / "standin.toml", instruction)

    steps = [step["metrics"] for step in ran.trajectory["steps"] if "metrics" in step]
    totals = ran.trajectory["final_metrics"]
    assert len(steps) == 2
    assert sum(one["prompt_tokens"] for one in steps) == totals["total_prompt_tokens"] > 0
    assert ran.context.n_input_tokens == totals["total_prompt_tokens"]
    assert ran.context.n_output_tokens == totals["total_completion_tokens"] > 0
    assert ran.context.n_cache_tokens == 0


@pytest.mark.parametrize("template", WITH_MODEL)
async def test_a_tool_that_fails_is_an_answer_for_the_model(
    run_harness: Any, tmp_path: Path, template: Template
) -> None:
    workspace = make_workspace(tmp_path / "new", template).root
    instruction = "```bash\necho broken >&2; exit 3\n```\n"

    ran = await run_harness(workspace / "agent.py", workspace / "standin.toml", instruction)

    (step,) = [step for step in ran.trajectory["steps"] if step.get("tool_calls")]
    said = "Exit code 3\nbroken" if template == "claude" else "broken\n\nexit code 3"
    assert step["observation"]["results"][0]["content"] == said


@pytest.mark.parametrize("template", WITH_MODEL)
async def test_what_was_done_when_the_turns_run_out_is_kept(
    run_harness: Any, app: Path, tmp_path: Path, template: Template
) -> None:
    workspace = make_workspace(tmp_path / "new", template).root
    source = (workspace / "agent.py").read_text()
    (workspace / "agent.py").write_text(source.replace("MAX_TURNS = 30", "MAX_TURNS = 1"))
    instruction = f"```bash\ntouch {app}/seen\n```\n"

    ran = await run_harness(workspace / "agent.py", workspace / "standin.toml", instruction)

    assert (app / "seen").exists()
    validate(ran.file)
    assert len(ran.calls) == 1


class Recorder(TracingProcessor):
    """Keeps every trace that would be exported."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @override
    def on_trace_start(self, trace: Trace) -> None:
        self.seen.append(trace)

    @override
    def on_trace_end(self, trace: Trace) -> None: ...

    @override
    def on_span_start(self, span: Span[Any]) -> None:
        self.seen.append(span)

    @override
    def on_span_end(self, span: Span[Any]) -> None: ...

    @override
    def shutdown(self) -> None: ...

    @override
    def force_flush(self) -> None: ...


async def test_the_agents_sdk_traces_nothing(run_harness: Any, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "new", "openai").root
    recorder = Recorder()
    add_trace_processor(recorder)

    await run_harness(workspace / "agent.py", workspace / "standin.toml", "hello")

    assert recorder.seen == []
