"""A harness of which a part runs in the task's environment: what that reaches, and what not."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoagent.commands.before.init import TEMPLATES
from autoagent.evidence.events import ModelRefused
from autoagent.gateway.plan import GatewayPlan, Upstream
from autoagent.gateway.standin.rules import load_rules
from autoagent.gateway.standin.server import running

from ...acting import acting

pytestmark = pytest.mark.slow

Bench = Any  # tests/benchmark/conftest.py
KEY = "sk-the-real-key-0123456789"

_spec = importlib.util.spec_from_file_location(
    "fake_providers", Path(__file__).parents[2] / "gateway" / "providers.py"
)
assert _spec and _spec.loader
providers = importlib.util.module_from_spec(_spec)
sys.modules["fake_providers"] = providers
_spec.loader.exec_module(providers)

ENTRY = """

if __name__ == "__main__":
    import sys

    print(json.dumps(globals()[sys.argv[1]]()))
"""


@pytest.fixture
def fake() -> Iterator[Any]:
    with providers.provider() as running:
        yield running


@pytest.fixture(autouse=True)
def keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def measured(bench: Bench, fake: Any, source: str, words: list[str], **changes: Any) -> Any:
    """An evaluation of a harness whose file runs in both places, as the original's does."""
    port = int(fake.url.rpartition(":")[2])
    harness = acting("runs_in_both_places", source, PROVIDER_PORT=port) + ENTRY
    upstream = Upstream(base_url=f"{fake.url}/v1", api_key_env="OPENAI_API_KEY", auth="bearer")
    facts: dict[str, Any] = {"models": ("gpt-5",), "upstreams": {"openai": upstream}}
    plan = GatewayPlan.model_validate(facts | changes.pop("gateway", {}))
    defaults: dict[str, Any] = {"in_container": True, "trial_timeout_seconds": 30.0}
    tasks = {word: word for word in words}
    spec = bench.spec(harness, tasks, model="gpt-5", gateway=plan, **(defaults | changes))
    (spec.harnesses[""] / ".agent/note.md").write_text("a note\n")
    return spec


def said(bench: Bench, trial: Any) -> Any:
    return json.loads((bench.trial_directory(trial) / "agent/said.json").read_text())


ONE = (6 * 1.25 + 4 * 0.125 + 5 * 10) / 1e6


@pytest.mark.rule("A6", "A7", "A8", "B4")
async def test_the_part_in_the_environment_has_what_the_harness_has_and_no_more(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    """The same pin, meter and cap; no other network, no key, none of our own code."""
    words = ["asks_its_model", "asks_for_others", "looks_around", "loops_for_ever", "both"]
    words += ["compares_files", "steers"]
    spec = measured(
        bench, fake, harness_source, words, gateway={"dollars_per_trial": 0.005}
    )  # fmt: skip
    trials = await bench.finish(spec)
    outcomes = {name: trial.outcome for name, trial in trials.items()}

    assert outcomes == dict.fromkeys(words, "passed") | {"loops_for_ever": "crashed"}, bench.log()
    assert said(bench, trials["asks_its_model"]) == 200
    assert trials["asks_its_model"].cost_usd == pytest.approx(ONE)
    assert said(bench, trials["both"]) == [200] * 4
    assert trials["both"].model_use.calls == 4
    assert trials["both"].cost_usd == pytest.approx(4 * ONE)
    assert said(bench, trials["asks_for_others"]) == [403, 403]
    assert trials["asks_for_others"].cost_usd == 0.0
    assert trials["asks_for_others"].model_use.refused_models == ("gpt-5-mini", "gpt-4.1")
    assert [e.event.model for e in bench.journal.about("e1", ModelRefused)] == [
        "gpt-5-mini",
        "gpt-4.1",
    ]
    assert said(bench, trials["looks_around"]) == {
        "reached": [],
        "interfaces": ["lo"],
        "capabilities": ["0000000000000000"],
        "autoagent": False,
        "sdk": True,
        "key": False,
    }
    assert "out of budget" in trials["loops_for_ever"].detail
    assert 0.003 < trials["loops_for_ever"].cost_usd <= 0.005
    assert said(bench, trials["compares_files"]) == "same"
    into_command, into_listener, code, stderr = said(bench, trials["steers"])
    assert (into_command, into_listener, code) == (True, False, 1)
    assert "/nowhere" in stderr


async def test_without_the_option_nothing_of_it_is_there(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    spec = measured(bench, fake, harness_source, ["sees_nothing"], in_container=False)
    trial = (await bench.finish(spec))["sees_nothing"]

    assert trial.outcome == "passed", bench.log()
    assert said(bench, trial) == ["answer.txt", "question.txt"]


async def test_without_a_gateway_the_part_in_the_environment_reaches_nothing(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    spec = measured(bench, fake, harness_source, ["sees_nothing"])
    trial = (await bench.finish(spec.model_copy(update={"gateway": None})))["sees_nothing"]

    found = said(bench, trial)
    assert "PYTHONPATH=/sdk" in found and "agent.py" in found
    assert not [word for word in found if "_BASE_URL" in word or "_API_KEY" in word]
    assert "reached" not in found


JUDGING = r"""#!/bin/bash
python3 - <<'EOF'
import json, os, urllib.request, urllib.error
def ask(model):
    body = json.dumps({"model": model, "input": "good?", "max_output_tokens": 10}).encode()
    headers = {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
    request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/responses", body, headers)
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
right = [ask("gpt-5-mini"), ask("gpt-5")] == [200, 403]
right = right and "PYTHONPATH" not in os.environ and not os.listdir("/sdk")
open("/logs/verifier/reward.txt", "w").write(str(int(right)))
EOF
"""


async def test_a_verifier_keeps_its_own_scope_and_the_harness_gets_none_of_it(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    """The judge's model is refused in the agent phase; the harness's, and `/sdk`, after it."""
    words = ["asks_its_model", "asks_for_others"]
    spec = measured(bench, fake, harness_source, words, gateway={"judge": "gpt-5-mini"})
    for task in spec.tasks:
        (task.path / "tests/test.sh").write_text(JUDGING)
    trials = await bench.finish(spec)

    assert {trial.outcome for trial in trials.values()} == {"passed"}, bench.log()
    assert said(bench, trials["asks_for_others"]) == [403, 403]
    judge = pytest.approx((6 * 0.25 + 4 * 0.025 + 5 * 2) / 1e6)
    assert [trial.judge_cost_usd for trial in trials.values()] == [judge] * 2
    assert trials["asks_its_model"].cost_usd == pytest.approx(ONE)


async def test_on_the_machines_own_loopback_the_part_inside_has_a_key_of_its_own(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    """Where the task has a network the address is shared with others."""
    spec = measured(bench, fake, harness_source, ["asks_its_model"])
    (task,) = spec.tasks
    facts = (task.path / "task.toml").read_text().replace("no-network", "public")
    (task.path / "task.toml").write_text(facts)
    trial = (await bench.finish(spec))["asks_its_model"]

    assert (trial.outcome, trial.model_use.calls) == ("passed", 1), bench.log()
    assert said(bench, trial) == 200


@pytest.mark.rule("R9")
async def test_a_task_that_has_no_place_for_the_harness_is_void(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    spec = measured(bench, fake, harness_source, ["asks_its_model"], void_retries=0)
    (task,) = spec.tasks
    (task.path / "environment/Dockerfile").write_text(
        "FROM autoagent-base\nWORKDIR /\nRUN rm -rf /app && touch /app\n"
    )
    trial = (await bench.finish(spec))["asks_its_model"]

    assert trial.outcome == "void"
    assert "could not be put into the task's /app" in trial.detail


HELLO = TEMPLATES / "tasks/hello"


def claude(bench: Bench, url: str, **changes: Any) -> Any:
    """The Claude template on its example task, before the stand-in."""
    upstream = Upstream(base_url=url, api_key_env="ANTHROPIC_API_KEY", auth="x-api-key")
    plan = GatewayPlan(models=("claude-sonnet-5",), upstreams={"anthropic": upstream})
    source = (TEMPLATES / "harnesses/claude.py").read_text()
    spec = bench.spec(
        source, {"hello": "hello"}, model="claude-sonnet-5", gateway=plan,
        trial_timeout_seconds=60.0, **changes,
    )  # fmt: skip
    return bench.over(spec, {"hello": HELLO})


@pytest.mark.skipif(
    importlib.util.find_spec("claude_agent_sdk") is None,
    reason="claude-agent-sdk, with its program of 400 MB, is not installed",
)
async def test_claude_code_does_a_task_from_inside_its_environment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with running(load_rules(TEMPLATES / "standin.toml")) as url:
        trial = (await bench.finish(claude(bench, url, in_container=True)))["hello"]

    assert trial.outcome == "passed", bench.log()
    assert trial.model_use.calls >= 2 and trial.model_use.refused_models == ()
    trajectory = json.loads((bench.trial_directory(trial) / "agent/trajectory.json").read_text())
    assert trajectory["steps"][2]["tool_calls"][0]["function_name"] == "Bash"


@pytest.mark.skipif(
    importlib.util.find_spec("claude_agent_sdk") is None,
    reason="claude-agent-sdk, with its program of 400 MB, is not installed",
)
async def test_without_the_option_the_claude_template_says_what_to_set(bench: Bench) -> None:
    trial = (await bench.finish(claude(bench, "http://127.0.0.1:9")))["hello"]

    assert trial.outcome == "crashed"
    assert "Set `in_container = true` below [harness] in autoagent.toml" in trial.detail
