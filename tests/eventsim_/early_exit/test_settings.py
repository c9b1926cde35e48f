import numpy as np
import pytest

from eventsim.early_exit.policies import (
    Confidence,
    FirstSpike,
    FixedTime,
    Leader,
    Margin,
    probability,
)
from eventsim.early_exit.settings import (
    MARGINS,
    N_FIXED_TIMES,
    PROBABILITIES,
    parameters_of,
    settings_named,
)
from eventsim.errors import ConfigError


def named(names, *options):
    return settings_named(names, 10.0, 100, *options)


def test_settings_named__sweeps_and_single_settings():
    found = named(["margin=3", "leader", "confidence=0.9"])
    assert found == [Margin(3), Leader(), Confidence(0.9)]
    windows = named(["confidence=0.9"], [1.0, 2.0], 0.5)
    assert windows == [Confidence(0.9, 1.0, 0.5), Confidence(0.9, 2.0, 0.5)]
    every = named([])
    assert every[:2] == [FirstSpike(), Leader()]
    n = 2 + len(MARGINS) - 1 + len(PROBABILITIES) + N_FIXED_TIMES
    assert len(every) == n
    assert Margin(1) not in every  # it is the leader
    assert Margin(1) in named(["margin"])
    assert Margin(1) in named(["leader", "margin=1"])
    assert every[-1] == FixedTime(10.0)
    assert [parameters_of(p)[0] for p in every[:3]] == [
        "first_spike",
        "leader",
        "margin",
    ]
    assert parameters_of(Confidence(0.9, 2.0)) == ("confidence", 0.9, 2.0)


def test_settings_named__no_margin_above_the_most_spikes():
    assert settings_named(["margin"], 10.0, 2) == [Margin(1), Margin(2)]
    assert settings_named(["leader", "margin"], 10.0, 1) == [Leader()]
    assert settings_named(["margin=3"], 10.0, 1) == [Margin(3)]


def test_settings_named__probabilities_ask_for_different_numbers_of_spikes():
    counts = np.zeros((200, 10), int)
    counts[:, 0] = np.arange(200)
    reached = [int(np.argmax(probability(counts) >= p)) for p in PROBABILITIES]
    # Some are equalities, which rounding may break: 8.1 / 9 is less than 0.9.
    told = [1, 2, 3, 4, 5, 8, 12, 17, 29, 44, 89]
    assert np.abs(np.subtract(reached, told)).max() <= 1
    assert len(set(reached)) == len(PROBABILITIES)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "fastest",
            "there is no policy 'fastest'; expected one of first_spike, leader",
        ),
        ("margin=x", "'margin=x'; expected margin=NUMBER"),
        ("leader=2", "'leader=2'; expected 'leader', it has no parameter"),
        ("margin=0.5", "margin is 0.5 spikes; expected a whole number"),
        ("confidence=2", "confidence is 2; expected a probability"),
    ],
)
def test_settings_named__refuses(name, message):
    with pytest.raises(ConfigError, match=message):
        named([name])
