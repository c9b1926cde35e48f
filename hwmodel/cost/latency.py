"""How long an inference takes: firing windows, time steps, seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwmodel.chip.chip import Chip


@dataclass(frozen=True)
class Latency:
    """Duration of one inference.

    Parameters
    ----------
    windows : float
        Firing windows until the decision.
    steps : int
        Time steps until the decision.
    steps_per_window : int
        Time steps a window is divided into; the last one of a decision may be begun
        only, so that this is not always `steps` over `windows`.
    seconds : float or None, s
        ``None`` if the chip's step is unknown.
    reason : str
        Why `seconds` is ``None``; empty otherwise.
    """

    windows: float
    steps: int
    steps_per_window: int
    seconds: float | None
    reason: str = ""


def steps_begun(windows: np.ndarray, steps_per_window: int) -> np.ndarray:
    """Count the time steps that have begun before some times.

    Parameters
    ----------
    windows : ndarray, shape (...), firing windows
        Times, not negative.
    steps_per_window : int
        Time steps a window is divided into.

    Returns
    -------
    ndarray, shape (...), int64
        Step k lasts from its begin to its end, the end included: a time at the border
        of two steps is in the first of them (to a millionth of a step), and none has
        begun at 0.
    """
    steps = np.ceil(np.asarray(windows) * steps_per_window - 1e-6)
    return np.maximum(steps, 0).astype(np.int64)


def latency(windows: float, steps_per_window: int, chip: Chip) -> Latency:
    """Turn firing windows into steps and seconds.

    Parameters
    ----------
    windows : float
        Decision time over window length, positive.
    steps_per_window : int
        Time steps a window is divided into; 10 in Table 2 of Wei et al. 2023 (16
        windows, 160 steps).
    chip : Chip
        Its ``timing.step`` is the length of a step.

    Returns
    -------
    Latency
        A step that has begun is counted whole. Time on the mesh is not included.
    """
    steps = int(steps_begun(np.asarray(windows), steps_per_window))
    step = chip.timing.step.value
    if step is None:
        reason = f"timing.step of chip {chip.name} is unknown"
        return Latency(windows, steps, steps_per_window, None, reason)
    return Latency(windows, steps, steps_per_window, steps * step)
