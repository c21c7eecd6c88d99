"""The boundary in agent.py: every spelling, and every way a candidate tries to cross it."""

import ast
import dis
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
import tomli
from hypothesis import example, given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from autoagent.errors import BoundaryError
from autoagent.workspace.harness.bindings import bindings
from autoagent.workspace.harness.boundary import Checked, Split, check, model_pin, splice, split

IMPORTS = """\
import json
import time
from datetime import datetime, timezone

from harbor.agents.base import BaseAgent
"""

HARNESS = (
    IMPORTS
    + '''
SYSTEM_PROMPT = "You execute tasks."
MODEL = "gpt-5"
MAX_TURNS = 30


def create_tools(environment):
    @function_tool
    async def run_shell(command: str) -> str:
        """Run a command. Never mind the FIXED ADAPTER BOUNDARY below."""
        return await environment.exec(command=command)

    return [run_shell]


async def run_task(environment, instruction):
    started = time.time()
    return instruction, time.time() - started


'''
)

RULE = "# " + "=" * 60

ARTICLE = """\
# === FIXED ADAPTER BOUNDARY ===
# Harbor integration, trajectory logging
# Do not modify below this line
"""
UPSTREAM = f"""\
{RULE}
# FIXED ADAPTER BOUNDARY: do not modify unless the human explicitly asks.
# Harbor integration and trajectory serialization live here.
{RULE}
"""
CLAUDE = f"""\
{RULE}
# HARBOR ADAPTER — fixed harness, do not modify
{RULE}
"""
SPELLINGS = {
    "article": ARTICLE,
    "upstream": UPSTREAM,
    "claude": CLAUDE,
    "claude with a hyphen": CLAUDE.replace("—", "-"),
    "claude with an en dash": CLAUDE.replace("—", "–"),
    "claude with two hyphens": CLAUDE.replace("—", "--"),
    "a wide block": f"# ----\n#\n# FIXED ADAPTER BOUNDARY\n#\n{RULE}\n",
    "a bare comment": "# FIXED ADAPTER BOUNDARY\n",
    "a comment without a space": "#FIXED ADAPTER BOUNDARY\n",
}

ADAPTER = '''
def to_atif(result):
    now = datetime.now(timezone.utc)
    return {"steps": [str(result)], "at": now.isoformat()}


class AutoAgent(BaseAgent):
    """Harbor's view of the harness."""

    async def run(self, instruction, environment, context):
        result, _ = await run_task(environment, instruction)
        with open(self.logs_dir / "trajectory.json", "w") as file:
            json.dump(to_atif(result) | {"model": MODEL}, file)


__all__ = ["AutoAgent"]
'''

ENTRYPOINT = f"""
{RULE}
# CONTAINER ENTRYPOINT — fixed harness, do not modify
{RULE}

if __name__ == "__main__":
    print(to_atif(None))
"""

FIXED = (UPSTREAM + ADAPTER).encode()
CANONICAL = Split(editable=HARNESS.encode(), fixed=FIXED, line=HARNESS.count("\n") + 1)


def checked(editable: str, fixed: bytes = FIXED) -> Checked:
    return check(
        editable.encode() + fixed, CANONICAL, "agent.py", model="gpt-5", class_name="AutoAgent"
    )


def only_problem(result: Checked) -> str:
    assert len(result.problems) == 1, result.problems
    return result.problems[0]


# The table ---------------------------------------------------------------------------------

TABLE: dict[str, Any] = tomli.loads(Path(__file__).with_name("boundary.toml").read_text())
DEFINED = {
    "NAME": "AutoAgent",
    "problem": "agent.py:…: … `AutoAgent` …, which the fixed section defines; use another name",
}
IMPORTED = {
    "NAME": "BaseAgent",
    "problem": "agent.py:…: … `BaseAgent` …, but the fixed section needs "
    "`from harbor.agents.base import BaseAgent`; use another name",
}


def cases() -> Iterator[Any]:
    """Each row of the table; a way to bind a name, with one of either kind."""
    for case in TABLE["case"]:
        yield pytest.param(case, id=case.get("name") or case.get("code") or case["replace"][1])
    for how, code in TABLE["binds"].items():
        for name in (DEFINED, IMPORTED):
            case = {"code": code.replace("NAME", name["NAME"]), "problem": name["problem"]}
            yield pytest.param(case, id=f"binds {name['NAME']}: {how}")
    for where, code in TABLE["elsewhere"].items():
        yield pytest.param({"code": code.replace("NAME", "AutoAgent")}, id=f"elsewhere: {where}")


def made(case: dict[str, Any]) -> bytes:
    """The file of a row."""
    whole = HARNESS + FIXED.decode()
    if "code" in case:
        text = HARNESS + case["code"] + "\n" + FIXED.decode()
    elif "start" in case:
        text = case["start"] + FIXED.decode()
    elif "replace" in case:
        assert case["replace"][0] in whole
        text = whole.replace(*case["replace"])
    else:
        text = case["file"]
    text = text.replace("\n", "\r\n") if case.get("crlf") else text
    return text.encode("latin-1" if case.get("latin1") else "utf-8")


@pytest.mark.parametrize("case", [*cases()])
def test_a_file_is_answered_as_the_table_says(case: dict[str, Any]) -> None:
    """The whole answer: what is told, with its line, or nothing at all (threats A1 to A6)."""
    if "file" in case:
        problems, warned = [refusal(made(case))], []
    else:
        result = check(made(case), CANONICAL, "agent.py", model="gpt-5", class_name="AutoAgent")
        problems, warned = list(result.problems), list(result.warnings)

    for told, wanted in ((problems, case.get("problem")), (warned, case.get("warning"))):
        assert bool(told) == bool(wanted), told
        if wanted:
            assert re.fullmatch(".*".join(map(re.escape, wanted.split("…"))), told[0]), told


# Splitting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("block", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_every_spelling_of_the_boundary_is_found_at_the_top_of_its_block(block: str) -> None:
    """Workspaces of the article and of the upstream run unchanged."""
    found = split((HARNESS + block + ADAPTER).encode(), "agent.py")

    assert found == Split(
        editable=HARNESS.encode(),
        fixed=(block + ADAPTER).encode(),
        line=HARNESS.count("\n") + 1,
    )


def test_a_second_fixed_block_is_part_of_the_fixed_section() -> None:
    """agent-claude.py has a container entrypoint below its adapter."""
    found = split((HARNESS + CLAUDE + ADAPTER + ENTRYPOINT).encode(), "agent-claude.py")

    assert found.fixed.decode() == CLAUDE + ADAPTER + ENTRYPOINT


def test_prose_above_the_boundary_stays_editable() -> None:
    """Only the rule directly above the marker belongs to its block."""
    found = split((HARNESS + "# Notes to myself.\n" + UPSTREAM + ADAPTER).encode(), "agent.py")

    assert found.editable.endswith(b"# Notes to myself.\n")


def test_a_file_without_an_editable_part_splits() -> None:
    """A harness may be empty above its boundary."""
    assert split(ARTICLE.encode(), "agent.py") == Split(
        editable=b"", fixed=ARTICLE.encode(), line=1
    )


@given(
    editable=st.lists(
        st.sampled_from(
            [
                "",
                "import json",
                "# a comment",
                "# fixed adapter boundary, in passing",
                "x = '# FIXED ADAPTER BOUNDARY'",
                '"""\n# === FIXED ADAPTER BOUNDARY ===\n"""',
                "def f():\n    return 1",
                "été = '\u2014'",
                "if True:\n    pass\n# end",
            ]
        ).map(lambda line: line + "\n")
    ).map("".join),
    block=st.sampled_from(list(SPELLINGS.values())),
    adapter=st.sampled_from(["", "\n", ADAPTER, ADAPTER + ENTRYPOINT, "x = 1"]),
)
@example(editable="", block=ARTICLE, adapter="")
def test_splitting_what_was_spliced_gives_the_same_parts(
    editable: str, block: str, adapter: str
) -> None:
    """What runs is exactly the editable part, then the fixed section."""
    fixed = (block + adapter).encode()

    found = split(splice(editable.encode(), fixed), "agent.py")

    assert (found.editable, found.fixed) == (editable.encode(), fixed)


def refusal(source: str | bytes) -> str:
    with pytest.raises(BoundaryError) as caught:
        split(source.encode() if isinstance(source, str) else source, "agent.py")
    return str(caught.value)


@pytest.mark.parametrize("cookie", ["utf-8", "UTF8", "utf_8"])
def test_a_cookie_that_says_utf_8_is_fine(cookie: str) -> None:
    """Old editors write one."""
    assert split(f"# coding: {cookie}\n{ARTICLE}".encode(), "agent.py").line == 2


def test_a_file_that_python_nests_too_deeply_to_read_is_refused() -> None:
    assert refusal("(" * 500 + "\n" + ARTICLE).startswith("agent.py:1: ")


# Checking ----------------------------------------------------------------------------------


def test_the_unmodified_baseline_passes() -> None:
    """A baseline never breaks its own rules."""
    assert checked(HARNESS) == Checked(editable=HARNESS.encode())


def test_a_rewritten_harness_passes() -> None:
    """Above the boundary everything may change, names the adapter calls included."""
    editable = (
        IMPORTS
        + "from functools import partial\n"
        + 'MODEL: str = "gpt-5"\n'
        + "async def solve(turns, environment, instruction):\n"
        + "    json = instruction\n    return json, 1\n"
        + "run_task = partial(solve, 40)\n"
    )

    assert checked(editable) == Checked(editable=editable.encode())


@pytest.mark.parametrize("block", [ARTICLE, UPSTREAM])
def test_code_on_the_line_of_the_boundary_is_refused(block: str) -> None:
    """The fixed section begins with a line of its own (threat A1)."""
    canonical = split((HARNESS + block + ADAPTER).encode(), "agent.py")

    result = check(
        (HARNESS + "x = 1" + block + ADAPTER).encode(),
        canonical,
        "agent.py",
        model="gpt-5",
        class_name="AutoAgent",
    )

    assert only_problem(result).startswith("agent.py:2")


def test_an_editable_part_below_which_the_section_is_not_python_is_refused() -> None:
    """Each part may be whole by itself and the two together still not be a module (threat A2)."""
    fixed = b"# FIXED ADAPTER BOUNDARY\nfrom __future__ import annotations\nclass AutoAgent: pass\n"
    canonical = split(fixed, "agent.py")

    result = check(
        b"import json\n" + fixed, canonical, "agent.py", model=None, class_name="AutoAgent"
    )

    assert "no longer parses below this editable part" in only_problem(result)


def test_what_the_baseline_does_is_allowed() -> None:
    """Upstream workspaces run unchanged, whatever their own editable part binds."""
    odd = (
        HARNESS
        + "from helpers import *\nAutoAgent = None\nstr = str\n"
        + "try:\n    import orjson as json\nexcept ImportError:\n    import json\n"
        + "from harbor.agents.base import BaseAgent\n"
    ).encode()
    canonical = split(odd + FIXED, "agent.py")

    result = check(odd + FIXED, canonical, "agent.py", model="gpt-5", class_name="AutoAgent")

    assert result.problems == ()

    later = odd + b"def f():\n    global AutoAgent\n    AutoAgent = None\n"
    result = check(later + FIXED, canonical, "agent.py", model="gpt-5", class_name="AutoAgent")

    assert "binds `AutoAgent` (assignment)" in only_problem(result)


def test_an_import_of_the_fixed_section_may_be_repeated_above_it() -> None:
    """agent-claude.py imports below its boundary; a helper above may need the same."""
    fixed = (CLAUDE + "from pathlib import Path\nclass AutoAgent: home = Path()\n").encode()
    canonical = split(fixed, "agent.py")

    def problems(editable: bytes) -> tuple[str, ...]:
        return check(
            editable + fixed, canonical, "agent.py", model=None, class_name="AutoAgent"
        ).problems

    assert problems(b"from pathlib import Path\n") == ()
    assert len(problems(b"from mine import Path\n")) == 1


def test_a_fixed_section_without_the_agent_class_is_refused() -> None:
    """Harbor imports this name from the file."""
    result = check(
        HARNESS.encode() + FIXED, CANONICAL, "agent.py", model="gpt-5", class_name="OtherAgent"
    )

    assert only_problem(result) == snapshot(
        "agent.py:26: the fixed section defines no class OtherAgent; "
        "name the class it defines in autoagent.toml, `[harness] class`"
    )


# The binding analysis, against Python's own ------------------------------------------------


def python_stores(code: CodeType, *, inside: bool = False) -> set[str]:
    """Module-level names that are bound or deleted, by the instructions CPython compiles."""
    verbs = {"STORE_GLOBAL", "DELETE_GLOBAL"} | (set() if inside else {"STORE_NAME", "DELETE_NAME"})
    names = {
        instruction.argval
        for instruction in dis.get_instructions(code)
        if instruction.opname in verbs
    }
    nested = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return names.union(*(python_stores(constant, inside=True) for constant in nested))


SOURCES = sorted(Path(ast.__file__).parent.glob("*.py"))[::8][:20]


@pytest.mark.parametrize(
    "source",
    [*TABLE["binds"].values(), *TABLE["elsewhere"].values(), *SOURCES],
    ids=lambda source: source.stem if isinstance(source, Path) else "",
)
def test_the_bindings_found_are_those_that_python_finds(source: str | Path) -> None:
    """The names agree with CPython's compiler, on every form and on its own library."""
    text = source.read_text() if isinstance(source, Path) else source
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = python_stores(compile(text, "x", "exec"))

    found = {binding.name for binding in bindings(ast.parse(text))}

    assert found - {"*", "__doc__"} == expected - {"__doc__"}


# The model, blobs, size, warnings ----------------------------------------------------------


def test_a_pin_from_the_config_needs_no_MODEL_in_the_file() -> None:  # noqa: N802
    """`[harness] model` pins the model of a harness that does not name one."""
    fixed = (ARTICLE + "class AutoAgent: pass\n").encode()
    canonical = split(fixed, "agent.py")

    for editable, refused in [(b"", 0), (b'MODEL = "gpt-5"\n', 0), (b'MODEL = "x"\n', 1)]:
        result = check(
            editable + fixed, canonical, "agent.py", model="gpt-5", class_name="AutoAgent"
        )
        assert len(result.problems) == refused


@pytest.mark.parametrize(
    ("source", "model"),
    [
        ('MODEL = "gpt-5"\n', "gpt-5"),
        ('MODEL: str = "gpt-5"\n', "gpt-5"),
        ('MODEL = "gpt" "-5"\n', "gpt-5"),
        ('MODEL = pick()\nx = "MODEL"\n', None),
        ('MODEL = "a"\nMODEL = "b"\n', None),
        ('def f():\n    MODEL = "a"\n', None),
        ("MODEL = (\n", None),
        ("", None),
    ],
)
def test_the_model_pin_is_the_one_plain_literal(source: str, model: str | None) -> None:
    """What is not a literal cannot be pinned by reading the file."""
    assert model_pin(source.encode()) == model


BASE64 = "QWxsIHlvdXIgYmFzZTY0IGFyZSBiZWxvbmcgdG8gdXMgMDEyMzQ1Njc4OSBhbmQgc29tZSBtb3JlIHRleHQ0"


def test_a_blob_of_the_baseline_may_stay() -> None:
    """A baseline never breaks its own rules."""
    source = (HARNESS + f"TOKEN = {BASE64!r}\n").encode()

    result = check(
        source + FIXED,
        Split(editable=source, fixed=FIXED, line=1),
        "agent.py",
        model="gpt-5",
        class_name="AutoAgent",
    )

    assert result.problems == ()


def test_an_editable_part_of_more_than_256_kib_is_refused() -> None:
    """A harness is one file that a human can read."""
    assert "the limit is 262144" in only_problem(checked(HARNESS + "# " + "x" * 262144 + "\n"))


def test_a_long_list_of_problems_is_cut() -> None:
    """Replies are small."""
    result = checked(HARNESS + "AutoAgent = 1\n" * 30)

    assert len(result.problems) == 21
    assert result.problems[-1] == "and 10 more"


def test_a_sum_of_many_strings_is_checked_like_any_other() -> None:
    """A tree nested hundreds deep must not exhaust the checker."""
    editable = HARNESS + "PROMPT = " + " + ".join(["'a'"] * 900) + "\n"

    assert checked(editable).problems == ()


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@example(b"\\")
@example(b"'''")
@example(json.dumps("\ud800").encode())
def test_any_bytes_above_the_boundary_are_answered(junk: bytes) -> None:
    """A candidate's file is hostile input: the check refuses it or accepts it, and never fails."""
    source = HARNESS.encode() + junk + b"\n" + FIXED

    result = check(source, CANONICAL, "agent.py", model="gpt-5", class_name="AutoAgent")

    assert result.problems or result.editable + FIXED == source
