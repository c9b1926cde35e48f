"""Time candidates in turn, so that a change of the machine's speed hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median


def median_times(
    candidates: dict[str, Callable[[], object]], rounds: int = 30, warm_up: int = 3
) -> dict[str, float]:
    """Return the median seconds per call of each candidate.

    Parameters
    ----------
    candidates : dict of str to callable
        What to time; called once per round, one after the other.
    rounds, warm_up : int
        Timed and untimed rounds.

    Returns
    -------
    dict of str to float, s
        Medians.
    """
    for _ in range(warm_up):
        for run in candidates.values():
            run()
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            start = time.perf_counter()
            run()
            samples[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in samples.items()}
