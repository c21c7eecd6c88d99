"""Asks a model about the tone, through harbor-rewardkit; the facts have been checked before.

Where the judge gave no answer there is no reward at all: a judge that is out is not a bad
tone. `unjudged.txt` then says why, for whoever decides what such a trial is worth.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

RUBRIC = Path("/tests/tone")
PACKAGES = Path("/verifier")
"""Where the environment, or the image, keeps the packages that verifiers may import."""
LOGS = Path("/logs/verifier")
SECONDS = 150
GIVEN = (
    "PATH",
    "LANG",
    "LD_LIBRARY_PATH",
    "OPENAI_BASE_URL",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_BASE",
    "ANTHROPIC_API_KEY",
)
"""What rewardkit finds of the environment; LiteLLM reads where the judge is."""


def main() -> None:
    """Write the judge's reward, or say that there is none."""
    if not os.environ.get("OPENAI_BASE_URL"):
        unjudged("no judge: OPENAI_BASE_URL is not set for verifiers")
    if not (PACKAGES / "rewardkit").is_dir():
        unjudged(f"no judge: harbor-rewardkit is not in {PACKAGES}")
    with tempfile.TemporaryDirectory() as scratch:
        reward, details = ask(Path(scratch))
    for part in (c for name in details for c in criteria(details[name])):
        if part.get("error"):  # rewardkit writes 0 for a judge that ran out of time
            unjudged(f"the judge gave no answer: {part['error']}")
        print(
            "ok  " if part["value"] >= 1 else "FAIL", part["name"], "-", part.get("reasoning", "")
        )
    (LOGS / "tone.json").write_text(json.dumps(details, indent=1))
    passed = int(reward >= 1)
    (LOGS / "reward.txt").write_text(f"{passed}\n")
    (LOGS / "reward.json").write_text(json.dumps({"reward": passed}) + "\n")


def ask(scratch: Path) -> tuple[float, dict[str, dict]]:
    """Run rewardkit. It sees nothing that the harness could have written, but the answer.

    Not the working directory, not a home directory, no `.env` that litellm would read.
    """
    out = scratch / "reward.json"
    environment = {name: os.environ[name] for name in GIVEN if name in os.environ}
    environment |= {
        "HOME": str(scratch),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "PRODUCTION",
        "PYTHONPATH": str(PACKAGES),
        "REWARDKIT_JUDGE": os.environ.get("JUDGE_MODEL", ""),
    }
    command = [sys.executable, "-sPB", "-m", "rewardkit", str(RUBRIC), "--output", str(out)]
    try:
        done = subprocess.run(
            command, cwd=scratch, env=environment, timeout=SECONDS, capture_output=True, text=True
        )
    except subprocess.TimeoutExpired:
        unjudged(f"the judge gave no answer within {SECONDS} s")
    if done.returncode != 0 or not out.is_file():
        said = [line.strip(" |+-") for line in done.stderr.splitlines()]  # tracebacks of groups
        told = next((line for line in reversed(said) if line), "rewardkit said nothing")
        unjudged(f"the judge gave no answer: {told[:300]}")
    details = json.loads(out.with_name("reward-details.json").read_text())
    return json.loads(out.read_text())["reward"], details


def criteria(detail: dict) -> list[dict]:
    """What rewardkit says about each criterion, and about text that was meant for the judge."""
    flagged = detail.get("guard", {}).get("flagged")
    guard = {"name": "not written for the judge", "value": not flagged}
    return [*detail["criteria"], guard]


def unjudged(why: str) -> NoReturn:
    """End without a reward."""
    print("NONE", why)
    (LOGS / "unjudged.txt").write_text(f"{why}\n")
    sys.exit(3)


if __name__ == "__main__":
    main()
