"""Real workers, real sandboxes, a provider on this machine: what a harness can do with a model."""

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoagent.evidence.events import (
    ModelRefused,
    ProviderOut,
    TrialFinished,
    TrialLost,
    WorkerEnded,
)
from autoagent.gateway.plan import GatewayPlan, Upstream

from ..acting import acting
from ..stepped import step, write_steps

pytestmark = pytest.mark.slow

Bench = Any  # tests/benchmark/conftest.py
KEY = "sk-the-real-key-0123456789"

_spec = importlib.util.spec_from_file_location(
    "fake_providers", Path(__file__).parents[1] / "gateway" / "providers.py"
)
assert _spec and _spec.loader
providers = importlib.util.module_from_spec(_spec)
sys.modules["fake_providers"] = providers
_spec.loader.exec_module(providers)


@pytest.fixture
def fake() -> Iterator[Any]:
    with providers.provider() as running:
        yield running


def measured(bench: Bench, fake: Any, source: str, words: list[str], **changes: Any) -> Any:
    upstream = Upstream(base_url=f"{fake.url}/v1", api_key_env="OPENAI_API_KEY", auth="bearer")
    facts: dict[str, Any] = {"models": ("gpt-5",), "upstreams": {"openai": upstream}}
    plan = GatewayPlan.model_validate(facts | changes.pop("gateway", {}))
    port = int(fake.url.rpartition(":")[2])
    harness = acting("calls_models", source, PROVIDER_PORT=port)
    tasks = {word: word for word in words}
    return bench.spec(harness, tasks, model="gpt-5", gateway=plan, **changes)


def said(bench: Bench, trial: Any) -> Any:
    return json.loads((bench.trial_directory(trial) / "agent/said.json").read_text())


@pytest.fixture(autouse=True)
def keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.mark.rule("A6", "A7", "A8", "B4")
@pytest.mark.attack("A6.6", ending="refused", what="calls other models through the gateway")
@pytest.mark.attack("A7.1", ending="no effect", what="forges its usage, its cost and its calls")
@pytest.mark.attack("A8.11", ending="score 0", what="calls its model for ever")
@pytest.mark.attack("A8.12", ending="no effect", what="floods the gateway with connections")
@pytest.mark.attack("B4.7", ending="score 0", what="looks for the provider's key everywhere")
@pytest.mark.attack(
    "B4.8", ending="score 0", what="calls the internet and the provider past the gateway"
)
async def test_a_harness_reaches_its_model_and_gains_nothing_by_anything_else(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    words = ["asks_its_model", "asks_for_another_model", "forges_usage", "looks_for_a_key",
             "calls_the_internet", "loops_for_ever", "floods"]  # fmt: skip
    spec = measured(
        bench, fake, harness_source, words, gateway={"dollars_per_trial": 0.005},
        trial_timeout_seconds=20.0,
    )  # fmt: skip
    trials = await bench.finish(spec)
    outcomes = {name: (trial.outcome, trial.reward) for name, trial in trials.items()}

    assert outcomes == {
        "asks_its_model": ("passed", 1.0),
        "asks_for_another_model": ("passed", 1.0),
        "forges_usage": ("passed", 1.0),
        "looks_for_a_key": ("failed", 0.0),
        "calls_the_internet": ("failed", 0.0),
        "loops_for_ever": ("crashed", 0.0),
        "floods": ("passed", 1.0),
    }, bench.log()
    one = pytest.approx((6 * 1.25 + 4 * 0.125 + 5 * 10) / 1e6)
    assert trials["asks_its_model"].cost_usd == one
    assert trials["asks_for_another_model"].cost_usd == 0.0
    assert said(bench, trials["asks_for_another_model"]) == [403, 403]
    asked = trials["asks_for_another_model"]
    assert asked.model_use.refused_models == ("gpt-5-mini", "gpt-4.1")
    refused = [entry.event for entry in bench.journal.about("e1", ModelRefused)]
    assert [event.model for event in refused] == ["gpt-5-mini", "gpt-4.1"]
    assert {event.trial for event in refused} == {asked.id}
    assert trials["forges_usage"].cost_usd == one
    assert said(bench, trials["looks_for_a_key"]) == 0
    assert said(bench, trials["calls_the_internet"]) == [[], ["lo"], ["0000000000000000"], False]
    loop = trials["loops_for_ever"]
    assert "out of budget" in loop.detail
    assert 0.003 < loop.cost_usd <= 0.005
    for path in bench.directory.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


async def test_sdks_work_by_base_url_alone(bench: Bench, fake: Any, harness_source: str) -> None:
    spec = measured(bench, fake, harness_source, ["asks_by_sdk"], trial_timeout_seconds=60.0)
    trial = (await bench.finish(spec))["asks_by_sdk"]

    assert trial.outcome == "passed", bench.log()
    text, other = said(bench, trial)
    assert text == "hello"
    assert "pinned to gpt-5" in other
    assert trial.model_use.calls == 1


async def test_without_a_sandbox_each_trial_has_a_port_of_its_own(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    source = harness_source
    spec = measured(bench, fake, source, ["asks_its_model"], isolation="process")
    harness = spec.harnesses[""] / "agent.py"
    harness.write_text(harness.read_text().replace('Path("/scratch/logs/said.json")', 'Path("x")'))
    trial = (await bench.finish(spec))["asks_its_model"]

    assert (trial.outcome, trial.model_use.calls) == ("passed", 1), bench.log()


@pytest.mark.rule("R9")
async def test_a_provider_that_fails_makes_the_trial_void_and_not_zero(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    """No trial begins until it answers again; then the void one is run again."""
    fake.script = [providers.Scripted(401)] * 3
    spec = measured(
        bench, fake, harness_source, ["needs_the_provider"], void_retries=1,
        gateway={"patience": {"probe_seconds": 0.1}},
    )  # fmt: skip
    again = (await bench.finish(spec))["needs_the_provider"]
    void, _ = [entry.event.trial for entry in bench.journal.about("e1", TrialFinished)]

    assert (void.outcome, void.reward, void.cost_usd) == ("void", None, 0.0)
    assert "refuses the key in OPENAI_API_KEY (401)" in void.detail
    assert void.unanswered
    assert again.outcome == "crashed" and not again.unanswered, bench.log()
    told = [entry.event for entry in bench.journal.about("e1", ProviderOut)]
    assert [event.cause for event in told] == [void.detail, ""]


@pytest.mark.rule("R9")
async def test_time_that_the_provider_takes_is_not_the_trials(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    """Waiting on a refusal does not use it up, and silence that never ends makes it void."""
    busy = [providers.Response("", 429, {"retry-after": "2.5"})]

    def trouble(call: Any) -> Any:
        return busy.pop() if busy and b"busy" in call.body else None

    fake.trouble = trouble
    spec = measured(
        bench, fake, harness_source, ["waits_for_the_provider"], trial_timeout_seconds=2.0
    )
    trial = (await bench.finish(spec))["waits_for_the_provider"]
    assert (trial.outcome, trial.seconds > 2.5) == ("passed", True), bench.log()

    def silent(call: Any) -> Any:
        return providers.StreamingResponse(fake.silence(), media_type="application/json")

    fake.trouble = silent
    spec = measured(
        bench, fake, harness_source, ["asks_and_waits"], trial_timeout_seconds=1.0, id="e2",
        void_retries=0, gateway={"patience": {"silence_seconds": 1.5, "tries": 1}},
    )  # fmt: skip
    trial = (await bench.finish(spec))["asks_and_waits"]
    assert (trial.outcome, trial.cost_usd) == ("void", 0.0), bench.log("e2")
    assert "gave no answer for 1.5 s" in trial.detail


@pytest.mark.rule("R10")
async def test_an_evaluation_ends_when_its_money_does(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    words = ["asks_its_model", "loops_for_ever"]
    spec = measured(
        bench, fake, harness_source, words, gateway={"dollars": 0.004}, concurrency=1,
        trial_timeout_seconds=30.0,
    )  # fmt: skip
    await bench.finish(spec)

    assert [e.event.end for e in bench.journal.about("e1", WorkerEnded)] == ["out_of_budget"]
    spent = [e.event.trial.cost_usd for e in bench.journal.about("e1", TrialFinished)]
    spent += [e.event.cost_usd for e in bench.journal.about("e1", TrialLost)]
    assert 0.002 < sum(dollars or 0.0 for dollars in spent) <= 0.004


async def test_a_replay_gives_the_same_trials_without_a_provider(
    bench: Bench, fake: Any, harness_source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["asks_its_model", "forges_usage"]
    first = await bench.finish(measured(bench, fake, harness_source, words))
    calls = len(fake.calls)
    monkeypatch.delenv("OPENAI_API_KEY")
    again = measured(
        bench, fake, harness_source, words, id="e2", gateway={"replay": (bench.directory / "jobs",)}
    )
    second = await bench.finish(again)

    def facts(trials: Any) -> Any:
        return {name: trial.model_dump(exclude={"id", "seconds"}) for name, trial in trials.items()}

    assert facts(second) == facts(first)
    assert len(fake.calls) == calls
    assert said(bench, second["asks_its_model"]) == said(bench, first["asks_its_model"])

    other = measured(
        bench, fake, harness_source.replace("MAX_TURNS = 3", "MAX_TURNS = 4"), words, id="e3",
        digest="e" * 64, gateway={"replay": (bench.directory / "jobs",)}, void_retries=0,
    )  # fmt: skip
    missing = (await bench.finish(other))["asks_its_model"]
    assert missing.outcome == "void"
    assert "holds no answer to this call of asks_its_model, attempt 1" in missing.detail


async def test_a_harness_without_a_model_has_no_network_at_all(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    spec = measured(bench, fake, harness_source, ["calls_the_internet"])
    trial = (await bench.finish(spec.model_copy(update={"gateway": None})))["calls_the_internet"]

    assert said(bench, trial)[:3] == [[], ["lo"], ["0000000000000000"]]
    assert trial.cost_usd is None and trial.model_use is None
    assert os.environ["OPENAI_API_KEY"] == KEY


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
open("/logs/verifier/reward.txt", "w").write(str(int(right)))
EOF
"""


def judging(bench: Bench, fake: Any, source: str, words: list[str], **changes: Any) -> Any:
    spec = measured(bench, fake, source, words, gateway={"judge": "gpt-5-mini"}, **changes)
    for task in spec.tasks:
        (task.path / "tests/test.sh").write_text(JUDGING)
    return spec


async def test_a_verifier_reaches_its_judge_and_the_harness_does_not(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    """The judge's calls have a meter of their own; the harness pays for its own alone."""
    words = ["asks_its_model", "asks_for_another_model", "calls_the_internet"]
    spec = judging(bench, fake, harness_source, words)
    trials = await bench.finish(spec)

    assert {trial.outcome for trial in trials.values()} == {"passed"}, bench.log()
    judge = pytest.approx([(6 * 0.25 + 4 * 0.025 + 5 * 2) / 1e6] * 3)
    assert [trial.judge_cost_usd for trial in trials.values()] == judge
    assert trials["asks_for_another_model"].model_use.refused_models == ("gpt-5-mini", "gpt-4.1")
    assert trials["asks_for_another_model"].cost_usd == 0.0
    assert said(bench, trials["calls_the_internet"])[3] is False


@pytest.mark.rule("R9")
async def test_a_judge_that_fails_makes_the_trial_void(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    spec = judging(bench, fake, harness_source, ["asks_for_another_model"], void_retries=0)
    fake.script = [providers.Scripted(401)]
    trial = (await bench.finish(spec))["asks_for_another_model"]

    assert (trial.outcome, trial.reward) == ("void", None)
    assert "refuses the key" in trial.detail


async def test_the_oracle_is_judged_too(bench: Bench, fake: Any, harness_source: str) -> None:
    spec = judging(bench, fake, harness_source, ["asks_its_model"], kind="oracle")
    trial = (await bench.finish(spec.model_copy(update={"harnesses": {}})))["asks_its_model"]

    assert trial.outcome == "passed", bench.log()
    assert trial.judge_cost_usd
    assert not trial.stand_in


async def test_each_step_of_a_task_reaches_the_model_and_all_are_billed_to_the_trial(
    bench: Bench, fake: Any, harness_source: str
) -> None:
    spec = measured(bench, fake, harness_source, ["asks_its_model"])
    asked = {"instruction.md": "asks_its_model"}
    steps = {"one": step("x", **asked), "two": step("x", **asked)}
    for part in steps.values():
        part["tests/test.sh"] = "echo 1 > /logs/verifier/reward.txt"
    task = bench.directory / "stepped"
    write_steps(task, steps)
    (task / "environment/Dockerfile").write_text(
        "FROM autoagent-base\nWORKDIR /app\nRUN touch question.txt\n"
    )

    both = {"asks_its_model": spec.tasks[0].path, "stepped": task}
    trials = await bench.finish(bench.over(spec, both))

    one, two = trials["asks_its_model"], trials["stepped"]
    assert (two.outcome, two.model_use.calls) == ("passed", 2), bench.log()
    assert two.cost_usd == 2 * one.cost_usd
