"""The rule over what a candidate left: where links lead is where the kernel would go."""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoagent.environments.tampering import leftovers
from autoagent.environments.tampering.leftovers import (
    ABOVE,
    READERS,
    VERIFIERS,
    Budget,
    Leftover,
    judge,
)
from autoagent.errors import InfrastructureFault

NAMES = ("a", "b", "l", "m")
OPENAT2, IN_ROOT = 437, 0x10
GUARDED = (*VERIFIERS, *READERS)


def said(
    *left: Leftover, image: Iterable[Leftover] = (), beyond: dict[str, str] | None = None
) -> str:
    """What the rule says of this, or ""."""
    known = {one.path: one for one in image}
    return judge(lambda budget: left, known.get, (beyond or {}).get) or ""


def link(path: str, text: str) -> Leftover:
    return Leftover(path, "link", text)


@pytest.mark.parametrize(
    "text",
    [
        "/tests/expected.txt",
        "../tests/expected.txt",
        "../../../../tests",
        "//tests//.//x",
        "x/../../tests",
        "/solution",
        "/logs/verifier/reward.txt",
        "/verifier/rewardkit",
        "/logs",
        "/",
        "..",
        "/proc/self/root/tests/x",
        "/proc/1/fd/3",
        "/dev/fd/0",
        "/dev/stdin",
        "/tests/../app/honest",
    ],
)
def test_a_link_whose_text_leads_to_a_guarded_place_or_above_one_is_tampering(text: str) -> None:
    assert said(link("/app/answer", text)).startswith("/app/answer is a link that leads to /")


@pytest.mark.parametrize(
    "text",
    [
        "/usr/bin/python3",
        "../usr/bin/../lib/python3",
        "releases/3",
        "../../var/lib/x",
        "/dev/null",
        "/tmp/x",
        "/testsuite",
        "/tests.old/x",
        "/app/tests",
        "tests/expected.txt",
        "/logs/agent/x",
        "/nowhere/at/all",
        "l",
        "/dev",
        "/root/.cache/uv/x",
    ],
)
def test_a_link_into_the_system_the_tree_or_nowhere_is_honest(text: str) -> None:
    assert said(link("/app/l", text)) == ""


def test_a_link_is_followed_through_other_links_and_through_those_of_the_system() -> None:
    """/usr/lib/ssl/certs is a link to /etc/ssl/certs on a Debian, so `..` is above there."""
    through = link("/app/answer", "/usr/lib/ssl/certs/../../../tests/x")
    assert said(through) == ""
    assert "/tests" in said(through, beyond={"/usr/lib/ssl/certs": "/etc/ssl/certs"})

    chain = [link("/app/1", "2/x"), link("/app/2", "/var/3"), link("/var/3", "../tests")]
    assert said(*chain) == "/app/1 is a link that leads to /tests, which is the verifier's own"
    assert said(*chain, image=chain[1:]).startswith("/app/1 ")
    circle = [link("/app/a", "b/tests"), link("/app/b", "a")]
    assert said(*circle) == ""


def test_a_text_that_leads_there_when_it_is_shortened_as_text_is_tampering() -> None:
    """The kernel goes to /app/tests; a verifier that normalises paths does not."""
    current = link("/app/current", "releases/3")
    assert "leads to /tests" in said(current, link("/app/a", "current/../../tests/x"))
    assert "leads to /," in said(current, link("/app/a", "current/../.."))


def test_a_link_in_the_place_of_a_guarded_directory_is_tampering() -> None:
    for place in ("/tests", "/logs", "/logs/verifier"):
        assert said(link(place, "/app")) == f"{place} was replaced by a link"
    assert said(link("/tests/x", "/proc/self/root")) == "", "nothing of this is there any more"


def test_what_the_image_had_is_honest_as_long_as_it_is_the_same() -> None:
    before = link("/app/fixture", "/tests/fixture")
    assert said(before, image=[before]) == ""
    assert said(link("/app/fixture", "/tests/expected"), image=[before])
    assert said(link("/app/other", "/tests/fixture"), image=[before])
    pipe = Leftover("/app/control", "pipe")
    assert said(pipe, image=[pipe]) == ""
    assert said(pipe, image=[before._replace(path="/app/control")])


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/tmp/x/pipe", ""),
        ("/run/supervise/control", ""),
        ("/var/spool/postfix/public/pickup", ""),
        ("/app/answer.txt", "pipe device socket"),
        ("/srv/gunicorn.sock", "pipe device"),
        ("/root/.gnupg/S.gpg-agent", "pipe device"),
        ("/app/.git/fsmonitor--daemon", "pipe device"),
        ("/root/.answer", "pipe device"),
    ],
)
def test_pipes_devices_and_sockets_are_tampering_where_a_file_is_read(
    path: str, kinds: str
) -> None:
    wrong = [kind for kind in ("pipe", "device", "socket") if said(Leftover(path, kind))]
    assert wrong == kinds.split()


def test_a_link_to_a_pipe_is_tampering_wherever_the_pipe_is() -> None:
    left = [Leftover("/tmp/pipe", "pipe"), link("/app/answer.txt", "/tmp/pipe")]
    assert said(*left) == "/app/answer.txt is a link that leads to a named pipe"


def test_a_file_with_a_name_that_is_the_verifier_s_or_outside_of_the_tree_is_tampering() -> None:
    one, two = (Leftover(f"/app/{name}", "file", inode=(1, 2), names=2) for name in "ab")
    assert said(one, two) == ""
    assert said(one) == "/app/a is the same file as one outside of the trial"
    assert said(one._replace(names=0)) == "", "nobody knows how many it has"
    theirs = one._replace(path="/tests/x")
    assert said(one, theirs) == "/app/a is the same file as /tests/x"
    assert said(theirs, theirs._replace(path="/tests/y")) == ""


def test_a_sentence_names_a_path_as_far_as_it_is_harmless() -> None:
    told = said(link("/app/\x1b[31m\u202e\udcff\n" + "x" * 500, "/tests"))
    assert told.startswith("/app/?[31m???xxx") and len(told) < 300


def test_more_than_honest_work_leaves_is_tampering() -> None:
    def over(budget: Budget) -> list[Leftover]:
        budget.entries(leftovers.ENTRIES_LIMIT + 1)
        return []

    def wordy(budget: Budget) -> list[Leftover]:
        budget.keep("x" * (leftovers.BYTES_LIMIT + 1))
        return []

    for read in (over, wordy):
        assert "nobody can say where" in (judge(read, lambda _: None, lambda _: None) or "")


def test_links_that_are_made_to_be_slow_are_not_followed_to_their_end() -> None:
    """Each leads 40 links on, through a path of 2000 components."""
    far = "x/../" * 800
    left = [link(f"/app/{n}", f"{far}{n + 1}") for n in range(20_000)]
    assert "lead through too many others" in said(*left)


def test_a_machine_that_is_too_slow_makes_no_tampering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "LOOK_SECONDS", -1.0)

    def read(budget: Budget) -> list[Leftover]:
        budget.entries(1)
        return []

    with pytest.raises(InfrastructureFault, match="the machine is slow"):
        judge(read, lambda _: None, lambda _: None)


parts = st.lists(
    st.sampled_from([*NAMES, "..", "tests", "logs", "verifier"]), min_size=1, max_size=5
)
texts = st.one_of(parts.map("/".join), parts.map(lambda found: "/" + "/".join(found)))
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(lambda p: "/" + "/".join(p))


@settings(max_examples=300)
@given(texts=st.dictionaries(paths, texts, max_size=6))
def test_whatever_the_kernel_finds_in_a_guarded_place_is_found(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str]
) -> None:
    """The kernel resolves each link in a real tree as a chroot would (openat2, RESOLVE_IN_ROOT).

    Without `..` the other direction holds too: what it finds elsewhere is honest.
    """
    root = tmp_path_factory.mktemp("root")
    for place in ("tests/a/b", "logs/verifier/a", "a/b", "b/a", "a/tests"):
        (root / place).mkdir(parents=True)
    made = {path: text for path, text in texts.items() if plant(root, path, text)}
    for path, text in made.items():
        others = [link(one, made[one]) for one in made]
        image = [one for one in others if one.path != path]
        told = said(*others, image=image)
        if (found := resolved(root, path)) is None:
            continue
        guarded = any(f"{found}/".startswith(f"{place}/") for place in GUARDED)
        if guarded or found in ABOVE:
            assert told.startswith(f"{path} is a link"), (found, made)
        elif ".." not in text and not any(".." in other for other in made.values()):
            assert told == "", (found, made)


def plant(root: Path, path: str, text: str) -> bool:
    """Make a link where nothing is yet; whether it could be made."""
    place = root / path[1:]
    try:
        inside = place.parent.resolve() == place.parent
        if not inside or os.path.lexists(place):
            return False
        place.symlink_to(text)
    except (OSError, RuntimeError):
        return False
    return True


def resolved(root: Path, path: str) -> str | None:
    """Where the kernel ends, or None where it finds nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    how = (ctypes.c_uint64 * 3)(os.O_PATH | os.O_CLOEXEC, 0, IN_ROOT)
    place = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        found = libc.syscall(OPENAT2, place, path.encode(), how, ctypes.sizeof(how))
        if found < 0:
            if ctypes.get_errno() == 38:
                pytest.skip("the kernel has no openat2")
            return None
        try:
            return "/" + str(Path(f"/proc/self/fd/{found}").readlink().relative_to(root)).strip(".")
        finally:
            os.close(found)
    finally:
        os.close(place)
