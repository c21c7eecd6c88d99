"""The end of a climb: what it is worth, measured afresh, once.

Baseline and champion run the same tasks in fresh passes, side by side, and then the held-out tasks.
Nothing that the search saw is reused: its best score was chosen among many, and is inflated
by that. A certification that was cut short is resumed where it stopped, trial by trial, so
that nobody can run it again and pick the better.
"""

from autoagent.errors import BudgetExceeded
from autoagent.evidence import events
from autoagent.evidence.answers import answers
from autoagent.gate.certificate import BASELINE, WITHOUT, certificate
from autoagent.records import Candidate, Certificate, Running, Side
from autoagent.referee import evaluations, measuring
from autoagent.referee.candidates import draft_of
from autoagent.referee.climb import Climb
from autoagent.referee.ending.ablation import without


def needless(climb: Climb) -> str | None:
    """Why there is nothing to certify, or None where there is."""
    position = climb.position
    champion = position.incumbent
    if position.certificate is not None:
        return "the climb is certified already, and that is done once"
    if champion is None:
        return "no baseline was measured"
    if champion.candidate == position.baseline:
        return "nothing was kept, so the champion is the baseline"
    if climb.workspace.config.certify.passes == 0:
        return "autoagent.toml asks for none (certify.passes = 0)"
    return None


def step(climb: Climb) -> None:
    """Do what comes next: measure the tasks, measure those held out, or close it."""
    tag = climb.position.tag
    for hidden in (False, True) if climb.position.holdout else (False,):
        running = _begun(climb, hidden=hidden)
        if running is not None and _whole(climb, running):
            continue
        try:
            why = _measure(climb, running, hidden=hidden)
        except BudgetExceeded as error:
            why = error.message
        if why:
            climb.append(events.ClimbFinished(reason="finished", uncertified=why), tag)
        return
    found = _certificate(climb)
    if found is None:
        why = "no trial was measured on both sides"
        climb.append(events.ClimbFinished(reason="finished", uncertified=why), tag)
    else:
        climb.append(events.Certified(certificate=found), tag)


def _measure(climb: Climb, running: Running | None, *, hidden: bool) -> str | None:
    """Begin a measurement, or resume one of an earlier attempt; why not, or None.

    Raises:
        BudgetExceeded: It could pass a cap; nothing was written.
    """
    position, asked = climb.position, climb.this_climb(events.CertificationStarted)[-1]
    stop = climb.workspace.stop_file
    if stop.exists():
        return f"{stop} asks for the end of the climb"
    capped = asked.event.capped
    if running is not None:
        ends = evaluations.finishes(climb.journal, running)
        if ends and ends[-1].seq > asked.seq:
            return "its measurement was cut short"
        measuring.begin(climb, running, capped=capped, again=True)
        return None
    assert position.incumbent is not None and position.baseline is not None
    baseline = _side(BASELINE, position.baseline)
    extra, untold = ((), {}) if hidden else _ablations(climb)
    for against in ((baseline, *extra), (baseline,)) if extra else ((baseline,),):
        planned = measuring.planned(
            climb,
            "certify",
            position.incumbent.candidate,
            position.holdout if hidden else position.tasks,
            against=against,
            hidden=hidden,
        )
        try:
            measuring.begin(climb, planned, capped=capped)
        except BudgetExceeded as error:
            if len(against) == 1:
                raise
            no_room = f"the budget has no room for it: {error.message}"
            untold |= {side.name.removeprefix(WITHOUT): no_room for side in extra}
        else:
            if untold:
                climb.append(events.EditsNotAblated(edits=untold), position.tag)
            return None
    return None


def _ablations(climb: Climb) -> tuple[tuple[Side, ...], dict[str, str]]:
    """The champion without each edit that was kept, and why not without the others.

    Without the only edit it is the baseline, which is measured anyway.
    """
    kept = [
        entry.subject
        for entry in climb.journal.of_kind(events.ResultRecorded, after=climb.first)
        if entry.event.row.status == "keep"
    ]
    sides: list[Side] = []
    untold: dict[str, str] = {}
    if not climb.workspace.config.certify.ablation or len(kept) < 3:
        return (), {}
    content = climb.projection.content
    champion, canonical = content(kept[-1]), climb.canonical
    for before, after in zip(kept, kept[1:], strict=False):
        harness = climb.workspace.config.harness.file
        files = without(champion, content(before), content(after), harness)
        if files is None:
            untold[after[:7]] = "a later edit builds on it, or took it back"
            continue
        draft = draft_of(climb.workspace, files, canonical, climb.started.model)
        if draft is None:
            untold[after[:7]] = "without it the champion breaks a rule of candidates"
            continue
        told = f"the champion without {after[:7]}"
        commit = climb.projection.store(draft.files, parent=kept[-1], message=told)
        name = f"{WITHOUT}{after[:7]}"
        sides.append(_side(name, draft.stored(commit, parent=kept[-1], description=told)))
    return tuple(sides), untold


def _side(name: str, candidate: Candidate) -> Side:
    return Side(name=name, candidate=candidate.id, digest=candidate.digest)


def _begun(climb: Climb, *, hidden: bool) -> Running | None:
    """The certification's measurement in this climb, if it was ever begun."""
    asked = climb.this_climb(events.CertificationStarted)[0].seq
    for entry in climb.journal.of_kind(events.EvaluationStarted, after=asked):
        running = entry.event.running
        if running.kind == "certify" and running.hidden == hidden:
            return running
    return None


def _whole(climb: Climb, running: Running) -> bool:
    """Whether it was measured to its end; a trial that stays void drops its pair."""
    ends = evaluations.finishes(climb.journal, running)
    return bool(ends) and ends[-1].event.state in ("complete", "indecisive")


def _certificate(climb: Climb) -> Certificate | None:
    """What the trials say, or None where no pair was measured."""
    position = climb.position
    running, held_out = _begun(climb, hidden=False), _begun(climb, hidden=True)
    assert position.incumbent is not None and running is not None
    found = certificate(
        running,
        evaluations.trials_of(climb.journal, running.id),
        evaluations.trials_of(climb.journal, held_out.id) if held_out else (),
        position.incumbent,
        position.baseline_passed or 0,
    )
    return found and found.replace(answered_by=tuple(answers(climb.journal)))
