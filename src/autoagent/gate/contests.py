"""How a contest is set up: what the candidate has to achieve, and what measures it.

The human chose the gate; what was measured before in the same climb is its past.
"""

from collections.abc import Iterable, Sequence

from autoagent.config import Gate
from autoagent.gate.agenda import Agenda, most_passes
from autoagent.gate.pruning import Sums, TaskScores, hardest_first
from autoagent.gate.rules import blocks
from autoagent.gate.rules.blocks import Blocks, telling_first
from autoagent.gate.rules.pool import Past, known
from autoagent.gate.simplicity import is_simpler
from autoagent.records import Candidate, Contest, Glimpse, Running, Standing, Trial


def contest_for(
    gate: Gate,
    candidate: Candidate,
    incumbent: Standing,
    past: Iterable[Past] = (),
    *,
    priced: bool = True,
) -> Contest:
    """What this candidate has to achieve against this incumbent.

    Args:
        gate: What the human chose.
        candidate: The one that is judged.
        incumbent: The one it is held against.
        past: What the climb measured before, in order, the baseline first; `posterior` needs it.
        priced: Whether a first contest under `posterior` has a price of trials; of old it had none.
    """
    contest = Contest(
        rule=gate.rule,
        passes=gate.passes,
        alpha=gate.alpha,
        pruning=gate.pruning,
        stored=incumbent.score.passed,
        simpler=is_simpler(candidate.complexity, incumbent.candidate.complexity),
    )
    if gate.rule != "posterior":
        return contest
    pool, prior = known(past, priced=priced)
    return contest.replace(pool=pool, prior=prior, bounded=gate.bounded)


def order_of(
    contest: Contest, tasks: Sequence[str], incumbent: TaskScores, others: Sums
) -> tuple[str, ...]:
    """The tasks in the order in which a stop comes early."""
    if contest.rule == "posterior":
        return telling_first(tasks, contest.pool, contest.prior)
    return hardest_first(tasks, incumbent, others)


def agenda_for(running: Running, void_retries: int = 0) -> Agenda:
    """What measures an evaluation; nothing of it has ended yet."""
    if running.contest is not None and running.contest.rule == "posterior":
        return Blocks(running, running.contest, void_retries)
    return Agenda(running, void_retries)


def agenda_of(running: Running, trials: Sequence[Trial | Glimpse]) -> Agenda:
    """What an evaluation has measured, from its trials in the order they ended."""
    agenda = agenda_for(running)
    for trial in trials:
        agenda.note(trial)
    return agenda


def most_trials(running: Running) -> int:
    """How many trials an evaluation can take, retries of void ones aside."""
    one_pass = len(running.tasks) * running.attempts
    if running.contest is None:
        return running.expected
    if running.contest.rule == "posterior":
        return blocks.most_trials(one_pass)
    return one_pass * (2 * most_passes(running.contest) - 1)
