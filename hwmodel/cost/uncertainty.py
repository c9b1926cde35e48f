"""How sure a total is: bounds, drawn values, and which constant matters.

The total grows with every constant, so the least and the greatest total are those of
all lower and all upper bounds at once. That is the widest interval; drawing every
constant by itself shows what is likely inside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwmodel.chip.chip import Chip
from hwmodel.cost.bill import Bill, values_of


@dataclass(frozen=True)
class Swing:
    """What one constant does to the total.

    Parameters
    ----------
    constant : str
        Dotted name.
    share : float
        Part of the total that is paid with it.
    low, high : float or None, J per inference
        The total with this constant at its bounds and the others at their values;
        ``None`` if no bound is known.
    """

    constant: str
    share: float
    low: float | None
    high: float | None

    @property
    def width(self) -> float:
        """Difference that it makes, J per inference; 0 without bounds."""
        return 0.0 if self.low is None or self.high is None else self.high - self.low


@dataclass(frozen=True)
class Draws:
    """Totals with drawn constants.

    Parameters
    ----------
    n, seed : int
        Draws and the seed of the generator.
    mean, deviation : float, J per inference
        Of the totals.
    p5, p50, p95 : float, J per inference
        Their percentiles.
    """

    n: int
    seed: int
    mean: float
    deviation: float
    p5: float
    p50: float
    p95: float


@dataclass(frozen=True)
class Uncertainty:
    """How sure a total is.

    Parameters
    ----------
    total : float, J per inference
        The total with the values of all constants, added up as the others are.
    low, high : float, J per inference
        Least and greatest total that the bounds of the constants allow.
    swings : tuple of Swing
        Constants that are paid with, the one that matters most first: by the
        difference its bounds make, then by its share.
    without_bounds : tuple of str
        Constants among them that no bounds are known of; they count as exact.
    draws : Draws or None
        If asked for.
    """

    total: float
    low: float
    high: float
    swings: tuple[Swing, ...]
    without_bounds: tuple[str, ...]
    draws: Draws | None = None


def uncertainty(chip: Chip, bill: Bill, n_draws: int = 0, seed: int = 0) -> Uncertainty:
    """Carry the bounds of a chip's constants through to the total.

    Parameters
    ----------
    chip : Chip
        Constants with bounds, where they are known.
    bill : Bill
        From `hwmodel.cost.bill.bill_of`, for the same chip.
    n_draws : int
        Totals with drawn constants; 0 for none.
    seed : int
        Of the generator.

    Returns
    -------
    Uncertainty
        Interval, sensitivity and draws.

    Notes
    -----
    A constant is drawn from the triangular distribution with its bounds as ends and its
    value as peak, independently of the others. One without bounds keeps its value.
    """
    values = values_of(chip, bill)
    bounds = {name: chip.constants[name].interval or (0.0, 0.0) for name in values}
    total = float(bill.total(values))
    swings = [_swing(chip, bill, values, total, name) for name in bill.constants]
    used = [s for s in swings if s.share > 0 or s.width > 0]
    used.sort(key=lambda s: (-s.width, -s.share, s.constant))
    return Uncertainty(
        total,
        low=float(bill.total({name: low for name, (low, _) in bounds.items()})),
        high=float(bill.total({name: high for name, (_, high) in bounds.items()})),
        swings=tuple(used),
        without_bounds=tuple(s.constant for s in used if s.low is None),
        draws=_draw(bill, values, bounds, n_draws, seed) if n_draws else None,
    )


def _swing(
    chip: Chip, bill: Bill, values: dict[str, float], total: float, name: str
) -> Swing:
    constant = chip.constants[name]
    rest = float(bill.total({**values, name: 0.0}))
    share = (total - rest) / total if total else 0.0
    if constant.low is None and constant.high is None:
        return Swing(name, share, None, None)
    assert constant.interval is not None  # bounds come with a value
    low, high = (float(bill.total({**values, name: v})) for v in constant.interval)
    return Swing(name, share, low, high)


def _draw(
    bill: Bill,
    values: dict[str, float],
    bounds: dict[str, tuple[float, float]],
    n: int,
    seed: int,
) -> Draws:
    random = np.random.default_rng(seed)
    drawn = {
        name: random.triangular(low, values[name], high, n)
        if low < high
        else np.full(n, values[name])
        for name, (low, high) in bounds.items()
    }
    totals = np.asarray(bill.total(drawn))
    p5, p50, p95 = np.percentile(totals, [5, 50, 95]).tolist()
    return Draws(n, seed, float(totals.mean()), float(totals.std()), p5, p50, p95)
