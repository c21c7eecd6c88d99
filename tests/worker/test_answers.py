"""Every example task tells its right answers from its wrong ones, and constants pass none."""

from pathlib import Path

import pytest

from autoagent.workspace.tasks.answers import read_answers

from ..answering import ROOT, Suite

WORKSPACES = {
    "glowup": ROOT,
    "lumen": ROOT / "examples/quickstart",
    "aps": ROOT / "examples/aps-phone-setup",
}
PLACES = {name: sorted(w.glob("tasks/*/task.toml")) for name, w in WORKSPACES.items()}
TASKS = [f"{name}/{path.parent.name}" for name, paths in PLACES.items() for path in paths]


@pytest.fixture(scope="module")
def suites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Suite]:
    return {n: Suite(w, n, tmp_path_factory.mktemp(n)) for n, w in WORKSPACES.items()}


@pytest.mark.parametrize("task", TASKS)
def test_every_right_answer_passes_and_no_wrong_one(suites: dict[str, Suite], task: str) -> None:
    suite, place = of(suites, task)
    answers = read_answers(place)
    assert answers is not None
    assert len(answers.right) >= 6 <= len(answers.wrong)
    mistaken: list[str] = []

    for answer in (*answers.right, *answers.wrong):
        suite.play(answers.script(answer))
        passed, said = suite.passes(place)
        if passed != (answer in answers.right):
            failed = [line for line in said.splitlines() if line.startswith("FAIL")]
            mistaken.append(f"{answer.name}: {'; '.join(failed) or 'passed'}")

    assert mistaken == []


# Replies that say the same to whoever is signed in, and guess what they were asked.
GUESSES = (
    ("--outcome", "answered"),
    ("--outcome", "done"),
    ("--outcome", "asked", "--ask", "problem,photo"),
    ("--outcome", "asked", "--ask", "email"),
    ("--outcome", "refused", "--reason", "other-account"),
    ("--outcome", "refused", "--reason", "too-late"),
    ("--outcome", "answered", "--credits", "12"),
    ("--outcome", "done", "--paid-back", "9.99"),
    ("--outcome", "handed-over", "--ticket", "T-4101"),
)


@pytest.mark.parametrize("name", WORKSPACES)
@pytest.mark.parametrize("guess", GUESSES, ids=" ".join)
def test_no_guess_that_ignores_the_message_passes_two_tasks(
    suites: dict[str, Suite], name: str, guess: tuple[str, ...]
) -> None:
    suite, passed = suites[name], list[str]()

    for task in suite.tasks:
        suite.database.write_bytes(suite.new)
        suite.call("reply", signed_in(task), "--text", "Here you are.", *guess)
        if suite.passes(task)[0]:
            passed.append(task.name)

    assert len(passed) <= 1


@pytest.mark.parametrize("task", TASKS)
def test_what_answers_one_task_answers_no_other(suites: dict[str, Suite], task: str) -> None:
    """The same calls and the same reply, whatever is asked."""
    suite, place = of(suites, task)
    answers = read_answers(place)
    assert answers is not None

    for answer in answers.right[:2]:
        suite.play(answers.script(answer))

        assert [other for other in suite.tasks if suite.passes(other)[0]] == [place]


def signed_in(task: Path) -> str:
    return (task / "instruction.md").read_text().split("Signed in: ")[1].split()[0]


def of(suites: dict[str, Suite], task: str) -> tuple[Suite, Path]:
    name, _, directory = task.partition("/")
    return suites[name], WORKSPACES[name] / "tasks" / directory
