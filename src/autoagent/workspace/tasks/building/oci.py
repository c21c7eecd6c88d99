"""What an image says of itself: an OCI layout, an archive of one, or what `docker save` writes.

Its id is the SHA-256 of its configuration, which names the content of each layer (`diff_ids`): who
has the id and finds both to agree has the image, however it came here. All of it is hostile input.
Nothing is unpacked here. https://github.com/opencontainers/image-spec
"""

import hashlib
import json
import platform
import posixpath
import re
import tarfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from autoagent.errors import WorkspaceError
from autoagent.records import Record

JSON_LIMIT = 4 * 1024 * 1024
"""Bytes of a manifest or a configuration, as registries bound them."""
LAYERS_LIMIT = 127
"""As Docker has it."""
_ENTRIES_LIMIT = 10_000
_NAME_LIMIT = 1024 * 1024
_NESTED_LIMIT = 3
NAME = re.compile(r"[a-z0-9][\w.-]*(:[0-9]+)?(/[\w.-]+)*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?", re.A)
"""An image's name, as FROM and registries have it."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


class ImageFacts(Record):
    """An image: its id, where it lies, and what its configuration says of commands in it."""

    id: str
    place: Path
    env: Mapping[str, str] = {}
    workdir: str = "/"
    user: str = ""


class Member(tarfile.TarInfo):
    """An entry of an archive, whose names are bounded: they are read into memory whole."""

    def _proc_member(self, archive: tarfile.TarFile) -> Any:  # tarfile's own place for this
        named = self.type in (b"L", b"K", b"x", b"g", b"X")
        if named and self.size > _NAME_LIMIT:
            raise ValueError(f"an entry's name or attributes are larger than {_NAME_LIMIT} bytes")
        parent: Any = super()
        return parent._proc_member(archive)


def full_name(name: str) -> str:
    """An image's name as everybody writes it differently: no Docker Hub in it, and always a tag."""
    short = re.sub(r"^((index\.)?docker\.io/)(library/)?", "", name)
    return short if re.search(r"[:@][^/]+$", short) else f"{short}:latest"


def architecture() -> str:
    """This machine's, as images call it."""
    return _MACHINES.get(platform.machine(), platform.machine())


def read_image(place: Path, name: str, *, only_named: bool = False) -> ImageFacts:
    """Read an image's facts.

    Args:
        place: The layout's directory, or the archive.
        name: Which image, where there are several.
        only_named: It must be there under this name.

    Raises:
        WorkspaceError: There is no such image, or it is damaged or of another machine.
    """
    with _reading(place, name, only_named=only_named) as (_, found):
        return found[0]


@contextmanager
def layers_of(facts: ImageFacts, name: str) -> Generator[Iterator[tuple[str, IO[bytes]]]]:
    """The layers of an image, the lowest first: what each must hash to unpacked, and its bytes.

    Raises:
        WorkspaceError: It is not there any more, or is another one.
    """
    with _reading(facts.place, name) as (files, (now, contents, blobs)):
        if now.id != facts.id:
            raise WorkspaceError(
                f"{facts.place}: {name} is another image ({now.id[:12]}) than when the tasks were "
                f"frozen ({facts.id[:12]}). Put that one back, or start another climb."
            )
        yield ((content, files.open(blob)) for content, blob in zip(contents, blobs, strict=True))


class _Files:
    """The files of an archive, or of a layout's directory."""

    def __init__(self, place: Path) -> None:
        self._place, self._archive = place, None
        self._members: dict[str, tarfile.TarInfo] = {}
        if place.is_dir():
            return
        self._archive = tarfile.open(place, "r:", tarinfo=Member)  # noqa: SIM115 - see close

    def list(self) -> None:
        """Find out where each file of an archive is."""
        for count, member in enumerate(self._archive or ()):
            if count >= _ENTRIES_LIMIT:
                raise ValueError(f"it has more than {_ENTRIES_LIMIT} entries")
            self._members[posixpath.normpath(member.name)] = member

    def close(self) -> None:
        if self._archive is not None:
            self._archive.close()

    def has(self, name: str) -> bool:
        return name in self._members if self._archive else (self._place / name).is_file()

    def open(self, name: str) -> IO[bytes]:
        if not self.has(name):
            raise ValueError(f"{name[:100]!r} is missing in it")
        if self._archive is None:
            return (self._place / name).open("rb")
        if (file := self._archive.extractfile(self._members[name])) is None:
            raise ValueError(f"{name[:100]!r} is no file in it")
        return file

    def read(self, name: str) -> bytes:
        with self.open(name) as file:
            data = file.read(JSON_LIMIT + 1)
        if len(data) > JSON_LIMIT:
            raise ValueError(f"{name[:100]!r} is larger than {JSON_LIMIT} bytes")
        return data

    def blob(self, digest: Any) -> bytes:
        """A small blob, checked."""
        data = self.read(_blob(digest))
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            raise ValueError(f"{digest} is damaged")
        return data


_Found = tuple[ImageFacts, list[str], list[str]]
"""An image's facts, what its layers hash to, and the files that they are in."""
_WRONG = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What reading a file raises that says anything at all."""


@contextmanager
def _reading(
    place: Path, name: str, *, only_named: bool = False
) -> Generator[tuple[_Files, _Found]]:
    with ExitStack() as stack:
        try:
            files = _Files(place)
            stack.callback(files.close)
            files.list()
            found = _found(files, place, name, only_named=only_named)
        except FileNotFoundError as error:
            raise WorkspaceError(f"{place}: there is no such image. Put it there.") from error
        except (*_WRONG, tarfile.TarError) as error:
            raise WorkspaceError(
                f"{place}: cannot be used as an image ({str(error)[:200]}). Give an OCI layout's "
                "directory, or a tar of one or of `docker save`, not compressed."
            ) from error
        yield files, found


def _blob(digest: Any) -> str:
    if not _DIGEST.fullmatch(str(digest)):
        raise ValueError(f"{str(digest)[:100]!r} is no SHA-256")
    return f"blobs/sha256/{digest[7:]}"


def _found(files: _Files, place: Path, name: str, *, only_named: bool) -> _Found:
    if files.has("index.json"):
        manifest = json.loads(files.blob(_chosen(files, name, only_named=only_named)))
        data = files.blob(manifest["config"]["digest"])
        blobs = [_blob(layer["digest"]) for layer in manifest["layers"]]
    else:
        saved = json.loads(files.read("manifest.json"))
        named = [one for one in saved if full_name(name) in map(full_name, one["RepoTags"] or ())]
        manifest = _only(named or saved, name)
        data = files.read(manifest["Config"])
        blobs = [posixpath.normpath(layer) for layer in manifest["Layers"]]
    config = json.loads(data)
    if (config["os"], config["architecture"]) != ("linux", architecture()):
        other = f"{config['os']}/{config['architecture']}"
        raise ValueError(f"it is for {other[:60]}, and this machine is linux/{architecture()}")
    contents = [str(content) for content in config["rootfs"]["diff_ids"]]
    if not 0 < len(contents) == len(blobs) <= LAYERS_LIMIT:
        raise ValueError(f"it has {len(blobs)} layers, and says {len(contents)}")
    said: dict[str, Any] = config.get("config") or {}
    pairs = [str(pair).partition("=") for pair in said.get("Env") or ()]
    workdir = posixpath.normpath(posixpath.join("/", said.get("WorkingDir") or "/"))
    if any(not variable or "\0" in f"{variable}{value}" for variable, _, value in pairs):
        raise ValueError("its variables cannot be set")
    facts = ImageFacts(
        id=hashlib.sha256(data).hexdigest(),
        place=place,
        env={variable: value for variable, _, value in pairs},
        workdir=f"/{workdir.lstrip('/')}",
        user=str(said.get("User") or ""),
    )
    return facts, contents, blobs


def _chosen(files: _Files, name: str, *, only_named: bool) -> str:
    """The digest of the manifest that is meant: of this name, and of this machine."""
    every = [*_manifests(files, json.loads(files.read("index.json")), (), _NESTED_LIMIT)]
    wanted = full_name(name)
    named = [digest for digest, names in every if wanted in map(full_name, names)]
    if only_named and not named:
        raise FileNotFoundError(name)
    return _only([*dict.fromkeys(named or [digest for digest, _ in every])], name)


def _manifests(
    files: _Files, index: Any, above: tuple[str, ...], depth: int
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Digests of this machine's images in an index, and what each is called."""
    for one in index["manifests"]:
        given = one.get("platform") or {"os": "linux", "architecture": architecture()}
        if (given["os"], given["architecture"]) != ("linux", architecture()):
            continue
        told: dict[str, str] = one.get("annotations") or {}
        names = (*above, *(told[key] for key in _NAMES if key in told))
        if re.search(r"image\.index|manifest\.list", one.get("mediaType", "")):
            if depth and files.has(_blob(one["digest"])):
                inner = json.loads(files.blob(one["digest"]))
                yield from _manifests(files, inner, names, depth - 1)
        elif files.has(_blob(one["digest"])):
            yield one["digest"], names


def _only(found: list[Any], name: str) -> Any:
    if len(found) != 1:
        raise ValueError(f"it holds {len(found)} images for this machine that may be {name}")
    return found[0]
