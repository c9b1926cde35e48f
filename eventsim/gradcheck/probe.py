"""The loss as a function of what is varied, and its derivative along a line.

Differences at several steps are extrapolated to a step of 0 [1]_.

References
----------
.. [1] C. J. F. Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances
   in Engineering Software 4(2), 1982.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from eventsim.config.loss_schema import LossConfig
from eventsim.engine.buffers import Buffers
from eventsim.gradcheck.variables import Constant, with_constants
from eventsim.losses import LossValue
from eventsim.network import Network
from eventsim.readout import loss_of_output, read_output
from eventsim.spikes import SpikeTrains

N_LEVELS = 5
SHRINK = 4
N_SHRINKS = 10


@dataclass(frozen=True)
class Line:
    """A straight line through the variables: some entries of a flat array move.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Flat view of weights, input activations or parameters, varied in place.
    moving : ndarray, shape (m,), int
        Entries that move.
    direction : ndarray, shape (m,)
        Change of these entries per unit of the step.
    is_positive : bool
        Whether the line ends where an entry reaches 0.
    """

    values: np.ndarray
    moving: np.ndarray
    direction: np.ndarray
    is_positive: bool = False


@dataclass
class Probe:
    """The loss as a function of weights, inputs and parameters varied in place.

    Parameters
    ----------
    engine : module
        What `choose_engine` returned.
    network : Network
        With arrays of its own, float64.
    activation : ndarray, shape (batch, *input shape), dimensionless
        Input as activations or, where these are the input, currents; float64.
    labels : ndarray, shape (batch,), int
        True classes.
    loss : LossConfig
        Loss and its constants.
    constants : tuple of Constant
        Constants that take the place of the network's.
    held : ndarray, shape (n_spikes,), or None
        If given, the loss is ``sum_k held_k t_k`` over the output spikes, sorted by
        sample, neuron and time, instead.
    """

    engine: ModuleType
    network: Network
    activation: np.ndarray
    labels: np.ndarray
    loss: LossConfig
    constants: tuple[Constant, ...] = ()
    held: np.ndarray | None = None
    buffers: Buffers = field(default_factory=Buffers)

    def run(self) -> tuple[Any, LossValue]:
        """Return recording and loss at the present values."""
        network = with_constants(self.network, self.constants)
        recording = self.engine.forward(network, self.activation, self.buffers)
        return recording, self.loss_of(recording)

    def loss_of(self, recording: Any) -> LossValue:
        """Return the loss of a recording."""
        output = read_output(self.network, recording)
        if self.held is not None:
            return linear_loss(recording.trains[-1], self.held)
        return loss_of_output(self.network, recording, output, self.labels, self.loss)

    def state(self, recording: Any) -> list[np.ndarray]:
        """Return the discrete choices of all layers and which inputs spike."""
        network = with_constants(self.network, self.constants)
        n_layers = len(network.layers)
        choices = [recording.discrete_state(network, k) for k in range(1, n_layers + 1)]
        if network.input == "currents":
            return choices
        return [self.activation > 0, *choices]

    def loss_at(self, line: Line, step: float, state: list[np.ndarray]) -> float | None:
        """Return the loss a step along the line, None if a choice changes."""
        kept = line.values[line.moving]
        moved = kept + step * line.direction
        if line.is_positive and moved.min() <= 0:
            return None
        line.values[line.moving] = moved
        try:
            recording, loss = self.run()
            is_same = all(map(np.array_equal, self.state(recording), state))
        finally:
            line.values[line.moving] = kept
        return loss.value if is_same else None


def linear_loss(spikes: SpikeTrains, held: np.ndarray) -> LossValue:
    """Return ``sum_k held_k t_k``; NaN if there are more or fewer spikes.

    Spikes are counted by sample, neuron and time, so that spikes of different neurons
    may change places.
    """
    if held.size != spikes.time.size:
        return LossValue(np.nan, np.zeros(spikes.time.size))
    order = by_neuron(spikes)
    d_time = np.empty(held.size)
    d_time[order] = held
    return LossValue(float(held @ spikes.time[order]), d_time)


def by_neuron(spikes: SpikeTrains) -> np.ndarray:
    """Return the order of the spikes by sample, neuron and time, shape (n_spikes,)."""
    key = spikes.key
    return np.argsort(key, kind="stable")


def differentiate(
    probe: Probe, line: Line, width: float, state: list[np.ndarray]
) -> tuple[float, float] | None:
    """Return the derivative along a line and the smallest step used, or None."""
    for shrink in range(N_SHRINKS):
        step = width / SHRINK**shrink
        found = extrapolate(_central_differences(probe, line, step, state))
        if found is not None:
            derivative, n_halvings = found
            return derivative, step / 2**n_halvings
    return None


def _central_differences(
    probe: Probe, line: Line, step: float, state: list[np.ndarray]
) -> Iterator[float | None]:
    """Yield differences at halved steps, None where a choice changes."""
    for level in range(N_LEVELS):
        h = step / 2**level
        above = probe.loss_at(line, h, state)
        below = None if above is None else probe.loss_at(line, -h, state)
        if above is None or below is None:
            yield None
        else:
            yield (above - below) / (2 * h)


def extrapolate(differences: Iterator[float | None]) -> tuple[float, int] | None:
    """Extrapolate differences at halved steps to step 0.

    The steps stop when the value has settled or its estimated error grows again;
    the estimate with the smallest error wins.
    """
    row: list[float] = []
    best, best_error, best_level = 0.0, np.inf, 0
    for level, difference in enumerate(differences):
        if difference is None:
            return None
        new = [difference]
        for order, coarse in enumerate(row, start=1):
            new.append(new[-1] + (new[-1] - coarse) / (4**order - 1))
        if level == 0:
            best = difference
        for order in range(1, len(new)):
            error = max(
                abs(new[order] - new[order - 1]), abs(new[order] - row[order - 1])
            )
            if error <= best_error:
                best, best_error, best_level = new[order], error, level
        if best_error <= 1e-9 * abs(best):
            break
        if level > 1 and abs(new[-1] - row[-1]) > 2 * best_error:
            break
        row = new
    return best, best_level
