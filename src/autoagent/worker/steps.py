"""What a trial of several steps means: each step's exception and reward is looked at (rule R9).

The number is Harbor's, by the task's `multi_step_reward_strategy`, and so is what a step's timeout
or crash does: its verifier runs, and the next step too. Two things weigh more here. A step that ran
and left no reward leaves the trial none: Harbor's mean passes over it, and a candidate can make a
verifier fail. And each step's reward has to be within 0..1: a mean would hide one that is not.
"""

from harbor.models.trial.result import StepResult, TrialResult

from autoagent.config import Benchmark
from autoagent.records import Outcome
from autoagent.worker.rewards import is_outside, reward_of
from autoagent.worker.trials import MeasuredTrial

_ENDS: dict[str, Outcome] = {"HarnessCrashed": "crashed", "AgentTimeoutError": "timeout"}


def acted(result: TrialResult) -> bool:
    """Whether the candidate has acted, in any step."""
    steps = result.step_results or ()
    return result.agent_execution is not None or any(step.agent_execution for step in steps)


def failure_of(result: TrialResult) -> str:
    """What ended the trial, or the first step that something went wrong in; "" is nothing."""
    if (failure := result.exception_info) is not None:
        return f"{failure.exception_type}: {failure.exception_message}"[:500]
    told = [said for step in result.step_results or () if (said := _failure(step))]
    return told[0] if told else ""


def judge_steps(
    result: TrialResult, seen: MeasuredTrial, benchmark: Benchmark
) -> tuple[Outcome, float | None, str]:
    """How a trial of several steps ended that the candidate acted in, and did not tamper with."""
    steps, key = result.step_results or [], benchmark.reward_key
    reward, problem = reward_of(result.verifier_result and result.verifier_result.rewards, key)
    for step in steps:
        if step.verifier_result is None:
            reward, problem = None, _failure(step) or f"step {step.step_name!r} left no reward"
        elif said := is_outside(step.verifier_result.rewards, key):
            reward, problem = None, f"step {step.step_name!r}: {said}"
    if (failure := result.exception_info) is not None and reward is None:
        problem = f"{failure.exception_type}: {failure.exception_message}"[:500]
    ended = next((step for step in steps if _end(step) is not None), None)
    said = _stopped(steps, seen) if ended is None else _said(ended, seen)
    if reward is not None and reward >= benchmark.pass_reward:
        return "passed", reward, f"{said}, and the verifiers passed it" if said else ""
    if ended is not None and (outcome := _end(ended)) is not None:
        return outcome, reward or 0.0, said
    return ("invalid", 0.0, problem) if reward is None else ("failed", reward, said)


def _failure(step: StepResult) -> str:
    failure = step.exception_info
    if failure is None:
        return ""
    said = f"{failure.exception_type}: {failure.exception_message}"
    return f"step {step.step_name!r}: {said}"[:500]


def _end(step: StepResult) -> Outcome | None:
    """How the harness ended a step, if not by itself."""
    return _ENDS.get(step.exception_info.exception_type) if step.exception_info else None


def _said(step: StepResult, seen: MeasuredTrial) -> str:
    """How the harness ended a step, for a reader."""
    assert step.exception_info is not None
    said = step.exception_info.exception_message
    if _end(step) == "timeout" and seen.process is not None:
        said = f"the harness ran out of time: it had {seen.steps[step.step_name]:g} s"
    return f"step {step.step_name!r}: {said}"[:500]


def _stopped(steps: list[StepResult], seen: MeasuredTrial) -> str:
    """That not every step ran, and why."""
    if not steps or len(steps) >= len(seen.steps):
        return ""
    return f"stopped after step {steps[-1].step_name!r}, which did not reach its min_reward"
