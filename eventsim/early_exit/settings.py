"""Policies by name: how settings are written, and which are swept.

Nothing here loads Numba, so the hardware model can use it too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eventsim.early_exit.policies import (
    Confidence,
    FirstSpike,
    FixedTime,
    Leader,
    Margin,
    Policy,
)
from eventsim.errors import ConfigError

POLICIES = ("first_spike", "leader", "margin", "confidence", "fixed_time")
MARGINS = (1, 2, 3, 4, 5, 6, 8, 10)
PROBABILITIES = (0.5, 0.6, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)
"""Of ten classes one without a rival reaches them after about 1, 2, 3, 4, 5, 8, 12, 17,
29, 44 and 89 spikes, with the default smoothing."""
N_FIXED_TIMES = 20


def settings_named(
    names: Sequence[str],
    duration: float,
    most_spikes: int,
    windows: Sequence[float | None] = (None,),
    smoothing: float | None = None,
) -> list[Policy]:
    """Return policies by name, each with the values over which it is swept.

    Parameters
    ----------
    names : sequence of str
        ``NAME`` for a sweep or ``NAME=VALUE`` for one setting of ``margin`` (spikes),
        ``confidence`` (probability) or ``fixed_time`` (network time units); without
        any name all of them. Beside ``leader``, which is the same, no margin of 1 is
        swept.
    duration : float, network time units
        End of the run, the last fixed time of a sweep.
    most_spikes : int
        Most spikes of an output neuron, the largest margin of a sweep.
    windows : sequence of float or None, network time units
        Windows of the confidence; ``None`` = all spikes so far.
    smoothing : float or None
        Smoothing of the confidence, see `eventsim.early_exit.policies.smoothing_of`.

    Returns
    -------
    list of Policy
        In the order of the names.

    Raises
    ------
    ConfigError
        If there is no such policy or a value is out of range.
    """
    found: list[Policy] = []
    chosen = list(names or POLICIES)
    for text in chosen:
        name, has_value, value = text.partition("=")
        if name not in POLICIES:
            raise ConfigError(
                f"early exit: there is no policy '{name}'; expected one of "
                f"{', '.join(POLICIES)}"
            )
        if name in ("first_spike", "leader"):
            if has_value:
                raise ConfigError(
                    f"early exit: '{text}'; expected '{name}', it has no parameter"
                )
            found.append(FirstSpike() if name == "first_spike" else Leader())
            continue
        values = (
            [_number(name, value)] if has_value else _grid(name, duration, most_spikes)
        )
        if name == "margin" and not has_value and "leader" in chosen:
            values = [k for k in values if k > 1]
        for x in values:
            found += _with(name, x, windows, smoothing)
    return found


def _grid(name: str, duration: float, most_spikes: int) -> list[float]:
    if name == "margin":
        return [float(k) for k in MARGINS if k <= most_spikes]
    if name == "confidence":
        return list(PROBABILITIES)
    steps = np.arange(1, N_FIXED_TIMES + 1)
    return (duration * steps / N_FIXED_TIMES).tolist()


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = np.nan
    if np.isnan(number):
        raise ConfigError(f"early exit: '{name}={value}'; expected {name}=NUMBER")
    return number


def _with(
    name: str,
    value: float,
    windows: Sequence[float | None],
    smoothing: float | None,
) -> list[Policy]:
    if name == "margin":
        return [Margin(value)]
    if name == "fixed_time":
        return [FixedTime(value)]
    return [Confidence(value, window, smoothing) for window in windows]


def parameters_of(policy: Policy) -> tuple[str, float | None, float | None]:
    """Return the name of a policy, its value and its window, where it has them."""
    match policy:
        case FirstSpike():
            return "first_spike", None, None
        case Leader():
            return "leader", None, None
        case Margin(spikes):
            return "margin", spikes, None
        case Confidence(p, window):
            return "confidence", p, window
        case FixedTime(time):
            return "fixed_time", time, None
