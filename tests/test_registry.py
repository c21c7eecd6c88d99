"""What registries and Claude Desktop are told of the package is what the package is."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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


def test_the_registrys_entry_and_the_package_name_the_same_repository() -> None:
    """The registry grants `io.github.OWNER/` to who owns the repository, and to nobody else.

    While the package names no repository, nor may the entry.
    """
    server = json.loads((ROOT / "server.json").read_text())
    address = PROJECT.get("urls", {}).get("Repository")

    assert server.get("repository", {}).get("url") == address
    if address is not None:
        assert server["name"].partition("/")[0] == namespace(address)


def test_a_namespace_is_the_owner_of_a_repository_or_a_domain_backwards() -> None:
    assert namespace("https://github.com/Some-One/autoagent") == "io.github.Some-One"
    assert namespace("https://git.example.org/autoagent") == "org.example.git"


def namespace(address: str) -> str:
    """What an entry of the registry may be called by who publishes from this address."""
    place = urlsplit(address)
    if place.hostname == "github.com":
        return f"io.github.{place.path.split('/')[1]}"
    return ".".join(reversed((place.hostname or "").split(".")))


def test_the_bundle_has_the_packages_version_and_python() -> None:
    manifest = json.loads((ROOT / "packaging/manifest.json").read_text())
    assert manifest["version"] == PROJECT["version"]
    assert manifest["server"]["type"] == "uv"
    lowest = PROJECT["requires-python"]
    assert manifest["compatibility"]["runtimes"]["python"].startswith(lowest)
