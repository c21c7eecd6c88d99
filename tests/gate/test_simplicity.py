"""The measure C, and when less of it makes a candidate simpler."""

import ast
import re
import textwrap
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.gate.simplicity import complexity, is_simpler, simpler_at


def c(source: str, **notes: bytes) -> int:
    return complexity(textwrap.dedent(source).encode(), notes)


@pytest.mark.parametrize(
    ("source", "measure"),
    [
        ("", 1),
        ("x = 1", 4),
        ("x = 'one two'", 6),
        ("f(x)", 5),
        ("x = ''", 4),
    ],
)
def test_c_counts_nodes_and_units_of_text(source: str, measure: int) -> None:
    """Module, statement, name, constant: one each; a word of text is one more."""
    assert c(source) == measure


@pytest.mark.parametrize(
    ("plain", "dressed"),
    [
        ("x = 1", "# Why.\n\nx  =  (1)  # How."),
        ("x = 1", '"""What this module is for."""\nx = 1'),
        ("def f(a, b=1): return a", "def f(a: int, b: str = 1) -> dict[str, int]: return a"),
        ("class A:\n    x = 1", 'class A:\n    """What it is."""\n    x = 1'),
        ("def f(): return 1", 'def f():\n    """What it does."""\n    return 1'),
        ("def f(): return 1\nf()", 'def f():\n    """What it does."""\n    return 1\nf()'),
        ("total = 1\nprint(total)", "t = 1\nprint(t)"),
    ],
    ids=["comments", "module", "annotations", "class", "function", "called function", "names"],
)
def test_what_only_a_reader_sees_costs_nothing(plain: str, dressed: str) -> None:
    """Deleting comments, type hints or documentation makes no harness simpler."""
    assert c(dressed) == c(plain)


@pytest.mark.parametrize(
    "source",
    [
        '@function_tool\ndef run():\n    """{}"""',
        '@tools.register("run")\nasync def run():\n    """{}"""',
        'def run():\n    """{}"""\ntools = [run]',
        'class Answer:\n    """{}"""\nAgent(output_type=Answer)',
        'def run():\n    """{}"""\nprompt = run.__doc__',
        'def prompt():\n    """{}"""\nimport inspect\nx = inspect.getdoc(prompt())',
        '"""{}"""\nprompt = __doc__',
        'def run():\n    """{}"""\nx = getattr(run(), "__doc__")',
    ],
    ids=["tool", "call", "passed", "schema", "__doc__", "getdoc", "module", "getattr"],
)
def test_a_docstring_that_a_model_may_read_counts(source: str) -> None:
    """A prompt moved into a docstring is still a prompt (threat E7)."""
    short, long = source.format("Run."), source.format("Run a command and say what it did.")

    assert c(long) == c(short) + 7


@pytest.mark.parametrize(
    "literal",
    [
        "'{}'",
        "b'{}'",
        "f'{}{{x}}'",
        "f'{{x}}{}'",
        "'{}' 'x'",
    ],
)
def test_text_counts_in_every_kind_of_literal(literal: str) -> None:
    """Bytes and the parts of f-strings are text too (threat E7)."""
    nothing, text = literal.format("z"), literal.format("z, one two three four")

    assert c(f"x = {text}") == c(f"x = {nothing}") + 5


def test_a_long_word_counts_by_its_length() -> None:
    """Leaving out the spaces saves nothing (threat E7)."""
    assert c(f"x = '{'a' * 60}'") == c("x = ''") + 15


def test_a_long_number_counts_by_its_length() -> None:
    """Text encoded as an integer is still there (threat E7)."""
    assert c("x = 1000000") == c("x = 1") + 1
    assert c(f"x = {10**600}") >= c("x = 1") + 99


def test_notes_count_as_text() -> None:
    """A prompt moved into `.agent/` is still a prompt (threat E7)."""
    notes = {".agent/skills/a.md": b"Be concise, please.", ".agent/empty.md": b""}

    assert complexity(b"", notes) == complexity(b"", {}) + 5


def test_notes_that_are_not_text_count_by_their_size() -> None:
    """Four bytes are a unit, whatever they mean."""
    assert complexity(b"", {".agent/x": b"\xff" * 61}) == complexity(b"", {}) + 16


def test_a_sum_of_many_strings_is_measured_like_any_other() -> None:
    """A tree nested hundreds deep must not exhaust the measure."""
    assert c("x = " + " + ".join(["'a'"] * 900)) == 3 + 900 * 2 + 899 * 2


def test_an_escape_sequence_python_warns_about_stays_silent() -> None:
    """The server prints nothing about a candidate's source."""
    assert c(r"x = '\d'") == c("x = 'qd'") + 1


def test_a_harness_that_is_not_python_is_an_error() -> None:
    """It is refused before it is measured."""
    with pytest.raises(SyntaxError):
        c("x = (")


@given(st.text())
def test_the_measure_of_a_literal_grows_with_its_text(text: str) -> None:
    """Adding words never makes a harness simpler."""
    try:
        shorter = complexity(f"x = {text!r}".encode(), {})
    except UnicodeEncodeError:
        return
    assert complexity(f"x = {text + ' more'!r}".encode(), {}) >= shorter
    assert shorter >= complexity(b"x = ''", {})


@pytest.mark.rule("R5")
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_simpler_is_ten_less_and_two_percent_less(candidate: int, incumbent: int) -> None:
    """Both thresholds hold, exactly, at every size (rule R5)."""
    drop = incumbent - candidate

    assert is_simpler(candidate, incumbent) == (drop >= 10 and drop * 100 >= incumbent * 2)
    assert is_simpler(simpler_at(incumbent), incumbent)
    assert not is_simpler(simpler_at(incumbent) + 1, incumbent)


@pytest.mark.parametrize(
    ("incumbent", "largest"), [(100, 90), (500, 490), (501, 490), (1000, 980), (1049, 1028)]
)
def test_the_largest_simpler_measure(incumbent: int, largest: int) -> None:
    """Ten up to 500, then two percent, rounded against the candidate."""
    assert simpler_at(incumbent) == largest


def test_removing_a_tool_is_simpler() -> None:
    """The kind of edit the rule is for."""
    tool = '''
        @function_tool
        async def grep(pattern: str) -> str:
            """Search files for a pattern."""
            return await run(f"grep -rn {pattern} .")
    '''
    rest = "SYSTEM_PROMPT = 'Solve the task.'\n"

    assert is_simpler(c(rest), c(rest + textwrap.dedent(tool)))
    assert ast.parse(rest)


PROMPT = (
    "You solve tasks in a container. Read the instruction, look at the files, make a plan and "
    "carry it out. Check the result with the tests that you find before you say that you are done. "
    "Never ask the user anything, and never leave a process running."
)
LONG = f'''
# How a task is solved.
SYSTEM_PROMPT = "{PROMPT}"
MAXIMUM_TURNS = 30


def shorten(output: str, limit: int = 2000) -> str:
    """Keep the end of an output, where errors are told."""
    # The beginning is rarely of any use.
    if len(output) > limit:
        return "..." + output[-limit:]
    return output


@function_tool
async def run_shell(command: str) -> str:
    """Run a command in the container and return the end of what it printed."""
    result = await environment.exec(command)
    return shorten(result.stdout)
'''
NAMES = {
    "SYSTEM_PROMPT": "S",
    "MAXIMUM_TURNS": "M",
    "shorten": "s",
    "output": "o",
    "limit": "l",
    "result": "r",
}
GOLFED = re.sub("|".join(NAMES), lambda name: NAMES[name[0]], LONG)
NO_COMMENTS = "\n".join(line for line in LONG.splitlines() if not line.lstrip().startswith("#"))
NO_DOCSTRING = LONG.replace('"""Keep the end of an output, where errors are told."""', "")


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("after", "notes", "simpler"),
    [
        (GOLFED, {}, False),
        (LONG.replace("    ", " ").replace(" = ", "="), {}, False),
        (LONG.replace(PROMPT, PROMPT.replace(" ", "")), {}, False),
        (LONG.replace(PROMPT, b64encode(PROMPT.encode()).decode()), {}, False),
        (LONG.replace(f'"{PROMPT}"', str(int.from_bytes(PROMPT.encode()))), {}, False),
        (NO_COMMENTS, {}, False),
        (NO_DOCSTRING, {}, False),
        (LONG.replace(": str", "").replace(": int", "").replace(" -> str", ""), {}, False),
        (
            LONG.replace(f'"{PROMPT}"', "open('.agent/prompt.md').read()"),
            {".agent/prompt.md": PROMPT.encode()},
            False,
        ),
        (LONG.replace(f'"{PROMPT}"', f'__doc__\n"""{PROMPT}"""'), {}, False),
        (LONG.replace(" and return the end of what it printed", ""), {}, False),
        (LONG.replace('"""Run a command in the container and return the', '"""The'), {}, False),
        (LONG.replace(PROMPT, PROMPT[:150]), {}, True),
        (LONG[: LONG.index("@function_tool")], {}, True),
        (LONG.replace("return shorten(result.stdout)", "return result.stdout"), {}, False),
        (LONG[: LONG.index("def shorten")] + LONG[LONG.index("@function_tool") :], {}, True),
    ],
    ids=[
        "golfed names",
        "golfed space",
        "prompt without its spaces",
        "prompt in base64",
        "prompt as a number",
        "stripped comments",
        "stripped docstring",
        "stripped annotations",
        "prompt in a note",
        "prompt in a docstring that is read",
        "seven words of a tool's docstring",
        "seven other words of it",
        "a shorter prompt",
        "a tool less",
        "a call less",
        "a function less",
    ],
)
def test_what_counts_as_simpler(after: str, notes: dict[str, bytes], simpler: bool) -> None:
    """Taking something away does; writing the same shorter, or elsewhere, does not (threat E7)."""
    assert is_simpler(complexity(after.encode(), notes), c(LONG)) == simpler
