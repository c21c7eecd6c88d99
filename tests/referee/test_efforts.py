"""How hard a model may think is frozen as the baseline asks it, or told with its price."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, override

import pytest

from autoagent.gate.agenda import Slot
from autoagent.records import ModelUse, Trial
from autoagent.referee.referee import Referee
from autoagent.worker.engine import EvaluationSpec
from autoagent.worker.scripted import Script, ScriptedEngine

from .. import conftest
from . import playing

CONFIG = """\
[harness]
model = "gpt-5"
{more}
[gateway]
preflight = false
[gateway.openai]
base_url = "http://127.0.0.1:1/v1"
[certify]
passes = 1
"""
ASKS = conftest.HARNESS.replace('"rules"', '"gpt-5"')
LOW, HIGH = "gpt-5: effort=low", "gpt-5: effort=high"


class Asking(ScriptedEngine):
    """Trials whose harness asks its model as hard as its source says, at that price."""

    @override
    def _trial(self, spec: EvaluationSpec, slot: Slot, script: Script) -> Trial:
        trial = super()._trial(spec, slot, script)
        if spec.probes:
            return trial
        hard = "HARD" in (spec.harnesses[slot.side] / "agent.py").read_text()
        use = ModelUse(calls=1, efforts=(HIGH if hard else LOW,))
        return trial.replace(model_use=use, cost_usd=0.04 if hard else 0.01)


def played(root: Path, line: str) -> tuple[str, list[tuple[str, Any]]]:
    """A kept edit's verdict, and what each evaluation's gateway was told, to the certificate."""
    engine = Asking(playing.ONE, playing.TWO)
    with closing(Referee.open(root, engine)) as referee:
        playing.with_baseline(referee)
        playing.edit(root, line)
        referee.commit_candidate("idea")
        referee.run_benchmark()
        playing.settle(referee)
        assert referee.position.pending is not None
        sentence = referee.position.pending.sentence
        assert referee.append_result().status == "keep"
        referee.finish_climb()
        playing.settle(referee)
    told = [(spec.running.kind, spec.gateway and spec.gateway.efforts) for spec in engine.started]
    return sentence, [(kind, efforts) for kind, efforts in told if kind not in ("oracle", "noop")]


@pytest.mark.rule("A6")
def test_what_the_baseline_asked_for_holds_for_all_that_comes_after_it(
    make_workspace: Callable[..., Path],
) -> None:
    root = make_workspace(config=CONFIG.format(more=""), harness=ASKS)
    sentence, told = played(root, "EASY = 1")

    assert told == [("baseline", None), ("full", (LOW,)), ("certify", (LOW,))]
    assert "asked otherwise" not in sentence


def test_where_it_is_flagged_the_verdict_says_what_it_costs(
    make_workspace: Callable[..., Path],
) -> None:
    root = make_workspace(config=CONFIG.format(more='effort = "flagged"'), harness=ASKS)
    sentence, told = played(root, "HARD = 1")

    assert told == [("baseline", None), ("full", None), ("certify", None)]
    assert sentence.endswith(
        f"; asked otherwise than the baseline: {HIGH}: $0.0400 a trial, the incumbent $0.0100 a"
        " trial"
    )
