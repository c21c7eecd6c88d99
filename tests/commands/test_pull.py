"""`autoagent image pull`: from a local layout and an archive, since no registry is reached here."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from autoagent.errors import WorkspaceError
from autoagent.workspace.state import pulled_images
from autoagent.workspace.tasks.building.shelf import Shelf

from ..environments.sandbox.crafted import entry, layer, layout, saved

with_skopeo = pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")


@with_skopeo
def test_what_is_pulled_is_found_by_its_name_from_every_workspace(
    autoagent: Any, tmp_path: Path
) -> None:
    """From a layout and an archive; images share what they have in common."""
    layers = [layer([entry("x", b"1" * 5000)])]
    place = layout(tmp_path / "image", layers, name="small:1", said={"WorkingDir": "/srv"})
    archive = saved(tmp_path / "saved.tar", layers, name="small:2")

    code, told = autoagent("image", "pull", "small", "--from", f"oci:{place}:small:1")
    assert (code, "small:latest: " in told, "autoagent doctor" in told) == (0, True, True), told
    code, told = autoagent("image", "pull", "other:2", "--from", f"docker-archive:{archive}")
    assert code == 0, told

    shelf = Shelf(pulled=pulled_images())
    assert shelf.find("docker.io/library/small").workdir == "/srv"
    assert shelf.find("other:2").env == {"OF_IMAGE": "yes"}
    with pytest.raises(WorkspaceError, match="needs the image small:1"):
        shelf.find("small:1")
    assert pulled_images().stat().st_mode & 0o777 == 0o700


@with_skopeo
def test_what_skopeo_cannot_fetch_is_told_in_its_words(autoagent: Any, tmp_path: Path) -> None:
    code, told = autoagent("image", "pull", "small", "--from", f"oci:{tmp_path}/nothing:small")
    assert code == 2
    assert "skopeo could not fetch oci:" in told and "no such file" in told


def test_without_skopeo_it_is_said_what_to_install(
    autoagent: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, told = autoagent("image", "pull", "python:3.13-slim")
    assert code == 2
    assert "apt-get install skopeo" in told and "[sandbox.images]" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Small Image"], "'Small Image' is no image's name"),
        (["--", "-x"], "'-x' is no image's name"),
        (["small", "--from", "/tmp/x.tar"], "give docker://NAME, oci:DIRECTORY"),
    ],
)
def test_what_is_no_name_and_no_source_is_refused(
    autoagent: Any, words: list[str], said: str
) -> None:
    code, told = autoagent("image", "pull", *words)
    assert code == 2
    assert said in told
