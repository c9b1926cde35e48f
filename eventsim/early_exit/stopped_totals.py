"""What runs that really stopped did, beside what was to be expected of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

import numpy as np

from eventsim.early_exit.stopping import StoppedSamples
from eventsim.early_exit.sweep import Outcome

SAME_TIME = 1e-9
"""Decision times of two engines that differ by less, relatively, are the same."""


@dataclass
class StoppedTotals:
    """Sums over samples that were really stopped, for one policy."""

    n_samples: int = 0
    n_same: int = 0
    n_same_counts: int = 0
    n_events: int = 0
    n_full_events: int = 0
    n_spikes: int = 0
    n_operations: int = 0
    seconds: list[float] = field(default_factory=list)
    full_seconds: list[float] = field(default_factory=list)

    def add(
        self, expected: Outcome, found: StoppedSamples, full: StoppedSamples
    ) -> None:
        """Add samples: what their trace says, what stopped runs did and full ones."""
        wanted, got = expected.decisions, found.decisions
        is_close = np.isclose(got.time, wanted.time, rtol=SAME_TIME, atol=SAME_TIME)
        is_same = (
            is_close
            & (got.label == wanted.label)
            & (got.is_decided == wanted.is_decided)
        )
        has_same_counts = (found.n_spikes == expected.n_spikes) & (
            found.n_operations == expected.n_operations
        )
        self.n_samples += is_same.size
        self.n_same += int(np.count_nonzero(is_same))
        self.n_same_counts += int(np.count_nonzero(has_same_counts))
        self.n_events += int(found.n_events.sum())
        self.n_full_events += int(full.n_events.sum())
        self.n_spikes += int(found.n_spikes.sum())
        self.n_operations += int(found.n_operations.sum())
        self.seconds += found.seconds.tolist()
        self.full_seconds += full.seconds.tolist()

    def numbers(self) -> dict[str, float]:
        """Return means and shares per sample; of the wall times the medians."""
        n, full = self.n_samples, self.n_full_events
        return {
            "same_decisions": self.n_same / n,
            "same_counts": self.n_same_counts / n,
            "events": self.n_events / n,
            "events_saved": 1 - self.n_events / full if full else 0.0,
            "spikes": self.n_spikes / n,
            "sops": self.n_operations / n,
            "seconds": median(self.seconds),
            "full_seconds": median(self.full_seconds),
        }
