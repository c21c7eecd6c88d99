"""What luck alone does, from the baseline's two passes."""

from itertools import pairwise, product
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoagent.gate.noise import (
    advice,
    detectable,
    lucky_keeps,
    noise_of,
    recommended,
    sentences,
)
from autoagent.records import GateRule, Noise, Outcome, Trial


def trial(task: str, attempt: int, outcome: Outcome) -> Trial:
    reward = None if outcome == "void" else float(outcome == "passed")
    return Trial(
        id=f"e1.{task}.{attempt}", task=task, attempt=attempt, outcome=outcome, reward=reward
    )


@pytest.mark.rule("R2", "R9")
def test_the_second_pass_is_paired_with_the_first_and_a_void_trial_drops_its_pair() -> None:
    """Attempt 1 with attempt 3, 2 with 4; what was not measured is no difference (rules R2, R9)."""
    trials = [
        trial("a", 1, "passed"),
        trial("a", 3, "failed"),
        trial("a", 2, "passed"),
        trial("a", 4, "passed"),
        trial("b", 1, "failed"),
        trial("b", 3, "void"),
        trial("b", 2, "void"),
        trial("b", 2, "crashed"),
        trial("b", 4, "timeout"),
        trial("b", 4, "passed"),
        trial("c", 1, "passed"),
        trial("c", 3, "failed"),
    ]

    assert noise_of(trials, ("a", "b"), 2) == Noise(pairs=3, differing=1)
    assert noise_of([], ("a", "b"), 2) == Noise(pairs=0, differing=0)


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            trial,
            st.sampled_from("ab"),
            st.integers(1, 4),
            st.sampled_from(["passed", "failed", "void"]),
        )
    )
)
def test_noise_differs_on_no_more_pairs_than_there_are(trials: list[Trial]) -> None:
    """Whatever the worker wrote."""
    found = noise_of(trials, ("a", "b"), 2)

    assert 0 <= found.differing <= found.pairs <= 4


@pytest.mark.parametrize(("differing", "candidates"), list(product([0, 1, 2], [0, 1, 2, 3])))
def test_lucky_keeps_are_the_records_among_equal_draws(differing: int, candidates: int) -> None:
    """Counted over every sequence of draws that there is."""
    draws = 2 * differing
    expected = 0.0
    for values in product(range(draws + 1), repeat=candidates + 1):
        chance = 1.0
        for value in values:
            chance *= comb(draws, value) / 2**draws
        best = [max(values[: n + 1]) for n in range(len(values))]
        expected += chance * sum(after > before for before, after in pairwise(best))

    assert lucky_keeps(Noise(pairs=20, differing=differing), candidates) == pytest.approx(expected)


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 200))
def test_more_noise_or_more_candidates_are_never_fewer_lucky_keeps(
    differing: int, candidates: int
) -> None:
    """And no night has more keeps than candidates."""
    found = lucky_keeps(Noise(pairs=100, differing=differing), candidates)

    assert 0.0 <= found <= candidates + 1e-9
    assert found <= lucky_keeps(Noise(pairs=100, differing=differing), candidates + 1) + 1e-9
    assert found <= lucky_keeps(Noise(pairs=100, differing=differing + 1), candidates) + 1e-9


@pytest.mark.parametrize(
    ("pairs", "differing", "points"), [(20, 0, 0.0), (20, 5, 21.8), (60, 14, 12.2), (200, 48, 6.8)]
)
def test_a_difference_is_noise_up_to_so_many_points(
    pairs: int, differing: int, points: float
) -> None:
    """Half of the 95 % interval of two equal passes."""
    assert detectable(Noise(pairs=pairs, differing=differing)) == pytest.approx(points, abs=0.05)


@pytest.mark.parametrize(
    ("noise", "rule"),
    [
        (Noise(pairs=0, differing=0), "strict"),
        (Noise(pairs=20, differing=0), "strict"),
        (Noise(pairs=20, differing=5), "posterior"),
        (Noise(pairs=200, differing=48), "posterior"),
    ],
)
def test_posterior_is_recommended_where_luck_was_seen(noise: Noise, rule: GateRule) -> None:
    """Where none was seen, one pass tells all."""
    assert recommended(noise) == rule


def test_the_sentences_say_what_is_noise_what_luck_keeps_and_which_gate_suits() -> None:
    """In words for whoever chose the gate."""
    noise = Noise(pairs=20, differing=5)

    assert sentences(noise, 50, "strict") == (
        "The baseline's two passes differ on 5 of 20 trials: between two scores, a difference "
        "under ±22 points is noise.",
        "Of 50 candidates that are no better, `strict` would keep about 2 by luck alone.",
        "The gate in force is `strict` and stays so: it was frozen when the climb began. For the "
        'next climb `posterior` is recommended (autoagent.toml, [gate]: rule = "posterior"): it '
        "looks task by task, and finds about twice as much in the same trials.",
    )
    suits = "The gate in force, `posterior`, is the one for that."
    assert sentences(noise, 50, "posterior")[-1] == suits


def test_before_a_climb_the_advice_names_the_line_to_write() -> None:
    """While it may still be chosen; where nothing was measured nothing is advised."""
    noise = Noise(pairs=20, differing=5)
    assert advice(noise, "strict") == (
        "`posterior` is the gate for that: it looks task by task, and finds about twice as much in "
        'the same trials. `strict` is configured; before start_climb write rule = "posterior" '
        "below [gate] (autoagent.toml)."
    )
    assert advice(noise, "posterior") == "`posterior` is configured, and is the gate for that."
    assert advice(Noise(pairs=0, differing=0), "strict") == ""


@pytest.mark.parametrize("rule", ["strict", "confirm", "anytime"])
def test_a_baseline_without_noise_says_so(rule: GateRule) -> None:
    """And never that there is none."""
    told = sentences(Noise(pairs=14, differing=0), 50, rule)

    assert told[0] == "The baseline's two passes agree on all 14 trials: no noise was seen."
    assert ("`strict` is recommended" in told[1]) == (rule != "strict")


def test_a_baseline_without_pairs_says_that_nothing_is_known() -> None:
    """Every pair was void: no number would be true."""
    assert sentences(Noise(pairs=0, differing=0), 50, "strict") == (
        "Nothing was measured in both of the baseline's passes, so its noise is unknown.",
    )
