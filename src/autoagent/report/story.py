"""What a human is told of a climb in the morning: one verdict, and what it rests on.

The claim is the certificate, never the search's own score, which luck inflates. It knows no
format: the terminal and the page show the same story.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from autoagent.evidence.untrusted import one_line
from autoagent.records import Certificate, Effect, RowStatus, Trial, Verdict
from autoagent.referee.worth import STOOD_IN, points
from autoagent.report.played import Measured, Played, Recorded

Headline = Literal["READY", "NEEDS ATTENTION", "NO REAL GAIN", "RUNNING"]
Cell = Literal["passed", "partly", "failed", "not run"]

TEXT = 300
"""Characters of a description or a cause that are shown."""
_PASSED = re.compile(r"(\d+)/(\d+)")
_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True)
class Step:
    """A row of the ledger. `rate` is what it passed of what it ran, None where that is unknown."""

    number: int
    commit: str
    status: RowStatus
    passed: str
    rate: float | None
    hours: float
    description: str
    why: str


@dataclass(frozen=True)
class Edit:
    """A kept edit: its tasks that went up and down, and what it adds to the champion."""

    step: Step
    candidate: str
    parent: str
    up: tuple[str, ...]
    down: tuple[str, ...]
    adds: str


@dataclass(frozen=True)
class Cause:
    """Tasks that the champion fails in the same way."""

    what: str
    tasks: tuple[str, ...]


@dataclass(frozen=True)
class Costs:
    """What was spent, as metered at the gateway; `dollars` is None where nothing was priced."""

    dollars: float | None
    judge_dollars: float | None
    calls: int
    unmetered_calls: int
    input_tokens: int
    output_tokens: int
    trials: int
    hours: float


@dataclass(frozen=True)
class Story:
    """A climb as a human reads it."""

    tag: str
    headline: Headline
    sentence: str
    stopped: str
    gains: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    edits: tuple[Edit, ...]
    matrix: Mapping[str, tuple[Cell, ...]]
    costs: Costs
    incidents: tuple[str, ...]
    failing: tuple[Cause, ...]
    rules: tuple[tuple[str, str], ...]
    apply: tuple[str, ...]


def story(climb: Played, now: float) -> Story:
    """Tell a climb.

    Args:
        climb: Its facts.
        now: Unix seconds, for one that still runs.
    """
    steps = tuple(_steps(climb))
    incidents = tuple(_incidents(climb))
    headline, sentence = _verdict(climb, steps, incidents)
    costs = _costs(climb, (climb.ended or now) - climb.at)
    return Story(
        tag=climb.started.tag,
        headline=headline,
        sentence=sentence,
        stopped=_sentence(climb.reason),
        gains=tuple(_gains(climb, steps, costs)),
        steps=steps,
        edits=tuple(_edits(climb, steps)),
        matrix=_matrix(climb),
        costs=costs,
        incidents=incidents,
        failing=tuple(_failing(climb)),
        rules=tuple(_rules(climb)),
        apply=_apply(climb, headline),
    )


def _steps(climb: Played) -> Iterator[Step]:
    for number, recorded in enumerate(climb.rows):
        row = recorded.row
        verdict = _verdict_of(climb, recorded)
        yield Step(
            number=number,
            commit=row.commit,
            status=row.status,
            passed=row.passed,
            rate=_rate(row.passed),
            hours=(recorded.at - climb.at) / 3600,
            description=one_line(row.description, TEXT),
            why=_sentence(verdict.sentence) if verdict else "",
        )


def _sentence(text: str) -> str:
    told = one_line(text, TEXT).rstrip(".")
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def _rate(passed: str) -> float | None:
    found = _PASSED.fullmatch(passed)
    return int(found[1]) / int(found[2]) if found and int(found[2]) else None


def _verdict_of(climb: Played, recorded: Recorded) -> Verdict | None:
    """The verdict that a row was written by: the last one on its content before it."""
    candidate = climb.candidates.get(recorded.commit)
    found: Verdict | None = None
    latest = 0.0
    for decided in (one for each in climb.evaluations.values() for one in each.decisions):
        of_it = candidate is not None and decided.content == candidate.digest
        if of_it and decided.event.verdict and latest <= decided.at <= recorded.at:
            found, latest = decided.event.verdict, decided.at
    return found


def _verdict(
    climb: Played, steps: tuple[Step, ...], incidents: tuple[str, ...]
) -> tuple[Headline, str]:
    """One word for the morning, and the sentence that it stands for."""
    found = climb.certificate
    kept = sum(step.status == "keep" for step in steps[1:])
    if climb.ended is None:
        return "RUNNING", f"{len(steps)} rows so far, {kept} edits kept. Nothing is certified yet."
    if found is None:
        why = one_line(climb.uncertified or "nobody measured it afresh", TEXT).rstrip(".")
        if not kept:
            return "NO REAL GAIN", f"No edit was kept: {why}."
        again = "`autoagent certify` measures it"
        return "NEEDS ATTENTION", f"{kept} edits were kept and not certified: {why}; {again}."
    told = f"{_stood_in(found)}{points(found.effect)} against the baseline, measured afresh"
    if found.effect.low <= 0:
        meant = "it is worse" if found.effect.high < 0 else "it may be nothing"
        return "NO REAL GAIN", f"{told}: {meant}."
    if found.stand_in:
        return "NEEDS ATTENTION", f"{told}."
    if found.holdout is not None and found.holdout.difference <= 0:
        return "NEEDS ATTENTION", f"{told}, and no gain on held-out tasks."
    if incidents:
        return "NEEDS ATTENTION", f"{told}. Read the incidents first."
    return "READY", f"{told}."


def _stood_in(found: Certificate) -> str:
    return f"{STOOD_IN}. " if found.stand_in else ""


def _gains(climb: Played, steps: tuple[Step, ...], costs: Costs) -> Iterator[tuple[str, str]]:
    found = climb.certificate
    if found is not None:
        yield (
            f"certified, {found.passes} fresh passes of {found.effect.tasks} tasks",
            _told(found.effect),
        )
        if found.holdout is not None:
            yield f"{found.holdout.tasks} held-out tasks", _told(found.holdout)
        yield "the search itself saw (optimistic)", f"{100 * found.optimistic:+.1f} points"
        gained = 100 * found.effect.difference
        if costs.dollars and gained > 0:
            yield "a certified point cost", f"${costs.dollars / gained:.2f}"
    kept = [step for step in steps if step.status == "keep"]
    if len(kept) > 1:
        yield "passed in the search, baseline to champion", f"{kept[0].passed} to {kept[-1].passed}"


def _told(effect: Effect) -> str:
    doubt = " (may be nothing)" if effect.low <= 0 <= effect.high else ""
    return f"{points(effect)}{doubt}"


def _edits(climb: Played, steps: tuple[Step, ...]) -> Iterator[Edit]:
    before: Recorded | None = None
    adds: Mapping[str, Effect] = climb.certificate.left_out if climb.certificate else {}
    for step, recorded in zip(steps, climb.rows, strict=True):
        if step.status != "keep":
            continue
        if before is not None:
            old, new = before.row.task_scores, recorded.row.task_scores
            both = [(task, old[task], score) for task, score in new.items() if task in old]
            known = [(task, a, b) for task, a, b in both if a is not None and b is not None]
            effect = adds.get(step.commit)
            yield Edit(
                step=step,
                candidate=recorded.commit,
                parent=before.commit,
                up=tuple(sorted(task for task, a, b in known if b > a)),
                down=tuple(sorted(task for task, a, b in known if b < a)),
                adds=_told(effect) if effect else "",
            )
        before = recorded


def _matrix(climb: Played) -> dict[str, tuple[Cell, ...]]:
    """Of each task, how it went in each row of the ledger."""
    return {
        task: tuple(_cell(recorded.row.task_scores.get(task)) for recorded in climb.rows)
        for task in climb.tasks
    }


def _cell(score: float | None) -> Cell:
    if score is None:
        return "not run"
    return "passed" if score >= 1 else "partly" if score > 0 else "failed"


def _trials(climb: Played) -> list[Trial]:
    return [trial for one in climb.evaluations.values() for trial in one.trials]


def _costs(climb: Played, seconds: float) -> Costs:
    trials = _trials(climb)
    uses = [trial.model_use for trial in trials if trial.model_use]
    return Costs(
        dollars=_sum(trial.cost_usd for trial in trials),
        judge_dollars=_sum(trial.judge_cost_usd for trial in trials),
        calls=sum(use.calls for use in uses),
        unmetered_calls=sum(use.unmetered_calls for use in uses),
        input_tokens=sum(use.input_tokens for use in uses),
        output_tokens=sum(use.output_tokens for use in uses),
        trials=len(trials),
        hours=seconds / 3600,
    )


def _sum(prices: Iterator[float | None]) -> float | None:
    known = [price for price in prices if price is not None]
    return sum(known) if known else None


def _incidents(climb: Played) -> Iterator[str]:
    """What a human should look at before the number is believed."""
    by_outcome: dict[str, Counter[str]] = {}
    for one in climb.evaluations.values():
        for trial in one.trials:
            task = "a held-out task" if one.running.hidden else trial.task
            by_outcome.setdefault(trial.outcome, Counter())[task] += 1
    if tampered := by_outcome.get("tampered"):
        yield f"Verifiers were tampered with, and the trials scored 0: {_counted(tampered)}."
    for commit, copied in climb.copied.items():
        tasks = {one.task or "a held-out task" for one in copied}
        yield f"{commit[:7]} holds passages of tasks word for word: {_listed(tasks)}."
    if climb.refused_models:
        names = Counter(one_line(model, 80) for model in climb.refused_models)
        yield f"Models that are not pinned were asked for: {_counted(names)}."
    if void := by_outcome.get("void"):
        total = sum(void.values())
        yield f"{total} trials measured nothing and were run again: {_counted(void)}."
    if climb.lost:
        yield f"{climb.lost} trials never ended: their worker was stopped."
    if climb.excluded:
        reasons = (f"{task} ({one_line(why, 120)})" for task, why in climb.excluded.items())
        yield f"Tasks were left out: {_listed(reasons)}."


def _counted(found: Counter[str]) -> str:
    return _listed(f"{name} ({count})" for name, count in found.most_common())


def _listed(names: Iterator[str] | set[str], most: int = 8) -> str:
    all_names = sorted(names) if isinstance(names, set) else list(names)
    more = len(all_names) - most
    return ", ".join(all_names[:most]) + (f" and {more} more" if more > 0 else "")


def _failing(climb: Played) -> Iterator[Cause]:
    """What the champion still fails, by how; the same words but for numbers are one cause."""
    found: dict[str, set[str]] = {}
    shown: dict[str, str] = {}
    for trial in _last_pass(climb):
        if trial.outcome == "passed":
            continue
        what = f"{trial.outcome}: {one_line(trial.detail, 160)}" if trial.detail else trial.outcome
        key = _NUMBERS.sub("#", what)
        shown.setdefault(key, what)
        found.setdefault(key, set()).add(trial.task)
    for key, tasks in sorted(found.items(), key=lambda one: (-len(one[1]), one[0])):
        yield Cause(shown[key], tuple(sorted(tasks)))


def _last_pass(climb: Played) -> list[Trial]:
    """The trials of the champion's own measurement in the search."""
    kept = [recorded.commit for recorded in climb.rows if recorded.row.status == "keep"]
    champion = climb.candidates.get(kept[-1]) if kept else None
    measured: Measured | None = None
    for one in climb.evaluations.values():
        of_it = champion is not None and one.running.digest == champion.digest
        if of_it and one.running.kind in ("baseline", "full"):
            measured = one
    return [trial for trial in measured.trials if not trial.side] if measured else []


def _rules(climb: Played) -> Iterator[tuple[str, str]]:
    started = climb.started
    gate: Mapping[str, Any] = started.config.get("gate") or {}
    yield "gate", str(gate.get("rule", "strict"))
    yield "tasks", f"{len(climb.tasks)}, and {climb.held_out} held out"
    yield "model", one_line(started.model or "none pinned", 120)
    yield "tier", one_line(started.tier or "not recorded", 200)
    yield "isolation", one_line(started.isolation, 200)
    yield "started from", started.head[:12]
    if climb.as_left:
        yield "verified as it was left", _listed(set(climb.as_left))


def _apply(climb: Played, headline: Headline) -> tuple[str, ...]:
    """What to type to have the champion."""
    tag = climb.started.tag
    if headline == "RUNNING" or not any(one.row.status == "keep" for one in climb.rows[1:]):
        return ()
    return (f"git diff {climb.started.head[:12]}..autoagent/{tag}", f"git merge autoagent/{tag}")
