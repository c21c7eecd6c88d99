"""The article's task form turned into Harbor's; a conforming task is left as it is.

    task.toml: top-level name, timeout_sec   →  [task] name, [agent] timeout_sec
    tests/ writing /logs/reward.txt          →  a tests/test.sh around the task's own
    tests/test.py alone                      →  a tests/test.sh that runs it
    files/                                   →  environment/files, copied to /app/files
    no environment/                          →  an empty one

Harbor reads none of the left side, and says nothing: the reward would be missing.
"""

import ast
import re
from collections.abc import Iterator

import tomli

from autoagent.errors import TaskError
from autoagent.workspace.tasks.building.dockerfile import parse_dockerfile
from autoagent.workspace.tasks.building.recipe import BASE_IMAGE, BASE_WORKDIR, Copy
from autoagent.workspace.tasks.task_files import File, TaskFiles
from autoagent.workspace.tasks.task_toml import parse_toml, subtable

OWN_TEST = "tests/article-test.sh"
_FULL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
"""Harbor's org/name."""

_COLLECT = """\
if [ ! -e /logs/verifier/reward.txt ] && [ ! -e /logs/verifier/reward.json ] \\
    && [ -f /logs/reward.txt ] && [ ! -L /logs/reward.txt ]; then
    /bin/cp /logs/reward.txt /logs/verifier/reward.txt
fi
"""
_START = """\
/bin/rm -rf /logs/reward.txt /logs/verifier/reward.*
/bin/mkdir -p /logs/verifier
here=$(dirname "$0")
"""
_AROUND_TEST_SH = f"""\
#!/bin/bash
# Written by AutoAgent around the task's own test (article-test.sh), which leaves its
# reward in /logs/reward.txt: Harbor reads /logs/verifier/reward.txt.
{_START}if [ -x "$here/article-test.sh" ]; then
    "$here/article-test.sh" "$@"
else
    bash "$here/article-test.sh" "$@"
fi
status=$?
{_COLLECT}exit $status
"""
_AROUND_TEST_PY = f"""\
#!/bin/bash
# Written by AutoAgent: test.py decides by its exit status, or writes a reward itself.
{_START}python3 "$here/test.py"
status=$?
{_COLLECT}if [ ! -e /logs/verifier/reward.txt ] && [ ! -e /logs/verifier/reward.json ]; then
    if [ $status -eq 0 ]; then echo 1; else echo 0; fi > /logs/verifier/reward.txt
fi
exit $status
"""


def conform(task: TaskFiles) -> list[str]:
    """Bring a task into Harbor's form; what cannot be done is one of its problems.

    Returns:
        A line for each change; none for a conforming task.
    """
    notes: list[str] = []
    for step in (_task_toml, _tests, _reference_files):
        try:
            notes += step(task)
        except TaskError as problem:
            task.problems.append(str(problem))
    if "environment" not in task.directories:
        task.directories.add("environment")
        notes.append("environment/: was missing, created empty (a bare sandbox).")
    return notes


def _task_toml(task: TaskFiles) -> Iterator[str]:
    """Give Harbor the article's top-level `name` and `timeout_sec`."""
    file = task.files.get("task.toml")
    try:
        content = parse_toml(file.read()) if file else {}
    except ValueError:
        return  # told with its line by whoever checks the task
    if file is None:
        return
    text = file.read().decode()
    name, seconds = content.get("name"), content.get("timeout_sec")
    if isinstance(name, str) and "name" not in subtable(content, "task"):
        short = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_") or "task"
        full = name if _FULL_NAME.fullmatch(name) else f"local/{short}"
        text = _moved(text, "name", "task", f'"{full}"')
        yield f'task.toml: name: the article\'s form, now "{full}" in [task].'
    if isinstance(seconds, int | float) and "timeout_sec" not in subtable(content, "agent"):
        text = _moved(text, "timeout_sec", "agent", repr(float(seconds)))
        yield f"task.toml: timeout_sec: the article's form, now {seconds} in [agent]."
    if text.encode() != file.read():
        task.files["task.toml"] = File(text.encode(), file.executable)


def _moved(text: str, key: str, table: str, value: str) -> str:
    """TOML text with a top-level key moved into a table, parsed again to be sure of it."""
    expected = tomli.loads(text)
    del expected[key]
    expected[table] = {**subtable(expected, table), key: tomli.loads(f"v = {value}")["v"]}
    text = re.sub(rf"^[ \t]*{key}[ \t]*=[^\n]*\n?", "", text, count=1, flags=re.MULTILINE)
    header = re.compile(rf"^[ \t]*\[[ \t]*{table}[ \t]*\][^\n]*$", re.MULTILINE)
    line = f"{key} = {value}"
    if header.search(text):
        new = header.sub(lambda match: f"{match.group()}\n{line}", text, count=1)
    else:
        new = f"{text.rstrip()}\n\n[{table}]\n{line}\n"
    try:
        if tomli.loads(new) == expected:
            return new
    except tomli.TOMLDecodeError:
        pass
    raise TaskError(f"task.toml: {key}: move it into a [{table}] table yourself: `{line}`.")


def _tests(task: TaskFiles) -> Iterator[str]:
    """Make the reward appear where Harbor looks for it; the article's form has no steps."""
    tests = {} if "steps" in task.directories else task.below("tests")
    if "test.sh" in tests:
        contents = [file.read() for file in tests.values()]
        if any(b"/logs/verifier" in content for content in contents) or not any(
            b"/logs/reward.txt" in content for content in contents
        ):
            return
        if OWN_TEST in task.files:
            raise TaskError(f"{OWN_TEST}: is a name AutoAgent needs. Rename the file.")
        task.files[OWN_TEST] = tests["test.sh"]
        task.files["tests/test.sh"] = File(_AROUND_TEST_SH.encode(), True)
        yield f"tests/test.sh: writes /logs/reward.txt, so it runs as {OWN_TEST} in a wrapper."
    elif "test.py" in tests:
        if unrun := _functions_nobody_calls(tests["test.py"].read()):
            raise TaskError(
                f"tests/test.py: defines {unrun}() but runs nothing, so it would always pass. Add "
                '`if __name__ == "__main__": raise SystemExit(pytest.main([__file__]))`.'
            )
        task.files["tests/test.sh"] = File(_AROUND_TEST_PY.encode(), True)
        yield "tests/test.sh: was missing, written to run tests/test.py (exit status 0: reward 1)."


def _functions_nobody_calls(source: bytes) -> str | None:
    """The first test function of a file that only defines things: running it passes."""
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError):
        return None
    inert = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    tests = [
        s.name for s in statements if isinstance(s, inert[:3]) and s.name.lower().startswith("test")
    ]
    plain = (*inert, ast.Assign, ast.AnnAssign)
    runs = any(
        not isinstance(s, plain)
        and not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        for s in statements
    )
    return tests[0] if tests and not runs else None


def _reference_files(task: TaskFiles) -> Iterator[str]:
    """Put files/ where the environment's build can reach it."""
    reference = task.below("files")
    if not reference:
        return
    if task.below("environment/files"):
        raise TaskError("files/: environment/files is there too. Keep one of them.")
    for name, file in reference.items():
        del task.files[f"files/{name}"]
        task.files[f"environment/files/{name}"] = file
    moved = {name for name in task.directories if name == "files" or name.startswith("files/")}
    task.directories -= moved
    task.directories |= {"environment", *(f"environment/{name}" for name in moved)}
    before = task.files.get("environment/Dockerfile")
    if before is None:
        text = f"FROM {BASE_IMAGE}\nWORKDIR {BASE_WORKDIR}\n"
    else:
        text = before.read().decode(errors="surrogateescape")
        recipe, _ = parse_dockerfile(before.read(), "Dockerfile", task.below("environment"))
        copied = (s for step in recipe.steps if isinstance(step, Copy) for s in step.sources)
        if any(source.split("/")[0] == "files" for source in copied):
            yield "files/: moved to environment/files, which environment/Dockerfile copies."
            return
    text = f"{text.rstrip()}\nCOPY files /app/files/\n"
    task.files["environment/Dockerfile"] = File(text.encode(errors="surrogateescape"), False)
    yield "files/: moved to environment/files and copied to /app/files."
