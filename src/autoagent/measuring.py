"""Starting an evaluation, and starting it again: what comes before any trial.

Rule R10: the budget is reserved and the evaluation is written down before its worker
starts. Rule R9: a worker that died is started again, and not for ever.
"""

import time

from autoagent import budget
from autoagent.benchmark.engine import Engine
from autoagent.game import Kind, Position
from autoagent.records import Candidate, EvaluationKind, Running
from autoagent.table import Table

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
        reserved = budget.reserve(config.budget, left, len(names) * attempts, seconds=usual)
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
    engine.start(spec)
    return running.id


def restart(table: Table, engine: Engine, position: Position, running: Running) -> None:
    """Start a dead worker again; what it had measured stays measured (rule R9)."""
    if len(table.journal.about(running.id, Kind.WORKER_STARTED)) >= MAX_WORKER_STARTS:
        table.append(Kind.WORKER_ENDED, running.id, end="indecisive")
    else:
        engine.start(table.spec(position, running))
