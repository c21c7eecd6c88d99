"""What a Harbor trial result means: measured, the harness's fault, or ours (rule R9).

Harbor matches failures by exception *name*, which a candidate could imitate; here a trial
is void only before the agent phase began, or where our own environment said that the
machine failed. Whatever else goes wrong once the candidate has acted is the candidate's.
"""

from pathlib import Path

from harbor.models.trial.result import TrialResult

from autoagent.config import Benchmark
from autoagent.errors import WorkspaceError
from autoagent.files import read_regular
from autoagent.gateway.money.usage import Bill
from autoagent.records import Outcome, Trial
from autoagent.worker.rewards import reward_of
from autoagent.worker.steps import acted, failure_of, judge_steps
from autoagent.worker.trials import MeasuredTrial
from autoagent.workspace.tasks.steps import STEPS

TIME_LIMIT = "the lesser of the task's agent.timeout_sec and benchmark.trial_timeout_seconds"
UNJUDGED = "verifier/unjudged.txt"
"""In a trial's directory: the verifier's word that its judge gave no answer, and why."""


def unjudged(directory: Path) -> str:
    """Why the verifier left no reward, in its own words; "" where it says nothing.

    It explains and decides nothing: a candidate might make a judge fail, so the trial stays
    `invalid` unless somebody on our side saw that the judge was out.
    """
    try:
        text = read_regular(directory / UNJUDGED, 4096).decode("utf-8", "replace")
    except (OSError, WorkspaceError):  # none, or not one that we read
        return ""
    return " ".join(text.split())[:300]


def outcome_of(
    result: TrialResult, seen: MeasuredTrial, benchmark: Benchmark, bill: Bill | None
) -> Trial:
    """The record of a trial that ended.

    Args:
        result: Harbor's result.
        seen: What the worker itself saw, which Harbor's result does not tell.
        benchmark: The reward at which a trial passes (rule R5), and which of several counts.
        bill: What the gateway metered, where there is one.
    """
    outcome, reward, detail = _judge(result, seen, benchmark, bill)
    places = (seen.directory, *(seen.directory / STEPS / name for name in seen.steps))
    if outcome == "invalid" and (told := [said for each in places if (said := unjudged(each))]):
        detail = f"the verifier left no reward: {told[0]}"
    started, finished = result.started_at, result.finished_at
    seconds = (finished - started).total_seconds() if started and finished else 0.0
    return Trial(
        id=seen.id,
        task=seen.slot.task,
        attempt=seen.slot.attempt,
        side=seen.slot.side,
        outcome=outcome,
        reward=reward,
        detail=detail,
        in_place=seen.in_place,
        as_left=seen.as_left,
        seconds=round(max(0.0, seconds), 3),
        cost_usd=bill.cost_usd if bill else None,
        judge_cost_usd=bill.judge_cost_usd if bill else None,
        model_use=bill.use if bill else None,
        stand_in=bill is not None and bill.stand_in,
        unanswered=bill is not None and bill.use.calls > 0 and not bill.answered,
        silent=outcome in ("timeout", "crashed") and not (seen.asked or (bill and bill.use.calls)),
    )


def _judge(
    result: TrialResult, seen: MeasuredTrial, benchmark: Benchmark, bill: Bill | None
) -> tuple[Outcome, float | None, str]:
    failure, said = result.exception_info, failure_of(result)
    fault = seen.fault or (bill.fault if bill else None)
    if fault is not None:
        return "void", None, fault
    if said and not acted(result):
        return "void", None, said
    if failure is not None and failure.exception_type == "HarnessCrashed":
        return "crashed", 0.0, failure.exception_message[:500]
    if seen.tampered is not None:
        return "tampered", 0.0, seen.tampered[:500]
    if result.step_results:
        return judge_steps(result, seen, benchmark)
    pass_reward = benchmark.pass_reward
    rewards = result.verifier_result and result.verifier_result.rewards
    reward, problem = reward_of(rewards, benchmark.reward_key)
    if failure is not None and failure.exception_type == "AgentTimeoutError":
        if reward is not None and reward >= pass_reward:
            return "passed", reward, "the harness ran out of time, and the verifier passed it"
        if seen.process is not None:  # what Harbor says is its own limit, which is later
            said = f"the harness ran out of time: it had {seen.limit_seconds:g} s ({TIME_LIMIT})"
        return "timeout", reward or 0.0, said
    if reward is None:
        return "invalid", 0.0, said or problem
    return ("passed" if reward >= pass_reward else "failed"), reward, said
