"""What a container's changes say of its candidate; no daemon is needed to read them."""

from dataclasses import replace
from typing import Any

import pytest

from autoagent.environments.ground import Ground
from autoagent.environments.tampering.steering import (
    ADDED,
    DELETED,
    MODIFIED,
    Change,
    Files,
    Found,
    judge,
)
from autoagent.workspace.tasks.verifier import Verifier

PATH = ("/opt/venv/bin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "")
LIBRARY = "/opt/venv/lib/python3.11/site-packages"


IMAGE = {"/usr/bin/cat", "/bin/docker-init", "/usr/lib/x86_64-linux-gnu/libz.so.1"} | {
    "/usr/local/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/opt/venv/bin",
}
NONE = Verifier(())


def ground(**changes: Any) -> Ground:
    return replace(Ground(PATH, {}, "/app", "/root", NONE), **changes)


def judged(
    *changes: Change,
    left: dict[str, bytes] | None = None,
    ground: Ground = ground(),  # noqa: B008
) -> Found:
    there = left or {}
    files = Files(
        had=IMAGE.__contains__,
        left=there.__contains__,
        read=lambda path: there.get(path, b""),
        was=lambda path: b"",
        link=lambda path: False,
        installed={"pytest", "numpy"}.__contains__,
    )
    return judge(changes, ground, files)


def said_of(*changes: Change) -> str | None:
    return judged(*changes).said


@pytest.mark.parametrize(
    "change",
    [
        Change("/opt/venv/bin/pytest", MODIFIED),
        Change("/opt/venv/bin/pytest", DELETED),
        Change(f"{LIBRARY}/pytest/__init__.py", MODIFIED),
        Change("/usr/bin/cat", MODIFIED),
        Change("/opt/venv/bin/cat", ADDED),
        Change("/opt/venv/pyvenv.cfg", MODIFIED),
    ],
)
def test_a_command_or_library_that_was_on_the_path_is_the_systems_wherever_it_is(
    change: Change,
) -> None:
    assert change.path in (said_of(change) or "")


def test_what_is_new_on_the_path_and_beside_it_is_honest() -> None:
    assert not said_of(
        Change("/opt", MODIFIED),
        Change("/opt/venv", MODIFIED),
        Change("/opt/venv/bin", MODIFIED),
        Change("/opt/venv/bin/newtool", ADDED),
        Change(f"{LIBRARY}/new.py", ADDED),
        Change("/opt/data/table.csv", MODIFIED),
        Change("/app/bin/cat", MODIFIED),
        Change("/sbin/docker-init", ADDED),
        Change("/usr/sbin/docker-init", ADDED),
    )


def runs(*lines: str) -> Ground:
    """A verifier of these lines."""
    return ground(verifier=Verifier(tuple(("test.sh", 1, line) for line in lines)))


HOOK = f"{LIBRARY}/evil.pth"
PLUGIN = f"{LIBRARY}/evil-1.dist-info/entry_points.txt"


def test_what_programs_read_unasked_is_the_images_again_and_no_verdict() -> None:
    left = {
        HOOK: b"import evil\n",
        f"{LIBRARY}/editable.pth": b"/app/src\n",
        PLUGIN: b"[console_scripts]\na = b\n[pytest11]\nevil = evil\n",
    }
    changes = [
        Change("/root/.bashrc", MODIFIED),
        Change("/root/.config", ADDED),
        Change("/etc/profile.d/evil.sh", ADDED),
        Change("/etc/pip.conf", ADDED),
        Change("/opt/venv/pip.conf", ADDED),
        Change(f"{LIBRARY}/__pycache__/os.cpython-311.pyc", ADDED),
        *(Change(path, ADDED) for path in left),
    ]
    found = judged(*changes, left=left)
    assert found.said is None
    assert set(found.restored) == {change.path for change in changes} - {
        f"{LIBRARY}/editable.pth",
        PLUGIN,
    }
    assert found.replaced == {PLUGIN: b"[console_scripts]\na = b\n"}


def test_a_task_whose_oracle_needs_it_starts_with_what_was_left() -> None:
    left = {"/app/json.py": b"", "/root/.bashrc": b"", "/app/conftest.py": b""}
    changes = [Change(path, ADDED) for path in left]
    loose = replace(runs("cd /app && python3 -m pytest"), as_left=True)
    assert judged(*changes, left=left, ground=loose) == Found(None, (), {})
    assert said_of(Change("/usr/bin/cat", MODIFIED))


@pytest.mark.parametrize(
    ("path", "verifier"),
    [
        ("/app/json.py", "python3 -c 'import json'"),
        ("/app/pytest.py", "python3 -m pytest /tests"),
        ("/app/numpy.cpython-311-x86_64-linux-gnu.so", "python3 -m pytest /tests"),
        ("/app/sitecustomize.py", "PYTHONPATH=/app /tests/run"),
        ("/app/lib2/json.py", "PYTHONPATH=/app/lib2 python3 /tests/test.py"),
        ("/app/conftest.py", "cd /app && pytest"),
        ("/app/.npmrc", "npm test"),
        ("/app/.cargo/config.toml", "cargo test"),
        ("/app/.git/hooks/post-checkout", "git checkout main"),
        ("/app/GNUmakefile", "make check"),
    ],
)
def test_a_new_module_or_setting_where_the_verifier_stands_is_tampering_where_it_counts(
    path: str, verifier: str
) -> None:
    change = Change(path, ADDED)
    assert path in (judged(change, ground=runs(verifier)).said or "")
    assert judged(change, ground=runs("cmp /app/answer /tests/answer")).said is None
    mended = Change(path, MODIFIED)
    assert judged(mended, ground=runs(verifier)).said is None or "/.git/" in path
    if path.endswith(".py") and "sitecustomize" not in path:
        script = runs("python3 -s /tests/test.py /app/lib2")
        assert judged(change, ground=script).said is None


@pytest.mark.parametrize(
    "path",
    [
        "/opt/venv/pyvenv.cfg.d",
        "/usr/local/lib/python312.zip",
        "/opt/venv/bin/pyvenv.cfg",
        "/opt/venv/lib/libz.so.1",
        "/etc/ld.so.preload",
        "/conftest.py",
        "/.npmrc",
    ],
)
def test_what_leads_an_interpreter_or_the_loader_is_tampering(path: str) -> None:
    assert (judged(Change(path, ADDED)).said is None) == path.endswith(".d")


BOOT = f"{LIBRARY}/one/boot"
CACHES = "/usr/lib/x86_64-linux-gnu/gio/modules/giomodule.cache"


@pytest.mark.parametrize(
    ("change", "left", "image"),
    [
        ((f"{BOOT}/sitecustomize.py", ADDED), {}, {}),
        (("/usr/lib/python3.11/sitecustomize.py", ADDED), {}, {}),
        (("/usr/local/venv/pyvenv.cfg", ADDED), {}, {}),
        (("/usr/lib/ruby/vendor_ruby/rubygems/defaults/operating_system.rb", ADDED), {}, {}),
        (("/usr/share/gdb/auto-load/usr/lib/libisl.so-gdb.py", ADDED), {}, {"/usr/bin/gdb": b""}),
        (("/usr/lib32/libz.so.1", ADDED), {}, {}),
        (("/usr/lib32/libnss_files.so.2", ADDED), {}, {"/etc/nsswitch.conf": b"hosts: files"}),
        (("/usr/share/perl5/File", ADDED), {}, {"/usr/share/perl/5.36/File": b""}),
        (("/etc/alternatives/awk", MODIFIED), {}, {}),
        (("/usr/lib/python3.11/EXTERNALLY-MANAGED", DELETED), {}, {}),
        ((CACHES, MODIFIED), {}, {}),
        ((f"{LIBRARY}/easy-install.pth", MODIFIED), "/a\n/app\n", "/a\n"),
    ],
)
def test_what_packages_bring_to_a_system_is_honest(change: Any, left: Any, image: Any) -> None:
    assert installed(change, left, image).said is None


@pytest.mark.parametrize(
    ("change", "left", "image"),
    [
        ((f"{BOOT}/sitecustomize.py", ADDED), {f"{LIBRARY}/x.pth": b"one/boot\n"}, {}),
        ((f"{BOOT}/sitecustomize.py", ADDED), {}, {f"{LIBRARY}/one": b""}),
        ((f"{LIBRARY}/sitecustomize.py", ADDED), {}, {}),
        (("/usr/lib/python3.11/usercustomize.py", ADDED), {}, {}),
        (
            ("/usr/lib/python3.11/sitecustomize.py", ADDED),
            {},
            {"/usr/lib/python3.11/os.py": b""},
        ),
        (("/usr/local/venv/pyvenv.cfg", ADDED), {}, {"/usr/local/venv": b""}),
        (
            ("/usr/lib/ruby/vendor_ruby/rubygems/defaults/operating_system.rb", ADDED),
            {},
            {"/usr/lib/ruby": b""},
        ),
        (("/usr/share/perl5/File.pm", ADDED), {}, {"/usr/share/perl/5.36/File.pm": b""}),
        (("/usr/local/lib/x/libz.so.1", ADDED), {}, {}),
        (("/usr/lib/python3.11/os.py", DELETED), {}, {}),
    ],
)
def test_what_steers_beside_them_is_still_told(change: Any, left: Any, image: Any) -> None:
    assert installed(change, left, image).said


def test_what_was_written_into_an_images_pth_file_is_taken_out_unless_it_is_a_place() -> None:
    path = f"{LIBRARY}/easy-install.pth"
    for text, before in {
        "/a\nimport evil\n": "/a\n",
        "/a\r\nimport evil\n": "/a\r\n",
        "/a\n/x\rimport evil\n": "/a\n",
        "/a\n\ufeffimport evil\n": "/a\n",
        "import a;import evil\n": "import a",
        "/evil\n/a\n": "/a\n",
        "": "/a\n",
    }.items():
        assert installed((path, MODIFIED), text, before) == Found(None, (path,), {}), text


def installed(change: tuple[str, int], left: Any, image: Any) -> Found:
    """What is said of one change; a text is what it holds now, and held before."""
    path, kind = change
    now = {path: left.encode()} if isinstance(left, str) else {path: b"", **left}
    was = {path: image.encode()} if isinstance(image, str) else image
    changes = [Change(path, kind), *(Change(one, ADDED) for one in now if one != path)]
    files = Files(
        had=lambda one: any(f"{there}/".startswith(f"{one}/") for there in IMAGE | {*was}),
        left=now.__contains__ if kind != ADDED or "." in path else lambda one: False,
        read=lambda one: now.get(one, b""),
        was=lambda one: was.get(one, b""),
        link=lambda one: False,
        installed=lambda name: False,
    )
    return judge(changes, ground(), files)


def loads(*libraries: tuple[int, str, str]) -> bytes:
    """A cache of the loader's with these libraries: kinds, names and paths."""
    strings, entries = b"", b""
    start = 48 + 24 * len(libraries)
    for kind, name, path in libraries:
        at = start + len(strings)
        strings += f"{name}\0{path}\0".encode()
        entries += b"".join(one.to_bytes(4, "little") for one in (kind, at, at + len(name) + 1))
        entries += bytes(12)
    return (
        b"glibc-ld.so.cache1.1"
        + len(libraries).to_bytes(4, "little")
        + bytes(24)
        + entries
        + strings
    )


@pytest.mark.parametrize(
    ("kind", "name", "path", "is_told"),
    [
        (3, "libc.so.6", "/usr/lib32/libc.so.6", False),
        (3, "libz.so.1", "/usr/lib32/libz.so.1", False),
        (3, "libold.so.1", "/opt/libold.so.1", True),
        (0x303, "libc.so.6", "/usr/lib32/libc.so.6", True),
        (0x303, "libz.so.1", "/usr/lib32/libz.so.1", True),
        (1, "libc.so.6", "/opt/libc.so.6", True),
        (0x303, "libnew.so.1", "/opt/libnew.so.1", False),
    ],
)
def test_a_library_of_another_kind_hides_none(
    kind: int, name: str, path: str, is_told: bool
) -> None:
    """Where 32-bit programs are installed, the loader knows two libraries of a name."""
    cache = "/etc/ld.so.cache"
    before = [(0x303, "libc.so.6", "/lib/libc.so.6"), (3, "libold.so.1", "/lib32/libold.so.1")]
    left, image = loads(*before, (kind, name, path)), loads(*before)
    files = Files(
        had=IMAGE.__contains__,
        left=lambda one: True,
        read=lambda one: left,
        was=lambda one: image,
        link=lambda one: False,
        installed=lambda name: False,
    )
    said = judge([Change(cache, MODIFIED)], ground(), files).said
    assert (said is not None) == is_told


def test_at_home_what_is_named_or_is_the_work_is_the_works() -> None:
    new = [Change(f"/root/{name}", ADDED) for name in (".x", "bin", "out", "work")]
    restored = judged(*new, ground=replace(runs("cat ~/out"), work="/root/work")).restored
    assert restored == ("/root/.x", "/root/bin")
    assert judged(*new, ground=ground(work="/root")).restored == ("/root/.x",)


@pytest.mark.parametrize(
    ("path", "verifier"),
    [
        ("/etc/apt/apt.conf.d/99", ""),
        ("/etc/ssl/openssl.cnf", ""),
        ("/usr/local/pip.conf", ""),
        ("/usr/local/lib/node_modules/npm/npmrc", ""),
        ("/usr/share/git-core/templates/hooks/post-checkout", ""),
        ("/opt/venv/config.toml", ""),
        ("/srv/settings/git/config", ""),
        ("/tmp/deps", "mkdir -p /tmp/deps"),
        ("/var/lib/dpkg", "apt-get install -y curl"),
        ("/opt/other/lib/python3.11/site-packages/x.pth", "/opt/other/bin/python -m pytest"),
        (f"{LIBRARY}/iniconfig-2.0.dist-info", "pip install pytest"),
        ("/home/al/.profile", "su - al -c true"),
    ],
)
def test_settings_of_tools_and_what_a_verifier_makes_itself_are_the_images_again(
    path: str, verifier: str
) -> None:
    found = ground(
        verifier=Verifier((("test.sh", 1, verifier),)),
        variables={"XDG_CONFIG_HOME": "/srv/settings"},
        users=("/home/al",),
    )
    left = {path: b"import x\n"} if path.endswith(".pth") else {}
    assert judged(Change(path, ADDED), ground=found, left=left).restored == (path,)
    if verifier:
        plain = replace(found, verifier=Verifier((("test.sh", 1, "cmp a b"),)))
        assert judged(Change(path, ADDED), ground=plain, left=left).restored == ()


def test_what_is_found_before_the_images_own_is_tampering_in_every_language(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for had, planted in {
        "/usr/lib/ruby/3.1.0/json.rb": "/usr/local/lib/site_ruby/3.1.0/json.rb",
        "/usr/share/perl/5.36/Carp.pm": "/usr/share/perl5/Carp.pm",
        "/usr/share/nodejs/chalk": "/usr/share/nodejs/npm/node_modules/chalk",
        "/usr/lib/x86_64-linux-gnu/libz.so.1": "/usr/lib/glibc-hwcaps/v3/libz.so.1",
    }.items():
        place = had.rpartition("/")[0]
        there = {had, place, "/usr/share/nodejs/npm/package.json"}
        monkeypatch.setattr(f"{__name__}.IMAGE", there)
        said = judged(Change(planted, ADDED), left={planted: b""}).said
        assert planted in (said or ""), planted
        monkeypatch.setattr(f"{__name__}.IMAGE", set[str]())
        assert said_of(Change(planted, ADDED)) is None, planted
