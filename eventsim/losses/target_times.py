"""Target spike times of the label's neuron: a first one, then one every interval.

Published targets are time steps. Step t, from 0, of a run of T steps ends at
``(t + 1) duration / T``; a spike of that step is taken to come there, because an input
of the same step acts on it already.
"""

from __future__ import annotations

import numpy as np


def regular_times(first: float, interval: float, duration: float) -> np.ndarray:
    """Return target times up to the end of the run.

    Parameters
    ----------
    first, interval : float, network time units, positive
        First target and distance between targets.
    duration : float, network time units
        Length of the run. A target there changes neither of the losses that use these:
        no spike can be later, and no kernel has started.

    Returns
    -------
    ndarray, shape (n_targets,), network time units
        ``first + j interval``, j = 0, 1, ...; empty if `first` is after the end.
    """
    n_targets = max(int(np.floor((duration - first) / interval)) + 1, 0)
    times = first + interval * np.arange(n_targets)
    return times[times <= duration]
