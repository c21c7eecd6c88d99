"""The catalogue is played in containers: what is planted, and what is said and put back.

Cases without an effect share a trial, beside the same trial with the weaker label. Cases that are
told are planted in one container, each in a work directory of its own, and judged as a trial's is;
what changes the system has a container each. Their verifier's lines are run there, and are steered.
"""

import asyncio
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, override

import pytest

from autoagent.environments.docker.container import Container
from autoagent.environments.docker.daemon import labels_for
from autoagent.environments.docker.environment import DockerEnvironment
from autoagent.environments.docker.images import builds
from autoagent.environments.docker.verifying.judging import Start, judge_container
from autoagent.environments.ground import below
from autoagent.environments.tampering.change import Change
from autoagent.environments.trials import trial_in_hand

from ...attacks.catalogue import (
    IMAGES,
    NOT_IN_CONTAINERS,
    Case,
    Ended,
    cases,
    environment_of,
    marks,
    played,
    written,
)

pytestmark = [
    pytest.mark.slow,
    # The SDK drops the connection of an exec without closing it.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


class Part(Container):
    """What one case did to a container that it shares with others."""

    part = ""

    @cached_property
    def whole(self) -> list[Change]:
        """Everything that differs when it is first asked for."""
        return super().changes()

    @override
    def changes(self) -> list[Change]:
        return [one for one in self.whole if below(one.path, self.part)]


def environment(place: Path, name: str, group: Sequence[Case], *, as_left: bool) -> Any:
    """Containers for a trial of that name."""
    return environment_of(
        DockerEnvironment,
        place,
        name,
        group,
        as_left=as_left,
        state=str(place / "state"),
        evaluation=str(place / "state/evaluations/e1"),
    )


class Judge:
    """Containers of an image in which told cases are planted, judged and used."""

    def __init__(self, place: Path, image: builds.Built) -> None:
        self.place, self.image = place, image
        self.labels = labels_for(str(place / "state"), str(place / "state/evaluations/e1"), "t", "")

    def told(self, group: Sequence[Case], *, plant: bool = True) -> tuple[dict[int, Any], Ended]:
        """What is said of each case, and who left a mark; a group has a directory a case.

        Where nothing is planted, they are judged at once.
        """
        shared = len(group) > 1 and not group[0].alone
        made = Part(self.image.id, self.labels, {"network_mode": "none"}, offline=True)
        try:
            made.start()
            made.furnish("/logs/agent")
            places = {one.number: f"/app/c{one.number}" if shared else "/app" for one in group}
            moved = [
                one._replace(
                    plant=one.plant.replace("/app", places[one.number]),
                    use=one.use.replace("/app", places[one.number]),
                )
                for one in group
            ]
            script = "".join(
                f"mkdir -p {place}\n{one.planted(only_tools=not plant)}".replace(
                    "cd /app;", f"cd {place};"
                ).replace("EVIL=/app", f"EVIL={place}")
                for one, place in zip(moved, places.values(), strict=True)
            )
            done = self.ran(made, script)
            assert b"failed" not in done.output, done
            said: dict[int, Any] = {}
            for one in moved if plant else moved[:1]:
                own = places[one.number] if shared else one.alone.replace("*", "/")
                made.part = own if plant else "/"
                judged = [one] if plant else moved
                task = written(self.place / f"told{one.number}{plant}", judged)
                start = Start(task, places[one.number], "", in_place=False, as_left=False)
                said[one.number] = judge_container(made, self.image, self.labels, start).said
            uses = "".join(
                one.used().replace("(cd /app;", f"(cd {places[one.number]};") for one in moved
            ).replace("EVIL=/app/evil", "EVIL=$PWD/evil")
            self.ran(made, f"mkdir -p /logs/verifier\n{uses}")
            left = self.place / f"left{group[0].number}{plant}"
            made.get_tree("/logs/verifier", left)
            return said, Ended(None, marks(path.name for path in left.iterdir()))
        finally:
            made.remove()

    def ran(self, container: Container, script: str) -> Any:
        """A script, run in the container."""
        return container.run(["/bin/bash", "-c", script], {}, "/", None, "catalogue")


@pytest.mark.attack(
    "C3.11", ending="tampered", what="in a container: changes a module and keeps its size and time"
)
@pytest.mark.attack(
    "C3.12", ending="tampered", what="in a container: a user before root, a cache of the loader's"
)
@pytest.mark.attack("C6.5", ending="no effect", what="in a container: the catalogue's hooks")
@pytest.mark.attack("C7.5", ending="tampered", what="in a container: the catalogue's settings")
@pytest.mark.usefixtures("base")
async def test_what_tools_load_unasked_is_not_the_candidates_in_containers(
    daemon: Any, tmp_path: Path
) -> None:
    wanted: dict[str, Any] = {}
    three = asyncio.Semaphore(3)

    async def ended(
        name: str, group: Sequence[Case], *, plant: bool = True, as_left: bool = False
    ) -> Ended:
        async with three:
            made = environment(tmp_path, name, group, as_left=as_left)
            return await played(made, trial_in_hand(name), group, plant=plant)

    async def judged(judge: Judge, group: Sequence[Case], *, plant: bool = True) -> Any:
        async with three:
            return await asyncio.to_thread(judge.told, group, plant=plant)

    judges: dict[str, Any] = {}
    for image in IMAGES:
        group = [case for case in cases() if case.image == image]
        quiet = [case for case in group if case.ends == "no effect"]
        told = [case for case in group if case.ends == "tampered"]
        wanted[f"control{image}"] = ended(f"control{image}", quiet, plant=False)
        wanted[f"quiet{image}"] = ended(f"quiet{image}", quiet)
        wanted[f"live{image}"] = ended(f"live{image}", quiet, as_left=True)
        built = await builds.image_of(
            written(tmp_path / f"image{image}", group) / "environment",
            None,
            labels_for(str(tmp_path / "state"), "e1", "t", ""),
            60,
        )
        judge = Judge(tmp_path, built)
        groups = [[case for case in told if not case.alone]]
        groups += [[case for case in told if case.alone[:1] == "/"]]
        groups += [[case] for case in told if case.alone == "*"]
        for one in filter(None, groups):
            judges[f"told{one[0].number}"] = judged(judge, one)
        if not image:
            judges["nothing"] = judged(judge, told, plant=False)
    names, answers = [*wanted, *judges], [*wanted.values(), *judges.values()]
    found = dict(zip(names, await asyncio.gather(*answers), strict=True))

    for image in IMAGES:
        for name in (f"control{image}", f"quiet{image}"):
            fired = [case for case in cases() if case.number in found[name].fired]
            assert (found[name].said, fired) == (None, []), name
    nothing, used = found.pop("nothing")
    assert (set(nothing.values()), used.fired) == ({None}, frozenset())
    said = {
        number: one for name in judges if name in found for number, one in found[name][0].items()
    }
    told = [case for case in cases() if case.ends == "tampered"]
    assert [case.what for case in told if not said[case.number]] == []
    live = {number for name in wanted for number in found[name].fired}
    live |= {number for name in judges if name in found for number in found[name][1].fired}
    here = [case for case in cases() if case.program not in NOT_IN_CONTAINERS]
    print("without the tool in containers:", *sorted(NOT_IN_CONTAINERS))  # noqa: T201
    assert [case.what for case in here if case.number not in live and not case.hidden] == []


@pytest.mark.usefixtures("base")
def test_what_containers_have_not_is_as_the_table_says(daemon: Any) -> None:
    names = " ".join({case.program for case in cases()})
    said = daemon.containers.run(
        "autoagent-base",
        ["sh", "-c", f"for one in {names}; do command -v $one >/dev/null || echo $one; done"],
        remove=True,
        network_mode="none",
    )
    assert set(said.decode().split()) == NOT_IN_CONTAINERS
