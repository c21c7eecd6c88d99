"""Images made by hand: OCI layouts of a few files, as small as a shell and what it needs."""

import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from autoagent.workspace.tasks.building.oci import architecture

PROGRAMS = (
    *("bash", "cat", "chmod", "chown", "cp", "env", "grep", "id", "ln", "ls", "mkdir", "mv"),
    *("readlink", "rm", "sleep", "stat", "touch", "true", "wc"),
)
Entry = tuple[tarfile.TarInfo, bytes]


def entry(
    name: str,
    data: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    link: str = "",
    mode: int = 0o644,
    uid: int = 0,
) -> Entry:
    """One entry of a layer, whatever it says."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.uid, info.gid = kind, link, mode, uid, uid
    info.size, info.mtime = len(data), 1_600_000_000
    return info, data


def directory(name: str, mode: int = 0o755) -> Entry:
    return entry(name, kind=tarfile.DIRTYPE, mode=mode)


def symlink(name: str, to: str) -> Entry:
    return entry(name, kind=tarfile.SYMTYPE, link=to)


def hardlink(name: str, to: str) -> Entry:
    return entry(name, kind=tarfile.LNKTYPE, link=to)


def layer(entries: Iterable[Entry]) -> bytes:
    """A layer, not compressed."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@cache
def shell() -> tuple[Entry, ...]:
    """What a merged-/usr distribution's smallest image would have: a shell, and a few programs."""
    found: dict[str, Entry] = {}
    for name in ("usr", "usr/bin", "usr/lib", "usr/lib64", "etc", "root", "tmp", "var", "var/lib"):
        found[name] = directory(name)
    for name in ("bin", "lib", "lib64"):
        found[name] = symlink(name, f"usr/{name}")
    found["etc/passwd"] = entry("etc/passwd", b"root:x:0:0:root:/root:/bin/bash\n")
    found["etc/of-image"] = entry("etc/of-image", b"of the image\n")
    for program in PROGRAMS:
        path = shutil.which(program, path="/usr/bin:/bin")
        assert path, program
        found[program] = entry(f"usr/bin/{program}", Path(path).read_bytes(), mode=0o755)
        listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            inner = library.removeprefix("/usr").lstrip("/")
            found[inner] = entry(f"usr/{inner}", Path(library).read_bytes(), mode=0o755)
    found["sh"] = symlink("usr/bin/sh", "bash")
    return tuple(found.values())


def layout(
    place: Path,
    layers: Sequence[bytes],
    *,
    name: str = "small:1",
    said: Mapping[str, Any] | None = None,
    zipped: bool = True,
    contents: Sequence[str] | None = None,
    **other: Any,
) -> Path:
    """An OCI layout with one image, or with one more.

    Args:
        place: Its directory.
        layers: Not compressed, the lowest first.
        name: What the image is called.
        said: The configuration's own part: Env, WorkingDir, User.
        zipped: Whether the layers are compressed.
        contents: What the layers are said to hash to; by default the truth.
        other: More of the configuration.
    """

    def blob(data: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        (place / "blobs/sha256").mkdir(parents=True, exist_ok=True)
        (place / "blobs/sha256" / digest).write_bytes(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    true = [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in layers]
    config = {
        "os": "linux",
        "architecture": architecture(),
        "config": said or {},
        "rootfs": {"type": "layers", "diff_ids": list(contents or true)},
        **other,
    }
    pressed = [gzip.compress(data, 1, mtime=0) if zipped else data for data in layers]
    form = "application/vnd.oci.image"
    kind = f"{form}.layer.v1.tar+gzip" if zipped else f"{form}.layer.v1.tar"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{form}.manifest.v1+json",
        "config": blob(json.dumps(config).encode()) | {"mediaType": f"{form}.config.v1+json"},
        "layers": [blob(data) | {"mediaType": kind} for data in pressed],
    }
    index = place / "index.json"
    known = json.loads(index.read_text())["manifests"] if index.exists() else []
    told = blob(json.dumps(manifest).encode()) | {
        "mediaType": f"{form}.manifest.v1+json",
        "annotations": {"org.opencontainers.image.ref.name": name},
    }
    index.write_text(json.dumps({"schemaVersion": 2, "manifests": [*known, told]}))
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return place


def archive_of(place: Path) -> Path:
    """The same layout as one file."""
    target = place.with_suffix(".tar")
    with tarfile.open(target, "w") as out:
        out.add(place, arcname=".")
    return target


def saved(target: Path, layers: Sequence[bytes], *, name: str = "small:1") -> Path:
    """What `docker save` wrote before it wrote layouts."""
    true = [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in layers]
    config = {
        "os": "linux",
        "architecture": architecture(),
        "config": {"Env": ["OF_IMAGE=yes"], "WorkingDir": "/srv"},
        "rootfs": {"type": "layers", "diff_ids": true},
    }
    files = {f"{number}/layer.tar": data for number, data in enumerate(layers)}
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": list(files)}]
    files |= {"config.json": json.dumps(config).encode()}
    files |= {"manifest.json": json.dumps(manifest).encode()}
    target.write_bytes(layer(entry(path, data) for path, data in files.items()))
    return target
