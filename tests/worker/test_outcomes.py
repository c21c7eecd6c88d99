"""What a trial that ended means: the machine's failures are void, the candidate's are 0 (R9)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from harbor.models.task.id import LocalTaskId
from harbor.models.trial.config import TaskConfig, TrialConfig
from harbor.models.trial.result import (
    AgentInfo,
    ExceptionInfo,
    StepResult,
    TimingInfo,
    TrialResult,
)
from harbor.models.verifier.result import VerifierResult

from autoagent.config import Benchmark
from autoagent.gate.agenda import Slot
from autoagent.records import Trial
from autoagent.worker.outcomes import outcome_of
from autoagent.worker.trials import MeasuredTrial

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def resulting(**how: Any) -> TrialResult:
    """Harbor's result of a trial that ended so."""
    return TrialResult(
        task_name="t1",
        trial_name="t1__x",
        trial_uri="file:///t1__x",
        task_id=LocalTaskId(path=Path("t1")),
        task_checksum="0",
        config=TrialConfig(task=TaskConfig(path=Path("t1"))),
        agent_info=AgentInfo(name="harness", version="0"),
        id=uuid4(),
        **how,
    )


def ended(
    failure: str | None = None,
    *,
    acted: bool,
    fault: str | None = None,
    rewards: dict[str, float | int] | None = None,
    key: str | None = None,
) -> Trial:
    """The trial that Harbor ended, with an exception of this name or with rewards."""
    result = resulting(
        exception_info=ExceptionInfo(
            exception_type=failure,
            exception_message="said the machine",
            exception_traceback="",
            occurred_at=NOW,
        )
        if failure
        else None,
        verifier_result=VerifierResult(rewards=rewards) if rewards else None,
        agent_execution=TimingInfo(started_at=NOW) if acted else None,
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=3),
    )
    seen = MeasuredTrial(id="e1.t1.1", slot=Slot("", "t1", 1), directory=Path("t1__x"), fault=fault)
    return outcome_of(result, seen, Benchmark.model_validate({"reward_key": key}), None)


@pytest.mark.rule("R9")
@pytest.mark.parametrize(
    "failure", ["EnvironmentStartTimeoutError", "APIError", "MemoryError", "HealthcheckError"]
)
def test_a_trial_that_dies_of_contention_before_its_harness_acts_is_void(failure: str) -> None:
    trial = ended(failure, acted=False)

    assert (trial.outcome, trial.reward) == ("void", None)
    assert failure in trial.detail


@pytest.mark.rule("R9")
def test_a_daemon_that_failed_under_a_trial_makes_it_void_and_says_why() -> None:
    trial = ended("RuntimeError", acted=True, fault="the daemon: no space left")

    assert (trial.outcome, trial.reward) == ("void", None)
    assert trial.detail == "the daemon: no space left"


@pytest.mark.rule("R9", "E3")
@pytest.mark.parametrize("failure", ["EnvironmentStartTimeoutError", "MemoryError"])
def test_a_failure_by_that_name_once_the_harness_acted_is_the_harnesss(failure: str) -> None:
    trial = ended(failure, acted=True)

    assert trial.outcome != "void"
    assert trial.reward == 0.0


@pytest.mark.parametrize(
    ("rewards", "key", "outcome", "reward"),
    [
        ({"reward": 1}, None, "passed", 1.0),
        ({"speed": 1.0}, None, "passed", 1.0),
        ({"reward": 0.5, "speed": 1.0}, None, "failed", 0.5),
        ({"right": 1.0, "speed": 0.5}, None, "failed", 0.75),
        ({"right": 1.0, "speed": 1}, None, "passed", 1.0),
        ({"right": 1.0, "speed": 0.0}, "right", "passed", 1.0),
        ({"reward": 1.0}, "right", "invalid", 0.0),
        ({"right": 1.0, "speed": 7.0}, None, "invalid", 0.0),
    ],
)
def test_of_several_numbers_the_named_one_counts_or_their_mean(
    rewards: dict[str, float | int], key: str | None, outcome: str, reward: float
) -> None:
    trial = ended(acted=True, rewards=rewards, key=key)

    assert (trial.outcome, trial.reward) == (outcome, reward)


Told = tuple[str, str | None, dict[str, float | int] | None]
"""A step as Harbor's result has it: its name, its exception's, and its verifier's rewards."""


def of_steps(
    *steps: Told, rewards: dict[str, float | int] | None, fault: str | None = None, key: str = ""
) -> tuple[str, float | None, str]:
    """How a trial of four steps ended of which these ran; with "unacted" no harness did."""
    result = resulting(
        verifier_result=VerifierResult(rewards=rewards) if rewards else None,
        step_results=[
            StepResult(
                step_name=name,
                agent_execution=None if name == "unacted" else TimingInfo(started_at=NOW),
                exception_info=ExceptionInfo(
                    exception_type=failure,
                    exception_message="said it",
                    exception_traceback="",
                    occurred_at=NOW,
                )
                if failure
                else None,
                verifier_result=VerifierResult(rewards=found) if found else None,
            )
            for name, failure, found in steps
        ],
    )
    seen = MeasuredTrial(
        id="e1.t1.1",
        slot=Slot("", "t1", 1),
        directory=Path("t1__x"),
        fault=fault,
        steps=dict.fromkeys(["a", "b", "c", "d"], 5.0),
    )
    benchmark = Benchmark.model_validate({"reward_key": key or None})
    trial = outcome_of(result, seen, benchmark, None)
    return trial.outcome, trial.reward, trial.detail


def all_four(**more: Told) -> list[Told]:
    """Steps that went well, but for these."""
    return [more.get(name, (name, None, {"reward": 1})) for name in "abcd"]


@pytest.mark.rule("R3", "R9")
def test_every_step_of_a_trial_is_looked_at() -> None:
    """Harbor's number stands, but where a step left none, or one that a mean would hide."""
    full = {"reward": 1.0}
    assert of_steps(*all_four(), rewards=full) == ("passed", 1.0, "")
    assert of_steps(*all_four(), rewards={"reward": 0.5})[:2] == ("failed", 0.5)
    assert of_steps(*all_four()[:2], rewards={"reward": 0.5}) == (
        "failed",
        0.5,
        "stopped after step 'b', which did not reach its min_reward",
    )
    unverified = all_four(c=("c", "RewardFileNotFoundError", None))[:3]
    assert of_steps(*unverified, rewards=full) == (
        "invalid",
        0.0,
        "step 'c': RewardFileNotFoundError: said it",
    )
    hidden = all_four(a=("a", None, {"reward": 2}), b=("b", None, {"reward": 0}))
    assert of_steps(*hidden, rewards=full) == (
        "invalid",
        0.0,
        "step 'a': the verifier's reward 2 is outside 0..1",
    )
    keyed = all_four(a=("a", None, {"right": 1, "reward": 7}))
    assert of_steps(*keyed, rewards={"right": 0.25, "reward": 1}, key="right")[:2] == (
        "failed",
        0.25,
    )


@pytest.mark.rule("R9")
def test_how_a_harness_ends_a_step_is_what_harbor_makes_of_it() -> None:
    for failure, outcome in (("HarnessCrashed", "crashed"), ("AgentTimeoutError", "timeout")):
        ended = all_four(b=("b", failure, {"reward": 0}))
        assert of_steps(*ended, rewards={"reward": 0.75}) == (outcome, 0.75, "step 'b': said it")
        unverified = all_four(b=("b", failure, None))[:2]
        assert of_steps(*unverified, rewards={"reward": 1})[:2] == (outcome, 0.0)
        right = all_four(b=("b", failure, {"reward": 1}))
        assert of_steps(*right, rewards={"reward": 1}) == (
            "passed",
            1.0,
            "step 'b': said it, and the verifiers passed it",
        )


@pytest.mark.rule("R9")
def test_a_fault_in_any_step_makes_the_trial_void() -> None:
    """And so does whatever ended the first before a candidate acted."""
    assert of_steps(*all_four(), rewards={"reward": 1}, fault="no disk")[:2] == ("void", None)
    unacted = of_steps(("unacted", "HealthcheckError", None), rewards=None)
    assert unacted == ("void", None, "step 'unacted': HealthcheckError: said it")
    later = of_steps(all_four()[0], ("unacted", "RuntimeError", None), rewards={"reward": 1})
    assert later == ("invalid", 0.0, "step 'unacted': RuntimeError: said it")
