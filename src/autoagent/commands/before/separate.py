"""`autoagent separate`: tier 1 in one command. Root runs it; the server's own user goes on.

The workspace becomes the server's, file by file and each in a fresh copy, so that no descriptor
that somebody holds open still leads into it. The harness and `.agent/` stay the meta-agent's to
write, `.git` stays the user's and is not touched. Whatever is in there is taken as hostile: no
link is followed, nothing is written that is not below the opened workspace, and the user's copy
of the token is written by the user's own process.
"""

import os
import pwd
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

from autoagent.config import load_config
from autoagent.errors import WorkspaceError
from autoagent.files import opened_directory, staged, write_durably
from autoagent.workspace import tier
from autoagent.workspace.state import STATE_VARIABLE, name_state, state_directory
from autoagent.workspace.tier import PEER_FILE, Peer

STATE_DIRECTORY = Path("/var/lib/autoagent")
USER = "autoagent"
AGAIN = "`sudo autoagent separate` again"

_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_SECRET = ".env"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SECONDS = 20


class Account(NamedTuple):
    """A user of this machine."""

    uid: int
    gid: int
    name: str
    home: Path


def separate(root: Path, address: str) -> NoReturn:
    """Hand a workspace over to the server's user, give the token to its own, and become the server.

    Everything can be done again: it is how the server is started the next time, too.

    Raises:
        WorkspaceError: This is not root on behalf of a user, or something keeps the tier from
            being 1; what, and what to do, is told.
    """
    from autoagent.server.http import loopback, url

    host, port = loopback(address)
    if not port:
        raise WorkspaceError("A client must know the port: --http with one that is not 0.")
    peer, server = invoking(), server_account()
    root = root.resolve(strict=True)
    make_private(STATE_DIRECTORY, server)
    os.environ[STATE_VARIABLE] = str(STATE_DIRECTORY)
    state = state_directory(root)
    token = token_place(peer, state.name)
    prepare(root, state, server, peer, token)
    line = ["claude", "mcp", "add", "--transport", "http", "autoagent", url(host, port)]
    header = f'--header "Authorization: Bearer $(cat {shlex.quote(str(token))})"'
    told = (
        f"As {peer.name}, once:\n  {shlex.join(line)} {header}\n"
        f"The server of {root} runs as {server.name}; interrupt it to stop, and start it again by "
        "the same command.\n"
    )
    sys.stderr.write(told)
    sys.stderr.flush()
    become(root, f"{host}:{port}" if ":" not in host else f"[{host}]:{port}", server, peer)


def prepare(root: Path, state: Path, server: Account, peer: Account, token: Path) -> None:
    """Everything but the accounts and the server itself.

    Raises:
        WorkspaceError: As `separate` does.
    """
    known = Peer(uid=peer.uid, gid=peer.gid, name=peer.name, token_sha256="")
    for hole in (*tier.above(known, (root.parent, state.parent)), *tier.code(known)):
        raise WorkspaceError(
            f"{hole}, so that the tier cannot be 1. Workspace and program belong where only root "
            "writes, such as /srv and /opt; see docs/tiers.md.",
            AGAIN,
        )
    make_private(state, server)
    hand_over(root, server, peer)
    name_state(root, state, (server.uid, server.gid))
    _require(server, 'exec "$0" -P -c "import autoagent.server.http"', Path(sys.executable))
    _require(server, 'cat -- "$0/HEAD" && ls -- "$0/objects"', root / ".git")
    digest = token_digest(peer, token, tier.peer_of(state))
    place = state / PEER_FILE
    write_durably(place, known.replace(token_sha256=digest).model_dump_json().encode())
    place.chmod(0o600)
    os.chown(place, server.uid, server.gid)


def _require(server: Account, script: str, place: Path) -> None:
    done = _as(server, script, place)
    if done.returncode and os.path.lexists(place):
        said = done.stderr.decode(errors="replace").strip()[-300:]
        raise WorkspaceError(
            f"The server's user {server.name} cannot use {place} ({said}). Let others read it: "
            f"`chmod -R o+rX {shlex.quote(str(place))}`.",
            AGAIN,
        )


def hand_over(root: Path, server: Account, peer: Account) -> None:
    """Make a workspace the server's, but for what is the meta-agent's.

    The directory first: from then on nobody else adds to it, and what is found in it stays.

    Raises:
        WorkspaceError: Something in it is not what can be handed over.
    """
    with opened_directory(root) as top:
        os.fchown(top, server.uid, peer.gid)
        os.fchmod(top, 0o2755)  # what is replaced in it keeps the group that may write to it
        _one(top, "autoagent.toml", root, server.uid, server.gid)
        harness = load_config(root).harness.file
        shared = (harness, ".agent")
        if ".agent" not in _names(top):
            os.mkdir(".agent", dir_fd=top)
        for name in _names(top):
            if name in shared:
                _one(top, name, root, server.uid, peer.gid, shared=True)
            elif name != ".git" or stat.S_ISREG(os.lstat(root / name).st_mode):
                _one(top, name, root, server.uid, server.gid)


def _names(directory: int) -> list[str]:
    return sorted(entry.name for entry in os.scandir(directory))


def _one(
    directory: int, name: str, above: Path, uid: int, gid: int, *, shared: bool = False
) -> None:
    """An entry of an opened directory: a file is copied, a directory is taken first, then filled.

    `shared`: the group may write to it.
    """
    place = above / name
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(status.st_mode):
        with opened_directory(Path(f"/proc/self/fd/{directory}"), name) as inner:
            os.fchown(inner, uid, gid)
            os.fchmod(inner, 0o2775 if shared else stat.S_IMODE(status.st_mode) & ~_OTHERS)
            for child in _names(inner):
                _one(inner, child, place, uid, gid, shared=shared)
    elif stat.S_ISLNK(status.st_mode):
        os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False)
    elif stat.S_ISREG(status.st_mode):
        mode = stat.S_IMODE(status.st_mode) & 0o777
        mode = mode | 0o664 if shared else mode & ~_OTHERS
        _copied(directory, name, place, (uid, gid), 0o600 if name == _SECRET else mode)
    else:
        raise WorkspaceError(f"{place} is no file, directory or link. Remove it.", AGAIN)


def _copied(directory: int, name: str, place: Path, owner: tuple[int, int], mode: int) -> None:
    """Put a fresh copy in a file's place; one that was is left as it is."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=directory), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            # Root would copy what the user cannot read, were it linked here.
            raise WorkspaceError(f"{place} has other names (hard links). Copy it anew.", AGAIN)
        if (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (*owner, mode):
            return
        with staged(directory, name, f".{name[:100]}.handed-over", mode) as descriptor:
            with os.fdopen(os.dup(descriptor), "wb") as out:
                shutil.copyfileobj(file, out)
            os.fchown(descriptor, *owner)


def token_place(peer: Account, name: str) -> Path:
    """Where the user's copy of the token is."""
    return peer.home / ".config" / "autoagent" / f"{name}.token"


def token_digest(peer: Account, place: Path, before: Peer | None) -> str:
    """The digest of the token that the user has; it gets a new one where it has none that fits.

    The file is read and written by a process of the user's, which alone can read it.

    Raises:
        WorkspaceError: It cannot be written.
    """
    from autoagent.server.http import hashed, new_token

    kept = _as(peer, 'exec cat -- "$0"', place)
    if before is not None and kept.returncode == 0:
        digest = hashed(kept.stdout.decode(errors="replace").strip())
        if digest == before.token_sha256:
            return digest
    token = new_token()
    script = 'umask 077 && mkdir -p -- "${0%/*}" && rm -f -- "$0" && exec cat > "$0"'
    written = _as(peer, script, place, token.encode())
    if written.returncode:
        said = written.stderr.decode(errors="replace").strip()[-300:]
        raise WorkspaceError(f"{peer.name} cannot write the token to {place}: {said}.", AGAIN)
    return hashed(token)


def _as(
    account: Account, script: str, place: Path, given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["/bin/sh", "-c", script, str(place)],
        input=given,
        capture_output=True,
        timeout=_SECONDS,
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        env={"PATH": _PATH},
        cwd="/",
        check=False,
    )


def become(root: Path, address: str, server: Account, peer: Account) -> NoReturn:
    """Drop root for good and run the server, with an environment of its own.

    The user's group comes along: what the server puts into `.agent/` stays open to that.
    """
    environment = {
        "PATH": _PATH,
        "HOME": str(STATE_DIRECTORY),
        "USER": server.name,
        STATE_VARIABLE: os.environ[STATE_VARIABLE],
        "LANG": os.environ.get("LANG", "C.UTF-8"),
    }
    passed = ("_API_KEY", "_PROXY", "_proxy")
    environment |= {name: value for name, value in os.environ.items() if name.endswith(passed)}
    os.chdir("/")
    os.umask(0o022)
    os.setgroups([peer.gid])
    os.setgid(server.gid)
    os.setuid(server.uid)
    command = [sys.executable, "-P", "-m", "autoagent", "serve", "--workspace", str(root)]
    os.execve(sys.executable, [*command, "--http", address], environment)


def invoking() -> Account:
    """The user on whose behalf root runs this.

    Raises:
        WorkspaceError: This is not root, or on nobody's behalf.
    """
    named = os.environ.get("SUDO_UID", "0")
    if os.geteuid() != 0 or not named.isdecimal() or int(named) == 0:
        raise WorkspaceError(
            "This sets up users and owners, so root runs it, for the user that the meta-agent has.",
            "`sudo autoagent separate` as that user",
        )
    return _account(pwd.getpwuid(int(named)))


def server_account() -> Account:
    """The server's user, made where it is missing."""
    try:
        found = pwd.getpwnam(USER)
    except KeyError:
        options = [
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            str(STATE_DIRECTORY),
        ]
        command = ["useradd", *options, "--shell", "/usr/sbin/nologin", USER]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or error
            raise WorkspaceError(
                f"The user {USER} could not be made ({str(said).strip()}).", AGAIN
            ) from error
        found = pwd.getpwnam(USER)
    return _account(found)


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, Path(entry.pw_dir))


def make_private(directory: Path, server: Account) -> None:
    """A directory of the server's alone, below one in which only root makes others."""
    directory.mkdir(mode=0o700, exist_ok=True)
    with opened_directory(directory.parent, directory.name) as opened:
        os.fchown(opened, server.uid, server.gid)
        os.fchmod(opened, 0o700)
