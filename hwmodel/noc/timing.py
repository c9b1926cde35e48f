"""How long routers and links take, and the clock of the simulation.

The simulation counts femtoseconds in 64-bit integers. Sums of hop times are then
exact, packets that meet at one instant do so on every machine, and a packet alone on
the mesh has a congestion latency of exactly 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from hwmodel.errors import TrafficError

TICKS_PER_SECOND = 10**15
LONGEST = 1e3
"""Seconds; no injection and no delay is later or longer."""


@dataclass(frozen=True)
class RouterTiming:
    """Delays and buffers of every router of a mesh.

    Parameters
    ----------
    hop_x, hop_y : float, s
        From the start of a transfer to the arrival at the next router, for links along
        x and along y: router pipeline and wire. At least a femtosecond.
    link_service : float, s
        How long a packet occupies a link; 0 for infinite bandwidth.
    buffer : int or None
        Packets that the input buffer at the end of each link holds, those on the wire
        included, at least 1; ``None`` for no limit.
    injection, ejection : float, s
        How long a packet occupies the local port on its way into and out of the mesh.

    Raises
    ------
    TrafficError
        If a delay is negative, not finite, longer than `LONGEST` or lost in rounding to
        femtoseconds, or the buffer holds no packet.
    """

    hop_x: float
    hop_y: float
    link_service: float
    buffer: int | None
    injection: float = 0.0
    ejection: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name != "buffer":
                _check_delay(field.name, getattr(self, field.name))
        if self.buffer is not None and not (
            isinstance(self.buffer, int | np.integer) and self.buffer >= 1
        ):
            raise TrafficError(
                f"router timing: buffer must hold a packet, got {self.buffer!r}; "
                "expected an integer >= 1, or None for no limit"
            )


def _check_delay(name: str, delay: float) -> None:
    least = "> 0" if name.startswith("hop") else ">= 0"
    if not isinstance(delay, int | float | np.number) or not math.isfinite(delay):
        problem = "is not a finite number"
    elif delay < 0 or (delay == 0 and least == "> 0"):
        problem = f"must be {least}"
    elif delay > LONGEST:
        problem = f"is longer than {LONGEST:g} s"
    elif delay > 0 and round(delay * TICKS_PER_SECOND) == 0:
        problem = "is shorter than a femtosecond"
    else:
        return
    raise TrafficError(
        f"router timing: {name} {problem}, got {delay!r}; expected seconds {least}, "
        "for example 4.1e-9"
    )


def to_ticks(seconds: float | np.ndarray) -> np.ndarray:
    """Round seconds to whole femtoseconds.

    Parameters
    ----------
    seconds : float or ndarray, s

    Returns
    -------
    ndarray, int64, fs
        Of the same shape; halves go to the even neighbour.
    """
    return np.rint(np.asarray(seconds) * TICKS_PER_SECOND).astype(np.int64)


def to_seconds(ticks: np.ndarray) -> np.ndarray:
    """Turn femtoseconds into seconds.

    Parameters
    ----------
    ticks : ndarray, int64, fs

    Returns
    -------
    ndarray, float64, s
        The nearest float of each.
    """
    return ticks / np.float64(TICKS_PER_SECOND)
