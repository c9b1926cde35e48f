"""Which derivatives are checked, and how well analytic and numeric ones agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.gradcheck.probe import Line, Probe, differentiate
from eventsim.gradcheck.report import DerivativeCheck
from eventsim.gradcheck.variables import Variable

EPSILON = float(np.finfo(np.float64).eps)
FLOOR = 1e-6
N_LOOKS, CLOSER = 4, 4


@dataclass(frozen=True)
class Start:
    """Where differences are taken around.

    Parameters
    ----------
    state : list of ndarray
        Discrete choices, which differences must not change.
    loss : float, dimensionless
        Loss.
    """

    state: list[np.ndarray]
    loss: float


def compare(
    probe: Probe,
    variable: Variable,
    start: Start,
    n_entries: int,
    rng: np.random.Generator,
) -> DerivativeCheck:
    """Compare derivatives by some of a variable's entries with differences.

    Parameters
    ----------
    probe : Probe
        The loss; reads ``variable.values``.
    variable : Variable
        What is varied, and the analytic derivatives.
    start : Start
        State and loss at the present values.
    n_entries : int
        Derivatives checked, positive; one direction comes on top.
    rng : numpy.random.Generator
        Choice of entries and of the direction.

    Returns
    -------
    DerivativeCheck
        Named like the variable.
    """
    gradient = variable.gradient[variable.free]
    largest = float(np.abs(gradient).max(initial=0))
    if not np.all(np.isfinite(gradient)):
        return DerivativeCheck(variable.name, np.inf, gradient.size, 0, np.inf)
    worst, n_checked, n_skipped = 0.0, 0, 0
    for line, analytic in choose_lines(variable, n_entries, rng):
        error = _relative_error(probe, line, variable.width, analytic, start, largest)
        if error is None:
            n_skipped += 1
        else:
            worst = max(worst, error)
            n_checked += 1
    return DerivativeCheck(variable.name, worst, n_checked, n_skipped, largest)


def _relative_error(
    probe: Probe,
    line: Line,
    width: float,
    analytic: float,
    start: Start,
    largest: float,
) -> float | None:
    """Return how far a derivative is from differences, None if they cannot tell.

    Where they disagree smaller steps are looked at too: next to a singularity, such
    as a grazing crossing, extrapolation may settle on a wrong value, but only as long
    as the steps are large. A wrong derivative is wrong at every step.
    """
    smallest: float | None = None
    for _ in range(N_LOOKS):
        found = differentiate(probe, line, width, start.state)
        if found is None:
            break
        numeric, step = found
        scale = max(abs(analytic), abs(numeric), FLOOR * largest)
        noise = 4 * EPSILON * max(1.0, abs(start.loss)) / step
        error = abs(analytic - numeric)
        if error == 0:
            return 0.0
        if error <= noise and noise > FLOOR * scale:
            break
        smallest = min(error / scale, np.inf if smallest is None else smallest)
        if smallest <= FLOOR:
            break
        width = step / CLOSER
    return smallest


def choose_lines(
    variable: Variable, n_entries: int, rng: np.random.Generator
) -> list[tuple[Line, float]]:
    """Return lines and the analytic derivative along each.

    They are the largest derivatives, random ones, random ones that are zero, and
    one random direction through all entries that are free.
    """
    values, gradient, allowed = variable.values, variable.gradient, variable.free
    size = np.abs(gradient[allowed])
    largest = float(size.max(initial=0))
    ranked = allowed[np.argsort(-size, kind="stable")]
    top = ranked[: min(n_entries // 2, np.count_nonzero(size))]
    sizeable = np.setdiff1d(allowed[size > 1e-3 * largest], top)
    zeros = allowed[size == 0]
    n_zeros = n_entries // 4 if largest > 0 else max(n_entries // 4, 1)
    chosen = np.concatenate(
        [
            top,
            rng.permutation(sizeable)[: (n_entries - n_entries // 2 + 1) // 2],
            rng.permutation(zeros)[:n_zeros],
        ]
    ).astype(np.int64)

    def along(moving: np.ndarray, direction: np.ndarray) -> tuple[Line, float]:
        line = Line(values, moving, direction * variable.rate, variable.is_positive)
        return line, float(direction @ gradient[moving])

    lines = [along(np.array([i]), np.ones(1)) for i in chosen]
    norm = float(np.linalg.norm(gradient[allowed]))
    if norm > 0 and allowed.size > 1:
        noise = rng.normal(size=allowed.size)
        direction = gradient[allowed] / norm + noise / np.linalg.norm(noise)
        lines.append(along(allowed, direction))
    return lines
