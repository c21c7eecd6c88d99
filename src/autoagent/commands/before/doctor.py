"""`autoagent doctor`: what keeps this machine or this workspace from a night, and the remedy.

One check is one row. Nothing is changed but the state directory, which is made where it
is missing; a server that is running meanwhile is not disturbed.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cache
from pathlib import Path

from autoagent.commands.after.verify import EDITED, STALE, audit
from autoagent.commands.before import machine, suite
from autoagent.commands.before.rows import Check, Told, checked
from autoagent.config import FILE_NAME, Config, load_config
from autoagent.environments.kinds import kind_of
from autoagent.errors import AutoAgentError, JournalError, WorkspaceBusy, WorkspaceError
from autoagent.evidence import ledger
from autoagent.evidence.events import ClimbStarted, EvaluationFinished
from autoagent.evidence.journal import Journal
from autoagent.evidence.position import Position
from autoagent.files import read_regular
from autoagent.gate.noise import advice, recommended, seen
from autoagent.gateway.plan import plan
from autoagent.gateway.preflight import ask
from autoagent.gateway.ready import model_row
from autoagent.installed import restoring
from autoagent.records import Spent
from autoagent.referee import budget, measuring, moves
from autoagent.referee.candidates import Baseline, baseline_draft
from autoagent.referee.climb import Climb
from autoagent.referee.telling.reading import NIGHT
from autoagent.worker.detached import DetachedEngine
from autoagent.workspace.git.projection import Projection
from autoagent.workspace.git.user_repo import UserRepo
from autoagent.workspace.layout import Workspace, WorkspaceLock, open_workspace
from autoagent.workspace.state import DAMAGED, POINTER, state_directory
from autoagent.workspace.tasks.variables import Host
from autoagent.workspace.tier import peer_of, tier

FREE_BYTES_NEEDED = 1024**3


def examine(root: Path) -> list[Check]:
    """Check the machine, then the workspace at `root`; every check is made, whatever fails."""
    loaded = _loaded(root)
    config = loaded or Config()
    checks = [
        checked("python", machine.python, "install Python 3.12 or newer"),
        _packages(),
        checked("git", machine.git, "install git"),
        checked(
            "sandbox",
            lambda: machine.sandbox(config),
            "allow unprivileged user namespaces; see the message",
        ),
        checked(
            "environment",
            lambda: machine.environment(config),
            f"correct benchmark.environment in {FILE_NAME}, or start what it names",
        ),
        checked("bounds", machine.bounds, "none; trials run without them"),
        checked(
            "python for tasks",
            lambda: machine.task_python(config),
            "run AutoAgent with a Python that uv installed",
        ),
        checked(
            "config",
            lambda: _config(root),
            f"correct {root / FILE_NAME}" if root.is_dir() else "name a directory: --workspace",
        ),
        checked("state directory", lambda: _state(root, loaded)),
    ]
    try:
        workspace = open_workspace(root)
    except AutoAgentError:
        names = ("repository", "program", "harness", "model", "tasks", "holdout", "budget")
        names += ("gate", "journal", "night", "server", "results.tsv")
        checks += [Check(name=n, state="skip", detail="mend the rows above first") for n in names]
    else:
        checks += _workspace_checks(workspace)
    start = "start Docker, then `autoagent image build`"
    return [*checks, checked("docker", lambda: machine.docker(root, config), start)]


def _packages() -> Check:
    fix = "`make install` in a checkout"
    with suppress(OSError):
        fix = restoring()
    return checked("packages", machine.packages, fix)


def _workspace_checks(workspace: Workspace) -> list[Check]:
    harness = workspace.harness
    mend = f"correct {harness}" if harness.exists() else f"`autoagent init {workspace.root}`"
    baseline = cache(lambda: baseline_draft(workspace))  # read once, for four rows
    host = suite.host_for(workspace, baseline)
    return [
        checked("repository", lambda: _repository(workspace), _mending_repository),
        checked(
            "program", lambda: _program(workspace), "write what the agent is for to program.md"
        ),
        checked("harness", lambda: _harness(workspace, baseline), mend),
        checked("model", lambda: _model(workspace, baseline)),
        *suite.task_rows(workspace, host),
        *suite.holdout_rows(workspace, host),
        checked("budget", lambda: _budget(workspace, host)),
        checked("gate", lambda: _gate(workspace), f"correct {FILE_NAME}"),
        checked("tier", lambda: _tier(workspace), f"keep {workspace.state} to its owner"),
        checked("journal", lambda: _journal(workspace), _mending_journal(workspace)),
        checked("night", lambda: _night(workspace), "`autoagent renew`, before you go to bed"),
        checked("server", lambda: _server(workspace), f"see who owns {workspace.lock}"),
        checked("results.tsv", lambda: _ledger(workspace), "delete it; the next server writes it"),
    ]


def _mending_journal(workspace: Workspace) -> str:
    state, pointer = workspace.state, workspace.output / POINTER
    aside = f"{state}{DAMAGED}"
    return f"to begin anew: `mv {state} {aside} && rm {pointer}`; what was measured stays there"


def _mending_repository(said: str) -> str:
    """The remedy for what is wrong with the repository: each has its own."""
    if "no git repository" in said:
        return "`git init && git add -A && git commit -m start` in the workspace"
    if "no commit yet" in said:
        return "`git add -A && git commit -m start`"
    if "the tree is dirty" in said:
        return "`git add -A && git commit -m WHY`, or `git stash -u`"
    if "began with" in said:
        return "`git restore` those files; the climb's own changes are agent.py and .agent/"
    return ""


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
    if not data.strip():
        raise WorkspaceError(f"{workspace.program} is empty.")
    if workspace.stop_file.exists():
        told = f"{workspace.stop_file} is there: nothing starts while it is; remove it to climb"
        return Told(told, "note")
    return Told(f"program.md, {len(data)} bytes")


def _harness(workspace: Workspace, baseline: Callable[[], Baseline]) -> Told:
    draft, split, model = baseline()
    said = f"{workspace.harness.name}: boundary at line {split.line}, model {model or 'not pinned'}"
    if draft.warnings:
        return Told(f"{said}; {'; '.join(draft.warnings)}", "note")
    return Told(said)


def _model(workspace: Workspace, baseline: Callable[[], Baseline]) -> Told:
    try:
        draft, _, model = baseline()
    except AutoAgentError:
        return Told("mend the harness first", "skip")
    config = workspace.config
    told = Told(*model_row(config, model, workspace.root, draft.output_limits))
    if not config.gateway.preflight:
        return Told(f"{told.detail}; not asked (gateway.preflight)", told.state)
    passing = ask(plan(config, model, workspace.root))
    return Told("; ".join([told.detail, *passing]), "note") if passing else told


def _budget(workspace: Workspace, host: Host | None) -> Told:
    """Whether the next climb can begin: of a night of its own, or of what is left of this one."""
    try:
        usable = suite.usable(workspace, host)
    except AutoAgentError:
        return Told("mend the tasks first", "skip")
    if workspace.journal.exists():
        with closing(Journal(workspace.journal, read_only=True)) as journal:
            climb = Climb(workspace, DetachedEngine(workspace.evaluations), journal)
            if climb.position.phase not in ("new", "finished"):
                return Told(f"the climb {climb.position.tag} is being played", "skip")
            if climb.continues:
                caps = climb.caps_of(workspace.config)
                climb.workspace = workspace.replace(
                    config=workspace.config.model_copy(update={"budget": caps})
                )
                measuring.refuse_short(climb, *usable)
                return Told("what is left of the night has room for a baseline and a certification")
    told = budget.require_enough(workspace.config, workspace.config.budget, *usable)
    return Told(told or "no dollars are reserved for a trial")


def _gate(workspace: Workspace) -> Told:
    """Which gate the next climb has, and which its last baseline speaks for."""
    rule = workspace.config.gate.rule
    found = None
    if workspace.journal.exists():
        with closing(Journal(workspace.journal, read_only=True)) as journal:
            ended = journal.of_kind(EvaluationFinished)
            found = next((e.event.noise for e in reversed(ended) if e.event.noise), None)
    if found is None or not (told := advice(found, rule)):
        return Told(f"{rule}; `autoagent calibrate --gate` measures whether another finds more")
    state = "ok" if recommended(found) == rule else "note"
    return Told(f"{rule}. {seen(found, NIGHT)[0]} {told}", state)


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
                found = audit(journal, text)
        except JournalError:
            return Told("not compared: the journal is damaged", "skip")
        if said := [each for each in (EDITED, STALE) if each in (*found.problems, *found.flags)]:
            return Told(said[0], "note")
    return Told(f"{len(rows)} rows")
