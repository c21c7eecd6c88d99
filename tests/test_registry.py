"""What registries and Claude Desktop are told of the package is what the package is."""

import json
import re
from pathlib import Path
from typing import Any

import tomli

ROOT = Path(__file__).parents[1]
PROJECT: Any = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_registrys_entry_has_what_its_schema_requires() -> None:
    """Of https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json."""
    server = json.loads((ROOT / "server.json").read_text())
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", server["name"])
    assert 1 <= len(server["description"]) <= 100
    (package,) = server["packages"]
    assert (package["registryType"], package["identifier"]) == ("pypi", PROJECT["name"])
    assert package["transport"] == {"type": "stdio"}
    assert {server["version"], package["version"]} == {PROJECT["version"]}
    for argument in package["packageArguments"]:
        assert argument["type"] in ("positional", "named")
        assert "value" in argument or argument["isRequired"]
    assert all(variable["name"] for variable in package["environmentVariables"])
    # PyPI's page is how the registry knows that the package is the server's.
    assert f"mcp-name: {server['name']}" in (ROOT / PROJECT["readme"]).read_text()


def test_the_bundle_has_the_packages_version_and_python() -> None:
    manifest = json.loads((ROOT / "packaging/manifest.json").read_text())
    assert manifest["version"] == PROJECT["version"]
    assert manifest["server"]["type"] == "uv"
    lowest = PROJECT["requires-python"]
    assert manifest["compatibility"]["runtimes"]["python"].startswith(lowest)
