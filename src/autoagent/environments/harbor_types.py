"""Harbor's types of environment without importing Harbor: who they are to it, whether one is ready.

A provider's credentials go to the worker and to nobody else, by the prefix of their names.
"""

import os
import subprocess
import sys
from collections.abc import Mapping

from autoagent.errors import InfrastructureFault

PROVIDER_PREFIX = "harbor:"
READY_SECONDS = 60
_CLOUDS = {
    "ack": ("ALIBABA_CLOUD_", "KUBECONFIG"),
    "beam": ("BEAM_", "CONFIG_PATH"),
    "cua-cloud": ("CUA_",),
    "cwsandbox": ("CWSANDBOX_", "WANDB_"),
    "docker": ("DOCKER_",),
    "ec2": ("AWS_",),
    "gke": ("GOOGLE_", "CLOUDSDK_", "GCP_", "KUBECONFIG"),
    "hf-sandbox": ("HF_",),
    "kata": ("DOCKER_",),
    "langsmith": ("LANGSMITH_", "LANGCHAIN_"),
    "openshift": ("OPENSHIFT_", "KUBECONFIG"),
    "podman": ("DOCKER_", "CONTAINER_"),
    "skypilot": ("SKYPILOT_", "HARBOR_SKYPILOT_"),
}
"""Prefixes of variables where the type's own name is not the prefix: DAYTONA_, E2B_, MODAL_."""


def credentials(environment: str, variables: Mapping[str, str]) -> dict[str, str]:
    """What a provider reads; none for a class of the user's."""
    kind = environment.removeprefix(PROVIDER_PREFIX)
    if ":" in kind:
        return {}
    prefixes = _CLOUDS.get(kind, (kind.upper().replace("-", "_") + "_",))
    return {name: value for name, value in variables.items() if name.startswith(prefixes)}


def require(environment: str) -> None:
    """Refuse a provider that does not exist, is not installed or has no credentials.

    Raises:
        InfrastructureFault: Says what is missing, in Harbor's words or ours.
    """
    command = [sys.executable, "-P", "-m", "autoagent.environments.harbor", environment]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=READY_SECONDS,
            check=False,
            env={**os.environ, "HARBOR_TELEMETRY": "0"},
        )
    except subprocess.TimeoutExpired as error:
        raise InfrastructureFault(
            f'environment = "{environment}" was not ready within {READY_SECONDS} s.'
        ) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it does not say why"]
        raise InfrastructureFault(lines[-1])
