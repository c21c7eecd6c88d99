"""Taking one kept edit back, as if it had never been made."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoagent.referee.ending.ablation import without
from autoagent.workspace.git import plumbing
from autoagent.workspace.git.plumbing import merge_text
from autoagent.workspace.harness.boundary import split

FIXED = "# === FIXED ADAPTER BOUNDARY ===\nclass AutoAgent:\n    line_3 = 0\n"
HARNESS = "agent.py"


def harness(lines: list[str]) -> bytes:
    return ("".join(f"{line}\n" for line in lines) + FIXED).encode()


def files(lines: list[str], **notes: str) -> dict[str, bytes]:
    return {HARNESS: harness(lines)} | {f".agent/{n}": t.encode() for n, t in notes.items()}


BASE = [f"line_{n} = 0" for n in range(12)]

blocks = st.lists(st.sampled_from(["x = 1", "y = 2", "line_3 = 0", "", "# note"]), max_size=4)
cuts = st.integers(0, 4)
notes = st.dictionaries(
    st.sampled_from(["a.md", "b.md", "c/d.md", "c"]), st.text(max_size=40), max_size=4
)


def changed(start: int, end: int, block: list[str], lines: list[str]) -> list[str]:
    return [*lines[:start], *block, *lines[end:]]


# -- the rule ---------------------------------------------------------------------------------


@settings(deadline=None)  # git is a process
@given(cuts, cuts, blocks, notes, notes)
def test_taking_back_the_only_edit_gives_what_was_before(
    start: int, length: int, block: list[str], old: dict[str, str], new: dict[str, str]
) -> None:
    before = files(BASE, **old)
    after = files(changed(start, start + length, block, BASE), **new)
    expected = None if before == after or bad(before) else before
    assert without(after, before, after, HARNESS) == expected


def bad(tree: Mapping[str, bytes]) -> bool:
    return ".agent/c" in tree and ".agent/c/d.md" in tree


@settings(deadline=None)  # git is a process
@given(cuts, blocks, st.integers(7, 11), blocks, st.booleans())
def test_taking_back_an_edit_keeps_an_independent_one(
    start: int, first: list[str], later: int, second: list[str], noted: bool
) -> None:
    """Also where the later one moved its lines, and whichever of the two came first."""
    first, second = [f"first_{n} = 1" for n in range(len(first))], [*second, "later = 2"]
    edit, other = changed(start, start + 2, first, BASE), changed(later, later, second, BASE)
    both = changed(start, start + 2, first, other)
    kept = {"b.md": "later"} if noted else {}
    assert without(
        files(both, **{"a.md": "edit"}, **kept),
        files(BASE),
        files(edit, **{"a.md": "edit"}),
        HARNESS,
    ) == files(other, **kept)


@settings(deadline=None)  # git is a process
@given(st.integers(0, 11), st.text("abc", min_size=1), st.text("def", min_size=1))
def test_an_edit_that_a_later_one_built_on_stays(line: int, edit: str, later: str) -> None:
    after = changed(line, line + 1, [f"{edit} = 1"], BASE)
    champion = changed(line, line + 1, [f"{edit} = 1  # {later}"], BASE)
    assert without(files(champion), files(BASE), files(after), HARNESS) is None


@settings(deadline=None)  # git is a process
@given(blocks, blocks, blocks)
def test_the_fixed_section_is_the_champions_byte_for_byte(
    ours: list[str], before: list[str], after: list[str]
) -> None:
    """Even where lines above the boundary repeat lines below it."""
    made = without(files(ours), files(before), files(after), HARNESS)
    if made is not None:
        assert split(made[HARNESS], HARNESS).fixed == FIXED.encode()


# -- files that come and go --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("champion", "before", "after", "expected"),
    [
        ({"a": "x"}, {}, {"a": "x"}, {}),
        ({}, {"a": "x"}, {}, {"a": "x"}),
        ({"a": "x", "b": "y"}, {}, {"a": "x"}, {"b": "y"}),
        ({"a": "later"}, {}, {"a": "x"}, None),  # a later edit changed what was added
        ({"a": "later"}, {"a": "x"}, {}, None),  # a later edit added it again
        ({}, {}, {"a": "x"}, None),  # a later edit took it away: nothing is left to take back
        ({"b": "y"}, {}, {"a": "x", "b": "y"}, {}),  # the rest of it is still there
        ({"a": "x"}, {"a": "x"}, {"a": "y"}, None),  # a later edit undid it
        ({"a": "x"}, {"a": "x"}, {"a": "x"}, None),  # no edit
        ({"a/b": "x"}, {"a": "x"}, {}, None),  # a file cannot be a directory as well
        ({"a": "x\0"}, {"a": "\0"}, {"a": "x\0"}, {"a": "\0"}),
        ({"a": "y\0"}, {"a": "\0"}, {"a": "x\0"}, None),  # not text, so nothing merges it
    ],
)
def test_an_added_or_deleted_note_is_taken_back_whole(
    champion: dict[str, str],
    before: dict[str, str],
    after: dict[str, str],
    expected: dict[str, str] | None,
) -> None:
    made = without(files(BASE, **champion), files(BASE, **before), files(BASE, **after), HARNESS)
    assert made == (None if expected is None else files(BASE, **expected))


def test_other_fixed_sections_are_not_merged() -> None:
    edited = files([*BASE, "x = 1"])
    other = {HARNESS: edited[HARNESS] + b"# more\n"}
    assert without(edited, files(BASE), edited, HARNESS) == files(BASE)
    assert without(edited, files(BASE), other, HARNESS) is None


# -- git ----------------------------------------------------------------------------------------


def test_no_configuration_of_a_repository_around_is_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The temporary directory may lie in the user's repository (threat D4)."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / ".git/config").write_text("[core\nthis is no configuration\n")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    for variable in ("GIT_DIR", "GIT_CONFIG"):
        monkeypatch.setenv(variable, str(tmp_path / ".git"))
    assert merge_text(b"1\n2\n3\n4\nours\n", b"1\n2\n3\n4\n5\n", b"theirs\n2\n3\n4\n5\n") == (
        b"theirs\n2\n3\n4\nours\n"
    )
    assert merge_text(b"ours\n", b"1\n", b"theirs\n") is None
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_git_that_fails_is_told_and_is_no_conflict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\necho broken >&2\nexit 255\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(plumbing.WorkspaceError, match=r"merge-file .* failed: broken"):
        merge_text(b"a\n", b"b\n", b"c\n")
