"""What kind of edit a candidate is."""

import pytest

from autoagent.workspace.harness.shape import kinds_of

BEFORE = """
PROMPT = "Answer the question."
TURNS = 3

async def run(environment):
    for turn in range(TURNS):
        await environment.exec("cat question.txt")
"""


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ("Answer the question.", "Answer in one word.", ("words",)),
        ("TURNS = 3", "TURNS = 30", ("settings",)),
        ("Answer the question.", "Answer, then verify it.", ("a check of the result", "words")),
        (
            "async def run(",
            "@function_tool\nasync def search(text):\n    return text\n\nasync def run(",
            ("a tool",),
        ),
        ("async def run(environment):", "async def run(environment, *more):", ()),
    ],
)
def test_an_edit_is_what_its_syntax_says(old: str, new: str, kinds: tuple[str, ...]) -> None:
    after = BEFORE.replace(old, new)
    assert after != BEFORE
    found = kinds_of({"a.py": BEFORE.encode()}, {"a.py": after.encode()}, "a.py", (100, 101))
    assert found == kinds


def test_a_note_is_a_skill_and_less_is_simpler() -> None:
    before = {"a.py": BEFORE.encode(), ".agent/x.md": b"x"}
    assert kinds_of(before, before | {".agent/x.md": b"y"}, "a.py", (100, 100)) == ("skills",)
    assert kinds_of(before, before, "a.py", (100, 80)) == ("a simpler harness",)
