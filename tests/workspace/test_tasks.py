"""A task is usable or every reason why not is told; the article's form becomes Harbor's."""

import copy
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from harbor.models.task.config import EnvironmentConfig, TaskConfig
from harbor.models.task.task import Task
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot
from pydantic import ValidationError

from autoagent.environments.kinds import kind_of
from autoagent.errors import TaskError
from autoagent.workspace.tasks.article import conform
from autoagent.workspace.tasks.inspect import TaskReport, freeze_task, inspect_task
from autoagent.workspace.tasks.problem import NEEDS_DOCKER
from autoagent.workspace.tasks.task_files import read_task, write_task
from autoagent.workspace.tasks.task_toml import check_task_toml

TOML = """\
schema_version = "1.4"

[task]
name = "local/sort-csv"

[agent]
timeout_sec = 60

[environment]
network_mode = "no-network"
"""
TEST_SH = "#!/bin/bash\necho 1 > /logs/verifier/reward.txt\n"

Files = dict[str, str | bytes]


def harbor_task(**changes: str | bytes | None) -> Files:
    """A conforming task; `__` in a keyword stands for `/`, None removes the file."""
    files: Files = {
        "task.toml": TOML,
        "instruction.md": "Sort /app/in.csv.\n",
        "environment/Dockerfile": "FROM autoagent-base\nCOPY in.csv /app/\n",
        "environment/in.csv": "2\n1\n",
        "tests/test.sh": TEST_SH,
        "solution/solve.sh": "#!/bin/bash\nsort -o /app/in.csv /app/in.csv\n",
    }
    for name, content in changes.items():
        path = name.replace("__", "/").replace("_DOT_", ".")
        files.pop(path, None)
        if content is not None:
            files[path] = content
    return files


def write(directory: Path, files: Files) -> Path:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if name.endswith(".sh"):
            path.chmod(0o755)
    return directory


def inspected(tmp_path: Path, files: Files, name: str = "sort-csv") -> TaskReport:
    return inspect_task(write(tmp_path / "tasks" / name, files))


def normalise(source: Path, target: Path) -> list[str]:
    """Bring a task into Harbor's form elsewhere; what was done to it."""
    task = read_task(source)
    notes = [] if task.problems else conform(task)
    if task.problems:
        raise TaskError("\n".join(task.problems))
    write_task(task, target)
    return notes


def with_toml(toml: str) -> Files:
    return {**harbor_task(), "task.toml": toml}


def content(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


# -- what is wrong with a task ----------------------------------------------------------------


def test_a_conforming_task_has_nothing_to_tell(tmp_path: Path) -> None:
    report = inspected(tmp_path, harbor_task())
    assert (report.problems, report.notes, report.has_solution) == ((), (), True)
    assert report.usable


def test_a_task_without_a_solution_is_usable(tmp_path: Path) -> None:
    report = inspected(tmp_path, harbor_task(solution__solve_DOT_sh=None))
    assert report.usable
    assert inspected(tmp_path, {**harbor_task()}, "b").has_solution


def test_every_missing_file_is_told_at_once(tmp_path: Path) -> None:
    report = inspected(tmp_path, {"README.md": "x"})
    assert report.problems == snapshot(
        (
            "tasks/sort-csv/task.toml: missing. Write at least `[agent]` and `timeout_sec = 600`.",
            "tasks/sort-csv/instruction.md: missing. Write what the harness is asked to do.",
            "tasks/sort-csv/tests/test.sh: missing. It must write /logs/verifier/reward.txt.",
        )
    )


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        (
            "[agent\n",
            "task.toml: Expected ']' at the end of a table declaration (at line 1, column 7).",
        ),
        (
            '[task]\nname = "sort csv"\n',
            "task.name: is 'sort csv', but: package name must be in 'org/name' format",
        ),
        ('[task]\ndescription = "x"\n', "task.name: missing; Harbor needs it."),
        (
            '[agent]\ntimeout_sec = "soon"\n',
            "agent.timeout_sec: is 'soon', but: input should be a valid number",
        ),
        (
            "[agent]\ntimeout_sec = 0\n",
            "agent.timeout_sec: is 0, but: must be a number of seconds above 0.",
        ),
        (
            "[verifier]\ntimeout_sec = nan\n",
            "verifier.timeout_sec: is nan, but: must be a number of seconds above 0.",
        ),
        (
            '[environment]\nnetwork_mode = "off"\n',
            "environment.network_mode: is 'off', but: input should be 'no-network'",
        ),
        (
            '[environment]\nnetwork_mode = "allowlist"\nallowed_hosts = ["x.org"]\n',
            'environment.network_mode: "allowlist" needs a provider',
        ),
        (
            '[agent]\nnetwork_mode = "allowlist"\n',
            'agent.network_mode: "allowlist" needs a provider',
        ),
        (
            '[environment]\nallowed_hosts = ["x.org"]\n',
            "environment: allowed_hosts is only valid when network_mode='allowlist'.",
        ),
        ('[environment]\nos = "Windows"\n', f"environment.os: windows {NEEDS_DOCKER}"),
        ("[environment]\ngpus = 1\n", "environment.gpus: no environment here has GPUs"),
        (
            '[environment.tpu]\ntype = "v4"\ntopology = "2x2"\n',
            "environment.tpu: no environment here has TPUs",
        ),
        (
            '[environment]\ndocker_image = "ubuntu"\n',
            "environment.docker_image: needs the image ubuntu: `autoagent image pull ubuntu`, or",
        ),
        (
            '[verifier.environment]\ndocker_image = "ubuntu"\n',
            "verifier.environment.docker_image: needs the image ubuntu: `autoagent image pull",
        ),
        (
            '[verifier]\nenvironment_mode = "shared"\n[verifier.environment]\n',
            "verifier: [verifier].environment_mode='shared' is incompatible with",
        ),
        ('[[steps]]\nname = "a/b"\n', "steps.0.name: is 'a/b', but: invalid step name 'a/b'"),
        ("[[steps]]\n", "steps.0.name: missing; Harbor needs it."),
        (f"steps = [{'{name = 1}, ' * 101}]\n", "steps: are 101, of at most 100."),
        ("steps = 3\n", "steps: is 3, but: input should be a valid list."),
        (
            '[[steps]]\nname = "one"\nartifacts = ["../x"]\n',
            "steps.0.artifacts.0.source: is '../x', but: artifact source must not contain '..'",
        ),
        (
            '[[environment.mcp_servers]]\nname = "x"\n',
            "environment.mcp_servers.0: 'url' is required for transport 'sse'.",
        ),
        (
            "[environment.healthcheck]\nretries = 1\n",
            "environment.healthcheck.command: missing; Harbor needs it.",
        ),
        (
            'artifacts = ["../x"]\n',
            "artifacts.0.source: is '../x', but: artifact source must not contain '..'",
        ),
        ("a" + ".a" * 2000 + " = 1\n", "task.toml: is nested too deeply."),
        (f"artifacts = {['/a'] * 201}\n", "artifacts: are 201, of at most 200."),
        ("agent = 3\n", "agent: is 3, but: must be a table."),
        ("[agent]\nuser = [1]\n", "agent.user: input should be a valid string."),
        ("artifacts = [{}]\n", "artifacts.0.source: missing; Harbor needs it."),
        ("version = 1\n", "schema_version: is 1, but: input should be a valid string."),
        (
            '[environment]\nmemory = "2X"\n',
            "environment: invalid size format: 2X. Expected format like '1G', '512M', etc.",
        ),
        ('[environment]\nmemory = "infG"\n', "environment: Harbor cannot read a size ("),
        (
            "[agent]\nallowed_hosts = []\n",
            "agent: allowed_hosts is only valid when network_mode='allowlist'.",
        ),
    ],
)
def test_a_task_toml_that_cannot_work_is_told_with_key_and_fix(
    tmp_path: Path, toml: str, told: str
) -> None:
    report = inspected(tmp_path, with_toml(toml))
    assert any(told in problem for problem in report.problems), report.problems
    assert all(problem.startswith("tasks/sort-csv/task.toml: ") for problem in report.problems)


def test_what_is_wrong_beside_what_harbor_refuses_is_told_with_it(tmp_path: Path) -> None:
    """One look, one list: nobody mends a name to be told of the next thing."""
    report = inspected(
        tmp_path,
        with_toml(
            '[task]\nname = "csv"\n[agent]\ntimeout_sec = -1\nuser = [1]\ntimeout = 3\n'
            '[environment]\nos = "plan9"\ngpus = 1\n[[steps]]\n'
        ),
    )
    assert [p.removeprefix("tasks/sort-csv/task.toml: ") for p in report.problems] == snapshot(
        [
            "task.name: is 'csv', but: package name must be in 'org/name' format with alphanumeric "
            "characters, hyphens, underscores, and dots. Cannot start with a dot or contain '..'. "
            "Got: csv.",
            "agent.user: input should be a valid string.",
            "agent.user: input should be a valid integer.",
            "environment.os: is 'plan9', but: input should be 'linux' or 'windows'.",
            "steps.0.name: missing; Harbor needs it.",
            "agent.timeout_sec: is -1, but: must be a number of seconds above 0.",
            "environment.gpus: no environment here has GPUs; remove the key if none is needed.",
        ]
    )
    assert [n.removeprefix("tasks/sort-csv/task.toml: ") for n in report.notes] == snapshot(
        [
            "agent.timeout: Harbor ignores this key; did you mean `timeout_sec`?",
            'environment.network_mode: not set, so "public"; write "no-network" if the task can.',
        ]
    )


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        (
            "[agent]\ntimeout_seconds = 5\n",
            "agent.timeout_seconds: Harbor ignores this key; did you mean `timeout_sec`?",
        ),
        ("difficulty = 3\n", "difficulty: Harbor ignores this key."),
        ("[task]\nname = 'a/b'\nauthors = [{name = 'x', mail = 'y'}]\n", "task.authors.0.mail: "),
        (
            "[environment.healthcheck]\ncommand = 'x'\nwait = 1\n",
            "environment.healthcheck.wait: Harbor ignores",
        ),
        ("", "agent.timeout_sec: not set, which is no limit in Harbor"),
        ("", 'environment.network_mode: not set, so "public"'),
        ("[environment]\nmemory = '2G'\n", "environment.memory: deprecated; write memory_mb."),
        (
            "[environment]\nallow_internet = false\n",
            "environment.allow_internet: deprecated; write network_mode.",
        ),
        (
            "[environment.env]\nKEY = '${KEY}'\n",
            "environment.env: ${KEY} is filled in from the host's variables.",
        ),
        (
            "[verifier]\nenvironment_mode = 'separate'\n",
            "verifier.environment_mode: separate: the verifier sees declared artifacts",
        ),
    ],
)
def test_what_harbor_does_in_silence_is_noted(tmp_path: Path, toml: str, told: str) -> None:
    report = inspected(tmp_path, with_toml(toml))
    assert report.problems == ()
    assert any(told in note for note in report.notes), report.notes


HARBOR_TOMLS = [
    TOML,
    "",
    'version = "1.0"\n[metadata]\nanything = [1, "x"]\n',
    "[agent]\ntimeout_sec = 5\nuser = 1000\n[verifier]\nuser = 'root'\n[solution.env]\nA = '1'\n",
    "[environment]\ncpus = 2\nmemory_mb = 10\nstorage_mb = 10\nworkdir = '/x'\nos = 'LINUX'\n",
    "[[environment.mcp_servers]]\nname = 'x'\ntransport = 'http'\nurl = 'http://x'\n",
    "artifacts = ['/a', {source = '/b', destination = 'b'}]\n",
    "[task]\nname = 'a/b'\nauthors = [{name = 'x'}]\nkeywords = ['k']\n",
    "[verifier]\nenvironment_mode = 'separate'\n[verifier.environment]\ncpus = 1\n",
    "[task]\nname = 'b'\n",
    "[task]\nname = 'a/b/c'\n",
    "[task]\nname = 'a/..b'\n",
    "[task]\nname = 'a/b'\nversion = ''\n",
    "[agent]\ntimeout_sec = 'x'\n",
    "[agent]\nuser = 1.5\n",
    "[environment]\nos = 'plan9'\n",
    "[environment]\nenv = {A = 1}\n",
    "[environment]\ngpus = 'many'\n",
    "[verifier]\nenvironment_mode = 'other'\n",
    "[verifier]\nenvironment_mode = 'shared'\n[verifier.environment]\n",
    "agent = 3\n",
    "metadata = 3\n",
    "multi_step_reward_strategy = 'best'\n",
    "version = 1.0\n",
    "version = '1'\nschema_version = '9'\n",
    "[environment]\nmemory = '1G'\nstorage = 7\n",
    "[environment]\nmemory = '1X'\n",
    "[environment]\nmemory = '1G'\nmemory_mb = 2\n",
    "[environment]\nallow_internet = true\n",
    "[environment]\nallowed_hosts = []\n",
    "[environment]\nnetwork_mode = 'public'\nallowed_hosts = []\n",
    "[agent]\nallowed_hosts = []\n",
    "[verifier.environment]\nmcp_servers = [{name = 'x'}]\n",
    "artifacts = ['/a', '/a/b']\n",
    "artifacts = ['../x']\n",
    "artifacts = [{source = '/x', destination = '/y'}]\n",
    "artifacts = [{source = 'x', service = 'main'}]\n",
]


@pytest.mark.parametrize("toml", HARBOR_TOMLS)
def test_a_task_toml_is_wrong_here_exactly_if_harbor_cannot_load_it(
    tmp_path: Path, toml: str
) -> None:
    """Where the sandbox is no reason, Harbor's own models are the reference."""
    task = write(tmp_path / "tasks/sort-csv", with_toml(toml))
    report = inspect_task(task, frozenset(["containers"]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Task(tmp_path / "tasks/sort-csv")
    except (ValidationError, ValueError):
        assert report.problems
    else:
        assert report.problems == ()


KEYS = [*TaskConfig.model_fields, *EnvironmentConfig.model_fields, "version", "memory", "name"]
VALUES = st.sampled_from(
    [0, -1, 1.5, True, "", "a/b", "../x", "infG", "2X", "1G", "allowlist", "shared", "separate"]
)


@given(
    content=st.dictionaries(
        st.sampled_from(KEYS),
        st.recursive(
            VALUES,
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
            ),
            max_leaves=6,
        ),
        max_size=4,
    )
)
def test_nothing_that_harbor_refuses_passes_and_nothing_at_all_is_raised(
    content: dict[str, Any],
) -> None:
    """A task is untrusted: its task.toml may say anything."""
    before = copy.deepcopy(content)
    problems = check_task_toml(content).problems
    assert content == before
    try:
        with warnings.catch_warnings(action="ignore"):
            TaskConfig.model_validate(content)
    except (ValidationError, OverflowError):
        assert problems
    assert not any("\n" in problem.sentence for problem in problems)


def test_reading_a_task_brings_harbors_model_and_none_of_its_weight() -> None:
    """The server reads tasks: it must not wait for, nor be printed on by, what runs them."""
    code = """
import sys
from autoagent.workspace.tasks.task_toml import check_task_toml
assert "harbor" not in sys.modules, "imported before a task is read"
check_task_toml({"artifacts": ["/a"]})
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "harbor.models.task.config" in imported
    assert imported.isdisjoint({"rich", "litellm", "docker", "typer", "httpx", "jinja2"})
    runs = {"agents", "cli", "environments", "job", "orchestrators", "trial", "verifier"}
    assert imported.isdisjoint(f"harbor.{room}" for room in runs)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"instruction_DOT_md": "  \n"}, "instruction.md: is empty"),
        ({"instruction_DOT_md": b"\xff"}, "instruction.md: is not UTF-8 text"),
        (
            {"tests__test_DOT_sh": None, "tests__test_DOT_bat": "x"},
            "tests/test.sh: missing",
        ),
        (
            {"environment__docker-compose_DOT_yaml": "services: {main: {}}"},
            f"environment/docker-compose.yaml: what starts services {NEEDS_DOCKER}.",
        ),
        (
            {"environment__Dockerfile": "FROM python:3.12\n"},
            "environment/Dockerfile:1: needs the image python:3.12: `autoagent image pull",
        ),
    ],
)
def test_what_the_sandbox_cannot_run_is_refused_by_name(
    tmp_path: Path, changes: dict[str, str | bytes | None], told: str
) -> None:
    report = inspected(tmp_path, harbor_task(**changes))
    assert [f"tasks/sort-csv/{told}" in problem for problem in report.problems] == [True]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"tests__test_DOT_sh": "echo 1 > /logs/verifier/reward.txt\r\n"},
            "tests/test.sh: has Windows line endings, on which bash fails. Save it with LF; "
            "`*.sh text eol=lf` in .gitattributes keeps it so.",
        ),
        ({"tests__test_DOT_sh": "true\n"}, "tests/: nothing mentions a reward"),
        (
            {"solution__solve_DOT_sh": None, "solution__solve_DOT_py": "x"},
            "solution/: has no solve.sh",
        ),
        ({"environment___DOT_dockerignore": "x"}, "environment/.dockerignore: the sandbox copies"),
        ({"tests__Dockerfile": "FROM x"}, "tests/Dockerfile: not read"),
    ],
)
def test_what_will_surprise_is_noted(
    tmp_path: Path, changes: dict[str, str | bytes | None], told: str
) -> None:
    report = inspected(tmp_path, harbor_task(**changes))
    assert report.problems == ()
    assert [f"tasks/sort-csv/{told}" in note for note in report.notes] == [True]


@pytest.mark.parametrize(
    ("dockerfile", "workdir", "work"),
    [
        ("FROM autoagent-base\n", "", "/app"),
        ("FROM autoagent-base\nWORKDIR /srv\nWORKDIR shop/\n", "", "/srv/shop"),
        ("FROM autoagent-base\nWORKDIR /srv\n", "/repo/", "/repo"),
        ("FROM golang AS made\nWORKDIR /made\nFROM python:3.12\nADD x /\nWORKDIR /b\n", "", "/b"),
    ],
)
def test_a_verifier_is_read_with_the_work_directory_that_its_task_has(
    tmp_path: Path, dockerfile: str, workdir: str, work: str
) -> None:
    """What a verifier runs there is the candidate's; another directory is only no system's."""
    script = f"{TEST_SH}{work}/check\n/other/check\n"
    files = harbor_task(environment__Dockerfile=dockerfile, tests__test_DOT_sh=script)
    if workdir:
        files["task.toml"] = TOML.replace("[environment]", f"[environment]\nworkdir = '{workdir}'")
    report = inspect_task(write(tmp_path / "tasks/sort-csv", files), frozenset(["containers"]))
    assert report.notes == (
        "tasks/sort-csv/tests/test.sh:3: runs files of the work directory, which the candidate may "
        "write.",
        "tasks/sort-csv/tests/test.sh:4: runs a file that is no part of the system, which the "
        "candidate may write.",
    )


def test_a_verifiers_own_image_is_looked_at_like_the_tasks(tmp_path: Path) -> None:
    files = {**harbor_task(), "tests/Dockerfile": "FROM x\nVOLUME /y"}
    files["task.toml"] = f"{TOML}[verifier]\nenvironment_mode = 'separate'\n"
    report = inspected(tmp_path, files)
    assert report.problems == (
        "tasks/sort-csv/tests/Dockerfile:1: needs the image x: `autoagent image pull x`, or name "
        "an archive under [sandbox.images] in autoagent.toml.",
        f"tasks/sort-csv/tests/Dockerfile:2: VOLUME {NEEDS_DOCKER}.",
    )


def test_a_pointer_of_git_lfs_is_no_file_of_a_task(tmp_path: Path) -> None:
    """A clone without git-lfs has the pointers alone: the verifier would read them."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    files = {"environment__a_DOT_bin": pointer, "tests__b_DOT_bin": pointer}
    (problem,) = inspected(tmp_path, harbor_task(**files)).problems
    assert problem == (
        "tasks/sort-csv/environment/a.bin: and 1 more are pointers of Git LFS, not the file "
        "itself. Run `git lfs install && git lfs pull` here."
    )


def test_links_and_special_files_are_refused(tmp_path: Path) -> None:
    """A link could show the harness what is outside its task."""
    task = write(tmp_path / "tasks/sort-csv", harbor_task())
    (task / "environment/passwd").symlink_to("/etc/passwd")
    os.mkfifo(task / "tests/pipe")
    assert inspect_task(task).problems == (
        "tasks/sort-csv/environment/passwd: is a symbolic link. Put a regular file there.",
        "tasks/sort-csv/tests/pipe: is a special file. Put a regular file there.",
    )
    with pytest.raises(TaskError, match="is a symbolic link"):
        normalise(task, tmp_path / "copy")


def test_a_file_above_64_mib_is_refused(tmp_path: Path) -> None:
    task = write(tmp_path / "tasks/sort-csv", harbor_task())
    with (task / "environment/big").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    (problem,) = inspect_task(task).problems
    assert problem == "tasks/sort-csv/environment/big: has 67,108,865 bytes, of at most 67,108,864."


@pytest.mark.parametrize("name", [".hidden", "two words", "-x", "a" * 81, "tab\t"])
def test_a_directory_name_that_cannot_be_an_id_is_refused(tmp_path: Path, name: str) -> None:
    """Threat D7: names become file names, trial ids and ledger keys."""
    (problem,) = inspected(tmp_path, harbor_task(), name).problems
    assert "name the directory with 1 to 80 of" in problem


def test_a_link_that_stays_inside_its_task_stands_for_what_it_leads_to(tmp_path: Path) -> None:
    """A loop does not, nor what leads outside by way of another link."""
    task = write(tmp_path / "tasks/c++_@~1", harbor_task())
    (task / "environment/again").symlink_to("in.csv")
    (task / "tests/shared").symlink_to("../environment")
    copy = tmp_path / "copy"
    plain = freeze_task(task, copy, frozenset(), None)
    assert (plain.problems, plain.name) == ((), "c++_@~1")
    assert (copy / "tests/shared/again").read_bytes() == (task / "environment/in.csv").read_bytes()
    assert not any(path.is_symlink() for path in copy.rglob("*"))
    (task / "environment/loop").symlink_to("..")
    (tmp_path / "outside").write_text("x")
    (task / "environment/far").symlink_to("../../../outside")
    (task / "environment/farther").symlink_to("far")
    told = inspect_task(task).problems
    assert {line.split(":")[0].split("/")[-1] for line in told} == {
        *("loop", "far", "farther"),
    }


def test_a_source_that_is_not_there_is_told_wherever_the_task_runs(tmp_path: Path) -> None:
    lines = ["FROM python:3 AS one", "COPY gone.txt in.csv /x/", "COPY --chmod=755 g*.txt /x/"]
    lines += [
        "COPY --from=one /etc/x $SOME '{}' /y",
        "ADD https://a.org/x sub /y",
        "COPY i*.csv .",
        "",
    ]
    files = harbor_task() | {"environment/Dockerfile": "\n".join(lines)}
    task = write(tmp_path / "tasks/t", files)
    (task / "environment/sub").mkdir()
    told = inspect_task(task, frozenset(["containers"])).problems
    assert [line.split("Dockerfile:")[1] for line in told] == [
        "2: COPY gone.txt: no such file beside the Dockerfile.",
        "3: COPY g*.txt: no such file beside the Dockerfile.",
    ]


def test_a_task_that_is_a_link_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "real", harbor_task())
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks/sort-csv").symlink_to("../real")
    (problem,) = inspect_task(tmp_path / "tasks/sort-csv").problems
    assert "is a symbolic link" in problem


def test_the_digest_names_the_content_and_nothing_else(tmp_path: Path) -> None:
    """Paths, executable bits and bytes; not times, not the directory's name."""
    digest = inspected(tmp_path, harbor_task(), "one").digest
    task = write(tmp_path / "tasks/two", harbor_task())
    os.utime(task / "task.toml", (1, 1))
    assert inspect_task(task).digest == digest
    (task / "environment/in.csv").chmod(0o755)
    assert inspect_task(task).digest != digest


# -- the article's form -----------------------------------------------------------------------

ARTICLE: Files = {
    "task.toml": '# Glowup\nname = "credit-balance-check"\ntimeout_sec = 60\n',
    "instruction.md": "How many credits do I have left?\n",
    "tests/test.py": "import sys\nsys.exit(0)\n",
    "environment/Dockerfile": "FROM autoagent-base",
    "files/prices/list.txt": "1\n",
}


def test_the_articles_form_becomes_harbors(tmp_path: Path) -> None:
    task = write(tmp_path / "tasks/credits", ARTICLE)

    notes = normalise(task, tmp_path / "copy/credits")

    made = content(tmp_path / "copy/credits")
    made.pop("tests/test.sh")
    assert notes == snapshot(
        [
            'task.toml: name: the article\'s form, now "local/credit-balance-check" in [task].',
            "task.toml: timeout_sec: the article's form, now 60 in [agent].",
            "tests/test.sh: was missing, written to run tests/test.py (exit status 0: reward 1).",
            "files/: moved to environment/files and copied to /app/files.",
        ]
    )
    assert {name: data.decode() for name, data in made.items()} == snapshot(
        {
            "environment/Dockerfile": """\
FROM autoagent-base
COPY files /app/files/
""",
            "environment/files/prices/list.txt": "1\n",
            "instruction.md": "How many credits do I have left?\n",
            "task.toml": """\
# Glowup

[task]
name = "local/credit-balance-check"

[agent]
timeout_sec = 60.0
""",
            "tests/test.py": """\
import sys
sys.exit(0)
""",
        }
    )
    assert Task(tmp_path / "copy/credits").name == "local/credit-balance-check"
    assert Task(tmp_path / "copy/credits").config.agent.timeout_sec == 60
    assert inspect_task(task).problems == ()


@pytest.mark.parametrize(
    "toml",
    [
        'name = "x"\ntimeout_sec = 5\n[agent]\nuser = "root"\n[task]\ndescription = "d"\n',
        "timeout_sec = 5\nname = 'x' # why\n\n[agent] # header\n[task]\n",
        'timeout_sec = 5\nname = "org/x"\n[metadata]\nname = "other"\ntimeout_sec = 1\n',
    ],
)
def test_a_task_toml_keeps_what_else_it_says(tmp_path: Path, toml: str) -> None:
    normalise(write(tmp_path / "x", with_toml(toml)), tmp_path / "copy")
    config = Task(tmp_path / "copy").config
    assert config.task is not None
    assert (config.task.short_name, config.agent.timeout_sec) == ("x", 5)
    assert "Harbor ignores" not in str(inspect_task(tmp_path / "copy").notes)


def test_a_task_toml_that_cannot_be_edited_safely_is_told(tmp_path: Path) -> None:
    toml = 'timeout_sec = 5\nagent = {user = "root"}\n'
    (problem,) = inspected(tmp_path, with_toml(toml)).problems
    assert problem == (
        "tasks/sort-csv/task.toml: timeout_sec: move it into a [agent] table yourself: "
        "`timeout_sec = 5.0`."
    )


def run_test(task: Path, logs: Path) -> str | None:
    """Run a task's test.sh with `logs` as /logs, as the sandbox would; the reward it leaves."""
    for script in (task / "tests").iterdir():
        script.write_text(script.read_text().replace("/logs", str(logs)))
    (logs / "verifier").mkdir(parents=True, exist_ok=True)
    subprocess.run([task / "tests/test.sh"], check=False, capture_output=True)
    reward = logs / "verifier/reward.txt"
    return reward.read_text().strip() if reward.exists() else None


@pytest.mark.parametrize(
    ("test", "reward"),
    [
        ("echo 0.5 > /logs/reward.txt\n", "0.5"),
        ("echo 1 > /logs/reward.txt\nexit 1\n", "1"),
        ("true || echo > /logs/reward.txt\n", None),
        ("ln -s /etc/hostname /logs/reward.txt\n", None),
        ("mkdir /logs/reward.txt\n", None),
    ],
)
def test_a_reward_in_the_articles_place_is_moved_to_harbors(
    tmp_path: Path, test: str, reward: str | None
) -> None:
    task = {**harbor_task(), "tests/test.sh": f"#!/bin/bash\n{test}"}
    notes = normalise(write(tmp_path / "x", task), tmp_path / "copy")
    assert len(notes) == 1
    assert "article-test.sh" in notes[0]
    assert run_test(tmp_path / "copy", tmp_path / "logs") == reward


def test_a_reward_left_by_the_harness_is_not_the_tests(tmp_path: Path) -> None:
    """Threat C1: what was there before the test ran does not count."""
    task = {**harbor_task(), "tests/test.sh": "#!/bin/bash\nfalse && echo 1 > /logs/reward.txt\n"}
    normalise(write(tmp_path / "x", task), tmp_path / "copy")
    logs = tmp_path / "logs"
    (logs / "verifier").mkdir(parents=True)
    for planted in ("reward.txt", "verifier/reward.txt", "verifier/reward.json"):
        (logs / planted).write_text("1")
    assert run_test(tmp_path / "copy", logs) is None
    assert not (logs / "verifier/reward.json").exists()


@pytest.mark.parametrize(
    ("test", "reward"),
    [
        ("assert 1 + 1 == 2\n", "1"),
        ("assert 1 + 1 == 3\n", "0"),
        ("raise SystemExit(3)\n", "0"),
        ("open('/logs/reward.txt', 'w').write('0.25')\n", "0.25"),
        ("open('/logs/verifier/reward.txt', 'w').write('0.75')\nraise SystemExit(1)\n", "0.75"),
    ],
)
def test_a_test_py_alone_decides_by_its_exit_status_or_writes_a_reward(
    tmp_path: Path, test: str, reward: str
) -> None:
    task = {**harbor_task(tests__test_DOT_sh=None), "tests/test.py": test}
    normalise(write(tmp_path / "x", task), tmp_path / "copy")
    assert run_test(tmp_path / "copy", tmp_path / "logs") == reward


@pytest.mark.parametrize(
    ("test", "refused"),
    [
        ("def test_it():\n    assert False\n", True),
        ('"""Doc."""\nimport pytest\n\nclass TestIt:\n    def test_it(self): ...\n', True),
        ("def test_it():\n    assert False\n\ntest_it()\n", False),
        ("import pytest\ndef test_it(): ...\nif __name__ == '__main__':\n    test_it()\n", False),
    ],
)
def test_a_test_py_that_runs_nothing_is_refused(tmp_path: Path, test: str, refused: bool) -> None:
    """Run as a script it would exit 0, and every harness would pass."""
    report = inspected(tmp_path, {**harbor_task(tests__test_DOT_sh=None), "tests/test.py": test})
    assert [("would always pass" in problem) for problem in report.problems] == [True] * refused


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        (None, "FROM autoagent-base\nWORKDIR /app\nCOPY files /app/files/\n"),
        ("FROM autoagent-base", "FROM autoagent-base\nCOPY files /app/files/\n"),
        ("FROM autoagent-base\nCOPY files /docs/\n", "FROM autoagent-base\nCOPY files /docs/\n"),
    ],
)
def test_reference_files_reach_the_harness(
    tmp_path: Path, dockerfile: str | None, expected: str
) -> None:
    """files/ is outside the environment's context; a Dockerfile that copies it is left alone."""
    task = harbor_task(environment__Dockerfile=dockerfile, environment__in_DOT_csv=None)
    normalise(write(tmp_path / "x", {**task, "files/a/b.txt": "b"}), tmp_path / "copy")
    assert (tmp_path / "copy/environment/Dockerfile").read_text() == expected
    assert (tmp_path / "copy/environment/files/a/b.txt").read_text() == "b"
    assert not (tmp_path / "copy/files").exists()
    assert inspect_task(tmp_path / "copy").problems == ()


def test_a_missing_environment_is_created(tmp_path: Path) -> None:
    """Git keeps no empty directory, and Harbor drops the task without it."""
    task = harbor_task(environment__Dockerfile=None, environment__in_DOT_csv=None)
    notes = normalise(write(tmp_path / "x", task), tmp_path / "copy")
    assert notes == ["environment/: was missing, created empty (a bare sandbox)."]
    assert Task.is_valid_dir(tmp_path / "copy")


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None
)
@given(
    data=st.dictionaries(
        st.from_regex(r"environment/[a-z]{1,5}(/[a-z]{1,5})?/[a-z]{1,5}\.bin", fullmatch=True),
        st.tuples(st.binary(max_size=50), st.booleans()),
        max_size=4,
    )
)
def test_a_conforming_task_is_copied_byte_for_byte(
    tmp_path: Path, data: dict[str, tuple[bytes, bool]]
) -> None:
    source = tmp_path / os.urandom(4).hex()
    write(source, {**harbor_task(), **{name: content for name, (content, _) in data.items()}})
    for name, (_, executable) in data.items():
        (source / name).chmod(0o755 if executable else 0o600)
    copy = tmp_path / os.urandom(4).hex()
    assert normalise(source, copy) == []
    assert content(copy) == content(source)
    assert inspect_task(copy).digest == inspect_task(source).digest
    modes = {path.stat().st_mode & 0o777 for path in copy.rglob("*") if path.is_file()}
    assert modes <= {0o644, 0o755}


def test_the_copy_of_an_article_task_conforms(tmp_path: Path) -> None:
    """Bringing into form is done once: what runs is what was checked."""
    normalise(write(tmp_path / "x", ARTICLE), tmp_path / "copy")
    assert normalise(tmp_path / "copy", tmp_path / "again") == []
    assert content(tmp_path / "again") == content(tmp_path / "copy")
    assert inspect_task(tmp_path / "x").digest == inspect_task(tmp_path / "copy").digest


@pytest.mark.parametrize(
    ("environment", "usable"),
    [("sandbox", []), ("docker", ["image", "services"]), ("harbor:e2b", ["image", "services"])],
)
def test_what_the_sandbox_refuses_may_run_elsewhere(
    tmp_path: Path, environment: str, usable: list[str]
) -> None:
    image = harbor_task(environment__Dockerfile="FROM debian\nUSER nobody\n")
    services = harbor_task(**{"environment__docker-compose_DOT_yaml": "services: {db: {}}"})
    tasks = {
        name: write(tmp_path / "tasks" / name, files)
        for name, files in {"image": image, "services": services}.items()
    }
    given = kind_of(environment).gives
    found = [name for name, task in tasks.items() if inspect_task(task, given).usable]
    assert found == usable
