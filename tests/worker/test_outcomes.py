"""What a trial that ended means: the machine's failures are void, the candidate's are 0 (R9)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from harbor.models.task.id import LocalTaskId
from harbor.models.trial.config import TaskConfig, TrialConfig
from harbor.models.trial.result import AgentInfo, ExceptionInfo, TimingInfo, TrialResult

from autoagent.gate.agenda import Slot
from autoagent.records import Trial
from autoagent.worker.outcomes import outcome_of
from autoagent.worker.trials import MeasuredTrial

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ended(failure: str, *, acted: bool, fault: str | None = None) -> Trial:
    """The trial that Harbor ended with an exception of this name."""
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
        ),
        agent_execution=TimingInfo(started_at=NOW) if acted else None,
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=3),
        id=uuid4(),
    )
    seen = MeasuredTrial(id="e1.t1.1", slot=Slot("", "t1", 1), directory=Path("t1__x"), fault=fault)
    return outcome_of(result, seen, 1.0, None)


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
