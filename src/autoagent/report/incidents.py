"""What a human should look at before a climb's number is believed, a sentence each."""

from collections import Counter
from collections.abc import Iterable, Iterator

from autoagent.evidence.untrusted import one_line
from autoagent.gateway.identity import troubles
from autoagent.report.played import Played


def incidents(climb: Played) -> Iterator[str]:
    """The incidents of a climb. A held-out task is never named."""
    by_outcome: dict[str, Counter[str]] = {}
    for one in climb.evaluations.values():
        for trial in one.trials:
            if trial.outcome in ("tampered", "void"):
                task = "a held-out task" if one.running.hidden else trial.task
                by_outcome.setdefault(trial.outcome, Counter())[task] += 1
    if tampered := by_outcome.get("tampered"):
        yield f"Verifiers were tampered with, and the trials scored 0: {_counted(tampered)}."
    for commit, copied in climb.copied.items():
        # The page lies where a meta-agent may read it: that it hit a held-out task would guide it.
        tasks = {one.task or "a held-out task" for one in copied if one.task or climb.ended}
        if tasks:
            yield f"{commit[:7]} holds passages of tasks word for word: {listed(tasks)}."
    for commit, trials in climb.doubted.items():
        told = (f"{trial} {'; '.join(why)}" for trial, why in trials.items())
        yield f"Passes of the kept edit {commit[:7]} to look at: {one_line(listed(told, 3), 300)}."
    if climb.refused_models:
        names = Counter(one_line(model, 80) for model in climb.refused_models)
        yield f"Models that are not pinned were asked for: {_counted(names)}."
    if other := troubles(climb.answers):
        yield f"Another model may have answered: {listed(other)}."
    if climb.outages:
        causes = Counter(one_line(cause, 160) for cause in climb.outages)
        yield f"A provider was out, and trials waited for it: {_counted(causes)}."
    if climb.failed_workers:
        reasons = Counter(one_line(reason, 160) for reason in climb.failed_workers)
        yield f"Workers could not be started: {_counted(reasons)}."
    unclear = sum(
        any(decided.event.state == "indecisive" for decided in one.decisions)
        for one in climb.evaluations.values()
    )
    if unclear:
        yield f"{unclear} evaluations had too many void trials to decide anything."
    if void := by_outcome.get("void"):
        total = sum(void.values())
        yield f"{total} trials measured nothing and were run again: {_counted(void)}."
    if climb.lost:
        yield f"{climb.lost} trials never ended: their worker was stopped."
    if climb.excluded:
        reasons = (f"{task} ({one_line(why, 120)})" for task, why in climb.excluded.items())
        yield f"Tasks were left out: {listed(reasons)}."


def _counted(found: Counter[str]) -> str:
    return listed(f"{name} ({count})" for name, count in found.most_common())


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names in a sentence; a set of them in their order, and those that are too many counted."""
    all_names = sorted(names) if isinstance(names, set) else list(names)
    more = len(all_names) - most
    return ", ".join(all_names[:most]) + (f" and {more} more" if more > 0 else "")
