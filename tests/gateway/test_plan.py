"""When there is a gateway, and where keys come from."""

import logging
from pathlib import Path
from typing import Any

import pytest

from autoagent.config import Config
from autoagent.errors import ConfigError
from autoagent.gateway.calls.redact import Redactor, redact_logs
from autoagent.gateway.plan import keys, plan, worker_variables
from autoagent.gateway.ready import model_row


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "MY_KEY"):
        monkeypatch.delenv(name, raising=False)


def config(**facts: Any) -> Config:
    return Config.model_validate(facts)


def test_no_model_no_key_or_no_provider_means_no_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan(config(), "gpt-5", tmp_path) is None
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    assert plan(config(), None, tmp_path) is None
    assert plan(config(), "rules", tmp_path) is None
    assert plan(config(), "claude-sonnet-4-5", tmp_path) is None


@pytest.mark.parametrize("model", ["gpt-5", "o3", "openai/gpt-5", "text-embedding-3-small"])
def test_a_key_in_the_environment_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    planned = plan(config(), model, tmp_path)
    assert planned is not None
    assert planned.models == (model,)
    assert planned.upstreams["openai"].base_url == "https://api.openai.com/v1"


def test_the_plan_and_its_json_hold_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret")
    planned = plan(config(), "claude-sonnet-4-5", tmp_path)
    assert planned is not None
    assert "sk-ant-secret" not in planned.model_dump_json()
    assert worker_variables(planned, {"ANTHROPIC_API_KEY": "k", "HTTPS_PROXY": "p", "X": "y"}) == {
        "ANTHROPIC_API_KEY": "k",
        "HTTPS_PROXY": "p",
    }


def test_a_key_in_the_workspaces_env_file_is_enough_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("export OPENAI_API_KEY='sk-file'  # mine\nOTHER=1\n")
    planned = plan(config(), "gpt-5", tmp_path)
    assert planned is not None
    upstreams = list(planned.upstreams.values())
    assert keys(upstreams, planned.env_file, {}) == {"OPENAI_API_KEY": "sk-file"}
    assert keys(upstreams, planned.env_file, {"OPENAI_API_KEY": "sk-1"}) == {
        "OPENAI_API_KEY": "sk-1"
    }


def test_a_base_url_serves_any_name_and_may_need_no_key(tmp_path: Path) -> None:
    gateway = {"openai": {"base_url": "http://localhost:8000/v1/", "api_key_env": "MY_KEY"}}
    planned = plan(config(gateway=gateway), "llama-local", tmp_path)
    assert planned is not None
    assert planned.upstreams["openai"].base_url == "http://localhost:8000/v1"
    assert plan(config(gateway=gateway), "rules", tmp_path) is None


def test_a_judge_alone_is_a_gateway_that_serves_no_harness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    planned = plan(config(gateway={"judge": "gpt-5-mini"}), "rules", tmp_path)
    assert planned is not None
    assert (planned.models, planned.judge) == ((), "gpt-5-mini")


def test_a_judge_without_a_key_is_a_note_and_leaves_the_harness_its_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant")
    judged = config(gateway={"judge": "gpt-5-mini"})
    for model in ("claude-sonnet-4-5", "rules"):
        said, state = model_row(judged, model, tmp_path)
        assert said.endswith("; gpt-5-mini (judge) has no key: tasks that ask it are left out")
        assert state == "note"
    planned = plan(judged, "claude-sonnet-4-5", tmp_path)
    assert planned is not None
    assert (planned.models, planned.judge) == (("claude-sonnet-4-5",), None)


def test_a_replay_needs_its_directories_and_no_key(tmp_path: Path) -> None:
    """One, or several; what is missing is named before anything is measured."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    for named in ("one", ["one"], ["one", str(tmp_path / "two")]):
        planned = plan(config(gateway={"replay": named}), "gpt-5", tmp_path)
        assert planned is not None
        assert planned.replay == (tmp_path / "one", tmp_path / "two")[: len(planned.replay)]
    with pytest.raises(ConfigError, match=r"gateway\.replay: .*three is not a directory"):
        plan(config(gateway={"replay": ["one", "three"]}), "gpt-5", tmp_path)


def test_a_cap_that_could_not_be_held_is_refused(tmp_path: Path) -> None:
    gateway: dict[str, Any] = {"openai": {"base_url": "http://localhost:8000/v1"}}
    capped = config(gateway=gateway, budget={"dollars": 5})
    with pytest.raises(ConfigError, match=r"No price is known for 'llama-local'"):
        plan(capped, "llama-local", tmp_path)
    gateway["prices"] = {"llama-local": {"input": 1, "output": 2}}
    priced = config(gateway=gateway, budget={"dollars": 5})
    planned = plan(priced, "llama-local", tmp_path, 3.0)
    assert planned is not None
    assert planned.dollars == 3.0


def test_logs_hold_no_key(caplog: Any, capsys: Any) -> None:
    handler = logging.StreamHandler()
    root = logging.getLogger()
    root.addHandler(handler)
    kept = [h.formatter for h in root.handlers]
    try:
        redact_logs(Redactor(["sk-secret-key"]))
        try:
            raise ValueError("bad key sk-secret-key")
        except ValueError:
            logging.getLogger("x").exception("calling with %s", "sk-secret-key")
    finally:
        root.removeHandler(handler)
        for one, formatter in zip([*root.handlers, handler], kept, strict=True):
            one.setFormatter(formatter)
    said = capsys.readouterr().err
    assert "calling with [key]" in said and "bad key [key]" in said
    assert "sk-secret-key" not in said
