"""Answers copied word for word (threat E4): counted by task and file, never told by their text."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from autoagent.records import Copied
from autoagent.referee.passages import copied, passages, sentences
from autoagent.workspace.tasks.snapshot import Snapshot

ANSWER = "the refund for order seven hundred was approved on the third of may by maria\n"
RULE = "a word that everybody may use since the directive says so itself in just these words\n"


def frozen(place: Path) -> Snapshot:
    files = {
        "tasks/t1/instruction.md": "Answer the question.\n" + RULE,
        "tasks/t1/tests/test.sh": f"#!/bin/bash\ngrep -q '{ANSWER}' /app/answer.txt\n",
        "tasks/t1/environment/data.txt": "what the environment holds is there for every harness\n",
        "holdout/zebra/solution/solve.sh": "echo " + ANSWER,
    }
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return Snapshot(digest="d", directory=place, tasks=(), excluded={})


def test_a_copied_answer_is_counted_by_task_and_file(tmp_path: Path) -> None:
    source = f'HINT = """{ANSWER.upper()}"""\n'.encode()
    found = copied(frozen(tmp_path), {"agent.py": source}, [])
    assert found[0] == Copied(task="t1", file="tests/test.sh", passages=6)
    assert found[1] == Copied(task="", file="", passages=6)
    (line,) = sentences(found)
    assert line.startswith("holds 6 passages of tasks/t1/tests/test.sh word for word")
    assert not any(word in line for word in ("refund", "maria", "zebra", "held"))


def test_what_the_baseline_or_the_program_says_is_nobodys_copy(tmp_path: Path) -> None:
    harness = {"agent.py": RULE.encode()}
    assert copied(frozen(tmp_path), harness, [RULE.encode()]) == ()
    assert copied(frozen(tmp_path), harness, [])[0].file == "instruction.md"


def test_what_a_task_shows_its_harness_anyway_is_not_looked_for(tmp_path: Path) -> None:
    data = b"what the environment holds is there for every harness"
    assert copied(frozen(tmp_path), {"agent.py": data}, []) == ()


def test_short_phrases_are_no_passages() -> None:
    assert passages("a b c d e f g h i j k") == set()
    assert passages("only seven words are not yet enough") == set()


@given(st.text(max_size=200), st.integers(0, 40))
def test_a_passage_is_found_wherever_it_stands(text: str, cut: int) -> None:
    """Case and punctuation around it make no difference."""
    words = ANSWER.split()
    part = " ".join(words[cut % 8 : cut % 8 + 8])
    assert passages(part) <= passages(f"{text}\n({part.title()!r})\n")
