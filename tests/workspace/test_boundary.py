"""The boundary in agent.py: every spelling, and every way a candidate tries to cross it."""

import ast
import dis
import json
import warnings
from pathlib import Path
from types import CodeType

import pytest
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


def test_a_file_without_a_boundary_is_refused() -> None:
    """A string that says so is not a boundary: only a comment is."""
    assert refusal(HARNESS + 'x = "# === FIXED ADAPTER BOUNDARY ==="\n') == snapshot(
        "agent.py:1: has no boundary; put the line `# === FIXED ADAPTER BOUNDARY ===` "
        "above the fixed section"
    )


def test_a_boundary_in_another_case_is_pointed_out() -> None:
    """A near miss is named with its line, so that a human finds it at once."""
    assert refusal("x = 1\n# fixed adapter boundary\n") == snapshot(
        "agent.py:1: has no boundary (line 2 resembles one); "
        "put the line `# === FIXED ADAPTER BOUNDARY ===` above the fixed section"
    )


def test_two_boundaries_are_refused_with_both_lines() -> None:
    """With two, nobody can say where the fixed section begins (threat A1)."""
    assert refusal("x = 1\n" + ARTICLE + "y = 1\n" + CLAUDE) == snapshot(
        "agent.py:2: 2 boundaries, at lines 2, 7; keep one and word the other comments differently"
    )


@pytest.mark.parametrize(
    "line",
    [
        "# === ＦＩＸＥＤ ＡＤＡＰＴＥＲ ＢＯＵＮＤＡＲＹ ===",
        "# === FIXED ADАPTER BOUNDARY ===",
        "# === FIXED ADAPTER BΟUNDARY ===",
        "# === FIXED\u200b ADAPTER BOUNDARY ===",
        "# === FI\u00adXED ADAPTER BOUNDARY ===",
        "# === FIXED ADÁPTER BOUNDARY ===",
        "# === FIXED  ADAPTER  BOUNDARY ===",
        "# === F1XED ADAPTER B0UNDARY ===",
        "# HARBOR ADAPTER: fixed harness, do not modify",
    ],
    ids=[
        "fullwidth",
        "cyrillic",
        "greek",
        "zero width",
        "soft hyphen",
        "accent",
        "spaces",
        "digits",
        "colon",
    ],
)
def test_a_look_alike_of_the_boundary_is_refused(line: str) -> None:
    """A line that only looks like the boundary misleads whoever reads the file (threat A1)."""
    assert refusal(f"x = 1\n{line}\n" + ARTICLE).startswith("agent.py:2: resembles the boundary")


@pytest.mark.parametrize(
    "code", ["x = 1  # FIXED ADAPTER BOUNDARY\n", "if x:\n    # FIXED ADAPTER BOUNDARY\n    pass\n"]
)
def test_a_boundary_beside_code_or_indented_is_refused(code: str) -> None:
    """The boundary stands alone at the start of a line."""
    assert "a boundary is a comment of its own" in refusal(code)


@pytest.mark.parametrize(
    "source",
    [
        f"x = [\n{ARTICLE}]\n",
        f"def f():\n    x = 1\n{ARTICLE}    return x\n",
        f"if x:\n    pass\n{ARTICLE}else:\n    pass\n",
        f"@decorate\n{ARTICLE}class AutoAgent: pass\n",
    ],
    ids=["bracket", "function", "else", "decorator"],
)
def test_a_boundary_inside_a_statement_is_refused(source: str) -> None:
    """Each side of the boundary is Python by itself."""
    assert "the boundary stands inside a statement" in refusal(source)


UNSAFE = {
    "not UTF-8": (
        b"x = 1\ny = '\xe9'\n",
        "agent.py:2: byte 0xe9 is not UTF-8; save the file as UTF-8",
    ),
    "byte order mark": (
        b"\xef\xbb\xbfx = 1\n",
        "agent.py:1: begins with a byte order mark; save it as UTF-8 without one",
    ),
    "NUL": (
        b"x = 1\n\0\n",
        "agent.py:2: holds a NUL byte (U+0000); write it as an escape, or delete it",
    ),
    "form feed": (
        b"x = 1\n\x0cy = 2\n",
        "agent.py:2: holds a form feed (U+000C); write it as an escape, or delete it",
    ),
    "vertical tab": (
        b"x = '\x0b'\n",
        "agent.py:1: holds a vertical tab (U+000B); write it as an escape, or delete it",
    ),
    "line separator": (
        "x = '\u2028'\n".encode(),
        "agent.py:1: holds a control character (U+2028); write it as an escape, or delete it",
    ),
    "bidirectional override": (
        "# \u202e\n".encode(),
        "agent.py:1: holds a control character (U+202E); write it as an escape, or delete it",
    ),
    "lone carriage return": (
        b"x = 1\ny = 2\rz = 3\n",
        "agent.py:2: a carriage return inside the line; delete it",
    ),
    "mixed line ends": (
        b"x = 1\ny = 2\r\nz = 3\n",
        "agent.py:2: ends in CRLF while other lines end in LF; end every line in LF",
    ),
    "CRLF throughout": (
        b"x = 1\r\ny = 2\r\n",
        r"agent.py:1: every line ends in CRLF; convert the file to LF: "
        r"`sed -i 's/\r$//' agent.py`",
    ),
    "coding cookie": (
        b"# -*- coding: latin-1 -*-\n",
        "agent.py:1: declares the encoding latin-1; "
        "delete the declaration and save the file as UTF-8",
    ),
    "coding cookie on line 2": (
        b"#!/usr/bin/python\n# vim: set fileencoding=utf-7 :\n",
        "agent.py:2: declares the encoding utf-7; "
        "delete the declaration and save the file as UTF-8",
    ),
}


@pytest.mark.parametrize(("prefix", "sentence"), UNSAFE.values(), ids=UNSAFE.keys())
def test_bytes_that_are_read_in_two_ways_are_refused_with_their_line(
    prefix: bytes, sentence: str
) -> None:
    """Python, an editor and a human must see the same file (threat A2)."""
    source = prefix + (FIXED.replace(b"\n", b"\r\n") if "every line" in sentence else FIXED)

    assert refusal(source) == sentence
    result = check(source, CANONICAL, "agent.py", model="gpt-5", class_name="AutoAgent")
    assert result.problems == (sentence,)


@pytest.mark.parametrize("cookie", ["utf-8", "UTF8", "utf_8"])
def test_a_cookie_that_says_utf_8_is_fine(cookie: str) -> None:
    """Old editors write one."""
    assert split(f"# coding: {cookie}\n{ARTICLE}".encode(), "agent.py").line == 2


@pytest.mark.parametrize(
    ("code", "line"),
    [("x = 1\nx = (\n", 2), ("def f(a, a): pass\n", 1), ("x = 1\nreturn\n", 2), ("(" * 500, 1)],
    ids=["open bracket", "argument twice", "return outside", "nested too deeply"],
)
def test_a_file_that_is_not_python_is_refused_with_the_line(code: str, line: int) -> None:
    """A file that cannot be imported is told now, not after a whole evaluation."""
    assert refusal(code + "\n" + ARTICLE).startswith(f"agent.py:{line}: ")


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


@pytest.mark.parametrize(
    ("fixed", "sentence"),
    [
        (
            FIXED.replace(b"str(result)", b"'7'"),
            (
                "agent.py:33: the fixed section was changed here; restore the line "
                '\'    return {"steps": [str(result)], "at": now.isoformat()}\' '
                "and edit only above line 26"
            ),
        ),
        (
            FIXED + b"AutoAgent.run = None\n",
            (
                "agent.py:46: text was added after the end of the fixed section; delete it "
                "and edit only above line 26"
            ),
        ),
        (
            FIXED.removesuffix(b'\n\n__all__ = ["AutoAgent"]\n'),
            (
                "agent.py:44: the end of the fixed section is missing; restore it "
                "and edit only above line 26"
            ),
        ),
        (
            FIXED.removesuffix(b"\n"),
            (
                "agent.py:46: the line feed at the end of the file is missing; restore it "
                "and edit only above line 26"
            ),
        ),
        (
            FIXED.replace(b"do not modify", b"please modify"),
            (
                "agent.py:27: the fixed section was changed here; restore the line "
                "'# FIXED ADAPTER BOUNDARY: do not modify unless the human explicitly asks.' "
                "and edit only above line 26"
            ),
        ),
        (
            ADAPTER.encode(),
            (
                "agent.py:1: has no boundary; put the line `# === FIXED ADAPTER BOUNDARY ===` "
                "above the fixed section"
            ),
        ),
    ],
    ids=["line", "appended", "truncated", "last newline", "marker", "marker gone"],
)
def test_a_changed_fixed_section_is_refused_at_the_first_line_that_differs(
    fixed: bytes, sentence: str
) -> None:
    """What runs is the baseline's section; the refusal only says where the edit was (threat A1)."""
    assert only_problem(checked(HARNESS, fixed)) == sentence


def test_a_moved_boundary_is_refused() -> None:
    """Code cannot change sides by moving the marker."""
    half = HARNESS.index("async def run_task")
    source = HARNESS[:half] + UPSTREAM + HARNESS[half:] + ADAPTER

    result = check(source.encode(), CANONICAL, "agent.py", model="gpt-5", class_name="AutoAgent")

    assert "the fixed section was changed here" in only_problem(result)


def test_a_second_boundary_above_the_first_is_refused() -> None:
    """A candidate with two boundaries is refused with both lines (threat A1)."""
    assert "2 boundaries, at lines 26, 31" in only_problem(checked(HARNESS + ARTICLE + "\n"))


def test_a_rule_that_touches_the_boundary_is_refused() -> None:
    """It would become part of the fixed section of whoever reads the file next."""
    assert only_problem(checked(HARNESS + "# ------\n")) == snapshot(
        "agent.py:26: this comment touches the boundary and would become part of it; "
        "put an empty line below it"
    )


@pytest.mark.parametrize(
    "ending",
    [
        "x = [\n",
        'x = """\n',
        "x = 1 + \\\n",
        "@decorate\n",
        "if True:\n",
        "class Wrapper:\n",
        "try:\n    pass\n",
        'x = f"""{\n',
    ],
    ids=["bracket", "string", "backslash", "decorator", "if", "class", "try", "f-string"],
)
def test_an_editable_part_that_swallows_the_boundary_is_refused(ending: str) -> None:
    """The part above the boundary must be whole by itself (threat A2)."""
    problem = only_problem(checked(HARNESS + ending))

    assert problem.startswith("agent.py:2")
    assert problem.endswith("The part above the boundary must be whole by itself")


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


REBINDINGS = {
    "def": "def AutoAgent(): pass",
    "async def": "async def AutoAgent(): pass",
    "class": "class AutoAgent: pass",
    "assignment": "AutoAgent = None",
    "unpacking": "x, (AutoAgent, *y) = 1, (2, 3)",
    "starred": "x, *AutoAgent = 1, 2",
    "annotated assignment": "AutoAgent: type = object",
    "augmented assignment": "AutoAgent += 1",
    "walrus": "print(AutoAgent := 1)",
    "walrus in a default": "def f(x=(AutoAgent := 1)): pass",
    "walrus in a decorator": "@(AutoAgent := print)\ndef f(): pass",
    "walrus in a base class": "class C((AutoAgent := object)): pass",
    "walrus in an annotation": "x: (AutoAgent := int) = 1",
    "walrus in a subscript without a value": "x = {}\nx[(AutoAgent := 1)]: int",
    "walrus in a comprehension": "[AutoAgent := x for x in ()]",
    "walrus in a comprehension's condition": "[x for x in () if (AutoAgent := x)]",
    "except as": "try:\n    pass\nexcept ValueError as AutoAgent:\n    pass",
    "except group": "try:\n    pass\nexcept* ValueError as AutoAgent:\n    pass",
    "match capture": "match 1:\n    case AutoAgent: pass",
    "match as": "match 1:\n    case int() as AutoAgent: pass",
    "match star": "match [1]:\n    case [*AutoAgent]: pass",
    "match rest": "match {}:\n    case {**AutoAgent}: pass",
    "import": "import AutoAgent",
    "import as": "import os as AutoAgent",
    "import of a submodule": "import AutoAgent.x",
    "from import": "from x import AutoAgent",
    "from import as": "from x import y as AutoAgent",
    "for": "for AutoAgent in (): pass",
    "with": "with open('x') as AutoAgent: pass",
    "del": "del AutoAgent",
    "type alias": "type AutoAgent = int",
    "inside if": "if True:\n    AutoAgent = 1",
    "global in a function": "def f():\n    global AutoAgent\n    AutoAgent = 1",
    "global in a nested function": (
        "def f():\n    def g():\n        global AutoAgent\n        class AutoAgent: pass"
    ),
    "global in a class": "class C:\n    global AutoAgent\n    AutoAgent = 1",
    "global in a method": (
        "class C:\n    def m(self):\n        global AutoAgent\n        import AutoAgent"
    ),
    "global inside if": "def f():\n    if True:\n        global AutoAgent\n    AutoAgent = 1",
    "global and a comprehension": (
        "def f():\n    global AutoAgent\n    [AutoAgent := x for x in ()]"
    ),
}


@pytest.mark.parametrize("code", REBINDINGS.values(), ids=REBINDINGS.keys())
def test_no_statement_may_bind_a_name_that_the_fixed_section_defines(code: str) -> None:
    """Every form of binding is seen, at module level and through `global` (threat A3)."""
    problem = only_problem(checked(HARNESS + code + "\n"))

    line = HARNESS.count("\n") + 1 + code[: code.index("AutoAgent")].count("\n")
    line = line if "global AutoAgent\n" not in code else line + 1
    assert problem.startswith(f"agent.py:{line}: ")
    assert problem.endswith("which the fixed section defines; use another name")


@pytest.mark.parametrize("code", REBINDINGS.values(), ids=REBINDINGS.keys())
def test_no_statement_may_rebind_a_name_that_the_fixed_section_imports(code: str) -> None:
    """BaseAgent must stay Harbor's (threat A3)."""
    problem = only_problem(checked(HARNESS + code.replace("AutoAgent", "BaseAgent") + "\n"))

    assert "`BaseAgent`" in problem
    assert problem.endswith(
        "but the fixed section needs `from harbor.agents.base import BaseAgent`; use another name"
    )


LOCAL = {
    "local variable": "def f():\n    AutoAgent = json = 1",
    "argument": "def f(AutoAgent, *json): pass",
    "lambda": "f = lambda AutoAgent: (json := AutoAgent)",
    "comprehension variable": "x = [AutoAgent for AutoAgent in () for json in ()]",
    "class attribute": "class C:\n    AutoAgent = json = 1\n    def to_atif(self): pass",
    "method": "class C:\n    def AutoAgent(self): pass",
    "nonlocal": "def f():\n    json = 1\n    def g():\n        nonlocal json\n        json = 2",
    "function import": "def f():\n    import json\n    from x import AutoAgent",
    "global of an outer function": (
        "def f():\n    global AutoAgent\n    def g():\n        AutoAgent = 1"
    ),
    "global of an inner function": (
        "def f():\n    AutoAgent = 1\n    def g():\n        global AutoAgent"
    ),
    "bare annotation": "AutoAgent: object",
    "attribute": "class C: pass\nC.AutoAgent = C.json = 1",
    "keyword": "dict(AutoAgent=1, json=2)",
    "type parameter": "def f[AutoAgent](x: AutoAgent): pass",
}


@pytest.mark.parametrize("code", LOCAL.values(), ids=LOCAL.keys())
def test_a_name_of_another_scope_may_be_bound(code: str) -> None:
    """Only the module's own names matter to the fixed section."""
    assert checked(HARNESS + code + "\n").problems == ()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            "BaseAgent = object",
            (
                "agent.py:26: binds `BaseAgent` (assignment), but the fixed section needs "
                "`from harbor.agents.base import BaseAgent`; use another name"
            ),
        ),
        (
            "from mine import BaseAgent",
            (
                "agent.py:26: binds `BaseAgent` (from mine import BaseAgent), but the fixed "
                "section needs `from harbor.agents.base import BaseAgent`; use another name"
            ),
        ),
        (
            "len = str = print\n",
            (
                "agent.py:26: binds `str` (assignment), but the fixed section uses the builtin "
                "`str`; use another name"
            ),
        ),
        (
            "del run_task",
            (
                "agent.py:26: deletes `run_task` (del), but the fixed section uses it; "
                "use another name"
            ),
        ),
        (
            "__builtins__ = {}",
            (
                "agent.py:26: binds `__builtins__` (assignment), which every function looks "
                "names up in; use another name"
            ),
        ),
        (
            "from helpers import *",
            (
                "agent.py:26: `from helpers import *` could rebind any name of the fixed section; "
                "import names one by one"
            ),
        ),
        ("import json as json\nimport json\n", None),
        ("len = print", None),
    ],
)
def test_a_name_that_the_fixed_section_uses_keeps_its_meaning(
    code: str, sentence: str | None
) -> None:
    """An import may be repeated, not replaced; a builtin may not be shadowed (threat A3)."""
    assert checked(HARNESS + code + "\n").problems == ((sentence,) if sentence else ())


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "import json\n",
            "",
            "agent.py:41: the fixed section uses `json`, which nothing above the boundary binds "
            "any more; put `import json` back",
        ),
        (
            "async def run_task",
            "async def run",
            "agent.py:40: the fixed section uses `run_task`, which nothing above the boundary "
            "binds any more; put `run_task` back",
        ),
        (
            "async def run_task",
            "def later():\n    global run_task\n    run_task = 1\nasync def run",
            "agent.py:43: the fixed section uses `run_task`, which nothing above the boundary "
            "binds any more; put `run_task` back",
        ),
        (
            "import json\n",
            "try:\n    pass\nexcept ValueError as json:\n    pass\n",
            "agent.py:3: binds `json` (except as), but the fixed section needs `import json`; "
            "use another name",
        ),
    ],
    ids=["import", "function", "only later", "only until the handler ends"],
)
def test_a_name_that_the_fixed_section_needs_may_not_go_missing(
    old: str, new: str, sentence: str
) -> None:
    """It would fail in every trial; it is told before the first."""
    assert checked(HARNESS.replace(old, new)).problems[0] == sentence


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
    [*REBINDINGS.values(), *LOCAL.values(), *SOURCES],
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


@pytest.mark.parametrize(
    ("pin", "sentence"),
    [
        ('MODEL = "gpt-6"', "MODEL is 'gpt-6', but the model is pinned"),
        ('MODEL = os.environ["MODEL"]', "MODEL is not a plain string"),
        ('MODEL = f"gpt-5"', "MODEL is not a plain string"),
        ('MODEL = x = "gpt-5"', "MODEL is not a plain string"),
        ('MODEL = "gpt-5"\nMODEL = pick()', "MODEL is bound again"),
        ('MODEL = "gpt-5"; MODEL = pick()', "MODEL is bound again"),
        ('MODEL = "gpt-5"\ndef f():\n    global MODEL\n    MODEL = 1', "MODEL is bound again"),
        ('MODEL = "gpt-5"\nprint(MODEL := "x")', "MODEL is bound again"),
        ('if True:\n    MODEL = "gpt-5"', "MODEL is not a plain string"),
        ("", "MODEL is gone"),
    ],
)
def test_a_changed_model_pin_is_refused(pin: str, sentence: str) -> None:
    """The climb compares harnesses of one model; the gateway enforces it (threat A6)."""
    assert f": {sentence}" in only_problem(checked(HARNESS.replace('MODEL = "gpt-5"', pin)))


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
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" * 2


@pytest.mark.parametrize(
    "literal",
    [
        repr(BASE64),
        repr(BASE64.encode()),
        f"f'{{x}}{BASE64}'",
        f"'{BASE64[:40]}' '{BASE64[40:]}'",
        '"""' + "\n".join([BASE64[:64], BASE64[:64]]) + '"""',
        repr(HEX),
        repr(bytes(range(128, 228))),
        str(int(HEX, 16)),
        "0x" + HEX,
    ],
    ids=["base64", "bytes", "f-string", "joined", "lines", "hex", "binary", "integer", "hex int"],
)
def test_an_opaque_blob_is_refused(literal: str) -> None:
    """What nobody can read cannot be reviewed in the morning."""
    problem = only_problem(checked(HARNESS + f"\nBLOB = {literal}\n"))

    assert problem.startswith("agent.py:27: a literal of ")
    assert "looks encoded" in problem


@pytest.mark.parametrize(
    "value",
    [
        "=" * 200,
        "0" * 100,
        "a_very_long_identifier_" * 6,
        "/usr/lib/Python3/Site-Packages/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/0/1/2/3",
        "https://example.com/a/very/long/path/that/goes/on?and=on&with=parameters&like=this&one=1#x",
        r"^(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})T(?P<hour>\d{2}):(?P<minute>\d{2})Z?$",
        "Plain prose of more than eighty characters is what a system prompt is made of, mostly.",
        "中文提示词" * 40,
        BASE64[:79],
    ],
)
def test_a_long_plain_literal_is_not_a_blob(value: str) -> None:
    """Rules of dashes, paths, URLs, patterns and prose are harmless."""
    assert checked(HARNESS + f"TEXT = {value!r}\n").problems == ()


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


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("setattr(json, 'dumps', None)", "`setattr` reaches around the boundary"),
        ("globals()['x'] = 1", "`globals` reaches around"),
        ("sys.modules['json'] = None", "`sys.modules` reaches around"),
        ("exec('x = 1')", "`exec` reaches around"),
        ("eval('1')", "`eval` reaches around"),
        ("__import__('os')", "`__import__` reaches around"),
        ("import ctypes.util", "`ctypes` reaches around"),
        ("from atexit import register", "`atexit` reaches around"),
        ("sys._getframe(1)", "`sys._getframe` reaches around"),
        ("from sys import modules", "`sys.modules` reaches around"),
        ("import subprocess", "`subprocess` runs beside the harness"),
        ("os.system('ls')", "`os.system` runs beside the harness"),
        ("BaseAgent.run = None", "changes `BaseAgent.run`, which the fixed section uses"),
        ("del json.dumps", "changes `json.dumps`, which the fixed section uses"),
        ("json.encoder.x += 1", "changes `json.encoder.x`, which the fixed section uses"),
        ("Agent(model='gpt-6')", "`model='gpt-6'` will be refused; the pin is 'gpt-5'"),
        ("x = 'cat /logs/verifier/out'", "mentions `/logs/verifier`"),
        ("x = f'ls /tests/{1}'", "mentions `/tests`"),
        ("x = 'sh /solution/solve.sh'", "mentions `/solution`"),
        ("x = 'reward.json'", "mentions `reward.json`"),
        ("MAX_TURNS = 501", "allows 501 turns"),
        ("run(max_turns=100000)", "allows 100000 turns"),
    ],
)
def test_a_doubtful_construct_is_a_warning_with_its_line(code: str, words: str) -> None:
    """Isolation stops it; the warning saves the meta-agent an evaluation (threats A4, A6, A8)."""
    result = checked(HARNESS + code + "\n")

    assert result.problems == ()
    assert len(result.warnings) == 1, result.warnings
    assert result.warnings[0].startswith(f"agent.py:26: {words}")


@pytest.mark.parametrize(
    "code",
    [
        "x = 'run the tests in /app/tests and ./solution'",
        "Agent(model='gpt-5')",
        "Agent(model=MODEL)",
        "MAX_TURNS = 500",
        "class C:\n    def f(self):\n        self.run = 1",
        "import re\nre.compile('x')",
    ],
)
def test_a_harmless_construct_is_not_warned_about(code: str) -> None:
    """A warning that is always there is never read."""
    assert checked(HARNESS + code + "\n").warnings == ()


def test_a_warning_inside_a_long_prompt_names_the_line_of_the_words() -> None:
    """A prompt of a hundred lines needs more than the line it starts at."""
    result = checked(HARNESS + 'PROMPT = """One.\nTwo.\nRead /tests first.\n"""\n')

    assert result.warnings == ("agent.py:28: mentions `/tests`, which only the verifier has",)


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
