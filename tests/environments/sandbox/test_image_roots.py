"""Trials over an image's own root: what they find, and what is left for the verifier."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from harbor.models.task.config import EnvironmentConfig, NetworkMode, NetworkPolicy
from harbor.models.trial.paths import TrialPaths

from autoagent.environments.sandbox.images import BuildFailed
from autoagent.environments.sandbox.sandbox import SandboxEnvironment
from autoagent.environments.sandbox.unpacking import UnpackFailed
from autoagent.environments.trials import trial_in_hand
from autoagent.workspace.tasks.building.oci import read_image
from autoagent.workspace.tasks.building.shelf import freeze_images

from .crafted import entry, layer, layout, shell
from .test_sandbox import shell as printed

DOCKERFILE = """\
FROM small:1
ENV ADDED=$OF_IMAGE-too PATH=/opt/tool/bin:$PATH
RUN mkdir -p /opt/tool/bin && echo 'echo "a tool"' > /opt/tool/bin/tool
RUN chmod 755 /opt/tool/bin/tool
RUN echo "$ADDED" > /etc/built && chown 33:33 /etc/built && mkdir -p /srv/own && touch /srv/own/x
WORKDIR /app
COPY a.txt /app/
COPY --from=small:1 /etc/of-image /usr/share/
"""


def build(tmp_path: Path, dockerfile: str = DOCKERFILE, **config: Any) -> SandboxEnvironment:
    """A task's environment from an image, as a snapshot has it."""
    place = tmp_path / "layout"
    if not place.exists():
        layout(place, [layer(shell())], said={"Env": ["OF_IMAGE=yes"], "WorkingDir": "/srv"})
    context = tmp_path / "snapshot/tasks/one/environment"
    context.mkdir(parents=True, exist_ok=True)
    (context / "Dockerfile").write_text(dockerfile)
    (context / "a.txt").write_text("a\n")
    freeze_images({"small:1": read_image(place, "small:1")}, tmp_path / "snapshot")
    paths = TrialPaths(trial_dir=tmp_path / "trial")
    paths.trial_dir.mkdir(exist_ok=True)
    return SandboxEnvironment(
        environment_dir=context,
        environment_name="task",
        session_id="task__env",
        trial_paths=paths,
        task_env_config=EnvironmentConfig(**config),
        network_policy=NetworkPolicy(network_mode=NetworkMode.NO_NETWORK),
        images=str(tmp_path / "images"),
        scratch=str(tmp_path / "scratch"),
    )


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[SandboxEnvironment]:
    environment = build(tmp_path)
    await environment.start(force_build=False)
    yield environment
    await environment.stop(delete=True)
    assert list((tmp_path / "scratch").glob("trial-*")) == [], "whatever overlays left is gone"


async def test_a_task_finds_its_image_and_nothing_of_the_machine(
    trial: SandboxEnvironment,
) -> None:
    """Variables, directory, files and programs are the image's; RUN and COPY were carried out."""
    assert await printed(trial, "pwd; cat a.txt; tool") == "/app\na\na tool"
    assert await printed(trial, "cat /etc/built /usr/share/of-image") == "yes-too\nof the image"
    assert await printed(trial, "echo $ADDED $HOME; id -u") == "yes-too /root\n0"
    assert (await trial.exec("ls /python /usr/bin/python3 /etc/shadow")).return_code != 0
    assert await printed(trial, "grep CapEff /proc/self/status") == "CapEff:\t0000000000000000"
    assert "localhost" in await printed(trial, "cat /etc/hosts")


async def test_each_phase_begins_with_the_images_system(trial: SandboxEnvironment) -> None:
    """A harness may install what it works with; the verifier finds nothing of it."""
    async with trial.agent_phase():
        await trial.exec("echo 'echo mine' > /usr/bin/mine; chmod +x /usr/bin/mine")
        await trial.exec("rm /usr/bin/cat /etc/built; echo x > /opt/tool/bin/tool; rm -r /var/lib")
        assert (await printed(trial, "mine; ls /etc/built")).startswith("mine\n")
        await trial.exec("echo done > /app/done; echo kept > /srv/own/x")
    said = await printed(trial, "cat /etc/built /app/done /srv/own/x; tool; ls -d /var/lib")
    assert said == "yes-too\ndone\nkept\na tool\n/var/lib"
    assert (await trial.exec("mine")).return_code == 127
    assert trial_in_hand("trial").tampered is None
    await trial.exec("echo 'echo mine' > /usr/bin/mine; chmod +x /usr/bin/mine")
    assert await printed(trial, "mine") == "mine", "so may the verifier, in several commands"


async def test_a_later_step_finds_the_system_as_the_candidate_left_it(
    trial: SandboxEnvironment,
) -> None:
    """And nothing of what the verifier between them installed, nor does the next verifier."""
    install = "echo 'echo $0' > /usr/bin/{0}; chmod +x /usr/bin/{0}"
    here = "for n in mine setup theirs; do command -v $n; done; cat /etc/built"
    async with trial.agent_phase():
        await trial.exec(f"{install.format('mine')}; echo changed > /etc/built")
    await trial.exec(install.format("theirs"))
    assert await printed(trial, here) == "/usr/bin/theirs\nyes-too"

    await trial.empty_dirs(["/logs/agent"])  # as Harbor begins a step
    await trial.exec(install.format("setup"))
    async with trial.agent_phase():
        assert await printed(trial, here) == "/usr/bin/mine\n/usr/bin/setup\nchanged"

    assert await printed(trial, here) == "yes-too"
    assert trial_in_hand("trial").tampered is None


async def test_the_image_itself_is_never_written(trial: SandboxEnvironment, tmp_path: Path) -> None:
    """What the next trial starts from is what this one did."""
    async with trial.agent_phase():
        await trial.exec("for d in /usr /etc /opt /var /srv/own /root; do echo x > $d/new; done")
        await trial.exec("chmod -R a= /usr/bin; mv /etc/passwd /etc/shadow; rm -rf /opt")
    other = build(tmp_path)
    await other.start(force_build=False)
    try:
        found = "ls /usr/new /etc/new /opt/new /var/new /srv/own/new /root/new 2>/dev/null; tool"
        assert await printed(other, f"{found}; cat /etc/passwd") == (
            "a tool\nroot:x:0:0:root:/root:/bin/bash"
        )
    finally:
        await other.stop(delete=True)


PLANTED = {
    "a link at the root": ("rm /bin; mkdir /bin; cp /usr/bin/true /bin/cat", "/bin was replaced"),
    "another link at the root": ("ln -sfn /app /lib64 || true", "/lib64"),
    "a link to the verifier's files": ("ln -s /tests /app/x", "leads to /tests"),
    "a program where the PATH looks first": (
        "rm -rf /sbin; mkdir -p /sbin; echo 'echo 1' > /sbin/cat; chmod +x /sbin/cat",
        "/sbin",
    ),
}


@pytest.mark.attack("C3.13", ending="tampered")
@pytest.mark.parametrize(("planted", "said"), PLANTED.values(), ids=PLANTED)
async def test_what_leads_a_verifier_from_the_image_to_the_candidate_is_tampering(
    trial: SandboxEnvironment, planted: str, said: str
) -> None:
    """Replaces what stands at the root of an image, or leaves what the verifier would read."""
    async with trial.agent_phase():
        assert (await trial.exec(planted)).return_code == 0
    assert said in (trial_in_hand("trial").tampered or "")


@pytest.mark.attack("C3.14", ending="no effect")
async def test_programs_libraries_and_settings_of_the_candidates_are_not_the_verifiers(
    trial: SandboxEnvironment,
) -> None:
    """Replaces programs, libraries, the loader's and the shell's settings of the image's system."""
    evil = "echo 'echo evil' > {0}; chmod +x {0}"
    async with trial.agent_phase():
        for place in ("/usr/bin/cat", "/usr/local/bin/cat", "/opt/tool/bin/cat", "/etc/profile"):
            await trial.exec(f"mkdir -p {place.rpartition('/')[0]}; rm -f {place}")
            await trial.exec(evil.format(place))
        assert await printed(trial, "cat /etc/built") == "evil", "it was really tried"
        await trial.exec("echo /app/evil.so > /etc/ld.so.preload; mv /usr/lib /usr/lib2")
    assert await printed(trial, "cat /etc/built; ls /usr/lib2 /etc/ld.so.preload 2>&1 | wc -l") == (
        "yes-too\n2"
    )


async def test_files_go_into_the_system_of_a_phase_and_come_out_of_it(
    trial: SandboxEnvironment, tmp_path: Path
) -> None:
    (tmp_path / "up.txt").write_text("up\n")
    async with trial.agent_phase():
        await trial.upload_file(tmp_path / "up.txt", "/etc/up.txt")
        await trial.upload_file(tmp_path / "up.txt", "/bin/up.txt")
        assert await printed(trial, "cat /etc/up.txt /usr/bin/up.txt") == "up\nup"
        await trial.download_file("/etc/built", tmp_path / "built")
        assert (tmp_path / "built").read_text() == "yes-too\n"
        assert await trial.is_file("/usr/bin/cat")
        assert await trial.is_dir("/usr/bin")
    assert not await trial.is_file("/etc/up.txt")


async def test_an_image_that_task_toml_names_needs_no_dockerfile(tmp_path: Path) -> None:
    """As Harbor has it, which builds nothing then."""
    environment = build(tmp_path, "FROM nowhere\n", docker_image="docker.io/library/small:1")
    await environment.start(force_build=False)
    try:
        assert await printed(environment, "pwd; cat /etc/of-image") == "/srv\nof the image"
    finally:
        await environment.stop(delete=True)


async def test_a_step_that_needs_another_user_says_so(tmp_path: Path) -> None:
    """There is one user in a namespace of one's own."""
    dockerfile = "FROM small:1\nRUN chown 33 /etc/passwd && bash -c 'exec 3</nothing'\n"
    with pytest.raises(BuildFailed, match="root is the only user there is: whatever needs another"):
        await build(tmp_path, dockerfile).start(force_build=False)


async def test_an_image_is_unpacked_once_for_all_tasks(tmp_path: Path) -> None:
    for dockerfile in ("FROM small:1\n", "FROM small:1\nENV A=b\n"):
        environment = build(tmp_path, dockerfile)
        await environment.start(force_build=False)
        await environment.stop(delete=True)
        (tmp_path / "layout/index.json").unlink(missing_ok=True)  # it is not asked again
        layout(
            tmp_path / "layout",
            [layer(shell())],
            said={"Env": ["OF_IMAGE=yes"], "WorkingDir": "/srv"},
        )
    made = sorted(path.name for path in (tmp_path / "images").iterdir())
    assert sum("-of-" in name for name in made) == 1, made
    assert len(made) == 3


async def test_an_image_that_was_exchanged_is_not_run(tmp_path: Path) -> None:
    """The snapshot says which image; another at the same place is another."""
    environment = build(tmp_path)
    (tmp_path / "layout/index.json").unlink()
    layout(tmp_path / "layout", [layer([*shell(), entry("etc/more")])])
    with pytest.raises(UnpackFailed, match="is another image"):
        await environment.start(force_build=False)
    assert json.loads((tmp_path / "snapshot/images.json").read_text())["small:1"]["id"]
    assert [*(tmp_path / "images").iterdir()] == [], "nothing is left of it"
