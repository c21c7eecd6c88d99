"""autoagent.toml: one message with file, key, value and the allowed form."""

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from autoagent.config import Config, load_config
from autoagent.errors import ConfigError


def said(tmp_path: Path, text: str) -> str:
    (tmp_path / "autoagent.toml").write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_config(tmp_path)
    return str(refused.value).replace(str(tmp_path), "…")


def test_without_the_file_the_upstream_s_defaults_hold(tmp_path: Path) -> None:
    config = load_config(tmp_path)
    assert config == Config()
    harness = config.harness
    assert (harness.file, harness.class_name, config.benchmark.tasks) == (
        "agent.py",
        "AutoAgent",
        "tasks",
    )


def test_every_key_is_read(tmp_path: Path) -> None:
    (tmp_path / "autoagent.toml").write_text(
        'isolation = "process"\n[harness]\nfile = "a.py"\nclass = "B"\nmodel = "m"\n'
        '[benchmark]\ntasks = "t"\nonly = ["x*"]\nconcurrency = 2\nattempts = 3\n'
        "pass_reward = 0.5\ntrial_timeout_seconds = 9\nevaluation_timeout_seconds = 99\n"
        'void_retries = 0\nverifier_output = "hidden"\n[gate]\nrule = "strict"\n'
        "[budget]\nevaluations = 5\nhours = 1\ndollars = 2\ndollars_per_trial = 0.1\n"
        '[holdout]\ntasks = ["h*"]\n'
    )
    config = load_config(tmp_path)
    assert config.isolation == "process"
    assert config.harness.class_name == "B"
    assert config.benchmark.only == ("x*",)
    assert config.budget.hours == 1.0
    assert config.holdout.tasks == ("h*",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[harness]\nfle = 1\n",
            snapshot(
                "…/autoagent.toml: unknown key `harness.fle`. Allowed here: file, class, model, effort, in_container."
            ),
        ),
        (
            "gates = 1\n",
            snapshot(
                "…/autoagent.toml: unknown key `gates`. Allowed here: isolation, harness, benchmark, sandbox, gate, budget, certify, holdout, gateway, night, variables."
            ),
        ),
        (
            '[benchmark]\nconcurrency = "4"\n',
            snapshot(
                "…/autoagent.toml: `benchmark.concurrency` is '4'; it should be a valid integer."
            ),
        ),
        (
            '[gate]\nrule = "lenient"\n',
            snapshot(
                "…/autoagent.toml: `gate.rule` is 'lenient'; it should be 'strict', 'confirm', 'anytime' or 'posterior'."
            ),
        ),
        (
            "[budget]\nevaluations = 0\ndollars = -1\n",
            snapshot(
                "…/autoagent.toml: `budget.evaluations` is 0; it should be greater than or equal to 1. (1 more after this one)"
            ),
        ),
    ],
)
def test_a_bad_key_or_value_is_told_in_one_message(tmp_path: Path, text: str, message: str) -> None:
    assert said(tmp_path, text) == message


def test_what_is_not_toml_names_the_line(tmp_path: Path) -> None:
    assert "line 2" in said(tmp_path, "isolation = 'sandbox'\nnot toml\n")


def test_what_is_not_utf8_names_the_byte(tmp_path: Path) -> None:
    (tmp_path / "autoagent.toml").write_bytes(b"# \xff\n")
    with pytest.raises(ConfigError, match="byte 2 is not UTF-8"):
        load_config(tmp_path)
