"""Plays the answers of the example tasks in milliseconds: their tools and verifiers, no container.

Bash runs an answer as a container's would. The tool's file is a function there that hands its
arguments to the tool itself, which is loaded once; so is what the verifiers import. `/app` is a
directory of the test's. What a sandbox adds is tested with the solutions, through Harbor.
"""

import contextlib
import io
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Generator
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ASK = """
function {path} {{
  local code said
  printf '%s\\0' $# "$@" >&{ask}
  IFS= read -r -d '' code <&{told}
  IFS= read -r -d '' said <&{told}
  printf '%s' "$said"
  return "$code"
}}
"""


class Suite:
    """The tasks of one workspace, with its support tool and what its verifiers share.

    `place`: a directory of its own, where `/app` is.
    """

    def __init__(self, workspace: Path, name: str, place: Path) -> None:
        self.tasks = sorted(path.parent for path in workspace.glob("tasks/*/task.toml"))
        self.app, self.name = place / "app", name
        self.backend = workspace / "backend/tests"
        shutil.copytree(workspace / "base/app", self.app)
        with _importing(self.app):
            self.desk: Any = __import__("desk")
            loader = SourceFileLoader(f"tool_{name}", str(self.app / name))
            spec = spec_from_loader(loader.name, loader)
            assert spec is not None
            module = module_from_spec(spec)
            loader.exec_module(module)
        self.tool: Any = module.tool
        self.desk.make_database(str(place / "new.db"), str(self.app / "rows.sql"))
        self.new = (place / "new.db").read_bytes()
        self.database = self.app / f"{name}.db"

    def call(self, *argv: str) -> tuple[int, str]:
        """Call the tool: its exit code and what it prints."""
        with contextlib.redirect_stdout(io.StringIO()) as said:
            code = self.tool.main([*argv])
        return code, said.getvalue()

    def play(self, script: str) -> None:
        """Run an answer's script in an environment as it is before any agent came."""
        self.database.write_bytes(self.new)
        ask_r, ask_w = os.pipe()
        told_r, told_w = os.pipe()
        tool = ASK.format(path=self.app / self.name, ask=ask_w, told=told_r)
        script = tool + script.replace("/app/", f"{self.app}/")
        command = ["bash", "-c", script]
        quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        with subprocess.Popen(command, pass_fds=(ask_w, told_r), **quiet, cwd=self.app):
            os.close(ask_w)
            os.close(told_r)
            with open(ask_r, "rb", closefd=True) as asked, open(told_w, "wb") as told:  # noqa: PTH123
                while count := _word(asked):
                    code, said = self.call(*(_word(asked) for _ in range(int(count))))
                    told.write(f"{code}\0{said}\0".encode())
                    told.flush()

    def passes(self, task: Path) -> tuple[bool, str]:
        """What the task's own test.py says of what was left, before any judge; and its lines."""
        said = io.StringIO()
        with _importing(self.backend), contextlib.redirect_stdout(said):
            check: Any = __import__("check")
            check.APP, check.LOGS = self.app, self.app / "no-logs"
            try:
                runpy.run_path(str(task / "tests/test.py"))
            except SystemExit as end:
                return end.code == 0, said.getvalue()
        raise AssertionError(f"{task.name}: test.py did not decide")


def _word(stream: Any) -> str:
    """Up to the next NUL."""
    found = bytearray()
    while (byte := stream.read(1)) not in (b"", b"\0"):
        found += byte
    return found.decode()


_loaded: dict[Path, dict[str, Any]] = {}


@contextlib.contextmanager
def _importing(directory: Path) -> Generator[None]:
    """Modules of this directory are imported by their bare names, and only here."""
    kept = _loaded.setdefault(directory, {})
    sys.path.insert(0, str(directory))
    sys.modules.update(kept)
    before = set(sys.modules)
    try:
        yield
    finally:
        sys.path.remove(str(directory))
        for name in {*kept, *(set(sys.modules) - before)}:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).parent == directory:
                kept[name] = sys.modules.pop(name)
