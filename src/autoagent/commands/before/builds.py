"""What `autoagent doctor` builds: tasks' Dockerfiles that run commands, in the sandbox.

All else in a Dockerfile is read. Whether a command works where the system is read-only, or root is
the only user, shows when it runs; a night finds out after its tasks were frozen.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from autoagent.commands.before.rows import Check, Told, checked
from autoagent.commands.during.run import Alone
from autoagent.environments.kinds import kind_of
from autoagent.errors import TaskError
from autoagent.worker.host import shelf_of
from autoagent.workspace.layout import Workspace
from autoagent.workspace.tasks.building.dockerfile import read_dockerfile
from autoagent.workspace.tasks.building.recipe import Run
from autoagent.workspace.tasks.building.shelf import Shelf


def build_rows(workspace: Workspace, usable: Sequence[str]) -> Iterator[Check]:
    """A row where there is something to build: containers are built by others, in their way."""
    if "containers" in kind_of(workspace.config.benchmark.environment).gives:
        return
    shelf = shelf_of(workspace)
    building = [name for name in usable if _runs(workspace.tasks / name, shelf)]
    if building:
        yield checked("builds", lambda: _built(workspace, building))


def _runs(task: Path, shelf: Shelf) -> bool:
    with suppress(TaskError, OSError):  # none, or it is another image that the task names
        steps = read_dockerfile(task / "environment/Dockerfile", shelf).steps
        return any(isinstance(step, Run) for step in steps)
    return False


def _built(workspace: Workspace, tasks: Sequence[str]) -> Told:
    """Build them, and do nothing in them.

    Raises:
        TaskError: A line for each that cannot be built, with the builder's last words.
        AutoAgentError: They cannot be run at all.
    """
    alone = Alone(workspace.root, tasks, "noop")
    failed = [t.detail for t in alone.measure(lambda _: None).trials if t.outcome == "void"]
    if failed:
        failed.append("Mend what it says, or run these tasks in containers (docs/sandbox.md).")
        raise TaskError("\n".join(failed))
    count = len(tasks)
    return Told(f"{count} Dockerfile{'s'[: count != 1]} with commands, built in the sandbox")
