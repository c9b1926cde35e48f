"""Made-up traffic over time."""

from __future__ import annotations

import numpy as np

from hwmodel.estimate import Estimate
from hwmodel.playback import Playback


def playback_of(estimate: Estimate, n_bins: int, seed: int = 0) -> Playback:
    """Playback of random numbers that fits an estimate; bins of 1 ms."""
    rng = np.random.default_rng(seed)
    n_links = np.count_nonzero(estimate.counts.link_loads(estimate.casting).packets)
    return Playback(
        np.arange(n_bins + 1) * 1e-3,
        rng.integers(0, 9, (n_bins, estimate.mapping.partition.n_cores)),
        rng.integers(0, 9, (n_bins, n_links)),
    )
