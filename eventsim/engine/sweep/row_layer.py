"""What a row layer consists of, as its kernels take it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.engine.fan_out import fan_out
from eventsim.engine.layer_dynamics import require_thresholds
from eventsim.engine.sweep.row_firing_kernels import SAFETY
from eventsim.engine.sweep.row_vectors import LANES, MOST_GROUPS
from eventsim.errors import ShapeError
from eventsim.neurons.dynamics import Dynamics
from eventsim.topology import Conv2d, Dense


def runs_as_rows(d: Dynamics) -> bool:
    """Tell whether rows of such neurons can be run."""
    return d.kick == 0 and d.recoil == 0 and d.refractory == 0


@dataclass(frozen=True, eq=False)
class RowLayer:
    """Neurons of a dense layer or convolution.

    Parameters
    ----------
    dynamics : Dynamics
        Constants of the model.
    topology : Dense or Conv2d
        Geometry.
    weight : ndarray, shape ``topology.weight_shape``
        Weights; their float type is the one of the run.
    theta, drive : ndarray, shape (n_features,)
        Threshold and constant drive of each unit or channel.

    Raises
    ------
    ShapeError
        If the model needs another engine.
    """

    dynamics: Dynamics
    topology: Dense | Conv2d
    weight: np.ndarray
    theta: np.ndarray
    drive: np.ndarray

    def __post_init__(self) -> None:
        if not runs_as_rows(self.dynamics):
            raise ShapeError(
                "row sweep: a model with instantaneous synapses, a refractory period "
                "or a refractory kernel; expected one without; use the gathered sweep"
            )
        features = (self.n_channels,)
        for name, array, shape in (
            ("weight", self.weight, self.topology.weight_shape),
            ("theta", self.theta, features),
            ("drive", self.drive, features),
        ):
            if array.shape != shape:
                raise ShapeError(
                    f"row sweep: {name} has shape {array.shape}; expected {shape}"
                )
        require_thresholds("row sweep", self.theta)

    @property
    def n_channels(self) -> int:
        """Neurons of a position."""
        return self.topology.n_features

    @property
    def n_lanes(self) -> int:
        """The same, padded to whole groups."""
        return -(-self.n_channels // LANES) * LANES

    @property
    def positions(self) -> tuple[Any, int]:
        """What all kernels take first: fan-out, number of positions."""
        table = fan_out(self.topology)
        return (table.offsets, table.position, table.row), table.n_positions

    @property
    def constants(self) -> tuple[Any, ...]:
        """What they take then: weights and padded constants, see `row_forward`."""
        factor = self.dynamics.factor * (1 - SAFETY)
        n_driven = self.n_lanes if np.any(self.drive) else 0
        return (
            self._padded(self.weight.reshape(-1, self.n_channels), 0).ravel(),
            self.n_lanes,
            self.n_channels,
            self._padded(self.theta, math.inf),
            self._padded(factor * self.theta, math.inf),
            self._padded(self.drive, 0)[:n_driven],
        )

    def _padded(self, array: np.ndarray, value: float) -> np.ndarray:
        width = [(0, 0)] * (array.ndim - 1) + [(0, self.n_lanes - array.shape[-1])]
        array = np.asarray(array, self.weight.dtype)
        if self.n_lanes != array.shape[-1]:
            array = np.pad(array, width, constant_values=value)
        return np.ascontiguousarray(array)

    def blocks(self, n: int) -> np.ndarray:
        """Return where each of at least `n` blocks of padded channels begins."""
        groups = self.n_lanes // LANES
        n = min(max(n, -(-groups // MOST_GROUPS)), groups)
        return np.arange(n + 1) * groups // n * LANES
