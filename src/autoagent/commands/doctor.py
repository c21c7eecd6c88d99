"""`autoagent doctor`: what keeps this machine or this workspace from a night, and the remedy.

One check is one row. Nothing is changed but the state directory, which is made where it
is missing; a server that is running meanwhile is not disturbed.
"""

import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from autoagent.commands import machine
from autoagent.commands.machine import State, Told
from autoagent.commands.verify import audit
from autoagent.config import FILE_NAME, Config, load_config
from autoagent.environments.kinds import EnvironmentKind, kind_of
from autoagent.errors import AutoAgentError, JournalError, WorkspaceBusy, WorkspaceError
from autoagent.evidence import ledger
from autoagent.evidence.events import ClimbStarted
from autoagent.evidence.journal import Journal
from autoagent.evidence.position import Position
from autoagent.files import read_regular
from autoagent.gateway.plan import model_row, plan
from autoagent.gateway.preflight import ask
from autoagent.installed import restoring
from autoagent.records import Record, Spent
from autoagent.referee import budget, measuring, moves
from autoagent.referee.candidates import baseline_draft
from autoagent.referee.climb import Climb
from autoagent.worker.detached import DetachedEngine
from autoagent.workspace.git.projection import Projection
from autoagent.workspace.git.user_repo import UserRepo
from autoagent.workspace.layout import Workspace, WorkspaceLock, open_workspace
from autoagent.workspace.state import POINTER, state_directory
from autoagent.workspace.tasks.inspect import TaskReport, inspect_task
from autoagent.workspace.tasks.selection import held_out, held_out_twice, select
from autoagent.workspace.tier import peer_of, tier

FREE_BYTES_NEEDED = 1024**3


class Check(Record):
    """One row. A failing one says in `fix` what to do."""

    name: str
    state: State
    detail: str
    fix: str = ""


def examine(root: Path) -> list[Check]:
    """Check the machine, then the workspace at `root`; every check is made, whatever fails."""
    loaded = _loaded(root)
    config = loaded or Config()
    checks = [
        _check("python", machine.python, "install Python 3.12 or newer"),
        _packages(),
        _check("git", machine.git, "install git"),
        _check(
            "sandbox",
            lambda: machine.sandbox(config),
            "allow unprivileged user namespaces; see the message",
        ),
        _check(
            "environment",
            lambda: machine.environment(config),
            f"correct benchmark.environment in {FILE_NAME}, or start what it names",
        ),
        _check("bounds", machine.bounds, "none; trials run without them"),
        _check(
            "python for tasks",
            lambda: machine.task_python(config),
            "run AutoAgent with a Python that uv installed",
        ),
        _check(
            "config",
            lambda: _config(root),
            f"correct {root / FILE_NAME}" if root.is_dir() else "name a directory: --workspace",
        ),
        _check(
            "state directory",
            lambda: _state(root, loaded),
            "do what the message says",
        ),
    ]
    try:
        workspace = open_workspace(root)
    except AutoAgentError:
        names = ("repository", "program", "harness", "model", "tasks", "holdout", "budget")
        names += ("journal", "night", "server", "results.tsv")
        checks += [Check(name=n, state="skip", detail="mend the rows above first") for n in names]
    else:
        checks += _workspace_checks(workspace)
    start = "start Docker, then `autoagent image build`"
    return [*checks, _check("docker", lambda: machine.docker(root, config), start)]


def _packages() -> Check:
    fix = "`make install` in a checkout"
    with suppress(OSError):
        fix = restoring()
    return _check("packages", machine.packages, fix)


def _workspace_checks(workspace: Workspace) -> list[Check]:
    harness = workspace.harness
    mend = f"correct {harness}" if harness.exists() else f"`autoagent init {workspace.root}`"
    return [
        _check("repository", lambda: _repository(workspace), _mending_repository),
        _check("program", lambda: _program(workspace), "write what the agent is for to program.md"),
        _check("harness", lambda: _harness(workspace), mend),
        _check("model", lambda: _model(workspace), "do what the message says"),
        *_tasks(workspace),
        *_holdout(workspace),
        _check("budget", lambda: _budget(workspace), "do what the message says"),
        _check("tier", lambda: _tier(workspace), f"keep {workspace.state} to its owner"),
        _check("journal", lambda: _journal(workspace), _mending_journal(workspace)),
        _check("night", lambda: _night(workspace), "`autoagent renew`, before you go to bed"),
        _check("server", lambda: _server(workspace), f"see who owns {workspace.lock}"),
        _check("results.tsv", lambda: _ledger(workspace), "delete it; the next server writes it"),
    ]


def _mending_journal(workspace: Workspace) -> str:
    state, pointer = workspace.state, workspace.output / POINTER
    aside = f"{state}.damaged"
    return f"to begin anew: `mv {state} {aside} && rm {pointer}`; what was measured stays there"


def _mending_repository(said: str) -> str:
    """The remedy for what is wrong with the repository: each has its own."""
    if "no git repository" in said:
        return "`git init && git add -A && git commit -m start` in the workspace"
    if "no commit yet" in said:
        return "`git add -A && git commit -m start`"
    if "the tree is dirty" in said:
        return "`git commit -am WHY`, or `git stash`"
    if "began with" in said:
        return "`git restore` those files; the climb's own changes are agent.py and .agent/"
    return "do what the message says"


def _check(name: str, look: Callable[[], Told], fix: str | Callable[[str], str]) -> Check:
    try:
        told = look()
        return Check(name=name, state=told.state, detail=told.detail)
    except AutoAgentError as error:
        said = error.message
    except OSError as error:
        said = f"{error.filename or name}: {error.strerror}"
    except (sqlite3.Error, ValueError) as error:  # a journal that is damaged beyond its events
        said = f"cannot be read: {error}"
    told = fix if isinstance(fix, str) else fix(said)
    return Check(name=name, state="fail", detail=said, fix=told)


# the workspace ----------------------------------------------------------------------


def _config(root: Path) -> Told:
    if not root.is_dir():
        raise WorkspaceError(f"{root} is not a directory.")
    config = load_config(root)
    if config.isolation == "process":
        kind_of(config.benchmark.environment).check_harness(unsandboxed=True)
        return Told('isolation = "process": the harness runs UNSANDBOXED', "note")
    there = (root / FILE_NAME).exists()
    return Told(f"{FILE_NAME} is right" if there else f"no {FILE_NAME}: the defaults hold")


def _state(root: Path, loaded: Config | None) -> Told:
    try:
        state = open_workspace(root).state
    except AutoAgentError as error:
        if loaded is None:
            return Told(f"{state_directory(root.resolve())}; not looked at yet", "skip")
        raise WorkspaceError(error.message) from error
    with tempfile.TemporaryFile(dir=state):
        pass
    free = shutil.disk_usage(state).free
    if free < FREE_BYTES_NEEDED:
        raise WorkspaceError(f"{state}: {free / 1024**2:.0f} MiB are free, and 1 GiB is needed.")
    return Told(f"{state}: private, {free / 1024**3:.0f} GiB free")


def _loaded(root: Path) -> Config | None:
    """The configuration, or None where the row `config` says what is wrong with it."""
    try:
        return load_config(root) if root.is_dir() else None
    except AutoAgentError:
        return None


def _repository(workspace: Workspace) -> Told:
    repo = UserRepo.discover(workspace.root)
    projection = Projection(workspace)
    position, climb_head = climb_of(workspace)
    if position.phase not in ("new", "finished"):
        if others := projection.changed_elsewhere(climb_head):
            listed = ", ".join(others[:10])
            raise WorkspaceError(f"{listed} differ from what the climb {position.tag} began with.")
        return Told(f"{repo.top}: the climb {position.tag} is being played here")
    head = projection.clean_head(f"doctor-{secrets.token_hex(6)}")
    return Told(f"{repo.top}: clean at {head[:7]}")


def climb_of(workspace: Workspace) -> tuple[Position, str]:
    """Where the climb stands, and the commit it started from."""
    if not workspace.journal.exists():
        return Position(), ""
    with closing(Journal(workspace.journal, read_only=True)) as journal:
        start, stored = journal.last(ClimbStarted), journal.position()
        position = Position.model_validate_json(stored) if stored else Position()
        return position, start.event.head if start else ""


def _program(workspace: Workspace) -> Told:
    data = read_regular(workspace.program)
    if workspace.stop_file.exists():
        told = f"{workspace.stop_file} is there: nothing starts while it is; remove it to climb"
        return Told(told, "note")
    return Told(f"program.md, {len(data)} bytes")


def _harness(workspace: Workspace) -> Told:
    draft, split, model = baseline_draft(workspace)
    said = f"{workspace.harness.name}: boundary at line {split.line}, model {model or 'not pinned'}"
    if draft.warnings:
        return Told(f"{said}; {'; '.join(draft.warnings)}", "note")
    return Told(said)


def _model(workspace: Workspace) -> Told:
    try:
        _, _, model = baseline_draft(workspace)
    except AutoAgentError:
        return Told("mend the harness first", "skip")
    config = workspace.config
    told = Told(*model_row(config, model, workspace.root))
    if not config.gateway.preflight:
        return Told(f"{told.detail}; not asked (gateway.preflight)", told.state)
    passing = ask(plan(config, model, workspace.root))
    return Told("; ".join([told.detail, *passing]), "note") if passing else told


def _tasks(workspace: Workspace) -> Iterator[Check]:
    """A row for all tasks, and one for each that has a problem or a note."""
    try:
        names, left_out = select(workspace)
    except AutoAgentError as error:
        fix = "put a Harbor task there; `autoagent init` in an empty directory shows one"
        yield Check(name="tasks", state="fail", detail=error.message, fix=fix)
        return
    environment = kind_of(workspace.config.benchmark.environment)
    reports = [inspect_task(workspace.tasks / name, environment.gives) for name in names]
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
    yield from _composed("composed tasks", environment, reports)


def _holdout(workspace: Workspace) -> Iterator[Check]:
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
    reports = [inspect_task(place, environment.gives) for place in places]
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
        yield _check(row, lambda: machine.composed(environment, found), fix)


def _budget(workspace: Workspace) -> Told:
    """Whether the dollars are enough for a night to begin, by the tasks that can be used."""
    gives = kind_of(workspace.config.benchmark.environment).gives
    try:
        names, _ = select(workspace)
        hidden = list(held_out(workspace).values())
    except AutoAgentError:
        return Told("mend the tasks first", "skip")
    places = [workspace.tasks / name for name in names]
    usable = [sum(inspect_task(p, gives).usable for p in found)
              for found in (places, hidden)]  # fmt: skip
    caps = workspace.config.budget
    told = budget.require_enough(workspace.config, caps, *usable)
    return Told(told or "no dollars are reserved for a trial")


def _tier(workspace: Workspace) -> Told:
    if workspace.root.stat().st_uid != os.geteuid():
        return Told("the workspace is another user's; `status` of its server tells", "note")
    found = tier(peer_of(workspace.state), workspace)
    return Told(found if found.startswith("tier 1") else f"{found}; see docs/tiers.md")


def _journal(workspace: Workspace) -> Told:
    if not workspace.journal.exists():
        return Told("none yet: no climb was started here")
    with closing(Journal(workspace.journal, read_only=True)) as journal:
        last = journal.check()
        return Told(f"{last.seq if last else 0} events, head {journal.head()[:12]}")


def _night(workspace: Workspace) -> Told:
    """What is left of the night's caps; fails where another climb would not be started (R10)."""
    if not workspace.journal.exists():
        caps = workspace.config.budget
        return Told(f"not begun: {budget.in_words(budget.remaining(caps, Spent(), 0.0, 0.0))}")
    with closing(Journal(workspace.journal, read_only=True)) as journal:
        climb = Climb(workspace, DetachedEngine(workspace.evaluations), journal)
        playing = climb.position.phase not in ("new", "finished")
        caps = climb.workspace.config.budget if playing else climb.caps_of(workspace.config)
        left = budget.in_words(measuring.left_of(climb, caps))
        if playing:
            over = measuring.why_over(climb)
            said = f"the climb {climb.position.tag} is being played; left: {left}"
            return Told(f"{said}. {over}", "note") if over else Told(said)
        if not climb.continues:
            return Told(f"the next climb has one of its own: {left}")
        measuring.refuse_spent(climb, caps)
        return Told(f"the next climb draws on what is left: {left}. {moves.ANOTHER}", "note")


def _server(workspace: Workspace) -> Told:
    try:
        with WorkspaceLock(workspace.lock, "autoagent doctor", workspace.root):
            return Told("none holds this workspace")
    except WorkspaceBusy as busy:
        return Told(busy.message.split(". Stop it")[0])


def _ledger(workspace: Workspace) -> Told:
    if not workspace.ledger.exists():
        return Told("none yet")
    try:
        text = workspace.ledger.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise WorkspaceError(f"{workspace.ledger} is not UTF-8.") from error
    rows = ledger.parse(text)
    if workspace.journal.exists():
        try:
            with closing(Journal(workspace.journal, read_only=True)) as journal:
                said = audit(journal, text).problems
        except JournalError:
            return Told("not compared: the journal is damaged", "skip")
        if differs := [problem for problem in said if problem.startswith("results.tsv")]:
            return Told(differs[0], "note")
    return Told(f"{len(rows)} rows")
