"""`autoagent export`: the journal as JSON."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_a_night_is_exported_with_tier_trials_verdicts_and_head(
    autoagent: Any, workspace: Path, climbed: Callable[[Path], None]
) -> None:
    climbed(workspace)

    code, found = autoagent.json("export", "--workspace", workspace)

    verified = autoagent.json("verify", "--workspace", workspace)[1]
    assert code == 0
    assert (found["head"], found["events"]) == (verified["head"], verified["events"])
    (climb,) = found["climbs"]
    assert climb["tier"].startswith("tier 0 (same user)")
    assert climb["tier"] == verified["tier"]
    assert climb["isolation"] == "sandbox"
    assert [row["status"] for row in climb["rows"]] == ["keep", "keep"]
    decided = [d["verdict"]["reason"] for e in climb["evaluations"] for d in e["decisions"]
               if d["verdict"]]  # fmt: skip
    assert decided == ["baseline", "passed_up"]
    by_id = {candidate["id"] for candidate in climb["candidates"]}
    assert {e["candidate"] for e in climb["evaluations"] if e["kind"] == "full"} <= by_id
    trials = [t for e in climb["evaluations"] if e["kind"] == "full" for t in e["trials"]]
    assert {t["task"] for t in trials} == set(climb["tasks"])


def test_nothing_to_export_is_told(autoagent: Any, workspace: Path) -> None:
    code, said = autoagent("export", "--workspace", workspace)
    assert code == 2
    assert "No climb was started" in said
