"""Building bubblewrap command lines: what every sandbox of ours shares.

A sandbox starts from nothing: no host directory is visible unless it is named here or
by the caller. https://github.com/containers/bubblewrap
"""

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from autoagent.environments.sandbox import seccomp
from autoagent.environments.sandbox.inside import loopback
from autoagent.environments.sandbox.outside import MARK, Outside, mark_of
from autoagent.errors import InfrastructureFault

INSIDE = Path(__file__).parent / "inside"
"""The code that runs beside the candidate."""
EXAMPLES = INSIDE.parents[2] / "examples"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
MOUNTED = frozenset({*(path.strip("/") for path in _SYSTEM), "etc", "python", "proc", "dev"})
"""Names directly below a task's root where something is mounted over what the task has there."""
_ETC = (
    "alternatives",
    "group",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "passwd",
    "protocols",
    "services",
    "ssl/openssl.cnf",
)
"""The part of /etc that programs need to start; nothing that holds a secret."""
_ETC_NETWORK = ("ca-certificates", "gai.conf", "host.conf", "hosts", "resolv.conf", "ssl/certs")
"""What programs need besides, where there is a network."""


@cache
def system_binds() -> tuple[str, ...]:
    """Read-only binds of the operating system's programs and libraries.

    Every bind target is a direct child of the root: a target whose parent directory a
    sandboxed process can replace would let it aim a later mount.
    """
    arguments: list[str] = []
    for path in map(Path, _SYSTEM):
        if path.is_dir():  # a link into /usr becomes a mount too, so that it cannot be replaced
            arguments += ["--ro-bind", str(path.resolve()), str(path)]
    return tuple(arguments)


def make_etc(directory: Path, *, network: bool) -> Path:
    """A copy of the part of /etc that programs need, made once in `directory`.

    One directory is one mount; a mount for each file would cost every command milliseconds.
    """
    target = directory / ("etc-network" if network else "etc")
    if target.exists():
        return target
    directory.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix="etc-", dir=directory))
    building.chmod(0o755)
    for name in (*_ETC, *(_ETC_NETWORK if network else ())):
        source, place = Path("/etc", name), building / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            manuals = shutil.ignore_patterns("*.gz")
            shutil.copytree(source, place, symlinks=True, ignore=manuals)
        elif source.is_file():
            shutil.copyfile(source, place)
    building.rename(target)
    return target


@cache
def python() -> Path | None:
    """This interpreter's directory, which tasks have as `/python`; None where it is in /usr."""
    prefix = Path(sys.base_prefix).resolve()
    return None if prefix == Path("/usr") else prefix


def environment_binds(outside: Outside) -> list[str]:
    """This interpreter as `/python`, so that tasks have a Python whatever the host has."""
    prefix = python()
    return [] if prefix is None else ["--ro-bind", outside.seen(prefix), "/python"]


def harness_binds(outside: Outside) -> list[str]:
    """This interpreter and its virtual environment at their own paths, for the harness."""
    arguments: list[str] = []
    for root in dict.fromkeys((Path(sys.base_prefix).resolve(), Path(sys.prefix))):
        if root != Path("/usr"):
            arguments += ["--ro-bind", outside.seen(root), str(root)]
    return arguments


@cache
def packages() -> str:
    """The directory of packages beside this one, which fit the interpreter that tasks have."""
    return sysconfig.get_path("purelib")


def package_binds(outside: Outside, target: str) -> list[str]:
    """The same packages for a verifier to import."""
    return ["--ro-bind", outside.seen(packages()), target]


def sdk_binds(outside: Outside, target: str) -> list[str]:
    """The same packages for the candidate, without this one: it may bring tasks with solutions."""
    mounts = package_binds(outside, target)
    if Path(packages(), "autoagent").is_dir():
        mounts += ["--tmpfs", f"{target}/autoagent", "--remount-ro", f"{target}/autoagent"]
    return mounts


IMAGE_VARIABLES = {"HOME": "/root", "PATH": SYSTEM_PATH}
"""What a command finds set before anything else where the system is an image's."""


@cache
def environment_variables() -> dict[str, str]:
    """What a command in a task's environment finds set before anything else."""
    variables = {"HOME": "/root", "LANG": "C.UTF-8", "PATH": SYSTEM_PATH, "PYTHONNOUSERSITE": "1"}
    if python():
        variables["PATH"] = f"/python/bin:{SYSTEM_PATH}"
        if sysconfig.get_config_var("Py_ENABLE_SHARED"):
            variables["LD_LIBRARY_PATH"] = "/python/lib"
    return variables


def listening(given: socket.socket | None, variables: Mapping[str, str]) -> list[str]:
    """What goes before a command so that it gives a listener away over `given` first.

    It runs on this interpreter, which is mounted read-only, before anything of the task's;
    the command's variables are set after it, because some would load code into it.
    """
    if given is None:
        return []
    prefix = "/python" if python() else "/usr"
    code = (INSIDE / "loopback.py").read_text()
    flags = ["-I", "-S", "-B", "-c", code]
    command = [f"{prefix}/bin/python3", *flags, str(given.fileno()), str(loopback.PORT)]
    return [*command, "/usr/bin/env", *(f"{name}={value}" for name, value in variables.items())]


def proc() -> list[str]:
    """A /proc in which nothing can be set, whoever one is; the last mount that is below it.

    Not file by file as container engines do: what a kernel has there tomorrow is closed too.
    """
    return ["--proc", "/proc", "--remount-ro", "/proc"]


def system_around(outside: Outside, etc: Path) -> list[str]:
    """The system as every command of a task's finds it: read-only, and nothing of the host's."""
    mounts = [*system_binds(), "--ro-bind", outside.seen(etc), "/etc", *environment_binds(outside)]
    return [*mounts, *proc(), "--dev", "/dev"]


def overlay(outside: Outside, lower: Path, written: Path, target: str) -> list[str]:
    """A directory that looks like `lower`; what is written there lies in `written`."""
    upper = outside.seen(written)
    return [
        *("--overlay-src", outside.seen(lower)),
        *("--overlay", f"{upper}/up", f"{upper}/work", target),
    ]


def image_around() -> list[str]:
    """Around an image that has a system of its own: nothing of the machine's."""
    return [*proc(), "--dev", "/dev"]


def setting(variables: Mapping[str, str]) -> list[str]:
    """What a command finds set."""
    return [word for name, value in variables.items() for word in ("--setenv", name, value)]


def harness_sandbox(
    outside: Outside, harness: Path, etc: Path, variables: Mapping[str, str]
) -> list[str]:
    """The sandbox of a harness process, up to the command that runs in it.

    Its first process keeps three capabilities in the user namespace: it makes the
    namespaces of each trial and brings their loopbacks up, and the trial gives them up
    before it loads the candidate.
    """
    options = ["--unshare-net", "--hostname", "harness"]
    for kept in ("CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_RESOURCE"):
        options += ["--cap-add", kept]
    options += setting(variables)
    options += [*system_binds(), *harness_binds(outside), "--ro-bind", outside.seen(etc), "/etc"]
    if EXAMPLES.is_dir():  # an installed package brings tasks with their solutions
        options += ["--tmpfs", str(EXAMPLES)]
    options += [
        "--ro-bind",
        outside.seen(INSIDE),
        "/autoagent/autoagent/environments/sandbox/inside",
    ]
    options += ["--ro-bind", outside.seen(harness), "/harness"]
    options += [*proc(), "--dev", "/dev", "--dir", "/scratch", "--dir", "/tmp"]
    options += ["--dir", "/dev/shm", "--remount-ro", "/dev", "--remount-ro", "/"]
    return [*outside.starting(options), "--chdir", "/"]


def end_left(directory: Path) -> None:
    """End what a killed worker was just about to sandbox, and nobody will ever start.

    A sandbox dies with its parent from a moment after it is there; in between it waits for
    the parent, forever.

    Args:
        directory: The first that the worker's sandboxes were made of.
    """
    mark = f"{MARK}={mark_of(directory)}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended, or is another's
            if mark in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)


_REHEARSAL = """\
import sys
sys.path.insert(0, "/autoagent")
from autoagent.environments.sandbox.inside import namespaces
namespaces.rehearse({calls!r})
"""


@cache
def probe() -> str | None:
    """Why sandboxes cannot be made on this machine, or None where they can.

    Makes a harness sandbox, and in it the namespaces of a trial. Asked once per process.
    """
    try:
        outside = Outside()
        sandbox = harness_sandbox(outside, INSIDE, Path("/etc"), {})
    except InfrastructureFault as fault:
        return fault.message
    rehearsal = _REHEARSAL.format(calls=seccomp.program("harness"))
    command = [*sandbox, sys.executable, "-I", "-S", "-B", "-c", rehearsal]
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=False, cwd="/")
    except OSError as error:
        return f"{command[0]} cannot be run: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"{command[0]} did not answer within 20 s"
    if done.returncode == 0:
        return None
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return said[-1] if said else f"bubblewrap exited {done.returncode}"


def _permitting() -> str:
    """How a machine's owner permits them, where AppArmor does not (Ubuntu since 23.10).

    Namespaces are made by this interpreter (`keeper`), and bubblewrap makes none of its own: so it
    is the interpreter, by the path that AppArmor sees, that a profile has to name.
    """
    path = Path(sys.executable).resolve()
    profile = f"abi <abi/4.0>,\nprofile autoagent {path} flags=(unconfined) {{ userns, }}\n"
    return (
        "on Ubuntu since 23.10 allow them to this interpreter alone, as root: `printf "
        f"{shlex.quote(profile).replace(chr(10), chr(92) + 'n')} > /etc/apparmor.d/autoagent && "
        "apparmor_parser -r /etc/apparmor.d/autoagent`, or to every program, with `sysctl "
        "kernel.apparmor_restrict_unprivileged_userns=0`"
    )


def require() -> None:
    """Refuse to run anything where sandboxes cannot be made.

    Raises:
        InfrastructureFault: Says why, and what to change.
    """
    why = probe()
    if why is not None:
        raise InfrastructureFault(
            f"bubblewrap cannot make a sandbox on this machine: {why.rstrip('.')}. Unprivileged "
            f"user namespaces are needed: {_permitting()}; in a container, start it with a "
            'seccomp profile that permits them. Or the human sets `environment = "docker"` and '
            '`isolation = "process"` in autoagent.toml: tasks then run in containers, and the '
            "harness UNSANDBOXED, at one's own risk.",
            "run `autoagent doctor`",
        )
