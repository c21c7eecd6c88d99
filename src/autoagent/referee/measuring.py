"""An evaluation's life around its trials: begun, started again, settled, or answered from before.

Rule R10: the budget is reserved and the evaluation is written down before its worker
starts. Rule R9: a worker that died is started again, and not for ever. Rule R3: the score
is computed here, from the trials in the journal, over every trial that was expected.
"""

from autoagent.config import Budget
from autoagent.errors import BudgetExceeded, InfrastructureFault
from autoagent.evidence import events
from autoagent.evidence.journal import Entry
from autoagent.gate.contests import contest_for, most_trials, order_of
from autoagent.gate.decide import decide, decide_again, score_of, state_of
from autoagent.gate.noise import noise_of
from autoagent.gate.pruning import Sums, summed
from autoagent.records import (
    Candidate,
    EvaluationKind,
    EvaluationState,
    Running,
    Side,
    Spent,
    Standing,
)
from autoagent.referee import budget, costs, efforts, evaluations, moves
from autoagent.referee.climb import Climb
from autoagent.referee.opening import validation
from autoagent.referee.telling.views import EvaluationReport
from autoagent.workspace import disks
from autoagent.workspace.layout import Workspace

MAX_WORKER_STARTS = 4
"""A worker that dies this often measures nothing: the evaluation is indecisive."""

Names = tuple[str, ...]
INCUMBENT = "incumbent"
"""The other side of a contest."""


def planned(
    climb: Climb,
    kind: EvaluationKind,
    chosen: Candidate,
    names: tuple[str, ...],
    *,
    against: tuple[Side, ...] = (),
    hidden: bool = False,
) -> Running:
    """What an evaluation will measure, with an id of its own; nothing is reserved or written yet.

    The baseline is measured twice (rule R2). A full suite is a contest with the incumbent.
    """
    config = climb.workspace.config
    running = Running(
        id=_next_id(climb),
        kind=kind,
        candidate=chosen.id,
        digest=chosen.digest,
        tasks=names,
        attempts=1 if kind in ("oracle", "noop") else config.benchmark.attempts,
        passes={"baseline": 2, "certify": config.certify.passes}.get(kind, 1),
        against=against,
        hidden=hidden,
        one_cause_is_none=kind == "baseline",
    )
    standing = climb.position.incumbent
    if kind != "full" or standing is None:
        return running
    incumbent = standing.candidate
    rival = Side(name=INCUMBENT, candidate=incumbent.id, digest=incumbent.digest)
    contest = contest_for(config.gate, chosen, standing)
    return running.replace(contest=contest, against=() if contest.rule == "strict" else (rival,))


def _in_order(climb: Climb, planned: Running, chosen: Candidate) -> Running:
    """A full suite with what the gate knows of the climb so far, and its tasks in their order."""
    standing = climb.position.incumbent
    if planned.kind != "full" or standing is None:
        return planned
    gate, past = climb.workspace.config.gate, evaluations.past(climb)
    contest = contest_for(gate, chosen, standing, past)
    others = climb.counted("scores", events.EvaluationFinished, _scores_too, {}, climb.first)
    tasks = order_of(contest, planned.tasks, standing.score.task_scores, others)
    return planned.replace(tasks=tasks, contest=contest)


def _scores_too(sums: Sums, entry: Entry[events.EvaluationFinished]) -> Sums:
    full = entry.event.evaluation_kind == "full"
    return summed(sums, entry.event.score.task_scores) if full else sums


def _next_id(climb: Climb) -> str:
    """Evaluations are numbered through the whole journal."""
    began = events.EvaluationStarted
    last = next(climb.newest(began), None) or climb.journal.last(began)
    return f"e{int(last.subject[1:]) + 1 if last else 1}"


def begin_suite(climb: Climb, kind: EvaluationKind, chosen: Candidate, names: Names) -> str:
    """Plan an evaluation of a harness, and begin it; its id.

    Raises:
        BudgetExceeded: It could pass a cap; nothing was written.
        InfrastructureFault: The worker was not started; the next `advance` tries again.
    """
    return begin(climb, _in_order(climb, planned(climb, kind, chosen, names), chosen))


def refuse_stopped(workspace: Workspace) -> None:
    """Start nothing where the human asks for the end.

    Raises:
        BudgetExceeded: There is a STOP file.
    """
    if workspace.stop_file.exists():
        asks = f"{workspace.stop_file} asks for the end of the climb (rule R10)."
        raise BudgetExceeded(asks, budget.ENDING)


def refuse_spent(climb: Climb, caps: Budget) -> None:
    """Start no climb in a night that is used up.

    Raises:
        BudgetExceeded: A cap has nothing left.
    """
    left = left_of(climb, caps)
    try:
        budget.reserve(caps, left, 0, each=0.0, seconds=0.0)
    except BudgetExceeded as spent:
        raise BudgetExceeded(f"{spent.message} {moves.ANOTHER}", budget.ENDING) from spent


def refuse_short(climb: Climb, tasks: int, held_out: int) -> None:
    """Start no climb in what is left of a night, where its baseline and certification have no room.

    Raises:
        BudgetExceeded: Says the sum.
    """
    config, caps = climb.workspace.config, climb.workspace.config.budget
    each = budget.for_a_trial(config, costs.known(climb))
    one, passes = config.benchmark.attempts, config.certify.passes
    later = budget.Reserve(dollars=2 * passes * (tasks + held_out) * one * each)
    try:
        left = left_of(climb, caps)
        budget.reserve(caps, left, 2 * tasks * one, each=each, seconds=0.0, later=later)
    except BudgetExceeded as short:
        raise BudgetExceeded(f"{short.message} {moves.ANOTHER}", budget.ENDING) from short


def left_of(climb: Climb, caps: Budget) -> budget.Remaining:
    """What is left of the night's caps; before a night, and where another is granted, all."""
    position, now = climb.position, climb.journal.now()
    if position.phase in ("new", "finished") and not climb.continues:
        return budget.remaining(caps, Spent(), now, now)
    return budget.left(caps, position, now)


def why_over(climb: Climb) -> str:
    """Why nothing that the phase would start may be started: a STOP file or a cap (rule R10).

    Empty where it may.
    """
    position = climb.position
    try:
        refuse_stopped(climb.workspace)
        if position.phase == "finished" and climb.continues:
            refuse_spent(climb, climb.caps_of(climb.workspace.config))
        if position.phase in ("baseline_needed", "idle", "committed"):
            kind = "full" if position.incumbent else "baseline"
            suite = planned(climb, kind, climb.candidate_named(None), position.tasks)
            _reserved(climb, suite, capped=True)
    except BudgetExceeded as exceeded:
        return exceeded.message
    return ""


def begin(climb: Climb, planned: Running, *, capped: bool = True, again: bool = False) -> str:
    """Reserve, write down, start; the evaluation's id.

    Args:
        climb: Where it is begun.
        planned: What to measure.
        capped: Whether the budget's caps hold: what the human starts by hand is not the climb's.
        again: It was settled before its end and goes on; what it measured stays measured.

    Raises:
        BudgetExceeded: It could pass a cap; nothing was written.
        InfrastructureFault: The worker was not started; the next `advance` tries again.
    """
    running = _reserved(climb, planned, capped=capped)
    begun = events.EvaluationResumed if again else events.EvaluationStarted
    spec = climb.spec(running)
    climb.append(begun(climb=climb.position.tag, running=running), running.id)
    climb.append(events.WorkerStarted(), running.id)
    climb.engine.start(spec)
    return running.id


def _reserved(climb: Climb, planned: Running, *, capped: bool) -> Running:
    """The evaluation with its dollars and its deadline (rule R10); probes cost none."""
    config, position, now = climb.workspace.config, climb.position, climb.journal.now()
    deadline = now + config.benchmark.evaluation_timeout_seconds
    caps = config.budget if capped else config.budget.without_caps()
    left = left_of(climb, caps)
    each, later = budget.for_a_trial(config, costs.known(climb)), budget.Reserve()
    if planned.kind == "certify":
        left = left.replace(evaluations=None)  # it is no candidate's
    else:
        later = _certification(climb, each)
    if left.dollars is not None:
        most = max(0.0, left.dollars - later.dollars)
        planned = planned.replace(most_dollars=most)
    if planned.kind in ("oracle", "noop"):
        return planned.replace(deadline=deadline)
    incumbent = position.incumbent
    usual = incumbent.score.seconds if incumbent and planned.kind == "full" else 0.0
    trials = most_trials(planned)
    reserved = budget.reserve(caps, left, trials, each=each, seconds=usual, later=later)
    if left.hours is not None:
        deadline = min(deadline, now + left.hours * 3600 - later.seconds)
    return planned.replace(reserved_dollars=reserved, deadline=deadline)


def _certification(climb: Climb, each: float) -> budget.Reserve:
    """What is kept back for the certification, so that a night cannot use it up (rule R10).

    Its time and its dollars are foretold by what the incumbent's evaluation took; its dollars by
    what is reserved for a trial too.
    """
    config, incumbent = climb.workspace.config, climb.position.incumbent
    tasks = len(climb.position.tasks) + len(climb.position.holdout)
    passes = 2 * config.certify.passes
    trials = passes * tasks * config.benchmark.attempts
    usual = (incumbent.score.cost_usd or 0.0) if incumbent else 0.0
    return budget.Reserve(
        dollars=max(trials * each, passes * usual),
        seconds=passes * incumbent.score.seconds if incumbent else 0.0,
    )


def cancel(climb: Climb, running: Running) -> None:
    """Ask the worker to stop; the wish is written down first, so that no restart forgets it."""
    if not evaluations.since_begun(climb.journal, running.id, events.CancelRequested):
        climb.append(events.CancelRequested(), running.id)
    climb.engine.cancel(running.id)


def restart(climb: Climb, running: Running) -> None:
    """Start a dead worker again; what it had measured stays measured (rule R9).

    Every start counts, one that fails too, so that no machine can hold a climb up for ever. On a
    disk that is full none is made: it waits until there is room, and the status says so.
    """
    if evaluations.since_begun(climb.journal, running.id, events.CancelRequested):
        climb.append(events.WorkerEnded(end="cancelled"), running.id)
        return
    if disks.bad(climb.workspace):
        return
    starts = evaluations.since_begun(climb.journal, running.id, events.WorkerStarted)
    if len(starts) >= MAX_WORKER_STARTS:
        climb.append(events.WorkerEnded(end="indecisive"), running.id)
        return
    climb.append(events.WorkerStarted(), running.id)
    try:
        climb.engine.start(climb.spec(running))
    except InfrastructureFault as fault:
        climb.append(events.WorkerFailed(reason=fault.message), running.id)


def settle(climb: Climb, running: Running, ended: EvaluationState) -> None:
    """Score an evaluation whose worker ended, and let the gate decide it (rules R3, R4, R5, R9)."""
    journal, position = climb.journal, climb.position
    if running.kind in ("oracle", "noop"):
        facts = [task for task in climb.every_task() if task.name in running.tasks]
        terms = validation.Terms.of(climb.workspace.config)
        asked = validation.Question(running.kind, running.as_left)
        validation.record(journal, running.id, asked, facts, terms)
    trials = evaluations.trials_of(journal, running.id)
    about = journal.about(running.id, *events.KINDS.values())
    score = score_of(running, trials, seconds=about[-1].at - about[0].at)
    state = state_of(ended, running, trials)
    assert position.proposed is not None
    measured = Standing(candidate=position.proposed, evaluation=running.id, score=score)
    verdict = decide(running, state, trials, measured, position.incumbent)
    verdict = verdict and efforts.noted(climb, verdict, trials)
    baseline = running.kind == "baseline"
    charged = [entry.event.charged_dollars for entry in evaluations.finishes(journal, running)]
    finished = events.EvaluationFinished(
        evaluation=running.id,
        climb=position.tag,
        kind=running.kind,
        state=state,
        score=score,
        charged_dollars=evaluations.charge_of(journal, running.id) - sum(charged),
        verdict=verdict,
        noise=noise_of(trials, running.tasks, running.attempts) if baseline else None,
    )
    climb.append(finished, running.digest)
    climb.projection.discard_copies(running.id)


def reuse(climb: Climb, chosen: Candidate, before: EvaluationReport) -> None:
    """R8: content that was measured is not measured again; its one measurement decides anew."""
    position = climb.position
    assert before.score is not None and position.incumbent is not None
    measured = Standing(candidate=chosen, evaluation=before.evaluation, score=before.score)
    contest = contest_for(climb.workspace.config.gate, chosen, position.incumbent)
    running = evaluations.started(climb.journal, before.evaluation)
    trials = evaluations.trials_of(climb.journal, before.evaluation)
    verdict = decide_again(running, before.state, trials, measured, position.incumbent, contest)
    reused = events.EvaluationReused(
        evaluation=before.evaluation,
        climb=position.tag,
        kind="full",
        state=before.state,
        score=before.score,
        verdict=efforts.noted(climb, verdict, trials),
    )
    climb.append(reused, chosen.digest)
