"""What a candidate leaves in a sandbox for its verifier to follow, and what it may leave."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from autoagent.environments.sandbox.images import Image
from autoagent.environments.sandbox.sandbox import SandboxEnvironment
from autoagent.environments.sandbox.verifying import remains
from autoagent.environments.trees import remove_tree
from autoagent.environments.trials import in_hand, trial_in_hand

from ...attacks.links import LEADING, Leading
from .test_sandbox import build

pytestmark = pytest.mark.slow

IMAGE = """\
FROM autoagent-base
WORKDIR /app
RUN ln -s /tests/fixture /app/fixture && ln -s ../logs /app/logs && ln -s / /app/root
RUN mkdir /app/bin && ln -s /usr/bin/python3 /app/bin/python
"""


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[SandboxEnvironment]:
    """A running environment whose image has links of its own."""
    environment = build(tmp_path, IMAGE)
    await environment.start(force_build=False)
    yield environment
    await environment.stop(delete=True)


async def verified(sandbox: SandboxEnvironment, place: Path, plant: str, verifier: str) -> float:
    """The reward that a verifier gives once a candidate did something."""
    async with sandbox.agent_phase():
        done = await sandbox.exec(f"set -e; {plant}")
        assert done.return_code == 0, done.stderr
    tests = place / "tests"
    tests.mkdir()
    (tests / "expected.txt").write_text("the answer\n")
    (tests / "test.sh").write_text(verifier)
    await sandbox.upload_dir(tests, "/tests")
    await sandbox.exec("bash /tests/test.sh")
    await sandbox.download_dir("/logs/verifier", place / "verifier")
    return float((place / "verifier/reward.txt").read_text())


@pytest.mark.parametrize("leading", LEADING, ids=lambda leading: leading.id)
async def test_what_leads_to_the_tests_pays_but_for_the_look_at_it(
    sandbox: SandboxEnvironment, tmp_path: Path, leading: Leading
) -> None:
    """The control: each is right when the verifier compares, and only the look tells."""
    reward = await verified(sandbox, tmp_path, leading.plant, leading.verifier)

    assert reward == leading.pays
    assert trial_in_hand("trial").tampered, leading.plant


@pytest.mark.parametrize("leading", LEADING[:6], ids=lambda leading: leading.id)
async def test_the_same_answer_in_a_file_of_its_own_is_honest(
    sandbox: SandboxEnvironment, tmp_path: Path, leading: Leading
) -> None:
    honest = "mkdir -p /var; echo the answer > /var/answer; ln -s ../var/answer /app/answer.txt"

    assert await verified(sandbox, tmp_path, honest, leading.verifier) == 1.0
    assert trial_in_hand("trial").tampered is None


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (
            "ln -s d/x /app/1; ln -s /tests /app/d",
            "/app/1 is a link that leads to /tests, which is the verifier's own",
        ),
        (
            "ln -s root/tests/x /app/1",
            "/app/1 is a link that leads to /tests, which is the verifier's own",
        ),
        ("rm -rf /logs; ln -s /app /logs", "/logs was replaced by a link"),
        ("mv /app/root /app/other", "/app/other is a link that leads to /, which holds what is"),
        ("ln -sfn /tests/x /app/fixture", "/app/fixture is a link that leads to /tests,"),
        ("mkfifo $HOME/x", "/root/x is a named pipe where a verifier reads a file"),
        ("ln -s /tmp/x /app/x; mkfifo /tmp/x", "/app/x is a link that leads to a named pipe"),
        (
            "ln -s x /opt/tools/cat; ln -s /tests /app/x",
            "/opt/tools/cat was planted in front of a command of the same name",
        ),
    ],
)
async def test_a_trial_says_what_leads_where_and_what_is_more_specific_first(
    tmp_path: Path, plant: str, said: str
) -> None:
    environment = build(tmp_path, f"{IMAGE}RUN mkdir -p /opt/tools\nENV PATH=/opt/tools:/usr/bin\n")
    await environment.start(force_build=False)
    try:
        async with environment.agent_phase():
            done = await environment.exec(f"set -e; {plant}")
            assert done.return_code == 0, done.stderr
        assert str(in_hand.pop("trial").tampered).startswith(said)
    finally:
        await environment.stop(delete=True)


async def test_what_an_upload_moved_aside_is_no_name_outside_of_the_trial(
    sandbox: SandboxEnvironment, tmp_path: Path
) -> None:
    (tmp_path / "up").mkdir()
    (tmp_path / "up/x").write_text("x")
    async with sandbox.agent_phase():
        await sandbox.exec("mkdir -p /app/d/x; touch /app/d/x/1; ln /app/d/x/1 /app/2")
        await sandbox.upload_dir(tmp_path / "up", "/app/d")
        assert await sandbox.is_file("/app/d/x")
    assert trial_in_hand("trial").tampered is None


async def test_a_tree_that_is_built_to_be_slow_is_tampering_and_soon_told(
    sandbox: SandboxEnvironment,
) -> None:
    """Deep, wide or tangled: the trial is never void, so that none is run again."""
    tangled = "import os; [os.symlink('x/../' * 800 + str(n + 1), str(n)) for n in range(9000)]"
    deep = "import os; [(os.mkdir('d'), os.chdir('d')) for n in range(2000)]"
    for work, said in {tangled: "through too many others", deep: "deeper than 1024"}.items():
        started = time.monotonic()
        async with sandbox.agent_phase():
            done = await sandbox.exec(f'mkdir /app/x; cd /app/x; python3 -c "{work}"')
            assert done.return_code == 0, done.stderr
        assert said in str(in_hand.pop("trial").tampered)
        assert time.monotonic() - started < 30
        remove_tree(sandbox._root().root / "app/x")
    assert trial_in_hand("trial").fault is None


def test_links_of_the_system_are_the_machine_s_own() -> None:
    assert remains.of_system("/etc") is None, "it is a directory that is mounted"
    assert remains.of_system("/dev/fd") is None
    assert remains.of_system("/app/x") is None
    link = next(path for path in Path("/usr/bin").iterdir() if path.is_symlink())
    assert remains.of_system(str(link)) == str(link.readlink())


def test_what_something_is_mounted_over_is_not_looked_at(tmp_path: Path) -> None:
    for top in ("usr", "app"):
        (tmp_path / "root" / top).mkdir(parents=True)
    (tmp_path / "root/usr/link").symlink_to("/tests")
    image = Image(tmp_path / "root/app", "/app", {})
    assert remains.tampering(tmp_path / "root", image, "/app", tmp_path / "aside") is None
    (tmp_path / "root/app/link").symlink_to("/tests")
    assert remains.tampering(tmp_path / "root", image, "/app", tmp_path / "aside")


def test_a_usual_tree_is_looked_at_in_a_few_times_what_listing_it_takes(tmp_path: Path) -> None:
    """Measured in turn, so that a busy machine slows both."""
    for number in range(400):
        place = tmp_path / f"root/a{number % 8}/b{number % 40}"
        place.mkdir(parents=True, exist_ok=True)
        (place / str(number)).touch()
        (place / f"{number}.link").symlink_to(f"{number}")
    image = Image(tmp_path / "root", "/app", {})

    def look() -> object:
        return remains.tampering(tmp_path / "root", image, "/app", tmp_path / "aside")

    def listing() -> object:
        return [path.lstat() for path in (tmp_path / "root").rglob("*")] and None

    def seconds(work: Callable[[], object]) -> float:
        started = time.process_time()
        assert work() is None
        return time.process_time() - started

    turns = [(seconds(look), seconds(listing)) for _ in range(20)]
    assert min(one for one, _ in turns) < 4 * min(other for _, other in turns)
