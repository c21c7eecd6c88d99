"""Nothing is lost to a kill or a power cut: a few of the points that `make torture` takes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CLEAN = {"stuck": 0, "lost": 0, "different": 0, "left over": 0, "exit code": 0}


def told(script: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, f"bench/{script}.py", "--json", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    if done.returncode == 2:
        pytest.skip(done.stderr.strip())
    assert done.returncode in (0, 1), done.stderr  # 1: it found something, which the report has
    return {**json.loads(done.stdout), "exit code": done.returncode}


@pytest.mark.slow
def test_a_climb_whose_server_is_killed_ends_as_one_that_nobody_disturbed() -> None:
    """Some of its calls, and as many of those by which servers recover as there is time for."""
    report = told("torture", "--every", "100", "--again", "30", "--minutes", "1.5")

    assert report | CLEAN == report
    assert report["points"] > 10


@pytest.mark.slow
def test_what_a_reply_told_is_there_after_a_power_cut() -> None:
    report = told("power", "--every", "300")

    assert report | CLEAN == report
    assert report["points"] >= 5


@pytest.mark.slow
def test_a_disk_that_fills_in_the_middle_of_any_call_is_named_and_the_climb_goes_on() -> None:
    """The same server makes the same call once there is room; it ends as if nothing had been."""
    report = told("full_disk", "--every", "31", "--climbs", "1")

    assert report | CLEAN | {"unnamed": 0, "died": 0} == report
    assert report["points"] > 15 and report["refused"] > 10


@pytest.mark.slow
def test_a_worker_that_is_killed_charges_each_call_once() -> None:
    report = told("worker_torture", "--every", "100")

    assert report["points"] >= 2
    assert report | CLEAN | {"charged": 0} == report


@pytest.mark.slow
def test_the_same_torture_finds_fault_with_a_flow_that_has_no_referee() -> None:
    report = told("naive", "--every", "64")

    assert report["wrong"] > 0
    assert report["exit code"] == 0
