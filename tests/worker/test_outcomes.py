"""What a trial that ended means: the machine's failures are void, the candidate's are 0 (R9)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from harbor.models.task.id import LocalTaskId
from harbor.models.trial.config import TaskConfig, TrialConfig
from harbor.models.trial.result import AgentInfo, ExceptionInfo, TimingInfo, TrialResult
from harbor.models.verifier.result import VerifierResult

from autoagent.config import Benchmark
from autoagent.gate.agenda import Slot
from autoagent.records import Trial
from autoagent.worker.outcomes import outcome_of
from autoagent.worker.trials import MeasuredTrial

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ended(
    failure: str | None = None,
    *,
    acted: bool,
    fault: str | None = None,
    rewards: dict[str, float | int] | None = None,
    key: str | None = None,
) -> Trial:
    """The trial that Harbor ended, with an exception of this name or with rewards."""
    result = TrialResult(
        task_name="t1",
        trial_name="t1__x",
        trial_uri="file:///t1__x",
        task_id=LocalTaskId(path=Path("t1")),
        task_checksum="0",
        config=TrialConfig(task=TaskConfig(path=Path("t1"))),
        agent_info=AgentInfo(name="harness", version="0"),
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
        id=uuid4(),
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
