"""How long a search for a placement may take, and how much of that is spent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm


@dataclass(frozen=True)
class Budget:
    """How long a search may take; the first limit that is reached ends it.

    Parameters
    ----------
    iterations : int or None
        Swaps that greedy and annealing try, rounds of the force; positive. ``None``:
        without a limit in seconds, as many as the method finds useful.
    seconds : float or None, s
        Wall time, positive. The result then depends on the machine's speed.
    """

    iterations: int | None = None
    seconds: float | None = None


class Clock:
    """How much of a budget is spent, with a progress bar on a terminal.

    Parameters
    ----------
    what : str
        Name of the bar.
    budget : Budget
        When the search has to end.
    unit : str
        What an iteration is.
    """

    def __init__(self, what: str, budget: Budget, unit: str = "swap") -> None:
        self._budget, self._start, self._done = budget, time.perf_counter(), 0
        limited = budget.iterations is not None or budget.seconds is not None
        form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}" if limited else None
        self._limited = limited
        self._bar: Any = tqdm(
            desc=what,
            total=1.0 if limited else None,
            bar_format=form,
            unit=unit,
            unit_scale=True,
            leave=False,
            disable=None,
        )

    def spent(self) -> float:
        """Share of the budget that is used; 0 without a limit."""
        spent = 0.0
        if self._budget.iterations is not None:
            spent = self._done / self._budget.iterations
        if self._budget.seconds is not None:
            seconds = time.perf_counter() - self._start
            spent = max(spent, seconds / self._budget.seconds)
        return min(spent, 1.0)

    def left(self, iterations: int) -> int:
        """So many iterations, or those that are left."""
        most = self._budget.iterations
        return iterations if most is None else min(iterations, most - self._done)

    def add(self, iterations: int) -> None:
        """Count iterations that are done."""
        self._done += iterations
        self._bar.update(self.spent() - self._bar.n if self._limited else iterations)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()
