"""Whose hands were in a container: the daemon's events, held against what we did ourselves.

The meta-agent's shell may reach the same daemon. An exec that is not ours, an archive more than
we moved, or somebody else's container that mounts a volume of the verifier's, is a foreign hand
in the trial (threat C5). One stream of events serves every trial of the worker.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from docker.errors import DockerException
from requests.exceptions import RequestException

from autoagent.environments.docker import daemon
from autoagent.environments.docker.container import VOLUME_PREFIX, Container, Volume
from autoagent.environments.docker.daemon import EVALUATION

DRAIN_SECONDS = 10.0
_ARCHIVES = ("archive-path", "extract-to-dir")
_WATCHED = ["exec_start", *_ARCHIVES, "die", "start", "pause", "mount"]


_WATCHES: dict[str, "Watch"] = {}
_BEGINNING = threading.Lock()
"""Trials start in threads at the same time: without it each would begin a stream of its own."""


def watch_of(evaluation: str) -> "Watch":
    """The one stream of an evaluation's events, begun where its first trial asks for it.

    One that ended, with the daemon say, is begun anew; trials that it was of keep it.
    """
    with _BEGINNING:
        if evaluation not in _WATCHES or _WATCHES[evaluation].lost:
            _WATCHES[evaluation] = Watch(evaluation)
        return _WATCHES[evaluation]


class Watch:
    """The events of one evaluation's containers."""

    def __init__(self, evaluation: str) -> None:
        """Begin to watch; what happens from now on is seen."""
        self._execs: defaultdict[str, set[str]] = defaultdict(set)
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._mounts: defaultdict[str, set[str]] = defaultdict(set)
        self._evaluation = evaluation
        self._news = threading.Condition()
        self._lost = ""
        wanted = {"type": ["container", "volume"], "event": _WATCHED}
        self._stream = daemon.client().events(filters=wanted, decode=True)
        threading.Thread(target=self._read, name="docker-events", daemon=True).start()

    @property
    def lost(self) -> str:
        """Why no event comes any more; empty while they do."""
        return self._lost

    def require(self) -> None:
        """Refuse to judge a trial that nobody watched: a daemon that stops ends what runs there.

        No candidate can bring that about, so the trial is void and not what was left of it.

        Raises:
            InfrastructureFault: The daemon's events ended.
        """
        if self._lost:
            raise daemon.gone(f"its events are lost ({self._lost})")

    def foreign(self, container: Container, volumes: Sequence[Volume] = ()) -> str | None:
        """What somebody else did in a container that has ended, or with its volumes, or None.

        Raises:
            InfrastructureFault: The daemon's events did not come, so nobody knows.
        """
        with self._news:
            counts = self._counts[container.id]
            if not self._news.wait_for(lambda: self._lost or counts["die"], DRAIN_SECONDS):
                self._lost = f"the end of a container was not told in {DRAIN_SECONDS:.0f} s"
            if self._lost and not counts["die"]:
                self.require()
            execs = self._execs.pop(container.id, set()) - container.execs
            del self._counts[container.id]
            mounts = [self._mounts.pop(each.name, set()) - each.mounted_by for each in volumes]
            stages = [each.stage for each in volumes if each.stage is not None]
            reached = [_touched(self._counts.pop(each.id, Counter()), each) for each in stages]
        if any(mounts):
            return "a foreign container mounted what the verifier relies on"
        if any(reached):
            return "a foreign `docker cp` reached what the verifier relies on"
        if execs:
            return f"a foreign `docker exec` ran in the container ({len(execs)} of them)"
        if _touched(counts, container):
            return "a foreign `docker cp` reached into the container"
        if counts["start"] > 1 or counts["pause"]:
            return "somebody else stopped the container"
        return None

    def _read(self) -> None:
        lost = "the stream ended"
        try:
            for event in self._stream:
                with self._news:
                    self._take(event)
                    self._news.notify_all()
        except (DockerException, RequestException, OSError, ValueError) as error:
            lost = str(error)
        with self._news:
            self._lost = lost
            self._news.notify_all()

    def _take(self, event: Mapping[str, Any]) -> None:
        action = str(event.get("Action", "")).split(":")[0]
        actor: Mapping[str, Any] = event.get("Actor", {})
        attributes: Mapping[str, str] = actor["Attributes"]
        if action == "mount" and str(actor["ID"]).startswith(VOLUME_PREFIX):
            self._mounts[str(actor["ID"])].add(str(attributes.get("container")))
        elif attributes.get(EVALUATION) != self._evaluation:
            return
        elif action == "exec_start":
            self._execs[str(actor["ID"])].add(str(attributes.get("execID")))
        else:
            self._counts[str(actor["ID"])][action] += 1


def _touched(counts: Counter[str], container: Container) -> bool:
    """Whether more archives went in or out than we moved."""
    return sum(counts[name] for name in _ARCHIVES) > container.archives.count
