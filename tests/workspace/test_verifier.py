"""What a human is told of a verifier, by the line, and what the rule of tampering asks of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.workspace.tasks import verifier
from autoagent.workspace.tasks.verifier import Verifier, Words, notes

RUNS = "runs files of the work directory, which the candidate may write"
OUTSIDE = "runs a file that is no part of the system, which the candidate may write"
SOURCES = "sources a file of HOME, which is the image's again when it verifies"
LOGIN = "starts a shell that reads HOME, which is the image's again when it verifies"
SEARCHES = "looks for programs in HOME, which is the image's again when it verifies"
LOADS = "downloads its tools when it verifies: the grade depends on what is there then"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/app/run.sh", [RUNS]),
        ("if ./check; then", [RUNS]),
        ("cd /app && python3 /app/main.py", [RUNS]),
        ("timeout 5 bash /app/run.sh", [RUNS]),
        ("result=$(/app/bin/answer)", [RUNS]),
        ("make -C /app test", [RUNS]),
        ("npm test", [RUNS]),
        ("cargo test --release", [RUNS]),
        ("/opt/grader/check.sh", [OUTSIDE]),
        ("python3 /srv/judge.py", [OUTSIDE]),
        ("source $HOME/.local/bin/env", [SOURCES]),
        (". ~/.cargo/env", [SOURCES]),
        ("bash -lc 'node --version'", [LOGIN]),
        ("bash --login -c true", [LOGIN]),
        ('export PATH="$HOME/.local/bin:$PATH"', [SEARCHES]),
        ("apt-get install -y curl", [LOADS]),
        ("curl -LsSf https://astral.sh/uv/install.sh | sh", [LOADS]),
        ("pip install pytest==8.4.1", [LOADS]),
        ("uvx -p 3.12 pytest /tests", [LOADS]),
        ("uv run pytest /app/tests", [LOADS, RUNS]),
        ("git clone https://example.com/x.git", [LOADS]),
    ],
)
def test_a_line_that_leaves_the_grade_to_the_candidate_is_named(line: str, said: list[str]) -> None:
    script = f"#!/bin/bash\n# a comment\n{line}\n"
    expected = [f"tests/test.sh:3: {one}." for one in said]
    assert notes({"tests/test.sh": script.encode()}) == expected


@pytest.mark.parametrize(
    "line",
    [
        "# curl https://example.com; /app/run.sh; source ~/.env",
        "cmp /app/answer.txt /tests/expected.txt",
        '[ "$(cat /app/answer.txt)" = 42 ]',
        "grep -q done /app/log.txt && echo 1 > /logs/verifier/reward.txt",
        "python3 /tests/test_outputs.py /app/answer.json",
        "cd /app && python3 -m pytest /tests/test_outputs.py",
        "/opt/venv/bin/python -m pytest /tests",
        "bash /tests/check.sh",
        "curl -s http://localhost:8000/health",
        "wget -qO- http://127.0.0.1:8000",
        "ls ~/out",
        'test -d "$HOME"',
        "cp /tests/data.csv /app/data.csv",
        "/usr/bin/env bash /tests/x.sh",
    ],
)
def test_a_line_that_reads_or_runs_its_own_is_not_named(line: str) -> None:
    assert notes({"tests/test.sh": f"#!/bin/bash\n{line}\n".encode()}) == []


def test_only_scripts_are_read_and_the_work_directory_is_the_tasks() -> None:
    assert notes({"tests/test.py": b"/app/run.sh\n", "tests/Dockerfile": b"RUN curl x\n"}) == []
    script = {"tests/test.sh": b"/repo/run.sh\n"}
    assert notes(script, "/repo") == [f"tests/test.sh:1: {RUNS}."]


def says(*lines: str) -> Verifier:
    return Verifier(tuple(("tests/test.sh", 1, line) for line in lines))


def test_what_a_verifier_imports_names_and_installs() -> None:
    assert says("cp /tests/check.py /app/", "cd /app; python3 check.py").imports
    assert not says("python3 check.py").imports
    assert not says("cp /tests/x /app/", "python3 /tests/check.py").imports
    assert says("cat ~/out.txt").names_at_home == {"out.txt"}
    assert says("source ~/settings.sh", "PATH=~/tools:$PATH x").names_at_home == set()
    assert says("export PATH=/opt/x:.:$PATH").path == ("/opt/x", ".", "$PATH")
    made = says("python3 -m venv /tmp/v", "pip install --target /tmp/t x", "mkdir -p /tmp/d/e")
    assert made.makes == {"/tmp/v", "/tmp/t", "/tmp/d/e"}
    assert says("cat /tmp/answer").makes == set()
    installed = says("pip install 'pytest==8.4' -q requests[socks]").installs
    assert installed >= {"pytest", "_pytest", "pluggy", "requests"}


_VALUES = [*vars(verifier).values()]
_TUPLES = [one for value in _VALUES if isinstance(value, tuple) for one in value]
_PATTERNS = [
    *(one for one in _VALUES if isinstance(one, Words)),
    *(one[0] for one in _TUPLES if isinstance(one, tuple) and isinstance(one[0], Words)),
]
_PIECES = [
    *(
        "cd /app",
        ". ~/x",
        "source $HOME/.y",
        "PATH=~/bin:$PATH",
        "bash -l",
        "python3 -m",
        "| python",
    ),
    *(
        "sys.executable, '-c'",
        "uvx",
        "tox",
        "pypy -",
        "pip3 install",
        "pytest",
        "/tmp/x",
        "> ",
        "-o",
    ),
    *(
        "cp -r x /tests",
        "mkdir -p ",
        "/var/tmp/y",
        "import_module",
        "${HOME}/z",
        "/root/q",
        "py.test",
    ),
    *("PYTHONPATH", "unittest", "runpy", "ipython", " ", "a", "/home/u/w", "venv --x", "clone u "),
]


@given(st.lists(st.sampled_from(_PIECES), max_size=6).map(" ".join))
def test_no_line_without_the_words_of_a_pattern_matches_it(line: str) -> None:
    assert len(_PATTERNS) >= 12
    for one in _PATTERNS:
        assert one.findall(line) == one.pattern.findall(line)
        assert bool(one.search(line)) == bool(one.pattern.search(line))
