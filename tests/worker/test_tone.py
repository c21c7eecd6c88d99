"""The judge of a tone behind the gateway: real workers, sandboxes and rewardkit, the real tasks."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoagent.gateway.plan import GatewayPlan, Upstream
from autoagent.gateway.standin.rules import load_rules
from autoagent.gateway.standin.server import running
from autoagent.records import Trial

pytestmark = pytest.mark.slow

Bench = Any  # tests/benchmark/conftest.py
ROOT = Path(__file__).parents[2]
TONES = ("tone-angry-customer", "tone-bad-news")

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


async def judged(
    bench: Bench, url: str, judge: str, *names: str, kind: str = "oracle"
) -> dict[str, Trial]:
    """The oracle's answers, which have the facts right, before a judge behind the gateway."""
    upstreams = {
        "openai": Upstream(base_url=f"{url}/v1", api_key_env="OPENAI_API_KEY", auth="bearer"),
        "anthropic": Upstream(base_url=url, api_key_env="ANTHROPIC_API_KEY", auth="x-api-key"),
    }
    plan = GatewayPlan(models=(), judge=judge, upstreams=upstreams)
    spec = bench.spec(None, {}, kind=kind, concurrency=2, void_retries=0, gateway=plan)
    return await bench.finish(bench.over(spec, {name: ROOT / "tasks" / name for name in names}))


@pytest.mark.parametrize(
    ("judge", "names"), [("gpt-5-mini", TONES), ("claude-haiku-4-5", TONES[:1])]
)
async def test_a_tone_is_judged_by_the_model_that_the_gateway_names(
    bench: Bench, judge: str, names: tuple[str, ...]
) -> None:
    """Whoever serves it; its answers are metered, and those of a stand-in are told as such."""
    with running(load_rules(ROOT / "standin.toml")) as url:
        trials = await judged(bench, url, judge, *names)

    assert {name: t.outcome for name, t in trials.items()} == dict.fromkeys(names, "passed")
    assert all(trial.stand_in and trial.judge_cost_usd for trial in trials.values())
    for trial in trials.values():
        calls = bench.trial_directory(trial) / "judge-calls.jsonl"
        exchanges = [json.loads(line) for line in calls.read_text().splitlines()[1:]]
        assert {exchange["answered_by"] for exchange in exchanges} == {f"{judge}-stand-in"}


async def test_a_tone_that_the_judge_dislikes_fails(bench: Bench) -> None:
    """So it is the judge who decides: the same answer as above."""
    rules = load_rules(ROOT / "standin.toml")
    strict = [say for say in rules.say if '"score": 1' not in say.text]
    with running(rules.model_copy(update={"say": tuple(strict)})) as url:
        trials = await judged(bench, url, "gpt-5-mini", "tone-bad-news")

    assert trials["tone-bad-news"].outcome == "failed"


@pytest.mark.rule("R9")
async def test_a_tone_whose_judge_is_out_is_void_and_never_zero(bench: Bench, fake: Any) -> None:
    """The gateway saw that the judge was out; what the verifier says decides nothing."""
    fake.script = [providers.Scripted(401)] * 9
    trials = await judged(bench, fake.url, "gpt-5-mini", "tone-bad-news")

    found = trials["tone-bad-news"]
    assert (found.outcome, found.reward) == ("void", None), bench.log()
    assert "refuses the key in OPENAI_API_KEY (401)" in found.detail
