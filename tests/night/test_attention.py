"""What a human hears of while a night goes on, each thing once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from autoagent.config import Night
from autoagent.night.attention import Attention
from autoagent.night.standing import Stand, look
from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine
from autoagent.workspace.layout import open_workspace

from ..referee.playing import ONE, TWO, propose, with_baseline


@pytest.fixture
def attention(workspace: Path) -> Attention:
    return Attention(
        open_workspace(workspace), Night.model_validate({"quiet_minutes": 1, "plateau": 2})
    )


def told(attention: Attention, stand: Stand, now: float = 0.0) -> list[str]:
    return [news.event for news in attention.news(stand, now)]


def test_a_plateau_is_told_once_and_a_keep_ends_it(
    workspace: Path, attention: Attention, open_referee: Callable[[object], Referee]
) -> None:
    referee = open_referee(ScriptedEngine(TWO, ONE, ONE, ONE, {**TWO, "t3": [1.0]}, ONE, ONE))
    with_baseline(referee)
    heard: list[list[str]] = []
    for number in range(6):
        propose(referee, workspace, f"X{number} = 1", f"idea {number}")
        heard.append(told(attention, look(open_workspace(workspace))))
    assert heard == [[], ["plateau"], [], [], [], ["plateau"]]


def test_silence_is_told_once_but_not_while_something_is_measured(
    workspace: Path, attention: Attention, open_referee: Callable[[object], Referee]
) -> None:
    with_baseline(open_referee(ScriptedEngine(ONE)))
    stand = look(open_workspace(workspace))
    assert told(attention, stand, 0.0) == []
    assert told(attention, stand._replace(measuring=True), 100.0) == []
    assert told(attention, stand, 159.0) == []
    assert told(attention, stand, 160.0) == ["quiet"]
    assert told(attention, stand, 999.0) == []
    assert told(attention, stand._replace(head="another"), 999.0) == []
    assert told(attention, stand._replace(head="another"), 1100.0) == ["quiet"]


def test_an_outage_is_told_when_it_begins_and_again_when_another_does(
    workspace: Path, attention: Attention, open_referee: Callable[[object], Referee]
) -> None:
    with_baseline(open_referee(ScriptedEngine(ONE)))
    stand = look(open_workspace(workspace))._replace(measuring=True)
    out = stand._replace(outage="openai answers 503")
    heard = [told(attention, each) for each in (stand, out, out, stand, out)]
    assert heard == [[], ["outage"], [], [], ["outage"]]


def test_a_used_up_cap_is_told_once_and_silence_after_the_end_is_none(
    workspace: Path, attention: Attention, open_referee: Callable[[object], Referee]
) -> None:
    referee = open_referee(ScriptedEngine(ONE))
    with_baseline(referee)
    stand = look(open_workspace(workspace))
    spent = stand._replace(used_up="hours")
    assert [told(attention, each) for each in (stand, spent, spent)] == [[], ["budget"], []]
    referee.finish_climb("enough")
    assert told(attention, look(open_workspace(workspace)), 9999.0) == []
    assert told(attention, look(open_workspace(workspace)), 99999.0) == []
