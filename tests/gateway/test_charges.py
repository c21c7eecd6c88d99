"""What an evaluation is charged: as metered, its judge besides, and what was lost."""

from contextlib import closing
from pathlib import Path

import pytest

from autoagent.evidence.events import TrialFinished, TrialLost, TrialStarted
from autoagent.evidence.journal import Journal
from autoagent.records import Trial
from autoagent.referee.evaluations import charge_of


def test_metered_costs_take_the_place_of_reservations_and_lost_ones_too(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "j.sqlite3")) as journal:
        for name in ("metered", "unpriced", "lost", "lost-unknown", "killed"):
            started = TrialStarted(trial=name, task="t", attempt=1, reserved_dollars=1.0)
            journal.append(started, "e1")
        for name, cost, judge in (("metered", 0.25, 0.5), ("unpriced", None, 0.125)):
            trial = Trial(
                id=name, task="t", attempt=1, outcome="passed", reward=1.0,
                cost_usd=cost, judge_cost_usd=judge,
            )  # fmt: skip
            journal.append(TrialFinished(trial=trial, directory=""), "e1")
        journal.append(TrialLost(trial="lost", cost_usd=0.0625), "e1")
        journal.append(TrialLost(trial="lost-unknown", cost_usd=None), "e1")

        charged = charge_of(journal, "e1")

    assert charged == pytest.approx((0.25 + 0.5) + (1.0 + 0.125) + 0.0625 + 1.0 + 1.0)
