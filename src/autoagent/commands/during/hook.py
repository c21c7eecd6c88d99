"""`autoagent hook`: what a coding agent's client asks at the turns of a night.

A session that means well is helped: it hears where the climb stands, that a frozen file is no
place to edit, and that nobody is there to answer. Nothing is decided here: who goes around
a hook meets the referee. The climb is known by the file that the server leaves in the workspace,
and only the standard library is imported, because a client waits for this at every edit.
The questions and answers are those of Claude Code's hooks.
"""

import hashlib
import json
import re
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from autoagent.commands.during.serve import workspace_root

Json = dict[str, Any]

PLUGINS, PROJECTS = "mcp__plugin_autoagent_autoagent__", "mcp__autoagent__"
"""How the client names the tools of the plugin's server, and of one that `.mcp.json` names."""
NOTES = ".agent"
MOVED = re.compile(
    rb'autoagent__(start_climb|commit_candidate|run_benchmark|append_result|finish_climb)",\s*"input"'
)
"""In a transcript: this session plays the climb, and was not opened to ask or mend something."""


def main() -> None:
    """Read a question from stdin and answer on stdout; what cannot be read has no answer.

    No exception leaves here: a hook that fails would be in the way of a session that has nothing
    to do with a climb.
    """
    with suppress(Exception):
        answer = answered(json.load(sys.stdin), workspace_root(None).resolve(), time.time())
        if answer is not None:
            json.dump(answer, sys.stdout)


def answered(asked: Json, root: Path, now: float) -> Json | None:
    """The answer to a hook's question, or None where the climb has nothing to say.

    Args:
        asked: The question, as the client puts it.
        root: The workspace, resolved.
        now: Unix time.

    Raises:
        OSError: No climb was started in this workspace.
    """
    event, tool = asked["hook_event_name"], asked.get("tool_name", "")
    if tool.startswith(PLUGINS) or (tool.startswith(PROJECTS) and _is_ours(root)):
        return _permission("allow", "a tool of this server's")
    status = json.loads((root / ".autoagent/status.json").read_bytes())
    match event:
        case "PreToolUse":
            return _edit(asked["tool_input"], root, status)
        case "Stop":
            return _stop(asked, root, status, now)
        case "SessionStart":
            told = {"hookEventName": event, "additionalContext": standing(root, status, now)}
            return {"hookSpecificOutput": told}
        case _:
            return None


def _is_ours(root: Path) -> bool:
    """Whether the project's server of our name is this very program, and not somebody else's.

    The client takes it in the place of the plugin's where both are the same command.
    """
    server: Json = json.loads((root / ".mcp.json").read_bytes())["mcpServers"]["autoagent"]
    program = Path(shutil.which(str(server["command"])) or "/").resolve()
    own = Path(sys.executable).with_name("autoagent").resolve()
    return program == own and server["args"][:1] == ["serve"]


def standing(root: Path, status: Json, now: float) -> str:
    """Where the climb stands, in a paragraph; with what to do now while it is played."""
    best, over = status["incumbent"], status["phase"] == "finished"
    score = best and f"{best['score']['passed']}/{best['score']['expected']}"
    told = [
        f"AutoAgent: climb {status['tag']} is {'over' if over else 'being played'}, "
        f"phase {status['phase']}, {status['rows']} ledger rows.",
        f"Incumbent {best['commit']} passes {score}; the baseline passed {best['baseline_passed']}."
        if best
        else "No baseline is measured yet.",
    ]
    if over:
        return " ".join([*told, status["worth"]])
    told += [f"Budget left: {_left(root, status, now)}. Next: {_next(root, status, now)}."]
    told += ["status() tells more; the plan, the ideas and what was tried are in program.md, "]
    return " ".join(told) + f"results.tsv and {NOTES}/."


def _stop(asked: Json, root: Path, status: Json, now: float) -> Json | None:
    """Send the session that plays the climb on, until the climb is over or is the human's turn.

    A client lets go by itself of a session that is sent on often and calls no tool.
    """
    call = _next(root, status, now)
    if status["phase"] == "finished" or "tell the human" in call:
        return None
    if not MOVED.search(Path(asked["transcript_path"]).read_bytes()):
        return None
    reason = (
        f"The climb {status['tag']} is not over (phase {status['phase']}; left: "
        f"{_left(root, status, now)}), and nobody is there to answer: decide yourself and go on. "
        f"Next: {call}. Only the human ends it early, by a file named STOP in {root}."
    )
    return {"decision": "block", "reason": reason}


def _edit(edit: Json, root: Path, status: Json) -> Json | None:
    """While a climb is played, only the candidate's own files are to be edited (rule R1)."""
    named = edit.get("file_path") or edit.get("notebook_path") or ""
    place = Path(root, named).resolve()
    if place.is_relative_to(status["state_directory"]):
        return _permission("deny", f"{named} is the referee's own: call its tools instead.")
    if status["phase"] == "finished" or not place.is_relative_to(root):
        return None
    file, harness = place.relative_to(root), status["harness"]
    candidate = f"the candidate is {harness} above the boundary and {NOTES}/"
    if file.parts[:1] == (NOTES,):
        return _permission("allow", candidate)
    if file == Path("results.tsv"):
        return _permission(
            "deny", f"{file} is written from the journal alone. append_result() writes a row."
        )
    if file != Path(harness):
        return _permission(
            "deny",
            f"{file} is frozen while climb {status['tag']} is played; {candidate}. If {file} is "
            "wrong, tell the human.",
        )
    if _keeps_fixed(_after(edit, place), status["fixed"]):
        return _permission("allow", candidate)
    return _permission(
        "deny",
        f"This changes the fixed section of {harness}, below the boundary, and would be refused. "
        "Edit above it; revert() puts the incumbent's file back.",
    )


def _after(edit: Json, place: Path) -> bytes:
    """The harness as it would be after an edit, or a whole new one."""
    if "content" in edit:
        return edit["content"].encode()
    count = -1 if edit.get("replace_all") else 1
    text = place.read_bytes().decode("utf-8", "surrogateescape")
    after = text.replace(edit["old_string"], edit["new_string"], count)
    return after.encode("utf-8", "surrogateescape")


def _keeps_fixed(source: bytes, fixed: Json) -> bool:
    length: int = fixed["bytes"]
    return hashlib.sha256(source[-length:]).hexdigest() == fixed["sha256"]


def _permission(decision: str, reason: str) -> Json:
    told = {"permissionDecision": decision, "permissionDecisionReason": f"AutoAgent: {reason}"}
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **told}}


def _next(root: Path, status: Json, now: float) -> str:
    """The call to make now; the clock and the human may have ended the climb since the last one."""
    call: str = status["next_calls"][0]
    stopped = (root / "STOP").exists() or now >= (status["until"] or now + 1)
    resting = status["phase"] in ("baseline_needed", "idle", "committed", "evaluated")
    return "finish_climb()" if stopped and resting else call


def _left(root: Path, status: Json, now: float) -> str:
    if (root / "STOP").exists():
        return "nothing, the human asks for the end (STOP)"
    if status["until"] and now >= status["until"]:
        return "no time"
    return status["budget_left"]


if __name__ == "__main__":
    main()
