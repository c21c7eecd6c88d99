"""What the host has for the tasks of a workspace: variables that they name, and their images."""

import os

from autoagent.environments.kinds import kind_of
from autoagent.files import env_file_values
from autoagent.gateway.plan import plan
from autoagent.workspace.layout import Workspace
from autoagent.workspace.state import pulled_images
from autoagent.workspace.tasks.building.shelf import Shelf
from autoagent.workspace.tasks.snapshot import Snapshot
from autoagent.workspace.tasks.variables import ENV_FILE, Host, Named


def host_of(workspace: Workspace, model: str | None) -> Host:
    """The server's environment, `.env` and autoagent.toml, and what of it no candidate may see.

    Raises:
        ConfigError: The model cannot be called as it is configured.
    """
    config = workspace.config
    kind, planned = kind_of(config.benchmark.environment), plan(config, model, workspace.root)
    upstreams = planned.upstreams.values() if planned else ()
    keys = {upstream.api_key_env for upstream in upstreams}
    return Host(
        environment=dict(os.environ),
        env_file=env_file_values(workspace.root / ENV_FILE),
        public=config.variables,
        keys=frozenset(keys | {*kind.worker_variables(os.environ)}),
        in_place=kind.in_place(config.benchmark.verify_in_place),
        shelf=shelf_of(workspace),
    )


def shelf_of(workspace: Workspace) -> Shelf:
    """Where the images are that tasks start from."""
    named = {n: workspace.root / path for n, path in workspace.config.sandbox.images.items()}
    return Shelf(named=named, pulled=pulled_images())


def named_by(frozen: Snapshot, workspace: Workspace) -> Named:
    """What an evaluation of frozen tasks is told of the variables that they name."""
    if not frozen.variables:
        return Named()
    return Named(
        prints=frozen.variables,
        public=workspace.config.variables,
        env_file=workspace.root / ENV_FILE,
    )
