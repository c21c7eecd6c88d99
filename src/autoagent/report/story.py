"""What a human is told of a climb in the morning: one verdict, and what it rests on.

The claim is the certificate, never the search's own score, which luck inflates. It knows no
format: the terminal and the page show the same story.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from autoagent.evidence.untrusted import one_line
from autoagent.records import Certificate, Effect, Reason, RowStatus, Verdict
from autoagent.referee.ending.worth import STOOD_IN, points
from autoagent.referee.passages import sentences
from autoagent.referee.telling.predictions import Foretold, judged, over_a_night
from autoagent.report.causes import Cause, causes
from autoagent.report.costs import Costs, by_purpose, in_all
from autoagent.report.incidents import incidents, listed
from autoagent.report.played import Measured, Played, Recorded
from autoagent.report.results import Cell, Flips, Result, cell, flips, results

Headline = Literal["READY", "NEEDS ATTENTION", "NO REAL GAIN", "RUNNING"]

TEXT = 300
"""Characters of a description or a cause that are shown."""
LATEST = 12
"""Trials of a running evaluation that are shown."""
_PASSED = re.compile(r"(\d+)/(\d+)")
Kind = Literal["keep", "discard", "stopped early", "crash", "void"]
"""What a row is drawn as."""
FELL: Mapping[Reason, str] = {
    "pruned": "stopped early: it could no longer win",
    "passed_down": "passed fewer",
    "not_simpler": "passed as many and is no simpler",
    "not_confirmed": "won once, and not again",
    "no_expected_gain": "no gain to expect",
    "crashed": "crashed",
    "measured_before": "had been measured before",
    "cancelled": "cancelled",
    "indecisive": "not decided",
    "out_of_time": "out of time",
    "budget": "out of budget",
}
"""Why a candidate was not kept, by its verdict's reason."""


@dataclass(frozen=True)
class Step:
    """A row of the ledger. `rate` is what it passed of what it ran, None where that is unknown."""

    number: int
    commit: str
    status: RowStatus
    kind: Kind
    passed: str
    rate: float | None
    dollars: float | None
    hours: float
    description: str
    reason: str
    why: str


@dataclass(frozen=True)
class Edit:
    """A kept edit: what it changed task by task, and what it adds to the champion.

    `adds` says why that is not known where nobody measured it; `rose` is what the search itself
    saw; `copied` what it holds of tasks.
    """

    step: Step
    candidate: str
    parent: str
    flips: Flips
    adds: str
    rose: str
    copied: tuple[str, ...]


@dataclass(frozen=True)
class Now:
    """What is going on: in one sentence; the trials that ended last, and the tasks that run."""

    sentence: str
    done: int
    expected: int
    trials: tuple[tuple[str, str, float, str], ...]
    running: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """A climb as a human reads it."""

    tag: str
    headline: Headline
    sentence: str
    stopped: str
    hours: float
    now: Now | None
    gains: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    edits: tuple[Edit, ...]
    dead_ends: tuple[tuple[str, tuple[Step, ...]], ...]
    matrix: Mapping[str, tuple[Cell, ...]]
    costs: Costs
    spent: Mapping[str, Costs]
    point: str
    incidents: tuple[str, ...]
    failing: tuple[Cause, ...]
    rules: tuple[tuple[str, str], ...]
    apply: tuple[str, ...]


def story(climb: Played, now: float, drift: Sequence[str] = ()) -> Story:
    """Tell a climb.

    Args:
        climb: Its facts.
        now: Unix seconds, for one that still runs.
        drift: What the workspace says otherwise than what was frozen, a sentence each.
    """
    decided = [climb.decided(recorded) for recorded in climb.rows]
    went = [results(found[0]) if found else {} for found in decided]
    steps = tuple(
        _step(climb, number, recorded, found[1] if found else None)
        for number, (recorded, found) in enumerate(zip(climb.rows, decided, strict=True))
    )
    found = (*incidents(climb), *(one_line(line, TEXT) for line in drift))
    headline, sentence = _verdict(climb, steps, found)
    spent, hours = by_purpose(climb), ((climb.ended or now) - climb.at) / 3600
    total = in_all(spent.values())
    champion = [one for step, one in zip(steps, decided, strict=True) if step.status == "keep"]
    return Story(
        tag=climb.started.tag,
        headline=headline,
        sentence=sentence,
        stopped=_sentence(climb.reason),
        hours=hours,
        now=_now(climb, now),
        gains=tuple(_gains(climb, steps)),
        steps=steps,
        edits=tuple(_edits(climb, steps, went)),
        dead_ends=_dead_ends(steps),
        matrix={task: tuple(cell(one.get(task)) for one in went) for task in climb.tasks},
        costs=total,
        spent=spent,
        point=_point(climb, steps, total, hours),
        incidents=found,
        failing=causes(climb, champion[-1][0]) if champion and champion[-1] else (),
        rules=tuple(_rules(climb)),
        apply=_apply(climb, headline),
    )


def _step(climb: Played, number: int, recorded: Recorded, verdict: Verdict | None) -> Step:
    row = recorded.row
    return Step(
        number=number,
        commit=row.commit,
        status=row.status,
        kind=_kind(row.status, verdict),
        passed=row.passed,
        rate=_rate(row.passed),
        dollars=row.cost_usd,
        hours=(recorded.at - climb.at) / 3600,
        description=one_line(row.description, TEXT),
        reason=FELL.get(verdict.reason, "") if verdict else "",
        why=_sentence(verdict.sentence) if verdict else "",
    )


def _kind(status: RowStatus, verdict: Verdict | None) -> Kind:
    if status != "discard" or verdict is None:
        return status
    if verdict.reason == "pruned":
        return "stopped early"
    return "void" if verdict.reason == "indecisive" else "discard"


def _sentence(text: str) -> str:
    told = one_line(text, TEXT).rstrip(".")
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def _rate(passed: str) -> float | None:
    found = _PASSED.fullmatch(passed)
    return int(found[1]) / int(found[2]) if found and int(found[2]) else None


def _dead_ends(steps: tuple[Step, ...]) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    """What was not kept, by why; the most frequent first."""
    found: dict[str, list[Step]] = {}
    for step in steps:
        if step.status != "keep":
            found.setdefault(step.reason or step.status, []).append(step)
    ordered = sorted(found.items(), key=lambda one: -len(one[1]))
    return tuple((reason, tuple(fallen)) for reason, fallen in ordered)


def _now(climb: Played, now: float) -> Now | None:
    """What is going on in a climb that is not over."""
    if climb.ended is not None:
        return None
    progress = climb.progress
    if progress is None:
        quiet = spell(max(0.0, now - climb.last) / 3600)
        return Now(f"Nothing is measured; the last event was {quiet} ago.", 0, 0, (), ())
    measured = climb.evaluations.get(progress.evaluation)
    shown = measured if measured and not measured.running.hidden else None
    named = f" {_named(climb, shown)}" if shown else ""
    void = f", {progress.void} void" if progress.void else ""
    return Now(
        f"{progress.evaluation} measures{named} ({progress.kind}): {progress.done} of "
        f"{progress.expected} trials ended, {progress.passed} passed{void}.",
        progress.done,
        progress.expected,
        tuple(
            (one.task, one.outcome, one.seconds, one_line(one.detail, TEXT))
            for one in reversed(shown.trials[-LATEST:] if shown else ())
        ),
        climb.begun,
    )


def _named(climb: Played, measured: Measured) -> str:
    commit = measured.running.candidate
    candidate = climb.candidates.get(commit)
    if measured.running.kind in ("oracle", "noop") or candidate is None:
        return "the tasks"
    told = one_line(candidate.description, TEXT)
    return f"{commit[:7]} {told}".rstrip()


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


def _gains(climb: Played, steps: tuple[Step, ...]) -> Iterator[tuple[str, str]]:
    found = climb.certificate
    if found is not None:
        yield (
            f"certified, {found.passes} fresh passes of {found.effect.tasks} tasks",
            _told(found.effect),
        )
        if found.holdout is not None:
            yield f"{found.holdout.tasks} held-out tasks", _told(found.holdout)
        yield "the search itself saw (optimistic)", f"{100 * found.optimistic:+.1f} points"
    if told := over_a_night(_foretold(climb)):
        yield "what the meta-agent foretold", told
    kept = [step for step in steps if step.status == "keep"]
    if len(kept) > 1:
        yield "passed in the search, baseline to champion", f"{kept[0].passed} to {kept[-1].passed}"


def _point(climb: Played, steps: tuple[Step, ...], total: Costs, hours: float) -> str:
    """What a point cost, certified, else as the search kept it; empty where there may be none."""
    kept = [step.rate for step in steps if step.status == "keep" and step.rate is not None]
    found = climb.certificate
    gained = found.effect.difference if found else kept[-1] - kept[0] if kept else 0.0
    if gained <= 0 or (found and found.effect.low <= 0):
        return ""
    gained *= 100
    dollars = f"${total.dollars / gained:.2f}, " if total.dollars else ""
    tokens = f"{total.tokens / gained:,.0f} tokens, " if total.tokens else ""
    whose = "certified" if found else "kept by the search, certified by nobody"
    return f"{dollars}{tokens}{spell(hours / gained)} ({whose})"


def _foretold(climb: Played) -> list[Foretold]:
    """Each candidate's predictions, against the incumbent of its time."""
    found: list[Foretold] = []
    before: Mapping[str, float | None] = {}
    for recorded in climb.rows:
        should_fix, may_break = climb.foretold.get(recorded.commit, ((), ()))
        if should_fix or may_break:
            found.append(judged(should_fix, may_break, before, recorded.row.task_scores))
        if recorded.row.status == "keep":
            before = recorded.row.task_scores
    return found


def _told(effect: Effect) -> str:
    doubt = " (may be nothing)" if effect.low <= 0 <= effect.high else ""
    return f"{points(effect)}{doubt}"


def _edits(climb: Played, steps: tuple[Step, ...], went: list[dict[str, Result]]) -> Iterator[Edit]:
    before: int | None = None
    for step in steps:
        if step.status != "keep":
            continue
        if before is not None:
            commit = climb.rows[step.number].commit
            yield Edit(
                step=step,
                candidate=commit,
                parent=climb.rows[before].commit,
                flips=flips(went[before], went[step.number], climb.tasks),
                adds=adds(climb, step.commit),
                rose=f"{steps[before].passed} became {step.passed} in the search",
                copied=tuple(sentences(climb.copied.get(commit, ()))),
            )
        before = step.number


def adds(climb: Played, commit: str) -> str:
    """What the champion loses without a kept edit, or why nobody knows; empty if none was asked."""
    effect = climb.certificate.left_out.get(commit) if climb.certificate else None
    if effect is not None:
        return _told(effect)
    why = climb.not_ablated.get(commit)
    return f"not measured: {one_line(why, TEXT)}" if why else ""


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
        yield "verified as it was left", listed(set(climb.as_left))


def _apply(climb: Played, headline: Headline) -> tuple[str, ...]:
    """What to type to have the champion."""
    tag = climb.started.tag
    if headline == "RUNNING" or not any(one.row.status == "keep" for one in climb.rows[1:]):
        return ()
    force = "" if headline == "READY" else " --force"
    return (
        f"git diff {climb.started.head[:12]}..autoagent/{tag}",
        f"git merge autoagent/{tag}",
        f"autoagent promote{force}",
    )


def spell(hours: float) -> str:
    """A time as people say it."""
    if hours >= 2:
        return f"{hours:.1f} hours"
    return f"{60 * hours:.0f} min" if hours >= 1 / 30 else f"{3600 * hours:.0f} s"
