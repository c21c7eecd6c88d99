"""`isolation = "process"`: the same trials without a sandbox, and what is still tidied up."""

import asyncio
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from harbor.models.task.config import EnvironmentConfig, NetworkMode, NetworkPolicy
from harbor.models.trial.paths import TrialPaths
from hypothesis import given
from hypothesis import strategies as st

from autoagent.environments.sandbox import bubblewrap
from autoagent.environments.sandbox.process import ProcessEnvironment
from autoagent.environments.sandbox.rewriting import Rewriting, changed
from autoagent.environments.trials import trial_in_hand
from autoagent.errors import InfrastructureFault
from autoagent.worker.detached import DetachedEngine

Bench = Any  # tests/benchmark/conftest.py
QUICKSTART = Path(__file__).parents[3] / "examples/quickstart"


def processes_with(word: str) -> list[str]:
    """Command lines that hold a word; processes that only wait to be collected have none."""
    found: list[str] = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            line = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if word in line and int(directory.name) != os.getpid():
            found.append(line)
    return found


# -- the rule about text ------------------------------------------------------------------

HOME = Path("/state/trial-1")
ROOT = HOME / "root"
PLACES = {p: f"{ROOT}{p}" for p in ("/app", "/tests", "/solution", "/logs", "/srv/own")}
RULE = Rewriting({**PLACES, "/logs/verifier": f"{HOME}/verifier"}, HOME)

written = st.text("aplst_-.", min_size=1, max_size=8).filter(lambda name: name[-1] != ".")
names = st.sampled_from(["app", "tests", "logs", "srv", "own", "usr", "x"]) | written
directories = st.sampled_from(sorted(PLACES))
before = st.sampled_from(["", " ", "\n", "cat ", "(", ">", "<", "=", ":", ",", '"', "'", "`", ";"])
after = st.sampled_from(["", " ", "/", "/x", '"', "'", ")", "\n", ";", ":", ",", "*", "."])
anything = st.text(st.sampled_from("/app tests.logs\"'$\\-x\n<>{}="), max_size=60)


@given(begin=before, directory=directories, end=after)
def test_a_path_that_begins_with_one_of_the_directories_is_rewritten(
    begin: str, directory: str, end: str
) -> None:
    if (begin, end) != ("<", ""):
        assert RULE.text(f"{begin}{directory}{end}") == f"{begin}{PLACES[directory]}{end}"


@given(begin=before, rest=st.lists(names, min_size=1, max_size=4), end=after)
def test_a_path_outside_the_directories_is_never_touched(
    begin: str, rest: list[str], end: str
) -> None:
    path = "/" + "/".join(rest)
    if not any(path == own or path.startswith(f"{own}/") for own in PLACES):
        assert RULE.text(f"{begin}{path}{end}") == f"{begin}{path}{end}"


@given(directory=directories, end=st.text("abz09_-~+@%", min_size=1, max_size=5), begin=before)
def test_a_longer_name_is_another_path(directory: str, end: str, begin: str) -> None:
    assert RULE.text(f"{begin}{directory}{end}/x") == f"{begin}{directory}{end}/x"


@given(text=anything)
def test_rewriting_twice_is_the_same_as_once(text: str) -> None:
    once = RULE.text(text)
    assert RULE.text(once) == once


@given(text=anything)
def test_what_was_rewritten_can_be_undone(text: str) -> None:
    assert RULE.undone(RULE.text(text)) == text


def test_a_state_directory_below_app_is_not_taken_for_the_tasks() -> None:
    home = Path("/app/state/trial-1")
    rule = Rewriting({"/app": f"{home}/root/app"}, home)
    once = rule.text("cp /app/x /app/state")
    assert once == f"cp {home}/root/app/x {home}/root/app/state"
    assert rule.text(once) == once


@pytest.mark.parametrize(
    "text",
    [
        *("/application", "/app.bak", "/app-2", "./app", "../app", "a/app", "//app", "~/app"),
        *("$HOME/app", "${HOME}/app", '"$HOME"/app', "$(pwd)/app", "{base}/app", "${X%/app}"),
        *("https://host/app", "http://host:80/app", "</app>", "</app >", r"s/\/app\/x/y/", "*/app"),
    ],
)
def test_what_only_looks_like_such_a_path_stays(text: str) -> None:
    assert RULE.text(text) == text


@pytest.mark.parametrize("text", ['"/app/x"', "'/app/x'", 'f"/app/x"', 'Rb"/app/x"', 'k="/app/x"'])
def test_a_quoted_path_is_rewritten(text: str) -> None:
    assert RULE.text(text) == text.replace("/app", f"{ROOT}/app")


def test_only_text_is_rewritten() -> None:
    assert changed(b"#!/app/x\r\n", RULE.text) == f"#!{ROOT}/app/x\r\n".encode()
    for data in (b"\x7fELF /app/x\0", b"/app/\xff", b""):
        assert changed(data, RULE.text) == data


# -- one environment ----------------------------------------------------------------------


def build(tmp_path: Path, dockerfile: str = "") -> ProcessEnvironment:
    context = tmp_path / "environment"
    context.mkdir(exist_ok=True)
    (context / "where.sh").write_text("#!/bin/sh\necho /app/x /application; cat /app/greeting\n")
    (context / "where.sh").chmod(0o555)
    (context / "data.bin").write_bytes(b"/app/x\0")
    if dockerfile:
        (context / "Dockerfile").write_text(dockerfile)
    paths = TrialPaths(trial_dir=tmp_path / "trial")
    paths.mkdir()
    return ProcessEnvironment(
        environment_dir=context,
        environment_name="task",
        session_id="task__env",
        trial_paths=paths,
        task_env_config=EnvironmentConfig(),
        network_policy=NetworkPolicy(network_mode=NetworkMode.NO_NETWORK),
        images=str(tmp_path / "images"),
        scratch=str(tmp_path / "scratch"),
    )


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[ProcessEnvironment]:
    """A running environment with nothing but the base in it."""
    environment = build(tmp_path)
    await environment.start(force_build=False)
    yield environment
    await environment.stop(delete=True)


async def shell(environment: ProcessEnvironment, command: str, **options: Any) -> str:
    result = await environment.exec(command, **options)
    return f"{result.stdout}{result.stderr}".strip()


async def test_commands_share_the_trials_files_and_start_in_its_workdir(
    plain: ProcessEnvironment, tmp_path: Path
) -> None:
    await plain.exec("echo kept > /app/file")
    inside = await shell(plain, "pwd")
    assert inside.startswith(str(tmp_path / "scratch/trial-"))
    assert inside.endswith("/root/app")
    assert await shell(plain, "cat file", cwd="/app") == "kept"
    assert await shell(plain, "cat app/file", cwd="/") == "kept"
    assert await shell(plain, "pwd", cwd="/usr") == "/usr"
    assert await plain.is_file(f"{inside}/file"), "a path that a command printed is known"
    assert "No such file" in await shell(plain, "true", cwd="/nowhere")


async def test_no_variable_of_the_workers_is_visible(
    plain: ProcessEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    listed = await shell(plain, "env", env={"DATA": "/app/data"})
    names = {line.split("=")[0] for line in listed.splitlines()} - {"_", "SHLVL", "PWD", "OLDPWD"}
    assert names == {"DATA", "HOME", "LANG", "PATH", "PYTHONNOUSERSITE", "TMPDIR"}
    assert await shell(plain, 'echo "$DATA"', env={"DATA": "/app/data"}) == await shell(
        plain, "echo /app/data"
    )


async def test_a_task_has_a_python(plain: ProcessEnvironment) -> None:
    assert await shell(plain, "python3 -c 'import sys; print(sys.version_info[0])'") == "3"


async def test_a_background_process_ends_with_its_command(plain: ProcessEnvironment) -> None:
    await plain.exec("(setsid sh -c 'sleep 0.2; echo late > /app/late' &) ; true")
    await plain.exec("sleep 0.4")
    assert await shell(plain, "ls /app") == ""


async def test_a_timeout_ends_everything_the_command_started(plain: ProcessEnvironment) -> None:
    mark = f"30.{secrets.randbits(32)}"
    started = time.monotonic()
    with pytest.raises(RuntimeError, match="timed out after 1 seconds"):
        await plain.exec(f"(setsid sleep {mark} &); sleep {mark}", timeout_sec=1)
    assert time.monotonic() - started < 5
    assert processes_with(mark) == []


async def test_a_cancelled_command_is_gone_when_the_cancel_returns(
    plain: ProcessEnvironment,
) -> None:
    mark = f"30.{secrets.randbits(32)}"
    task = asyncio.ensure_future(
        plain.exec(f"(setsid sleep {mark} &); touch /app/started; sleep {mark}; touch /app/ended")
    )
    with anyio.fail_after(10):
        while not await plain.is_file("/app/started"):
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert processes_with(mark) == []
    assert await shell(plain, "ls /app") == "started"


async def test_a_warden_that_is_stopped_by_its_command_is_ended_all_the_same(
    plain: ProcessEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoagent.environments.sandbox.commands.END_SECONDS", 0.2)
    with anyio.fail_after(20), pytest.raises(RuntimeError, match="timed out"):
        await plain.exec("kill -STOP $PPID; sleep 3", timeout_sec=1)


async def test_guarded_directories_are_other_ones_while_the_candidate_acts(
    plain: ProcessEnvironment, tmp_path: Path
) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test.sh").write_text("#!/bin/bash\nls /tests /logs/verifier /solution\n")
    await plain.upload_dir(tests, "/solution")
    async with plain.agent_phase():
        assert await shell(plain, "ls /solution /tests /logs/verifier | grep sh") == ""
        await plain.exec("echo planted > /tests/conftest.py; rm -rf /solution")
        await plain.exec("echo 1 > /logs/verifier/reward.json")
        await plain.exec("rm -rf /logs; ln -s /app /logs")
    await plain.upload_dir(tests, "/tests")
    await plain.exec("chmod +x /tests/test.sh")
    blocks = [block.splitlines() for block in (await shell(plain, "/tests/test.sh")).split("\n\n")]
    listed = {Path(block[0]).name: block[1:] for block in blocks}
    assert listed == {"tests:": ["test.sh"], "verifier:": [], "solution:": ["test.sh"]}
    pieces = "from pathlib import Path; (Path('/logs') / 'verifier' / 'r').write_text('1')"
    await plain.exec(f'python3 -c "{pieces}"')
    await plain.exec("rm -rf /logs/verifier/nothing; cd /logs; echo 2 > verifier/s")
    await plain.download_dir("/logs/verifier", tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["r", "s"]


async def test_text_files_that_are_copied_in_are_rewritten_and_keep_their_modes(
    tmp_path: Path,
) -> None:
    environment = build(
        tmp_path, "FROM autoagent-base\nENV GREETING=/app/greeting\nCOPY where.sh data.bin /app/\n"
    )
    await environment.start(force_build=False)
    upload = tmp_path / "greeting"
    upload.write_text("at /app/y\n")
    await environment.upload_file(upload, "/app")
    app = await shell(environment, "pwd")
    printed = await shell(environment, "./where.sh; cat $GREETING; stat -c %a where.sh")
    assert printed.splitlines() == [f"{app}/x /application", *[f"at {app}/y"] * 2, "555"]
    await environment.download_file("/app/data.bin", tmp_path / "data")
    assert (tmp_path / "data").read_bytes() == b"/app/x\0"
    assert upload.read_text() == "at /app/y\n", "the host's own file stays"
    await environment.stop(delete=True)
    assert list((tmp_path / "scratch").iterdir()) == []


async def test_a_run_instruction_builds_a_root_that_every_trial_can_use(tmp_path: Path) -> None:
    recipe = (
        "FROM autoagent-base\nWORKDIR /srv/own\nCOPY where.sh ./\n"
        "RUN date +%N > built; sed s/app/srv/ where.sh > /srv/own/made; echo $PWD/x > path\n"
    )
    built: list[list[str]] = []
    for _ in range(2):
        environment = build(tmp_path, recipe)
        await environment.start(force_build=False)
        own = await shell(environment, "pwd")
        built.append((await shell(environment, "cat built path; ls /srv/own")).splitlines())
        assert built[-1][1] == f"{own}/x"
        await environment.stop(delete=True)
    assert built[0][0] == built[1][0]
    assert built[0][2:] == ["built", "made", "path", "where.sh"]
    kept = next((tmp_path / "images/process").glob("*/root/srv/own/path"))
    assert kept.read_text() == "/srv/own/x\n"


async def test_a_build_step_that_fails_is_our_fault_and_names_its_output(tmp_path: Path) -> None:
    environment = build(tmp_path, "FROM autoagent-base\nRUN echo why it failed; exit 3\n")
    with pytest.raises(InfrastructureFault, match="exited 3.*why it failed"):
        await environment.start(force_build=False)
    await environment.stop(delete=True)
    assert trial_in_hand("trial").fault


def test_a_state_directory_that_is_not_one_plain_word_is_refused(tmp_path: Path) -> None:
    engine = DetachedEngine(tmp_path / "my state")
    with pytest.raises(InfrastructureFault, match="AUTOAGENT_STATE_DIR"):
        engine.check("process", "sandbox")
    DetachedEngine(tmp_path).check("process", "sandbox")


# -- whole evaluations --------------------------------------------------------------------

BEHAVIOURS = """
import asyncio, subprocess


async def run_task(environment, instruction):
    word = instruction.split()[-1]
    await globals()[word](environment)
    return word, 1


async def fine(environment):
    await environment.exec("cp /app/question.txt /app/answer.txt")


async def spins(environment):
    subprocess.Popen(["sleep", "MARK"], start_new_session=True)
    while True:
        pass


async def sleeps(environment):
    await fine(environment)
    await environment.exec("(setsid sleep MARK &); sleep MARK")


async def exits(environment):
    import os
    os._exit(0)


async def leaves_processes(environment):
    subprocess.Popen(["sleep", "MARK"], start_new_session=True)
    await environment.exec("(setsid nohup sleep MARK >/dev/null 2>&1 &)")
    await fine(environment)


async def writes_the_reward(environment):
    await environment.exec("mkdir -p /logs/verifier; echo 1 > /logs/verifier/reward.txt")
    loop = "while :; do echo 1 > /logs/verifier/reward.txt; done # MARK"
    await environment.exec(f"(setsid sh -c '{loop}' &)")
"""


@pytest.mark.slow
async def test_whatever_a_harness_does_ends_with_its_own_trial(
    bench: Bench, harness_source: str
) -> None:
    """The whole path without a sandbox: what was started is gone, in new sessions too."""
    mark = f"1000.{secrets.randbits(32)}"
    start, end = harness_source.index("async def run_task"), harness_source.index("# === FIXED")
    source = harness_source[:start] + BEHAVIOURS.replace("MARK", mark) + harness_source[end:]
    words = ["fine", "spins", "sleeps", "exits", "leaves_processes", "writes_the_reward"]
    spec = bench.spec(source, {word: word for word in words}, isolation="process")
    trials = await bench.finish(spec)
    assert {name: (trial.outcome, trial.reward) for name, trial in trials.items()} == {
        "fine": ("passed", 1.0),
        "spins": ("timeout", 0.0),
        "sleeps": ("passed", 1.0),  # Harbor verifies what was done before the time ran out
        "exits": ("crashed", 0.0),
        "leaves_processes": ("passed", 1.0),
        "writes_the_reward": ("failed", 0.0),
    }, bench.log()
    assert processes_with(mark) == []
    assert not (spec.directory / "scratch").exists()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["cancel", "kill"])
async def test_a_worker_that_ends_early_leaves_no_process(
    bench: Bench, harness_source: str, how: str
) -> None:
    mark = f"1000.{secrets.randbits(32)}"
    start, end = harness_source.index("async def run_task"), harness_source.index("# === FIXED")
    source = harness_source[:start] + BEHAVIOURS.replace("MARK", mark) + harness_source[end:]
    spec = bench.spec(
        source,
        {"spins": "spins", "sleeps": "sleeps"},
        isolation="process",
        trial_timeout_seconds=60.0,
    )
    bench.engine.start(spec)
    await bench.until(lambda: len(processes_with(mark)) >= 4)
    if how == "cancel":
        bench.engine.cancel("e1")
    else:
        os.kill(int((spec.directory / "worker.pid").read_text()), 9)
    await bench.until(lambda: not bench.engine.alive("e1"))
    await bench.until(lambda: processes_with(mark) == [])


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "passes"), [("oracle", True), ("noop", False)])
async def test_the_quickstarts_oracles_pass_and_a_noop_fails(
    bench: Bench, kind: str, passes: bool
) -> None:
    tasks = sorted((QUICKSTART / "tasks").iterdir())
    spec = bench.spec(None, {}, kind=kind, isolation="process")
    trials = await bench.finish(bench.over(spec, {task.name: task for task in tasks}))
    wanted = "passed" if passes else "failed"
    assert {t.task: t.outcome for t in trials.values()} == {t.name: wanted for t in tasks}, (
        bench.log()
    )


# -- a machine that can make no sandbox ---------------------------------------------------

WITHOUT_NAMESPACES = """
import os, sys, time
from pathlib import Path
uid = os.getuid()
try:
    os.unshare(os.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
except OSError as error:
    print("SKIP", error)
    sys.exit()
from autoagent.errors import InfrastructureFault
from autoagent.referee.referee import Referee
root = Path(sys.argv[1])
referee = Referee.open(root)
try:
    referee.start_climb("night")
except InfrastructureFault as fault:
    print("REFUSED", fault.message)
print("PHASE", referee.position.phase)
referee.close()
(root / "autoagent.toml").write_text('isolation = "process"\\n')
os.system(f"git -C {root} -c user.name=t -c user.email=t@localhost commit -qam unsandboxed")
referee = Referee.open(root)
referee.start_climb("night")
def settle():
    while referee.advance().running or referee.position.phase == "validating":
        time.sleep(0.05)
settle()
referee.run_benchmark()
settle()
row = referee.append_result("baseline")
print("ROW", row.passed, row.status)
print("STATUS", referee.status().isolation)
referee.close()
"""


@pytest.mark.slow
def test_without_user_namespaces_a_climb_is_refused_until_the_human_gives_isolation_up(
    make_workspace: Any,
) -> None:
    """A real refusal, and the same machine with `isolation = "process"`."""
    root = make_workspace({"easy": ("1", "1"), "hard": ("1", "2")}, config="# empty\n")
    command = [sys.executable, "-c", WITHOUT_NAMESPACES, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    if "SKIP" in said:
        pytest.skip(f"no user namespace can be made here to take them away: {said['SKIP']}")
    assert done.returncode == 0, done.stderr
    why = (
        "bubblewrap cannot make a sandbox on this machine: user namespaces: No space left on device"
    )
    assert said["REFUSED"].startswith(why)
    assert said["REFUSED"].endswith(
        'Or the human sets `isolation = "process"` in autoagent.toml: the harness and the tasks '
        "then run UNSANDBOXED, at one's own risk."
    )
    assert said["PHASE"] == "new"
    assert said["ROW"] == "1/2 keep"
    assert said["STATUS"].startswith("UNSANDBOXED")


def test_the_probe_makes_the_namespaces_of_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only bubblewrap's own: a trial's first process must be able to make more."""
    bubblewrap.probe.cache_clear()
    assert bubblewrap.probe() is None, "this machine can make sandboxes"
    whole = bubblewrap.harness_sandbox

    def without_sys_admin(*arguments: Any) -> list[str]:
        return [word if word != "CAP_SYS_ADMIN" else "CAP_CHOWN" for word in whole(*arguments)]

    monkeypatch.setattr(bubblewrap, "harness_sandbox", without_sys_admin)
    bubblewrap.probe.cache_clear()
    try:
        with pytest.raises(InfrastructureFault, match="a trial's namespaces cannot be made"):
            bubblewrap.require()
    finally:
        bubblewrap.probe.cache_clear()
