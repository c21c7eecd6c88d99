"""An evaluation's life around its trials: begun, started again, settled, or answered from before.

Rule R10: the budget is reserved and the evaluation is written down before its worker
starts. Rule R9: a worker that died is started again, and not for ever. Rule R3: the score
is computed here, from the trials in the journal, over every trial that was expected.
"""

import time

from autoagent import budget, evaluations, validation
from autoagent.benchmark.engine import Engine
from autoagent.errors import InfrastructureFault
from autoagent.game import Kind, Position
from autoagent.gate.decide import decide
from autoagent.records import Candidate, EvaluationKind, EvaluationState, Running, Standing
from autoagent.table import Table
from autoagent.views import EvaluationReport

MAX_WORKER_STARTS = 4
"""A worker that dies this often measures nothing: the evaluation is indecisive."""


def begin(
    table: Table,
    engine: Engine,
    position: Position,
    kind: EvaluationKind,
    chosen: Candidate,
    names: tuple[str, ...],
) -> str:
    """Reserve, write down, start; the evaluation's id.

    Raises:
        BudgetExceeded: It could pass a cap; nothing was written.
        InfrastructureFault: The worker was not started; the next `advance` tries again.
    """
    config, now = table.workspace.config, time.time()
    probing = kind in ("oracle", "noop")
    attempts = 1 if probing else config.benchmark.attempts
    deadline = now + config.benchmark.evaluation_timeout_seconds
    reserved = 0.0
    if not probing:
        left = budget.left(config.budget, position.spent, position.started_at, now)
        incumbent = position.incumbent
        usual = incumbent.score.seconds if incumbent and kind == "full" else 0.0
        most = len(names) * attempts * (1 + config.benchmark.void_retries)
        reserved = budget.reserve(config.budget, left, most, seconds=usual)
        deadline = min(deadline, now + left.hours * 3600) if left.hours is not None else deadline
    last = table.journal.last(Kind.EVALUATION_STARTED)
    running = Running(
        id=f"e{int(last.subject[1:]) + 1 if last else 1}",
        kind=kind,
        candidate=chosen.id,
        digest=chosen.digest,
        tasks=names,
        attempts=attempts,
        reserved_dollars=reserved,
        deadline=deadline,
    )
    spec = table.spec(position, running)
    facts = running.model_dump()
    table.append(Kind.EVALUATION_STARTED, running.id, climb=position.tag, running=facts)
    table.append(Kind.WORKER_STARTED, running.id)
    engine.start(spec)
    return running.id


def cancel(table: Table, engine: Engine, running: Running) -> None:
    """Ask the worker to stop; the wish is written down first, so that no restart forgets it."""
    if not table.journal.about(running.id, Kind.CANCEL_REQUESTED):
        table.append(Kind.CANCEL_REQUESTED, running.id)
    engine.cancel(running.id)


def restart(table: Table, engine: Engine, position: Position, running: Running) -> None:
    """Start a dead worker again; what it had measured stays measured (rule R9).

    Every start counts, one that fails too, so that no machine can hold a climb up for ever.
    """
    if table.journal.about(running.id, Kind.CANCEL_REQUESTED):
        table.append(Kind.WORKER_ENDED, running.id, end="cancelled")
        return
    if len(table.journal.about(running.id, Kind.WORKER_STARTED)) >= MAX_WORKER_STARTS:
        table.append(Kind.WORKER_ENDED, running.id, end="indecisive")
        return
    table.append(Kind.WORKER_STARTED, running.id)
    try:
        engine.start(table.spec(position, running))
    except InfrastructureFault as fault:
        table.append(Kind.WORKER_FAILED, running.id, reason=fault.message)


def settle(table: Table, position: Position, running: Running, ended: EvaluationState) -> None:
    """Score an evaluation whose worker ended, and let the gate decide it (rules R3, R4, R5, R9)."""
    if running.kind in ("oracle", "noop"):
        facts = [task for task in table.frozen(position).tasks if task.name in running.tasks]
        pass_reward = table.workspace.config.benchmark.pass_reward
        validation.record(table.journal, running.id, running.kind, facts, pass_reward)
    score = evaluations.score_of(table.journal, running)
    state: EvaluationState = "indecisive" if ended == "complete" and score.void else ended
    assert position.proposed is not None
    measured = Standing(candidate=position.proposed, evaluation=running.id, score=score)
    verdict = decide(running.kind, state, measured, position.incumbent)
    table.append(
        Kind.EVALUATION_FINISHED,
        running.digest,
        evaluation=running.id,
        climb=position.tag,
        kind=running.kind,
        state=state,
        score=score.model_dump(),
        charged_dollars=evaluations.charge_of(table.journal, running.id),
        verdict=verdict.model_dump() if verdict else None,
    )


def reuse(table: Table, position: Position, chosen: Candidate, before: EvaluationReport) -> None:
    """R8: content that was measured is not measured again; its one measurement decides anew."""
    assert before.score is not None
    measured = Standing(candidate=chosen, evaluation=before.id, score=before.score)
    verdict = decide("full", before.state, measured, position.incumbent)
    assert verdict is not None
    table.append(
        Kind.EVALUATION_REUSED,
        chosen.digest,
        evaluation=before.id,
        climb=position.tag,
        kind="full",
        state=before.state,
        score=before.score.model_dump(),
        verdict=verdict.model_dump(),
    )
