"""A Dockerfile is replayed exactly, or refused by line."""

import shlex
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import override

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from autoagent.errors import TaskError
from autoagent.workspace.tasks.building.build_context import missing_sources
from autoagent.workspace.tasks.building.dockerfile import (
    BASE_ENV,
    lint,
    parse_dockerfile,
    read_dockerfile,
)
from autoagent.workspace.tasks.building.oci import ImageFacts
from autoagent.workspace.tasks.building.recipe import (
    Copy,
    Env,
    Recipe,
    Run,
    Workdir,
    system_of,
    works_in_system,
)
from autoagent.workspace.tasks.building.shelf import Shelf
from autoagent.workspace.tasks.building.shell_words import Unsupported, expand, words
from autoagent.workspace.tasks.problem import NEEDS_DOCKER

CONTEXT = ("Dockerfile", "a.txt", "b.txt", "data/x.csv", "data/deep/y.csv", "two words.txt")


def parsed(*lines: str, context: Collection[str] = CONTEXT) -> Recipe:
    content = "\n".join(("FROM autoagent-base", *lines, ""))
    recipe, problems = parse_dockerfile(content.encode(), "Dockerfile", context)
    assert problems == []
    return recipe


def refused(content: str) -> list[str]:
    return parse_dockerfile(content.encode(), "t/Dockerfile", CONTEXT)[1]


def test_a_whole_dockerfile_becomes_its_steps_in_order() -> None:
    recipe = parsed(
        "# the data",
        "ARG VERSION=3",
        'ENV LANG=C.UTF-8 GREETING="hello world"',
        "WORKDIR /app",
        "COPY --chmod=755 a.txt b.txt bin/",
        "RUN pip install tool==$VERSION && \\",
        "    # the comment goes, the command stays one",
        "    tool --init",
        'RUN ["tool", "--check"]',
        'CMD ["/bin/bash"]',
    )
    assert (recipe.workdir, recipe.env) == ("/app", {"LANG": "C.UTF-8", "GREETING": "hello world"})
    assert recipe.steps == (
        Env("LANG", "C.UTF-8"),
        Env("GREETING", "hello world"),
        Workdir("/app"),
        Copy(("a.txt", "b.txt"), "/app/bin/", 0o755),
        Run(("/bin/sh", "-c", "pip install tool==$VERSION &&     tool --init"), {"VERSION": "3"}),
        Run(("tool", "--check"), {"VERSION": "3"}),
    )


def test_the_base_alone_is_an_empty_recipe_in_its_working_directory() -> None:
    """Dockerfile.base ends in WORKDIR /app."""
    assert parsed() == Recipe("/app", {}, ()) == Recipe()


@pytest.mark.parametrize(
    "line",
    [
        "FROM autoagent-base",
        "from autoagent-base:latest",
        "FROM autoagent-base:1.0 AS build",
        "FROM autoagent-base as build",
        "ARG BASE=autoagent-base\nFROM $BASE",
        "ARG TAG\nFROM autoagent-base${TAG:-:latest}",
        "# syntax=docker/dockerfile:1\n\nFROM autoagent-base",
    ],
)
def test_every_spelling_of_the_base_is_accepted(line: str) -> None:
    assert refused(line + "\n") == []


def test_working_directories_add_up() -> None:
    recipe = parsed("WORKDIR one", "WORKDIR two/../three", "ENV D=/srv", "WORKDIR ${D}/x y")
    assert [step.path for step in recipe.steps if isinstance(step, Workdir)] == [
        "/app/one",
        "/app/one/three",
        "/srv/x y",
    ]
    assert recipe.workdir == "/srv/x y"


def test_variables_are_put_in_as_docker_does() -> None:
    """One ENV sees the values from before it; ENV wins over ARG; PATH is the base's."""
    recipe = parsed(
        "ARG NAME=argument",
        "ENV A=1 B=$A",
        "ENV B2=$A C=${MISSING:-default} D=${A:+set} E='$A' F=\\$A G=\"$A $A\"",
        "ENV NAME=variable",
        "ENV H=$NAME PATH=/opt/bin:$PATH",
        "ENV OLD the old form  keeps spaces",
    )
    assert recipe.env == {
        "A": "1",
        "B": "",
        "B2": "1",
        "C": "default",
        "D": "set",
        "E": "$A",
        "F": "$A",
        "G": "1 1",
        "NAME": "variable",
        "H": "variable",
        "PATH": f"/opt/bin:{BASE_ENV['PATH']}",
        "OLD": "the old form  keeps spaces",
    }


def test_an_argument_before_from_is_seen_after_it_only_when_named_again() -> None:
    content = b"ARG X=1\nARG Y=2\nFROM autoagent-base\nARG X\nENV A=$X B=$Y\n"
    recipe, problems = parse_dockerfile(content, "Dockerfile", CONTEXT)
    assert (recipe.env, problems) == ({"A": "1", "B": ""}, [])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("COPY a.txt x", Copy(("a.txt",), "/app/x", None)),
        ("COPY ./a.txt /", Copy(("a.txt",), "/", None)),
        ("COPY /a.txt .", Copy(("a.txt",), "/app/", None)),
        ("COPY . .", Copy((".",), "/app/", None)),
        ("COPY *.txt /t/", Copy(("a.txt", "b.txt", "two words.txt"), "/t/", None)),
        ("COPY data/* /t/", Copy(("data/deep", "data/x.csv"), "/t/", None)),
        ("COPY data /t", Copy(("data",), "/t", None)),
        ("COPY --chown=1:1 --link --chmod=0644 a.txt x", Copy(("a.txt",), "/app/x", 0o644)),
        ('COPY ["two words.txt", "/t t"]', Copy(("two words.txt",), "/t t", None)),
        ('COPY "two words.txt" /t', Copy(("two words.txt",), "/t", None)),
    ],
)
def test_copies_are_resolved_in_the_context(line: str, expected: Copy) -> None:
    assert parsed(line).steps == (expected,)


def test_a_shell_of_its_own_runs_the_commands_after_it() -> None:
    recipe = parsed("RUN a", 'SHELL ["/bin/bash", "-o", "pipefail", "-c"]', "RUN b | c")
    assert [step.command for step in recipe.steps if isinstance(step, Run)] == [
        ("/bin/sh", "-c", "a"),
        ("/bin/bash", "-o", "pipefail", "-c", "b | c"),
    ]


def test_what_cannot_be_replayed_is_refused_by_line() -> None:
    """Every problem is told at once, each with its line and what to do."""
    content = """\
FROM autoagent-base
COPY --from=build /x /y
COPY ../secret /x
COPY missing.txt /x
COPY --chmod=u+x a.txt /x
COPY a.txt
ADD https://example.com/x /x
USER nobody
VOLUME /data
HEALTHCHECK CMD true
ENTRYPOINT ["/start.sh"]
RUN --mount=type=cache,target=/x make
ENV LONELY
ENV A=${B#x}
WORKDIR 'open
SHELL /bin/bash
RUN
WHATEVER x
"""
    assert [line.replace(NEEDS_DOCKER, "{elsewhere}") for line in refused(content)] == snapshot(
        [
            "t/Dockerfile:2: COPY --from=build {elsewhere}; copy from the context.",
            "t/Dockerfile:3: COPY ../secret leaves the context. Put it beside the Dockerfile.",
            "t/Dockerfile:4: COPY missing.txt: no such file beside the Dockerfile.",
            "t/Dockerfile:5: COPY --chmod=u+x: give octal permissions, such as 0755.",
            "t/Dockerfile:6: COPY 'a.txt' needs a source and a target.",
            "t/Dockerfile:7: ADD is not supported: use COPY for files, RUN for downloads.",
            "t/Dockerfile:8: USER nobody {elsewhere}; the sandbox has root alone.",
            "t/Dockerfile:9: VOLUME {elsewhere}.",
            "t/Dockerfile:10: HEALTHCHECK {elsewhere}.",
            "t/Dockerfile:11: ENTRYPOINT {elsewhere}.",
            "t/Dockerfile:12: RUN --mount=type=cache,target=/x is not supported. Leave it out.",
            "t/Dockerfile:13: ENV 'LONELY' has no value: write NAME=value.",
            "t/Dockerfile:14: '${B#x}' uses a form not supported.",
            't/Dockerfile:15: "\'open" has a quote that is never closed.',
            't/Dockerfile:16: SHELL takes a JSON list, such as ["/bin/bash", "-c"].',
            "t/Dockerfile:17: RUN has no argument. Complete or remove it.",
            "t/Dockerfile:18: WHATEVER is not an instruction. Correct or remove it.",
        ]
    )


@pytest.mark.parametrize(
    "content",
    [
        "FROM python:3.12-slim\n",
        "FROM ghcr.io/x/autoagent-base\n",
        "FROM --platform=linux/arm64 autoagent-base\n",
        "FROM autoagent-base-extra\n",
        "FROM\n",
        "RUN x\nFROM autoagent-base\n",
        "",
        "# nothing\n",
        "FROM autoagent-base\nFROM autoagent-base\nCOPY --from=0 /x /x\n",
        "FROM autoagent-base\nRUN a && \\\n",
        "FROM autoagent-base\nRUN cat <<EOF\nhello\nEOF\n",
        "FROM autoagent-base\nCOPY <<EOF /x\nhello\nEOF\n",
        "FROM autoagent-base\nJUNK\n",
        "# escape=`\nFROM autoagent-base\nRUN dir c:\\\n",
    ],
)
def test_a_dockerfile_that_means_something_else_is_one_problem(content: str) -> None:
    problems = refused(content)
    assert len(problems) == 1
    assert problems[0].startswith("t/Dockerfile:")


@pytest.mark.parametrize("command", ["echo $((1<<3))", "grep x <<<word", "sed 's/<< /x/'"])
def test_a_shift_or_a_here_string_is_no_here_document(command: str) -> None:
    assert parsed(f"RUN {command}").steps == (Run(("/bin/sh", "-c", command), {}),)


def test_a_file_that_is_not_text_is_refused() -> None:
    problems = parse_dockerfile(b"FROM autoagent-base\n\xff", "Dockerfile", ())[1]
    assert problems == ["Dockerfile: byte 20 is not UTF-8. Save the file as UTF-8."]


def test_a_dockerfile_is_read_with_its_directory_as_context(tmp_path: Path) -> None:
    environment = tmp_path / "tasks/t1/environment"
    (environment / "data").mkdir(parents=True)
    (environment / "data/x.csv").write_text("1")
    (environment / "Dockerfile").write_text("FROM autoagent-base\nCOPY data /app/data/\n")
    recipe = read_dockerfile(environment / "Dockerfile")
    assert recipe.steps == (Copy(("data",), "/app/data/", None),)

    (environment / "Dockerfile").write_text("FROM autoagent-base\nUSER x\nCOPY nope /\n")
    with pytest.raises(TaskError) as error:
        read_dockerfile(environment / "Dockerfile")
    assert str(error.value).splitlines() == [
        f"tasks/t1/environment/Dockerfile:2: USER x {NEEDS_DOCKER}; the sandbox has root alone.",
        "tasks/t1/environment/Dockerfile:3: COPY nope: no such file beside the Dockerfile.",
    ]


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            [
                "FROM autoagent-base",
                "RUN",
                "COPY",
                "ENV",
                "ARG",
                "WORKDIR",
                "SHELL",
                "# x",
                "\\",
                "[",
            ]
        )
        | st.text(max_size=12),
        max_size=8,
    ),
    st.sampled_from([" ", "\n", " \\\n"]),
)
def test_any_file_is_read_or_refused(parts: list[str], glue: str) -> None:
    """No input makes the parser fail in another way."""
    content = glue.join(parts).encode(errors="replace")
    parse_dockerfile(content, "Dockerfile", CONTEXT)


# -- words ------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)))
def test_words_a_shell_quoted_come_back(given_words: list[str]) -> None:
    """Quotes and escapes are undone exactly, and a value is never split or expanded."""
    assert words(shlex.join(given_words), {"A": "never"}) == given_words


@settings(max_examples=60)
@given(st.text(st.characters(codec="utf-8", exclude_characters="$\\'\"\0"), max_size=40))
def test_plain_text_expands_to_itself(text: str) -> None:
    assert expand(text, {}) == text


@settings(max_examples=60)
@given(st.text(max_size=40))
def test_any_text_expands_or_is_refused(text: str) -> None:
    """No input makes the parser fail in another way."""
    try:
        words(text, {"A": "$B", "B": "'"})
    except Unsupported:
        return


@pytest.mark.parametrize(
    "text",
    [
        "$A",
        "${A}",
        "$A$B",
        "x${A}y",
        "$AB",
        "${EMPTY:-d}",
        "${EMPTY-d}",
        "${NONE-d}",
        "${NONE:-d}",
        "${A:+s}",
        "${EMPTY:+s}",
        "${EMPTY+s}",
        "${NONE+s}",
        "${NONE:-${A}}",
        "${NONE:-a b}",
        '"$A"',
        "'$A'",
        "\\$A",
        '"\\$A"',
        '"a\\b"',
        "a\\b",
        '"a\'b"',
        "$",
        "a$",
        "$NONE",
    ],
)
def test_variables_and_quotes_mean_what_they_mean_to_a_shell(text: str) -> None:
    """sh is the reference for everything Docker took from it."""
    variables = {"A": "one", "B": "two", "EMPTY": ""}
    command = ["/bin/sh", "-c", f"printf '%s ' {text}"]
    shell = subprocess.run(command, env=variables, capture_output=True, check=True, text=True)
    assert expand(text, variables).strip() == shell.stdout.strip()


def test_what_docker_would_refuse_as_well_is_told_apart() -> None:
    """The rest needs Docker and is no fault: variables in a COPY, a stage, an unknown base."""
    content = b"FROM ubuntu\nCOPPY a.txt /x\nCOPY gone.txt a.txt /x/\nCOPY $X/a /b\nUSER me\n"
    assert lint(content, "Dockerfile", CONTEXT)[2] == [
        "Dockerfile:2: COPPY is not an instruction. Correct or remove it.",
    ]
    assert list(missing_sources(content, "Dockerfile", CONTEXT)) == [
        "Dockerfile:3: COPY gone.txt: no such file beside the Dockerfile.",
    ]
    built = b"FROM node AS b\nCOPY gone.txt /x\nFROM ubuntu\nCOPY --from=b /x /y\n"
    assert [p.partition(": ")[0] for p in missing_sources(built, "D", CONTEXT)] == ["D:2"]


class Small(Shelf):
    """Every image is there, and says where it works and what is set."""

    @override
    def find(self, name: str) -> ImageFacts:
        env = {"PATH": "/of/image", "HOMEPAGE": "x"}
        return ImageFacts(id="0" * 64, place=Path("/x"), env=env, workdir="/srv", user=self.user)

    user: str = ""


def test_a_dockerfile_goes_on_where_its_image_ends() -> None:
    """Its variables are set, its directory is the first, and it is named with all others."""
    content = b"""FROM --platform=$TARGETPLATFORM python:3.13-slim AS b
ENV PATH=/x:$PATH
WORKDIR here
COPY a.txt .
COPY --from=ghcr.io/astral-sh/uv:0.8 /uv /uvx /bin/
USER root
"""
    recipe, problems = parse_dockerfile(content, "Dockerfile", CONTEXT, Small())
    assert problems == []
    assert (recipe.base, recipe.workdir) == ("python:3.13-slim", "/srv/here")
    assert recipe.env == {"PATH": "/x:/of/image"}
    assert recipe.steps[-1] == Copy(("/uv", "/uvx"), "/bin/", None, "ghcr.io/astral-sh/uv:0.8")
    assert [*recipe.images] == ["python:3.13-slim", "ghcr.io/astral-sh/uv:0.8"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("FROM --platform=linux/riscv64 python\n", "Dockerfile:1: FROM --platform=linux/riscv64: "),
        ("FROM python x y z\n", "Dockerfile:1: FROM python x y z: write `FROM image`"),
        ("FROM Python\n", "Dockerfile:1: FROM Python: write `FROM image`"),
        ("FROM $NOTHING\n", "Dockerfile:1: FROM $NOTHING: write `FROM image`"),
        ("FROM a\nCOPY --from=b:1 /x* /y\n", "Dockerfile:2: COPY /x*: no pattern is read"),
        ("FROM a\nCOPY --from=B:1 /x /y\n", "Dockerfile:2: COPY --from=B:1: that is no image"),
        ("FROM a\nUSER 1000:1000\n", "Dockerfile:2: USER 1000:1000 needs environment"),
    ],
)
def test_what_no_image_here_can_be_is_refused_by_line(content: str, said: str) -> None:
    (problem,) = parse_dockerfile(content.encode(), "Dockerfile", CONTEXT, Small())[1]
    assert problem.startswith(said)


def test_an_image_of_another_user_is_refused() -> None:
    problems = parse_dockerfile(b"FROM a\n", "D", CONTEXT, Small(user="node"))[1]
    assert problems == [f"D:1: USER node {NEEDS_DOCKER}; the sandbox has root alone."]


def test_what_is_the_systems_stays_an_images_unless_the_task_works_there() -> None:
    top = ("usr", "etc", "opt", "var", "srv", "home")
    assert system_of(top, "/app") == ("usr", "etc", "opt", "var")
    assert system_of(top, "/opt/project") == ("usr", "etc", "var")
    assert [works_in_system(place) for place in ("/usr/src/app", "/", "/var/www")] == [
        True,
        False,
        False,
    ]
