"""Files beneath a root that a hostile process writes: no path and no link leads out of it."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoagent.environments.sandbox.beneath import Beneath

SECRET = "the host's secret"
parts = st.sampled_from(["..", ".", "", "a", "b", "link", "up", "secret", "//", "/"])
paths = st.lists(parts, min_size=1, max_size=8).map("/".join)


@pytest.fixture
def tree(tmp_path: Path) -> Beneath:
    """A root with links that point out of it, beside a secret of the host's."""
    (tmp_path / "secret").write_text(SECRET)
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "a/plain").write_text("inside")
    (root / "link").symlink_to(tmp_path)
    (root / "a/up").symlink_to("../../secret")
    (root / "a/link").symlink_to("/a")
    (root / "loop").symlink_to("loop")
    return Beneath(root)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(path=paths, slashes=st.integers(0, 3))
def test_no_path_reads_or_writes_outside_the_root(
    tree: Beneath, path: str, slashes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    host = tree.root.parent
    out = host / "out"
    source = host / "source"
    source.write_text("planted")
    places = (tree.root, host / "aside", out)  # what is replaced is moved aside, never followed

    def elsewhere() -> set[Path]:
        return {p for p in host.rglob("*") if not any(p.is_relative_to(q) for q in places)}

    before = elsewhere()
    for attempt in (
        lambda: tree.read_file("/" * slashes + path, out),
        lambda: tree.write_file(source, "/" * slashes + path),
        lambda: tree.make_directory("/" * slashes + path),
    ):
        try:
            attempt()
        except (OSError, ValueError):
            continue
    assert not out.exists() or SECRET not in out.read_text()
    assert (host / "secret").read_text() == SECRET
    assert elsewhere() == before


def test_an_absolute_link_is_resolved_inside_the_root(tree: Beneath, tmp_path: Path) -> None:
    out = tmp_path / "out"
    tree.read_file("/a/link/plain", out)
    assert out.read_text() == "inside"


def test_a_link_out_of_the_root_finds_nothing(tree: Beneath, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tree.read_file("/a/up", tmp_path / "out")


def test_links_in_a_circle_end(tree: Beneath, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too many links"):
        tree.read_file("/loop/x", tmp_path / "out")
    with pytest.raises(OSError, match="too many links"):
        tree.read_file("/loop", tmp_path / "out")


def test_a_pipe_is_refused_and_never_waited_for(tree: Beneath, tmp_path: Path) -> None:
    os.mkfifo(tree.root / "pipe")
    with pytest.raises(ValueError, match="not a plain file"):
        tree.read_file("/pipe", tmp_path / "out")


def test_a_tree_is_copied_out_without_its_links_and_devices(tree: Beneath, tmp_path: Path) -> None:
    os.mkfifo(tree.root / "a/pipe")
    tree.read_tree("/a", tmp_path / "copy")
    assert sorted(p.name for p in (tmp_path / "copy").rglob("*")) == ["b", "plain"]


def test_a_write_replaces_a_link_instead_of_following_it(tree: Beneath, tmp_path: Path) -> None:
    source = tmp_path / "new"
    source.write_text("new")
    tree.write_file(source, "/a/up")
    assert (tmp_path / "secret").read_text() == SECRET
    assert (tree.root / "a/up").read_text() == "new"
