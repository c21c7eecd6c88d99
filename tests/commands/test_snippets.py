"""What README and docs tell a user to type works as it is written there."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli

from autoagent.config import Config

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
CLAUDE = """#!{python}
import asyncio, json
from pathlib import Path
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

async def main():
    server = json.loads(Path(".mcp.json").read_text())["mcpServers"]["autoagent"]
    asked = StdioServerParameters(command=server["command"], args=server["args"])
    async with Client(stdio_client(asked)) as client:
        print((await client.call_tool("status", {{}})).structured_content["phase"])

asyncio.run(main())
"""
"""A client that does what Claude Code does first: it starts what `.mcp.json` names, here."""


def snippets(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)


def lines() -> Iterator[Any]:
    for page in PAGES:
        for line in "".join(snippets(page, "bash")).splitlines():
            if line.startswith(("docker ", "npx ")):  # a command of theirs, which has ours in it
                continue
            if found := re.match(r"(?:.* )?autoagent ([a-z].*?)(?: +#.*)?$", line):
                yield pytest.param(found[1], id=f"{page.name}: {found[1]}")


@pytest.mark.slow
def test_the_readme_leads_from_a_fresh_clone_in_a_fresh_home_to_a_client(tmp_path: Path) -> None:
    """Its first two snippets, word for word; only the packages are those fetched before.

    The demo ends well only where each verdict is the scripted one: rules R2, R5, R6, R7.
    """
    clone, workspace = snippets(ROOT / "README.md", "bash")[:2]
    clone = clone.replace("<this repository>", str(committed(tmp_path)))
    (tmp_path / "bin").mkdir()
    client = tmp_path / "bin/claude"
    home = tmp_path / "home"
    python = home / ".local/share/uv/tools/autoagent-mcp/bin/python"
    client.write_text(CLAUDE.format(python=python))
    client.chmod(0o755)
    own = ("XDG_", "AUTOAGENT_", "CLAUDE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    cache = os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache/uv"

    done = subprocess.run(
        ["bash", "-euc", clone + workspace],
        cwd=tmp_path,
        env=kept
        | {"HOME": str(home), "UV_CACHE_DIR": str(cache), "TMPDIR": str(tmp_path)}
        | {"PATH": f"{client.parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=560,  # beside other tests it takes four minutes
        check=False,
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert re.search(r"^baseline +3/14 passed\nfinal +12/14 passed", done.stdout, re.M)
    assert "Ready." in done.stdout
    assert done.stdout.splitlines()[-1] == "new"
    assert {path.name for path in home.iterdir()} >= {".local", "my-agent"}


def committed(place: Path) -> Path:
    """This checkout as it stands, as a repository to clone from."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    there = b"\0".join(name for name in listed.split(b"\0") if (ROOT / os.fsdecode(name)).is_file())
    repository = place / "repository"
    repository.mkdir()
    copy = ["cp", "--parents", "-t", str(repository), *map(os.fsdecode, there.split(b"\0"))]
    subprocess.run(copy, cwd=ROOT, check=True)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "as it stands"]):
        user = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
        subprocess.run(["git", *user, *command], cwd=repository, check=True)
    return repository


@pytest.mark.parametrize("command", [*lines()])
def test_a_command_in_the_docs_is_one_of_ours_with_its_options(
    autoagent: Any, command: str
) -> None:
    words = command.split()
    verbs = words[: 2 if words[0] in ("image", "tasks") else 1]

    code, help_text = autoagent(*verbs, "--help")

    assert code == 0
    options = {word.split("=")[0] for word in words if word.startswith("--")}
    assert {option for option in options if option not in help_text} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_rule_in_the_docs_is_one_of_autoagent_toml(page: Path) -> None:
    """The other TOML there is of clients and of the stand-in's rules."""
    for snippet in snippets(page, "toml"):
        tables = tomli.loads(snippet)
        if tables.keys() <= Config.model_fields.keys():
            Config.model_validate(tables)


def test_the_files_that_contributing_names_are_there() -> None:
    told = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"(?:tests|src|docs|bench)/[\w./-]*\w|\.ci/\w+", told))
    assert {"tests/workspace/boundary.toml", ".ci/run"} <= named
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]
