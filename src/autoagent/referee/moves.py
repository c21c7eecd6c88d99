"""Which call comes next: one table for the status and for every refusal (rule R11).

A call that is named here is accepted when it is made. Where a cap or a STOP file lets nothing more
be started, `over`, the climb has to end; a row that waits is written first. Pure: what a call
does is in `referee`, whether anything may start in `measuring`.
"""

from collections.abc import Mapping

from autoagent import errors
from autoagent.errors import AutoAgentError
from autoagent.evidence.position import Position
from autoagent.records import Phase

REPORT = 'read_file("results.tsv"), then tell the human what the night brought (morning_report)'
ANOTHER = "Another night with caps of its own is the human's word: `autoagent renew`."

NEXT: Mapping[Phase, tuple[str, ...]] = {
    "new": ("start_climb(tag)",),
    "validating": ("start_climb(tag)",),
    "baseline_needed": ("run_benchmark()",),
    "idle": ("commit_candidate(description)", "read_trajectory(trial)", "finish_climb()"),
    "committed": ("run_benchmark()", "revert()"),
    "evaluating": ("run_benchmark()", "cancel_benchmark()"),
    "evaluated": ("append_result(description)",),
    "certifying": ("finish_climb()",),
    "finished": (REPORT, "status()"),
}
"""What may be called next, in each phase."""

OVER: Mapping[Phase, tuple[str, ...]] = {
    "new": ("tell the human to remove the STOP file, then start_climb(tag)",),
    "baseline_needed": ("finish_climb()",),
    "idle": ("finish_climb()", "read_trajectory(trial)"),
    "committed": ("finish_climb()", "revert()"),
}
"""The same where nothing more may be started."""

CANCELLABLE = ("full", "subset")
"""Evaluations that may be cut short; the baseline is the yardstick and must be whole."""

DRY_RUN = "commit_candidate(description, dry_run=true)"
IN_ORDER: Mapping[str, tuple[Phase, ...]] = {
    "start_climb(": ("new", "finished"),
    "run_benchmark()": ("baseline_needed", "idle", "committed", "evaluating", "evaluated"),
    "run_benchmark(tasks": ("idle", "committed"),
    'run_benchmark("incumbent")': ("idle", "committed", "evaluated"),
    "cancel_benchmark()": ("evaluating",),
    "commit_candidate(description)": ("idle",),
    "commit_candidate(description, dry_run": ("idle", "committed", "evaluated", "baseline_needed"),
    "edit_file": ("idle", "committed", "evaluated", "baseline_needed"),
    "append_result(": ("evaluated",),
    "revert()": ("idle", "committed"),
    "finish_climb()": ("baseline_needed", "idle", "committed", "evaluated", "certifying"),
    "status()": (*NEXT,),
    "read_file(": (*NEXT,),
    "read_trajectory(": (*NEXT,),
    "compare(": (*NEXT,),
    "diagnose(": (*NEXT,),
    "same call": (*NEXT,),
}
"""When a call that a refusal names is in order."""

STARTING = ("run_benchmark()", "run_benchmark(tasks", "commit_candidate(description)")
"""What is pointless where nothing more may be started."""

LASTING = (errors.ConfigError, errors.InfrastructureFault, errors.JournalError)
"""Troubles that stay until somebody mends them; the status names the last one."""

LOOK_ON = "tell the human which process referees; status() and what reads are answered meanwhile"
"""What to do where another process referees."""

ADVICE: Mapping[type[AutoAgentError], str] = {
    errors.AutoAgentError: "{then}",
    errors.ConfigError: "tell the human to mend autoagent.toml, then {then}",
    errors.WorkspaceError: "mend that, then {then}",
    errors.BoundaryError: "mend that, then {then}",
    errors.TaskError: "tell the human which task to mend, then {then}",
    errors.CandidateRefused: "mend that, then {then}",
    errors.OutOfOrder: "{then}",
    errors.UnknownName: "status()",
    errors.BudgetExceeded: "{then}",
    errors.WorkspaceBusy: "tell the human to stop that process, then {then}",
    errors.JournalError: "tell the human to run `autoagent doctor`, then {then}",
    errors.InfrastructureFault: "{then}; if that is refused too, tell the human",
}
"""What to do where an error names no call itself."""


def next_calls(position: Position, *, over: bool) -> tuple[str, ...]:
    """What may be called next; the first moves the climb on."""
    phase, running = position.phase, position.running
    if phase == "validating":
        return (f'start_climb("{position.tag}")',)
    if phase == "evaluating" and running is not None and running.kind not in CANCELLABLE:
        return NEXT[phase][:1]
    return OVER[phase] if over and phase in OVER else NEXT[phase]


def advice(error: AutoAgentError, then: str = "status()") -> str:
    """What to do after a refusal that names no call, before the call `then`."""
    known = next(kind for kind in type(error).__mro__ if kind in ADVICE)
    return ADVICE[known].format(then=then)


def after(error: AutoAgentError, position: Position, calls: tuple[str, ...], *, over: bool) -> str:
    """What to do after a refusal: what it says itself where that is in order, else what is next."""
    own, then = error.next_call, calls[0]
    if own is None:
        return advice(error, then)
    if position.phase != "idle":  # elsewhere a harness is only checked
        own = own.replace("commit_candidate(description)", DRY_RUN)
    named = [call for call in IN_ORDER if call in own]
    if not named:
        return f"tell the human: {own}; then {then}"
    return own if all(_in_order(call, own, position, over=over) for call in named) else then


def _in_order(call: str, own: str, position: Position, *, over: bool) -> bool:
    if over and position.phase in OVER and call in STARTING:
        return False
    if over and call == "start_climb(" and position.phase in ("new", "finished"):
        return False
    if call == "cancel_benchmark()":
        return position.running is not None and position.running.kind in CANCELLABLE
    rejoins = position.phase == "validating" and f'start_climb("{position.tag}")' in own
    return rejoins or position.phase in IN_ORDER[call]
