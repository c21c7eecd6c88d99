"""Other people's clients play a small climb: what each calls, and what our replies cost it.

    .venv/bin/python bench/clients.py [codex opencode gemini] [--keep DIRECTORY]

Codex, opencode and Gemini CLI from npm, each in a fresh home that trusts a copy of
examples/quickstart with what `autoagent init` writes for clients, and nothing else. Their model is
a scripted endpoint on this machine: it reads program.md, plays the baseline and one candidate,
edits with the client's own tool, and finishes. Needs npm; fetches about 900 MB into .tools once.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import tests.clients.forms  # noqa: E402
from tests.clients import npm  # noqa: E402
from tests.clients.endpoint import Answer, Asked, Call, Result, serving  # noqa: E402

from autoagent.commands.before.init import make_workspace  # noqa: E402
from autoagent.commands.during.demo_script import load_edits  # noqa: E402

QUICKSTART = ROOT / "examples/quickstart"
EDIT = load_edits(QUICKSTART / "edits.toml")[0]
PROMPT = "Read program.md, then climb until morning."
CHARACTERS_A_TOKEN = 4
LONGEST_SECONDS = 300


class Client(NamedTuple):
    """A client: what its home holds once its user has logged in, how it starts, how it edits.

    These name `{url}`, the scripted model, in place of the client's own, and `{workspace}`;
    `prefix` is what it puts before our tools' names.
    """

    package: str
    home: tuple[str, str]
    environment: Mapping[str, str]
    command: tuple[str, ...]
    prefix: str
    edit: Callable[[Path, str, str], list[Call]]


def codex_edit(harness: Path, old: str, new: str) -> list[Call]:
    """In its shell: its model has no edit tool."""
    change = f"s = s.replace({old!r}, {new!r})"
    code = f"p = {harness.name!r}; s = open(p).read(); {change}; open(p, 'w').write(s)"
    return [Call("exec_command", {"cmd": f"python3 - <<'END'\n{code}\nEND"})]


def opencode_edit(harness: Path, old: str, new: str) -> list[Call]:
    """It wants a file read before it is edited."""
    edit = {"filePath": str(harness), "oldString": old, "newString": new}
    return [Call("read", {"filePath": str(harness)}), Call("edit", edit)]


def gemini_edit(harness: Path, old: str, new: str) -> list[Call]:
    """It wants to be told why."""
    edit = {"file_path": str(harness), "old_string": old, "new_string": new}
    return [Call("replace", edit | {"instruction": EDIT.description})]


CODEX_MODEL = (
    'model_providers.scripted={name="scripted",base_url="{url}/v1",'
    'env_key="OPENAI_API_KEY",wire_api="responses"}'
)
OPENCODE_MODEL = json.dumps(
    {
        "model": "scripted/model",
        "provider": {
            "scripted": {
                "npm": "@ai-sdk/openai-compatible",
                "models": {"model": {}},
                "options": {"baseURL": "{url}/v1", "apiKey": "none"},
            }
        },
    }
)
GEMINI_LOGIN = '{"security": {"auth": {"selectedType": "gemini-api-key"}}}'
CLIENTS = {
    "codex": Client(
        npm.CODEX,
        (".codex/config.toml", '[projects."{workspace}"]\ntrust_level = "trusted"\n'),
        {"OPENAI_API_KEY": "none"},
        (
            "codex",
            "exec",
            "-c",
            CODEX_MODEL,
            "-c",
            "model_provider=scripted",
            "-m",
            "gpt-5",
            PROMPT,
        ),
        "mcp__autoagent.",
        codex_edit,
    ),
    "opencode": Client(
        npm.OPENCODE,
        (".none", ""),
        {"OPENCODE_CONFIG_CONTENT": OPENCODE_MODEL, "OPENCODE_DISABLE_MODELS_FETCH": "1"},
        ("opencode", "run", PROMPT),
        "autoagent_",
        opencode_edit,
    ),
    "gemini": Client(
        npm.GEMINI,
        (".gemini/settings.json", GEMINI_LOGIN),
        {
            "GEMINI_API_KEY": "none",
            "GOOGLE_GEMINI_BASE_URL": "{url}",
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        },
        (
            "gemini",
            "--approval-mode",
            "auto_edit",
            "--model",
            "gemini-2.5-flash",
            "--prompt",
            PROMPT,
        ),
        "mcp_autoagent_",
        gemini_edit,
    ),
}


class Player:
    """The scripted model: it knows one edit and what the tools reply, however a client shows it."""

    def __init__(self, client: Client, harness: Path) -> None:
        """Play through this client; `calls` are our tools' and what the model was shown of each."""
        self.client, self.harness = client, harness
        self.calls: list[tuple[str, str]] = []
        self._edits = [
            call
            for part in EDIT.replacements
            for call in client.edit(harness, part.find, part.replacement)
        ]
        self._committed = False

    def __call__(self, asked: Asked) -> Answer:
        """What it says next."""
        prefix = self.client.prefix
        if f"{prefix}status" not in asked.tools:
            return Answer("A climb")  # a title for the session, say
        last = asked.heard[-1]
        if not isinstance(last, Result):
            return self._ours("status")
        name = last.call.name
        if not name.startswith(prefix):
            return self._edit()
        self.calls.append((name.removeprefix(prefix), last.text))
        if name.endswith("status"):
            return self._ours("read_file", path="program.md")
        step = re.search(r"next_calls\W+(?:\d+\W+)?(\w+)\(", last.text) or re.search(
            r"(?:next_step|Next)\W+(\w+)\(", last.text
        )
        if step is None or re.search(r"phase\W+finished", last.text):
            return Answer(last.text if step is None else "The climb is over.")
        if step[1] == "start_climb":
            return self._ours(step[1], tag="night")
        if step[1] != "commit_candidate":
            return self._ours(step[1])
        return self._ours("finish_climb") if self._committed else self._edit()

    def _edit(self) -> Answer:
        if self._edits:
            return Answer("", [self._edits.pop(0)])
        self._committed = True
        return self._ours("commit_candidate", description=EDIT.description)

    def _ours(self, name: str, **arguments: str) -> Answer:
        return Answer("", [Call(f"{self.client.prefix}{name}", arguments)])


def play(name: str, place: Path) -> dict[str, Any]:
    """One client's climb below an empty directory; what it did."""
    client, workspace, home = CLIENTS[name], place / "workspace", place / "home"
    leftovers = shutil.ignore_patterns("__pycache__", ".autoagent", "results.tsv", "edits.toml")
    shutil.copytree(QUICKSTART, workspace, ignore=leftovers)
    make_workspace(workspace)
    player = Player(client, workspace / "agent.py")
    with serving(player) as endpoint:

        def filled(text: str) -> str:
            return text.replace("{url}", endpoint.url).replace("{workspace}", str(workspace))

        file = home / client.home[0]
        file.parent.mkdir(parents=True)
        file.write_text(filled(client.home[1]))
        path = f"{Path(sys.executable).parent}:{npm.path_with(client.package)}"
        given = {"HOME": str(home), "PATH": path, "TERM": "dumb", "LANG": "C.UTF-8"}
        given |= {
            key: text.replace("{url}", endpoint.url) for key, text in client.environment.items()
        }
        command = [part.replace("{url}", endpoint.url) for part in client.command]
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=workspace, env=given, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=LONGEST_SECONDS, check=False,
        )  # fmt: skip
        seconds = time.monotonic() - began
    (place / "said.txt").write_text(done.stdout + done.stderr)
    transcript = "".join(f"## {tool}\n{text}\n\n" for tool, text in player.calls)
    (place / "transcript.md").write_text(transcript)
    tokens = [len(text) / CHARACTERS_A_TOKEN for _, text in player.calls]
    names = [tool for tool, _ in player.calls]
    iteration = (
        slice(names.index("commit_candidate"), -1) if "commit_candidate" in names else slice(0)
    )
    ledger = workspace / "results.tsv"
    return {
        "client": name,
        "exit": done.returncode,
        "seconds": round(seconds, 1),
        "model_requests": len(endpoint.asked),
        "calls": names,
        "reply_tokens": round(sum(tokens)),
        "iteration_tokens": round(sum(tokens[iteration])),
        "ledger": ledger.read_text().splitlines() if ledger.exists() else [],
        "said": (done.stdout + done.stderr)[-500:],
    }


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help=", ".join(CLIENTS))
    assert tests.clients.forms.FORMS  # importing them adds them to the endpoint's
    parser.add_argument("--keep", type=Path, help="a new directory for workspaces and transcripts")
    given = parser.parse_args()
    place = given.keep or Path(tempfile.mkdtemp(prefix="autoagent-clients-"))
    for name in given.clients or CLIENTS:
        try:
            (place / name).mkdir(parents=True)
            facts = play(name, place / name)
        except LookupError as reason:
            print(f"{name}: skipped, {reason}")
            continue
        rows = facts["ledger"][1:]
        print(
            f"{name}: {len(facts['calls'])} calls of our tools, {facts['reply_tokens']} tokens of "
            f"replies, {facts['iteration_tokens']} for the iteration, {facts['seconds']} s"
        )
        print(f"  {' '.join(facts['calls'])}")
        for row in rows:
            print("  " + "  ".join(row.split("\t")))
        if "finish_climb" not in facts["calls"] or len(rows) < 2:
            print(f"  did not finish (exit {facts['exit']}): {facts['said']}")
    if given.keep is None:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
