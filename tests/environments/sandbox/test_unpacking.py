"""Images unpacked: what is right, and what somebody hostile puts into a layer."""

import hashlib
import io
import json
import stat
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from autoagent.environments.sandbox import unpacking
from autoagent.environments.sandbox.unpacking import UnpackFailed, unpack_image
from autoagent.errors import WorkspaceError
from autoagent.workspace.tasks.building.oci import read_image
from autoagent.workspace.tasks.building.shelf import ImageMissing, Shelf

from .crafted import (
    Entry,
    archive_of,
    directory,
    entry,
    hardlink,
    layer,
    layout,
    saved,
    symlink,
)


def unpacked(tmp_path: Path, *layers: Sequence[Entry]) -> Path:
    """The root that layers make."""
    place = layout(tmp_path / "image", [layer(entries) for entries in layers])
    return unpacked_at(place, tmp_path)


def unpacked_at(place: Path, tmp_path: Path) -> Path:
    root = tmp_path / "built/root"
    root.mkdir(parents=True)
    unpack_image(read_image(place, "small:1"), "small:1", root, None)
    return root


def listed(root: Path, place: str) -> list[str]:
    return sorted(str(path.relative_to(root / place)) for path in (root / place).rglob("*"))


def test_a_layer_lies_over_those_before_it(tmp_path: Path) -> None:
    root = unpacked(
        tmp_path,
        [directory("d"), entry("d/old", b"1"), entry("d/both", b"1"), entry("file", b"1")],
        [entry("d/both", b"2"), entry("d/new", b"2"), directory("file"), entry("file/in", b"2")],
    )
    assert listed(root, "d") == ["both", "new", "old"]
    assert (root / "d/both").read_bytes() == b"2"
    assert listed(root, "file") == ["in"], "a directory took a file's place"


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_a_whiteout_hides_what_lower_layers_have_and_nothing_of_its_own(
    tmp_path: Path, first: bool
) -> None:
    """Wherever in its layer it stands (the specification's rule)."""
    hides = [entry("d/.wh.gone"), entry("e/.wh..wh..opq"), entry("e/sub/.wh..wh..plnk")]
    brings = [
        entry("e/sub/new", b"2"),
        entry("e/own", b"2"),
        directory("d/gone"),
        entry("d/gone/x"),
    ]
    root = unpacked(
        tmp_path,
        [entry("d/gone/y"), entry("d/kept"), entry("e/sub/old"), entry("e/other")],
        [*hides, *brings] if first else [*brings, *hides],
    )
    assert listed(root, "d") == ["gone", "gone/x", "kept"]
    assert listed(root, "e") == ["own", "sub", "sub/new"]


def test_a_whiteout_of_what_is_not_there_hides_nothing(tmp_path: Path) -> None:
    root = unpacked(tmp_path, [entry("d/x")], [entry("d/.wh.nothing"), entry("no/.wh..wh..opq")])
    assert listed(root, "d") == ["x"]


def test_hard_links_are_one_file_and_what_replaces_one_leaves_the_other(tmp_path: Path) -> None:
    root = unpacked(
        tmp_path,
        [entry("a", b"1"), hardlink("b", "a"), hardlink("./c", "/a"), hardlink("a", "a")],
        [entry("b", b"2")],
    )
    assert (root / "a").samefile(root / "c")
    assert ((root / "a").read_bytes(), (root / "b").read_bytes()) == (b"1", b"2")


def test_files_are_one_users_and_nothing_is_set_user_id(tmp_path: Path) -> None:
    root = unpacked(
        tmp_path,
        [
            entry("su", mode=0o6755, uid=0),
            entry("shadow", mode=0o000, uid=33),
            directory("closed", mode=0o000),
            directory("shared", mode=0o1777),
        ],
    )
    modes = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in root.iterdir()}
    assert (modes["su"], modes["shadow"]) == (0o755, 0o600)
    assert (modes["closed"], modes["shared"]) == (0o700, 0o1777)
    assert {path.lstat().st_uid for path in root.iterdir()} == {root.lstat().st_uid}
    assert (root / "su").stat().st_mtime == 1_600_000_000, "compiled Python stays right"


def test_devices_and_pipes_are_not_made(tmp_path: Path) -> None:
    kinds = {"block": tarfile.BLKTYPE, "char": tarfile.CHRTYPE, "pipe": tarfile.FIFOTYPE}
    root = unpacked(tmp_path, [entry(f"d/{name}", kind=kind) for name, kind in kinds.items()])
    assert not (root / "d").exists()


def test_what_every_container_finds_is_there_whatever_the_image_says(tmp_path: Path) -> None:
    root = unpacked(
        tmp_path,
        [symlink("proc", "/app"), symlink("etc/resolv.conf", "/app/x"), symlink("tmp", "/")],
        [directory("etc/apt/apt.conf.d")],
    )
    for name in ("proc", "dev", "sys", "tmp", "etc", "root", "run"):
        assert (root / name).is_dir() and not (root / name).is_symlink(), name
    assert (root / "etc/resolv.conf").read_bytes() == b""
    assert b"localhost" in (root / "etc/hosts").read_bytes()
    assert b'User "root"' in (root / "etc/apt/apt.conf.d/00-one-user").read_bytes()


OUTSIDE: dict[str, list[list[Entry]]] = {
    "dots": [[entry("../outside/x", b"!")]],
    "dots inside": [[entry("d/../../outside/x", b"!")]],
    "a hard link to dots": [[hardlink("x", "../outside/kept")]],
    "a hard link that is missing": [[hardlink("x", "outside/kept")]],
    "a hard link to a directory": [[directory("d"), hardlink("x", "d")]],
    "a hard link through a link": [[symlink("d", "/../../outside"), hardlink("x", "d/kept")]],
    "a file below a file": [[entry("d"), entry("d/x")]],
    "a whiteout of the directory above": [[entry("d/.wh...")], [entry("d/.wh..")]],
    "a name that is too long": [[entry("n" * 300)]],
    "a path that is too deep": [[entry("/".join("d" * 200))]],
}


@pytest.mark.attack("B7.1", ending="refused")
@pytest.mark.parametrize("layers", OUTSIDE.values(), ids=OUTSIDE)
def test_what_leads_out_of_an_image_is_refused(tmp_path: Path, layers: list[list[Entry]]) -> None:
    """An image's layer names a path, a link's target or a whiteout outside of the image."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    with pytest.raises(UnpackFailed, match="the image small:1 cannot be unpacked"):
        unpacked(tmp_path, *layers)
    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert (outside / "kept").read_text() == "kept"
    assert (outside / "kept").stat().st_nlink == 1


INSIDE: dict[str, list[list[Entry]]] = {
    "an absolute path": [[entry("/outside/x", b"!")]],
    "a link to an absolute path": [[symlink("d", "{outside}"), entry("d/x", b"!")]],
    "a link upward": [[symlink("d", "../../../../../../{outside}"), entry("d/x", b"!")]],
    "a chain of links": [[symlink("a", ".."), symlink("b", "a/.."), entry("b{outside}/x", b"!")]],
    "a link that a file replaces": [[symlink("d", "{outside}/kept"), entry("d", b"!")]],
    "a link that a directory replaces": [[symlink("d", "{outside}"), directory("d", 0o777)]],
    "a link of a lower layer": [[symlink("d", "{outside}")], [entry("d/x", b"!")]],
    "a hard link to a link": [[symlink("d", "{outside}/kept"), hardlink("x", "d")]],
    "an opaque directory behind a link": [[symlink("d", "{outside}")], [entry("d/.wh..wh..opq")]],
    "a whiteout behind a link": [[symlink("d", "{outside}")], [entry("d/.wh.kept")]],
    "a link in the place of the root": [[entry(".", kind=tarfile.SYMTYPE, link="{outside}")]],
}


@pytest.mark.attack("B7.2", ending="no effect")
@pytest.mark.parametrize("layers", INSIDE.values(), ids=INSIDE)
def test_links_in_an_image_lead_nowhere_outside(tmp_path: Path, layers: list[list[Entry]]) -> None:
    """An image's links are the way of what comes after them: all of it stays in the image."""
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (outside / "kept").write_text("kept")

    def placed(one: Entry) -> Entry:
        info, data = one
        made, _ = entry(info.name.replace("{outside}", str(outside)), data, kind=info.type)
        made.linkname, made.mode = info.linkname.replace("{outside}", str(outside)), info.mode
        return made, data

    unpacked(tmp_path, *([placed(one) for one in entries] for entries in layers))
    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert (outside / "kept").read_text() == "kept"
    assert stat.S_IMODE(outside.stat().st_mode) == 0o755


def _huge_name() -> bytes:
    """A header that says that a gigabyte of attributes follows."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**30
    return info.tobuf(tarfile.USTAR_FORMAT)


DAMAGED: dict[str, Callable[[Path], Path]] = {
    "another layer than it says": lambda at: layout(
        at, [layer([entry("x")])], contents=["sha256:" + "0" * 64]
    ),
    "half a layer": lambda at: layout(at, [layer([entry("x", b"1" * 2000)])[:700]]),
    "no archive": lambda at: layout(at, [b"no archive at all" * 100]),
    "attributes as large as memory": lambda at: layout(at, [_huge_name()]),
    "compressed otherwise": lambda at: layout(at, [b"\x28\xb5\x2f\xfd" * 9], zipped=False),
}


@pytest.mark.attack("B7.3", ending="refused")
@pytest.mark.parametrize("make", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_layer_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    """An image's layer is not what its configuration says, or no archive that can be read."""
    with pytest.raises(UnpackFailed, match="small:1 cannot be unpacked"):
        unpacked_at(make(tmp_path / "image"), tmp_path)


@pytest.mark.attack("B7.4", ending="refused")
def test_an_image_is_bounded_however_little_of_it_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image's layer unpacks to more bytes, or more entries, than an image may have."""
    monkeypatch.setattr(unpacking, "BYTES_LIMIT", 2**20)
    with pytest.raises(UnpackFailed, match="hold more than"):
        unpacked(tmp_path, [entry("zeros", bytes(2**21))])
    monkeypatch.setattr(unpacking, "BYTES_LIMIT", 2**30)
    monkeypatch.setattr(unpacking, "ENTRIES_LIMIT", 20)
    with pytest.raises(UnpackFailed, match="more than 20 entries"):
        unpacked(tmp_path / "again", [entry(f"f{n}") for n in range(30)])


def test_a_file_that_says_to_be_larger_than_its_layer_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("sparse")
    info.size = 2**40
    with pytest.raises(UnpackFailed):
        unpacked_at(layout(tmp_path / "image", [info.tobuf()]), tmp_path)


def test_an_image_is_the_same_however_it_is_kept(tmp_path: Path) -> None:
    """A layout, a tar of one, layers compressed or not, and what `docker save` writes."""
    layers = [layer([entry("x", b"1")])]
    place = layout(tmp_path / "image", layers)
    plain = layout(tmp_path / "plain", layers, zipped=False)
    every = [place, archive_of(place), plain, archive_of(plain)]
    assert len({read_image(one, "small:1").id for one in every}) == 1
    every.append(saved(tmp_path / "saved.tar", layers))
    for number, one in enumerate(every):
        root = unpacked_at(one, tmp_path / str(number))
        assert (root / "x").read_bytes() == b"1", one
    facts = read_image(every[-1], "small:1")
    assert (facts.workdir, facts.env) == ("/srv", {"OF_IMAGE": "yes"})


def test_another_image_than_was_frozen_is_not_unpacked(tmp_path: Path) -> None:
    place = layout(tmp_path / "image", [layer([entry("x", b"1")])])
    facts = read_image(place, "small:1")
    (place / "index.json").unlink()
    layout(place, [layer([entry("x", b"2")])])
    with pytest.raises(UnpackFailed, match="is another image .* Put that one back"):
        unpack_image(facts, "small:1", tmp_path, None)


def _rewritten(place: Path) -> Path:
    """A layout whose configuration was changed where it lies."""
    for blob in (place / "blobs/sha256").iterdir():
        if b"diff_ids" in blob.read_bytes():
            blob.write_bytes(blob.read_bytes().replace(b"linux", b"linus"))
    return place


WRONG: dict[str, tuple[Callable[[Path], Path], str]] = {
    "another machine": (
        lambda at: layout(at, [layer([])], architecture="riscv64"),
        "it is for linux/riscv64",
    ),
    "a changed configuration": (lambda at: _rewritten(layout(at, [layer([])])), "is damaged"),
    "variables that cannot be": (
        lambda at: layout(at, [layer([])], said={"Env": ["=x"]}),
        "its variables cannot be set",
    ),
    "a layer too many": (
        lambda at: layout(at, [layer([])] * 2, contents=["sha256:" + "0" * 64]),
        "it has 2 layers, and says 1",
    ),
    "two images": (
        lambda at: layout(layout(at, [layer([])], name="a:1"), [layer([entry("x")])], name="b:1"),
        "it holds 2 images for this machine that may be small:1",
    ),
    "no image": (lambda at: (at.mkdir(), at)[1], "'manifest.json' is missing in it"),
    "JSON that is nothing": (
        lambda at: (at.mkdir(), (at / "index.json").write_text('{"manifests": [7]}'), at)[2],
        "cannot be used as an image",
    ),
}


@pytest.mark.parametrize(("make", "said"), WRONG.values(), ids=WRONG)
def test_what_is_no_image_for_here_says_why(
    tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    with pytest.raises(WorkspaceError) as caught:
        read_image(make(tmp_path / "image"), "small:1")
    assert said in str(caught.value)
    assert str(tmp_path / "image") in str(caught.value)


def test_a_compressed_archive_says_what_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"\x1f\x8b" + bytes(600))
    with pytest.raises(WorkspaceError, match="not compressed"):
        read_image(tmp_path / "x.tar.gz", "small:1")


def test_an_index_in_an_index_is_read_and_other_machines_are_passed_over(tmp_path: Path) -> None:
    """As registries serve an image for several machines."""
    place = layout(tmp_path / "image", [layer([entry("x")])])
    index = json.loads((place / "index.json").read_text())
    other = {"digest": "sha256:" + "1" * 64, "platform": {"os": "linux", "architecture": "s390x"}}
    index["manifests"].append(other)
    data = json.dumps(index).encode()
    digest = hashlib.sha256(data).hexdigest()
    (place / "blobs/sha256" / digest).write_bytes(data)
    kind = "application/vnd.oci.image.index.v1+json"
    outer = {"manifests": [{"mediaType": kind, "digest": f"sha256:{digest}"}]}
    (place / "index.json").write_text(json.dumps(outer))
    assert read_image(place, "small:1").workdir == "/"


def test_names_are_one_name_however_they_are_written(tmp_path: Path) -> None:
    place = layout(tmp_path / "pulled", [layer([])], name="ubuntu:latest")
    shelf = Shelf(pulled=place)
    names = ("ubuntu", "ubuntu:latest", "docker.io/library/ubuntu", "docker.io/ubuntu:latest")
    assert len({shelf.find(name).id for name in names}) == 1
    for name in ("ubuntu:24.04", "other.io/ubuntu", "localhost:5000/ubuntu"):
        with pytest.raises(ImageMissing, match=f"`autoagent image pull {name}`"):
            shelf.find(name)
    assert Shelf(named={"docker.io/ubuntu": place}).find("ubuntu").place == place


def test_an_archives_entries_are_bounded(tmp_path: Path) -> None:
    out = io.BytesIO(layer([entry(f"f{n}") for n in range(10_001)]))
    (tmp_path / "x.tar").write_bytes(out.getvalue())
    with pytest.raises(WorkspaceError, match="more than 10000 entries"):
        read_image(tmp_path / "x.tar", "small:1")
