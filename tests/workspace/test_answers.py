"""answers.toml: what a task's right and wrong answers are, for any task."""

import subprocess
from pathlib import Path

import pytest

from autoagent.errors import TaskError
from autoagent.workspace.tasks.answers import read_answers

FILE = """
start = '''
echo looked up >> {place}/seen
'''

[[right]]
name = "by a command"
run = "false; echo 42 > {place}/answer.txt"

[[right]]
name = "by a file"
files = {{ "{place}/deep/er/answer.txt" = "it's 42\\n" }}

[[wrong]]
name = "without a look"
start = ""
run = "echo 41 > {place}/answer.txt"
"""


def written(place: Path, text: str) -> Path:
    task = place / "sums"
    task.mkdir()
    (task / "answers.toml").write_text(text)
    return task


def test_an_answer_is_played_in_bash_after_what_all_share(tmp_path: Path) -> None:
    answers = read_answers(written(tmp_path, FILE.format(place=tmp_path)))
    assert answers is not None

    for answer in (*answers.right, *answers.wrong):
        subprocess.run(["bash", "-c", answers.script(answer)], check=True)

    assert (tmp_path / "seen").read_text() == "looked up\n" * 2
    assert (tmp_path / "deep/er/answer.txt").read_text() == "it's 42\n"
    assert (tmp_path / "answer.txt").read_text() == "41\n"


def test_a_task_need_not_have_answers(tmp_path: Path) -> None:
    assert read_answers(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[right]]\nname = 'a'\nrun =", "is not valid TOML: "),
        ("[[right]]\nname = 'a'\n", "right 1: it does nothing: give it `run` or `files`"),
        ("[[wrong]]\nrun = 'true'\n", "wrong 1 name: Field required"),
        ("[[rihgt]]\nname = 'a'\nrun = 'true'\n", "rihgt: Extra inputs are not permitted"),
        ("[[right]]\nname = 'a'\nfiles = { x = 'y' }\n", "right 1: 'x' is not the absolute path"),
        (
            "[[right]]\nname = 'a'\nrun = 'x'\n[[wrong]]\nname = 'a'\nrun = 'y'\n",
            "two answers are called 'a'",
        ),
    ],
)
def test_a_file_that_says_what_it_cannot_mean_is_told_with_its_place(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(TaskError) as error:
        read_answers(written(tmp_path, text))

    assert str(error.value).startswith("tasks/sums/answers.toml")
    assert told in str(error.value)
    assert str(error.value).endswith("docs/good-tasks.md shows the form.")
