"""The sandbox environment, with real sandboxes: what tasks find, and what ends with what."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from harbor.models.task.config import EnvironmentConfig, NetworkMode, NetworkPolicy
from harbor.models.trial.paths import TrialPaths

from autoagent.environments.sandbox import bubblewrap
from autoagent.environments.sandbox.outside import Outside
from autoagent.environments.sandbox.sandbox import SandboxEnvironment
from autoagent.environments.trials import trial_in_hand


def build(
    tmp_path: Path,
    dockerfile: str = "",
    network: NetworkMode = NetworkMode.NO_NETWORK,
    *,
    in_container: bool = False,
):
    context = tmp_path / "environment"
    context.mkdir(exist_ok=True)
    (context / "greeting.txt").write_text("hello\n")
    if dockerfile:
        (context / "Dockerfile").write_text(dockerfile)
    paths = TrialPaths(trial_dir=tmp_path / "trial")
    paths.mkdir()
    return SandboxEnvironment(
        environment_dir=context,
        environment_name="task",
        session_id="task__env",
        trial_paths=paths,
        task_env_config=EnvironmentConfig(),
        network_policy=NetworkPolicy(network_mode=network),
        images=str(tmp_path / "images"),
        scratch=str(tmp_path / "scratch"),
        in_container=in_container,
    )


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[SandboxEnvironment]:
    """A running environment with nothing but the base in it."""
    environment = build(tmp_path)
    await environment.start(force_build=False)
    yield environment
    await environment.stop(delete=True)


async def shell(environment: SandboxEnvironment, command: str) -> str:
    result = await environment.exec(command)
    return f"{result.stdout}{result.stderr}".strip()


async def test_files_and_directories_persist_between_commands(sandbox: SandboxEnvironment) -> None:
    await sandbox.exec("mkdir -p /data && echo kept > /data/file && echo x > /app/file")
    assert await shell(sandbox, "pwd; cat /data/file; ls /app") == "/app\nkept\nfile"


async def test_the_system_is_read_only(sandbox: SandboxEnvironment) -> None:
    for path in ("/usr/bin/bash", "/bin/bash", "/etc/passwd", "/usr/local/bin/python3"):
        result = await sandbox.exec(f"echo x > {path}")
        assert result.return_code != 0, path


async def test_a_shadowed_shell_is_never_run(sandbox: SandboxEnvironment) -> None:
    await sandbox.exec("mv /bin /bin2; rm -rf /bin; mkdir /bin; echo evil > /bin/bash")
    assert await shell(sandbox, "echo fine") == "fine"


async def test_no_home_key_or_variable_of_the_host_is_visible(
    sandbox: SandboxEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    home = Path.home()
    listed = await shell(sandbox, f"env; ls -a {home}; ls /proc; cat /proc/*/environ")
    assert "sk-secret" not in listed
    assert ".ssh" not in listed


async def test_nothing_inside_has_a_capability(sandbox: SandboxEnvironment) -> None:
    assert await shell(sandbox, "grep CapEff /proc/self/status") == "CapEff:\t0000000000000000"


async def test_without_a_network_there_is_no_interface_but_loopback(
    sandbox: SandboxEnvironment,
) -> None:
    assert await shell(sandbox, "tail -n +3 /proc/net/dev | cut -d: -f1") == "lo"


async def test_a_background_process_ends_with_its_command(sandbox: SandboxEnvironment) -> None:
    await sandbox.exec("(setsid sh -c 'sleep 0.2; echo late > /app/late' &) ; true")
    await sandbox.exec("sleep 0.4")
    assert await shell(sandbox, "ls /app") == ""


async def test_a_timeout_kills_everything_the_command_started(sandbox: SandboxEnvironment) -> None:
    started = time.monotonic()
    with pytest.raises(RuntimeError, match="timed out after 1 seconds"):
        await sandbox.exec("(setsid sleep 30 &); sleep 30", timeout_sec=1)
    assert time.monotonic() - started < 5


async def test_a_cancelled_command_is_gone_when_the_cancel_returns(
    sandbox: SandboxEnvironment,
) -> None:
    task = asyncio.ensure_future(sandbox.exec("touch /app/started; sleep 30; touch /app/ended"))
    with anyio.fail_after(10):
        while not await sandbox.is_file("/app/started"):
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await shell(sandbox, "ls /app") == "started"


async def test_output_is_bounded(sandbox: SandboxEnvironment) -> None:
    result = await sandbox.exec("head -c 30000000 /dev/zero | tr '\\0' x")
    assert len(result.stdout or "") == 8 * 1024 * 1024


async def test_what_the_agent_phase_plants_in_guarded_places_is_hidden_afterwards(
    sandbox: SandboxEnvironment, tmp_path: Path
) -> None:
    """Rewards planted beforehand gain nothing (threats C1, C4)."""
    async with sandbox.agent_phase():
        await sandbox.exec("mkdir -p /tests; echo planted > /tests/conftest.py")
        await sandbox.exec("mkdir -p /logs/verifier; echo 1 > /logs/verifier/reward.json")
        await sandbox.exec("rm -rf /solution; ln -s /app /solution")
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test.sh").write_text("#!/bin/bash\nls /tests /logs/verifier /solution\n")
    (tests / "test.sh").chmod(0o755)
    await sandbox.upload_dir(tests, "/tests")
    assert (
        await shell(sandbox, "/tests/test.sh")
        == "/logs/verifier:\n\n/solution:\n\n/tests:\ntest.sh"
    )


async def test_the_agent_phase_cannot_aim_a_later_mount(
    sandbox: SandboxEnvironment, tmp_path: Path
) -> None:
    async with sandbox.agent_phase():
        await sandbox.exec("rm -rf /logs; ln -s /app /logs")
    await sandbox.exec("echo 1 > /logs/verifier/reward.txt")
    await sandbox.download_dir("/logs/verifier", tmp_path / "out")
    assert (tmp_path / "out/reward.txt").read_text() == "1\n"
    assert await shell(sandbox, "ls /app") == ""


async def test_an_uploaded_link_cannot_aim_a_system_mount(
    sandbox: SandboxEnvironment, tmp_path: Path
) -> None:
    """A link at a mount's place would let the candidate bring its own shell to the verifier."""
    upload = tmp_path / "upload"
    upload.mkdir()
    (upload / "bin").symlink_to("app/l")
    plant = "mkdir -p /oldroot/mnt; ln -s /oldroot/mnt /app/l; cp /bin/bash /oldroot/mnt/real;"
    plant += "printf '#!/oldroot/mnt/real\\necho forged\\n' > /oldroot/mnt/bash;"
    async with sandbox.agent_phase():
        await sandbox.exec(plant + "chmod 755 /oldroot/mnt/bash; ln -s / /app/root")
        for target in ("/", "/app/root", "/app/../"):
            with pytest.raises(PermissionError, match="belongs to the system"):
                await sandbox.upload_dir(upload, target)
        (tmp_path / "link").symlink_to(upload / "bin")
        with pytest.raises((PermissionError, OSError)):
            await sandbox.upload_file(tmp_path / "link", "/etc")
    assert await shell(sandbox, "echo fine") == "fine"


async def test_packages_of_a_harness_are_read_only_and_leave_with_its_phase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it plants at their place, or aims there, is gone; our own package is never there."""
    packages = tmp_path / "scratch/packages"
    for name in ("autoagent/examples", "sdk"):
        (packages / name).mkdir(parents=True)
        (packages / name / "__init__.py").touch()
    monkeypatch.setattr(bubblewrap, "packages", lambda: str(packages))
    environment = build(tmp_path, in_container=True)
    await environment.start(force_build=False)
    try:
        assert await shell(environment, "ls -A /sdk; echo $PYTHONPATH") == ""
        (tmp_path / "up").mkdir()
        (tmp_path / "up/sdk").symlink_to("/app")
        async with environment.agent_phase():
            assert await shell(environment, "ls /sdk /sdk/autoagent; echo $PYTHONPATH") == (
                "/sdk:\nautoagent\nsdk\n\n/sdk/autoagent:\n/sdk"
            )
            for act in ("touch /sdk/x", "touch /sdk/autoagent/x", "rm -rf /sdk/*", "rmdir /sdk"):
                assert (await environment.exec(act)).return_code != 0, act
            assert (await environment.exec("mv /sdk /app/sdk")).return_code != 0
            with pytest.raises(PermissionError, match="belongs to the system"):
                await environment.upload_dir(tmp_path / "up", "/")
            await environment.upload_file(tmp_path / "up/../environment/greeting.txt", "/sdk")
        assert (packages / "sdk/__init__.py").exists()
        assert await shell(environment, "ls -A /sdk; echo $PYTHONPATH") == ""
    finally:
        await environment.stop(delete=True)


async def test_a_reward_planted_on_the_host_is_not_the_verifier_s(
    sandbox: SandboxEnvironment, tmp_path: Path
) -> None:
    """Harbor reads the reward from a directory that somebody could have written to."""
    planted = tmp_path / "trial/verifier"
    planted.mkdir(parents=True, exist_ok=True)
    (planted / "reward.json").write_text('{"reward": 1}')
    await sandbox.exec("echo 0 > /logs/verifier/reward.txt")
    await sandbox.download_dir("/logs/verifier", planted)
    assert [path.name for path in planted.iterdir()] == ["reward.txt"]


async def test_tests_and_solution_are_not_there_while_the_candidate_acts(
    sandbox: SandboxEnvironment, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "solve.sh").write_text("the answer")
    await sandbox.upload_dir(secret, "/solution")
    async with sandbox.agent_phase():
        assert await shell(sandbox, "ls /solution") == ""
        assert not await sandbox.is_file("/solution/solve.sh")
    assert await sandbox.is_file("/solution/solve.sh")


async def test_the_dockerfile_subset_builds_a_root_once_for_its_content(tmp_path: Path) -> None:
    recipe = (
        "FROM autoagent-base\nENV NAME=world\nWORKDIR /srv/app\n"
        "COPY greeting.txt ./\nRUN date +%N > built && echo $NAME >> greeting.txt\n"
    )
    built: list[str] = []
    for executable in (False, False, True):
        environment = build(tmp_path, recipe)
        (tmp_path / "environment/greeting.txt").chmod(0o755 if executable else 0o644)
        await environment.start(force_build=False)
        built.append(await shell(environment, "pwd; cat greeting.txt built; echo $NAME"))
        mode = await shell(environment, "test -x greeting.txt && echo executable")
        assert mode == ("executable" if executable else "")
        await environment.stop(delete=True)
    assert built[0].startswith("/srv/app\nhello\nworld\n")
    assert built[0] == built[1] != built[2]


async def test_what_is_copied_has_gits_modes_and_can_be_written_by_the_task(tmp_path: Path) -> None:
    """The snapshot that it comes from is read-only: that is ours alone, and no container's."""
    context = tmp_path / "environment"
    (context / "data").mkdir(parents=True)
    for name, mode in (("one.json", 0o444), ("tool", 0o555), ("data/two.json", 0o444)):
        (context / name).write_text("{}")
        (context / name).chmod(mode)
    environment = build(tmp_path, "FROM autoagent-base\nCOPY one.json tool ./\nCOPY data data\n")
    await environment.start(force_build=False)
    await environment.exec("echo 1 >> one.json")
    told = await shell(environment, "stat -c '%n %a' one.json tool data/two.json")
    await environment.stop(delete=True)
    assert told == "one.json 644\ntool 755\ndata/two.json 644"


async def test_what_the_tasks_share_is_there_before_a_dockerfile_and_in_the_image(
    tmp_path: Path,
) -> None:
    """`base/` lies beside the directory of tasks; other files in it are another image."""
    shared, task = tmp_path / "base/app/tool", tmp_path / "tasks/one"
    shared.parent.mkdir(parents=True)
    task.mkdir(parents=True)
    for said in ("once", "twice"):
        shared.write_text(f"echo {said}")
        shared.chmod(0o755)
        environment = build(task, "FROM autoagent-base\nRUN ./tool > made\n")
        await environment.start(force_build=False)
        assert await shell(environment, "cat made; ls") == f"{said}\nmade\ntool"
        await environment.stop(delete=True)


async def test_a_build_step_that_fails_names_the_file_and_its_output(tmp_path: Path) -> None:
    environment = build(tmp_path, "FROM autoagent-base\nRUN echo why it failed; exit 3\n")
    with pytest.raises(Exception, match="Dockerfile: .*exited 3.*why it failed"):
        await environment.start(force_build=False)
    await environment.stop(delete=True)
    assert trial_in_hand("trial").fault


async def test_stopping_leaves_nothing_on_disk(sandbox: SandboxEnvironment, tmp_path: Path) -> None:
    await sandbox.exec("mkdir -p /app/x; touch /app/x/y; chmod 000 /app/x")
    await sandbox.stop(delete=True)
    assert list((tmp_path / "scratch").glob("trial-*")) == []


async def test_a_tree_deeper_than_any_stack_is_cleared_away_and_removed(
    sandbox: SandboxEnvironment, tmp_path: Path
) -> None:
    dig = "mkdir -p /tests; cd /tests; python3 -c '"
    dig += 'import os; [(os.mkdir("d"), os.chdir("d")) for _ in range(3000)]\''
    async with sandbox.agent_phase():
        await sandbox.exec(dig)
        await sandbox.exec(dig.replace("/tests", "/app"))
    with pytest.raises(ValueError, match="deeper"):
        await sandbox.download_dir("/app", tmp_path / "out")
    assert await shell(sandbox, "ls /tests") == ""
    await sandbox.stop(delete=True)
    assert list((tmp_path / "scratch").glob("trial-*")) == []


KEPT = """
import os, sys
sys.path.insert(0, "/autoagent")
from pathlib import Path
from autoagent.environments.sandbox.inside import namespaces
namespaces.enter()
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
namespaces.private_files()
print(sorted(os.listdir("/tmp")), Path("/tmp/an interpreter/lib").read_text())
Path("/tmp/scratch").write_text("its own")
try:
    Path("/tmp/an interpreter/planted").write_text("x")
except OSError as error:
    print(error.strerror)
"""


def test_a_trials_own_tmp_keeps_what_the_sandbox_mounted_there_and_it_stays_read_only(
    tmp_path: Path,
) -> None:
    """A virtual environment below /tmp is still there when a trial imports something late."""
    (tmp_path / "lib").write_text("packages")
    tmp_path.chmod(0o755)
    outside = Outside((tmp_path,))
    sandbox = bubblewrap.harness_sandbox(outside, bubblewrap.INSIDE, Path("/etc"), {})
    place = len(sandbox) - 1 - sandbox[::-1].index("--remount-ro")
    sandbox[place:place] = ["--ro-bind", outside.seen(tmp_path), "/tmp/an interpreter"]

    done = subprocess.run(
        [*sandbox, sys.executable, "-I", "-S", "-B", "-c", KEPT], capture_output=True, text=True
    )
    assert done.stderr == ""

    ours = [Path(root) for root in (sys.base_prefix, sys.prefix)]
    mounted = {root.parts[2] for root in ours if root.is_relative_to("/tmp")}
    names = sorted({"an interpreter", *mounted})
    assert done.stdout.splitlines() == [f"{names} packages", "Read-only file system"]
    assert not (tmp_path / "planted").exists()


def test_what_a_killed_worker_left_in_the_making_is_ended_and_no_other_evaluations(
    tmp_path: Path,
) -> None:
    started: list[Outside] = []

    def waiting(name: str) -> subprocess.Popen[bytes]:
        (tmp_path / name).mkdir()
        started.append(outside := Outside((tmp_path / name,)))
        command = outside.starting(["--bind", "/", "/", "sleep", "60"])
        return subprocess.Popen(command, env=outside.variables())

    with waiting("e1") as left, waiting("e10") as other:
        bubblewrap.end_left(tmp_path / "e1")
        assert left.wait(10) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()
