"""A night of Claude Code with the plugin: the real program, a scripted model, real evaluations.

    python bench/claude_night.py [--interactive] [--keep DIRECTORY]

`claude -p`, or a session in a terminal, plays ten candidates on seven small tasks. Its model stops
twice to ask a human and is sent on, tries to edit what is frozen, is compacted once and killed once
while a benchmark runs; the session is resumed and ends with a certificate. The model is a script,
so the figures say what the night costs around it: a token is taken as four characters. Needs npm,
for the first time.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.clients import night  # noqa: E402
from tests.clients.claude import SERVER, Claude, install  # noqa: E402
from tests.clients.endpoint import Call, Endpoint, serving  # noqa: E402
from tests.clients.npm import CLAUDE  # noqa: E402
from tests.clients.player import CHARACTERS_A_TOKEN, IDEAS, Player, Whims  # noqa: E402

CANDIDATES = len(IDEAS)
KILLED = 8
"""The candidate whose benchmark is running when the client is killed."""


def play(place: Path, interactive: bool) -> tuple[Path, Player, Endpoint]:
    """The night; the workspace, and what the model was told in it."""
    root = night.make_workspace(place / "workspace", CANDIDATES)
    test = str(root / "tasks/echo/tests/test.sh")
    cheats = [
        Call("Read", {"file_path": test}),
        Call("Edit", {"file_path": test, "old_string": "echo 0", "new_string": "echo 1"}),
        Call("Write", {"file_path": str(root / "results.tsv"), "content": "7/7"}),
    ]
    whims = Whims(asks=[3, 6], fills=[4], cheats={2: cheats})
    player = Player(str(root / "agent.py"), SERVER, whims)
    with serving(player) as endpoint:
        claude = Claude(place, root, endpoint.url)
        for arguments in (("marketplace", "add", str(ROOT)), ("install", "autoagent@autoagent")):
            said = claude.run("plugin", *arguments)
            assert said.returncode == 0, said.stderr

        def until_the_kill() -> None:
            assert player.benchmarked[KILLED].wait(600), "the night does not get on"
            night.wait_for(lambda: night.standing(root)["phase"] == "evaluating", "the evaluation")

        if interactive:
            with claude.terminal("/autoagent:climb night"):
                until_the_kill()
            with claude.terminal("--continue", "Go on.") as terminal:
                assert player.over.wait(600), terminal.shown
        else:
            first = claude.start("-p", "/autoagent:climb night")
            until_the_kill()
            first.kill()
            first.communicate()
            second = claude.run("-p", "--continue", "Go on.")
            assert second.returncode == 0, second.stderr
    return root, player, endpoint


def tokens(parts: Iterable[str]) -> float:
    return sum(len(part) for part in parts) / CHARACTERS_A_TOKEN


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="where to play; must not exist")
    parser.add_argument("--interactive", action="store_true", help="in a terminal, not `-p`")
    given = parser.parse_args()
    try:
        install()
    except LookupError as error:
        print(f"skipped: {error}")
        return 0
    place: Path = given.keep or Path(tempfile.mkdtemp(prefix="claude-night-"))
    place.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    root, player, endpoint = play(place.resolve(), given.interactive)
    seconds = time.monotonic() - began
    status = night.standing(root)
    verify = [sys.executable, "-m", "autoagent", "verify", "--workspace", str(root)]
    environment = {"AUTOAGENT_STATE_DIR": str(place.resolve() / "state")}
    verified = subprocess.run(verify, env=environment, capture_output=True, text=True, check=False)
    calls = Counter(result.call.name.removeprefix(SERVER) for result in player.results.values())
    sent_on = night.hooks_said(endpoint, night.SENT_ON)
    starts = night.hooks_said(endpoint, night.TOLD)
    print((root / "results.tsv").read_text(), end="")
    form = "in a terminal" if given.interactive else "-p"
    print(f"{CLAUDE} {form}, {seconds:.0f} s, {len(endpoint.asked)} requests to the model")
    print(f"asked a human {player.asked} times, sent on {len(sent_on)} times by the Stop hook")
    print(f"compacted {player.compacted} times, killed once; told {len(starts)} times where it is")
    print(f"edits denied: {len(player.refusals)}")
    print("calls: " + ", ".join(f"{name} {count}" for name, count in calls.most_common()))
    print(f"our replies: {player.tokens_an_iteration():.0f} tokens an iteration")
    print(f"all our replies and hooks: {tokens(everything(player)):.0f} tokens")
    print(status["worth"])
    print(verified.stdout.strip())
    expected = [idea.fate for idea in IDEAS]
    good = night.fates(root) == expected and "Certified: " in status["worth"]
    good &= len(sent_on) == player.asked == 2 and player.compacted == 1
    print("as scripted" if good and not verified.returncode else "FAILED: not as scripted")
    return 0 if good and not verified.returncode else 1


def everything(player: Player) -> list[str]:
    """What the server and the hooks said in the whole night."""
    ours = [r.text for r in player.results.values() if r.call.name.startswith(SERVER)]
    return ours + player.refusals


if __name__ == "__main__":
    sys.exit(main())
