"""Tasks of several steps, written by tests."""

from collections.abc import Mapping
from pathlib import Path

from .conftest import TASK


def write_steps(
    task: Path, steps: Mapping[str, Mapping[str, str]], toml: str = "", *, shared: str = ""
) -> None:
    """A task whose steps have these files; `toml` stands above its tables."""
    (task / "environment").mkdir(parents=True)
    (task / "environment/Dockerfile").write_text("FROM autoagent-base\nWORKDIR /app\n")
    tables = "".join(
        f'\n[[steps]]\nname = "{name}"\n{step.get("toml", "")}' for name, step in steps.items()
    )
    (task / "task.toml").write_text(f"{toml}\n{TASK.format(name=task.name)}{tables}")
    for name, step in steps.items():
        files = {path: text for path, text in step.items() if path != "toml"}
        for path, text in files.items():
            _write(task / "steps" / name / path, text)
    if shared:
        _write(task / "tests/test.sh", shared)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def step(expected: str, *, toml: str = "", solved: str = "", **files: str) -> dict[str, str]:
    """A step that wants a word in /app/answer.txt; a part of it is worth 0.5."""
    return {
        "toml": toml,
        "instruction.md": f"Write {expected}\n",
        "tests/test.sh": (
            "#!/bin/bash\n"
            "said=$(cat /app/answer.txt 2>/dev/null)\n"
            f'case "$said" in {expected}) echo 1 ;; {expected}*) echo 0.5 ;; *) echo 0 ;; esac '
            "> /logs/verifier/reward.txt\n"
            'echo "said $said"\n'
        ),
        "solution/solve.sh": f"#!/bin/bash\necho {solved or expected} > /app/answer.txt\n",
        **files,
    }
