"""What `autoagent doctor` says of tasks: which can be used, and which are held out."""

from collections.abc import Callable, Iterator, Sequence

from autoagent.commands.before import machine
from autoagent.commands.before.builds import build_rows
from autoagent.commands.before.rows import Check, State, checked
from autoagent.config import FILE_NAME
from autoagent.environments.kinds import EnvironmentKind, kind_of
from autoagent.errors import AutoAgentError
from autoagent.referee.candidates import Baseline
from autoagent.worker.host import host_of
from autoagent.workspace.layout import Workspace
from autoagent.workspace.tasks.inspect import TaskReport, inspect_task
from autoagent.workspace.tasks.selection import held_out, held_out_twice, select
from autoagent.workspace.tasks.variables import Host


def task_rows(workspace: Workspace, host: Host | None) -> Iterator[Check]:
    """A row for all tasks, and one for each that has a problem or a note."""
    try:
        names, left_out = select(workspace)
    except AutoAgentError as error:
        fix = "put a Harbor task there; `autoagent init` in an empty directory shows one"
        yield Check(name="tasks", state="fail", detail=error.message, fix=fix)
        return
    environment = kind_of(workspace.config.benchmark.environment)
    reports = [inspect_task(workspace.tasks / name, environment.gives, host) for name in names]
    usable = [report for report in reports if report.usable]
    said = f"{len(usable)} of {len(names)} can be used"
    unproven = sum(not report.has_solution for report in usable)
    if unproven:
        said += f"; {unproven} without a solution/, so nothing proves that they can be solved"
    if left_out:
        said += f"; {len(left_out)} left out by {FILE_NAME}"
    if usable:
        yield Check(name="tasks", state="ok", detail=said)
    else:
        yield Check(name="tasks", state="fail", detail=said, fix="mend the tasks below")
    yield from _reports("task", reports, "mend it, or name the others in benchmark.only")
    yield from build_rows(workspace, [report.name for report in usable])
    yield from _composed("composed tasks", environment, reports)
    yield from _variables("variables", host, reports)


def holdout_rows(workspace: Workspace, host: Host | None) -> Iterator[Check]:
    """The same for held-out tasks, and what hides them. The human's eyes only: it names them."""
    try:
        places = list(held_out(workspace).values())
    except AutoAgentError as error:
        twice = held_out_twice(workspace)
        said = error.message + (f" In both: {', '.join(twice)}." if twice else "")
        yield Check(name="holdout", state="fail", detail=said, fix=f"correct {FILE_NAME}")
        return
    if not places:
        said = "none: no fresh task will show what a harness has learnt by heart"
        yield Check(name="holdout", state="note", detail=said)
        return
    environment = kind_of(workspace.config.benchmark.environment)
    reports = [inspect_task(place, environment.gives, host) for place in places]
    usable = sum(report.usable for report in reports)
    inside = sum(place.resolve().is_relative_to(workspace.root) for place in places)
    said = f"{usable} of {len(reports)} held-out tasks can be used; "
    if inside:
        said += f"{inside} inside the workspace, where the meta-agent's shell can read them: "
        said += "put them outside, readable by the server's user only (holdout.directory)"
    else:
        said += "outside the workspace; a shell of this user could still look for them (tier 0)"
    state: State = "note" if inside else "ok"
    fix = "" if usable else "mend the held-out tasks below"
    yield Check(name="holdout", state=state if usable else "fail", detail=said, fix=fix)
    yield from _reports("held-out task", reports, "mend it, or take it away")
    yield from _composed("composed held-out tasks", environment, reports)
    yield from _variables("variables of held-out tasks", host, reports)


def _reports(kind: str, reports: Sequence[TaskReport], fix: str) -> Iterator[Check]:
    for report in reports:
        name = f"{kind} {report.name}"
        if report.problems:
            yield Check(name=name, state="fail", detail="; ".join(report.problems), fix=fix)
        elif report.notes:
            yield Check(name=name, state="note", detail="; ".join(report.notes))


def _composed(
    row: str, environment: EnvironmentKind, reports: Sequence[TaskReport]
) -> Iterator[Check]:
    """A row for tasks that containers of ours cannot run, and whether Harbor's can."""
    found = {report.name: report.composed for report in reports if report.usable}
    found = {name: why for name, why in found.items() if why}
    if found and environment.uses_daemon:
        fix = "install what is missing, or leave them out"
        yield checked(row, lambda: machine.composed(environment, found), fix)


def usable(workspace: Workspace, host: Host | None) -> tuple[int, int]:
    """How many tasks can be used, and how many held-out ones.

    Raises:
        AutoAgentError: They cannot be told; another row says why.
    """
    gives = kind_of(workspace.config.benchmark.environment).gives
    names, _ = select(workspace)
    places = [workspace.tasks / name for name in names]
    known, hidden = (
        sum(inspect_task(place, gives, host).usable for place in found)
        for found in (places, held_out(workspace).values())
    )
    return known, hidden


def _variables(row: str, host: Host | None, reports: Sequence[TaskReport]) -> Iterator[Check]:
    """Which variables of the host's tasks name, and where each was found; never a value."""
    names = sorted({name for report in reports for name in report.variables})
    if host is None or not names:
        return
    told = "; ".join(f"{name}: {host.source(name)}" for name in names)
    state: State = "note" if any(host.value(name) is None for name in names) else "ok"
    yield Check(name=row, state=state, detail=told)


def host_for(workspace: Workspace, harness: Callable[[], Baseline]) -> Host | None:
    """What variables are filled in from; None where another row says what is wrong."""
    try:
        model = harness()[2]
    except AutoAgentError:
        model = None
    try:
        return host_of(workspace, model)
    except AutoAgentError:
        return None
