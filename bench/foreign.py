"""Tasks that nobody here wrote: which can be used where, and why the others cannot.

    .venv/bin/python bench/foreign.py [--clones 'PATTERN'] [--each] [--json]

Takes the repositories below at their commits (from GitHub, or from clones that are named by a
pattern such as `/clones/{owner}/{name}.git`), looks at every directory with a `task.toml` as
`autoagent doctor` would, and counts what is accepted in the sandbox as it is, once its base images
are there, and in containers, and the kinds of refusals. Nothing of a task is run, and nothing kept.
"""

import argparse
import hashlib
import io
import json
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import override

from rich.console import Console
from rich.table import Table

from autoagent.environments.kinds import kind_of
from autoagent.workspace.tasks.building.oci import ImageFacts
from autoagent.workspace.tasks.building.shelf import Shelf
from autoagent.workspace.tasks.inspect import inspect_task
from autoagent.workspace.tasks.variables import Host

REPOSITORIES = {
    "harbor-framework/harbor-cookbook": "e093c9a860b988d9d74901010ddddb9c7f124f92",
    "scaleapi/vero": "0b0e86764d836c456aee5b8dff80d765fdbba77c",
    "datacurve-ai/deep-swe": "435ee89ec2f2e2289f33b0da4f992f0b7b7266b9",
    "wxj630/terminal-bench-math-modeling": "5ef1a4ad4f0a6c8a492b11d233b29d4931c4a880",
    "XuanmiaoG/InfraBench": "fe6109f064aab649bc7c122d7d327543dcf9e1eb",
    "QuesmaOrg/harbor-workshop": "02e4bf0d03a62af0b0dcfcdc75d80d992aa2a6d1",
    "mpsuesser/effect-autoagent": "72927a3a31c7112d597cff64c8ed608a4a05e93e",
    "Kaggle/kaggle-benchmark-starter-template": "b8447fd63570908771572fbc35597e2923e6b98c",
}
"""Which commit of each."""


class EveryImage(Shelf):
    """Whatever a task starts from is there, and says no more than that it is an image."""

    @override
    def find(self, name: str) -> ImageFacts:
        return ImageFacts(id=hashlib.sha256(name.encode()).hexdigest(), place=Path("nowhere"))


ENVIRONMENTS = {
    "sandbox": ("sandbox", Host()),
    "with images": ("sandbox", Host(shelf=EveryImage())),
    "docker": ("docker", Host()),
}
"""The kind of environment, and what the host has."""


def unpacked(repository: str, commit: str, clones: str, place: Path) -> Path:
    """A commit's files, below a directory; one that the clone has not got is empty."""
    owner, name = repository.split("/")
    clone = clones.format(owner=owner, name=name) if clones else str(place / f"{name}.git")
    if not clones:
        url = f"https://github.com/{repository}"
        subprocess.run(["git", "clone", "--quiet", "--bare", url, clone], check=True)
    target = place / owner / name

    def git(*words: str, given: bytes = b"") -> bytes:
        command = ["git", f"--git-dir={clone}", *words]
        return subprocess.run(command, input=given, capture_output=True, check=True).stdout

    entries = [line.split(b"\t", 1) for line in git("ls-tree", "-rz", commit).split(b"\0") if line]
    facts = [(about.split(), path.decode()) for about, path in entries if b" blob " in about]
    answers = io.BytesIO(git("cat-file", "--batch", given=b"".join(f[2] + b"\n" for f, _ in facts)))
    for (mode, _, _), path in facts:
        said = answers.readline().split()
        data = b"" if said[-1] == b"missing" else answers.read(int(said[2]) + 1)[:-1]
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if mode == b"120000":
            file.symlink_to(data.decode())
        else:
            file.write_bytes(data)
            file.chmod(int(mode[-3:], 8))
    return target


def kinds(problems: tuple[str, ...]) -> Iterator[str]:
    """What is wrong, without whose it is: one line for all tasks that share it."""
    for problem in problems:
        said = problem.split(": ", 1)[-1]
        said = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\b\d+\b", "…", said)
        said = re.sub(r"^(FROM|COPY|RUN|ADD) \S+( AS \S+)?", r"\1 …", said)
        said = re.sub(r"(environment\.docker_image: )?(needs the image) .*", r"\2 …", said)
        yield f"{Path(problem.split(':')[0]).name}: {said[:90]}"


def main() -> None:
    """Look at all of them, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clones", default="", help="a pattern with {owner} and {name}")
    parser.add_argument("--each", action="store_true", help="a line for each task")
    parser.add_argument("--json", action="store_true", help="the counts alone")
    asked = parser.parse_args()
    accepted: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {name: Counter() for name in ENVIRONMENTS}
    each = Table("task", *ENVIRONMENTS)
    with tempfile.TemporaryDirectory() as scratch:
        for repository, commit in REPOSITORIES.items():
            root = unpacked(repository, commit, asked.clones, Path(scratch))
            counted = accepted.setdefault(repository, Counter())
            for toml in sorted(root.rglob("task.toml")):
                counted["tasks"] += 1
                cells: list[str] = []
                for name, (kind, host) in ENVIRONMENTS.items():
                    report = inspect_task(toml.parent, kind_of(kind).gives, host)
                    counted[name] += report.usable
                    reasons[name].update(set(kinds(report.problems)))
                    cells.append("accepted" if report.usable else "\n".join(report.problems))
                each.add_row(str(toml.parent.relative_to(scratch)), *cells)
    if asked.json:
        told = {"accepted": accepted, "reasons": reasons}
        print(json.dumps(told, indent=1))
        return
    console = Console(width=150, soft_wrap=False)
    if asked.each:
        console.print(each)
    table = Table("repository", "tasks", *ENVIRONMENTS)
    for repository, counted in accepted.items():
        table.add_row(repository, *(str(counted[c]) for c in ("tasks", *ENVIRONMENTS)))
    total = sum(accepted.values(), Counter[str]())
    table.add_row("all", *(str(total[c]) for c in ("tasks", *ENVIRONMENTS)), style="bold")
    console.print(table)
    for name in ENVIRONMENTS:
        table = Table("tasks", f"refused in {name} for")
        for reason, count in reasons[name].most_common(25):
            table.add_row(str(count), reason)
        console.print(table)


if __name__ == "__main__":
    main()
