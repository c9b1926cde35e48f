"""One update: a batch forward, its loss, backward, and the parameters moved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from eventsim.config.schema import Config
from eventsim.dropout import training_masks
from eventsim.engine.buffers import Buffers
from eventsim.errors import RunError, SimulationLimitError
from eventsim.network import Network
from eventsim.readout import loss_of_output, predict, read_output
from eventsim.training.records import TrainingState
from eventsim.training.supervision import supervise


@dataclass(frozen=True)
class Place:
    """Where in training a batch is, for messages and random numbers."""

    epoch: int
    batch: int

    def __str__(self) -> str:
        return f"epoch {self.epoch}, batch {self.batch}"


@dataclass(frozen=True)
class Step:
    """What one update saw, before it.

    Parameters
    ----------
    recording : Recording
        Of the forward run.
    answer : ndarray, shape (batch,), int
        Class of each sample, -1 = none.
    loss : float
        Mean over the batch, whatever training minimises.
    d_output : ndarray or None
        dL/dt of output spikes, those given by training included; None where
        potentials are read.
    """

    recording: Any
    answer: np.ndarray
    loss: float
    d_output: np.ndarray | None


def update(
    config: Config,
    state: TrainingState,
    engine: ModuleType,
    batch: tuple[np.ndarray, np.ndarray],
    lr: float,
    buffers: Buffers,
    place: Place,
) -> Step:
    """Run a batch forward and backward and move the parameters.

    Parameters
    ----------
    config : Config
        The run.
    state : TrainingState
        Changed in place.
    engine : module
        What runs the network.
    batch : tuple of ndarray
        Encoded inputs and labels.
    lr : float, dimensionless
        Learning rate.
    buffers : Buffers
        Of the engine.
    place : Place
        For messages.

    Returns
    -------
    Step
        What was seen.

    Raises
    ------
    RunError
        If a layer fires beyond all bounds, or the loss or a gradient is not finite;
        nothing has been changed then. If a weight scale is no longer positive after
        the update.
    """
    network, (inputs, labels) = state.network, batch
    masks = training_masks(
        network, len(labels), seed=config.seed, epoch=place.epoch, number=place.batch
    )
    try:
        recording = engine.forward(network, inputs, buffers, **masks)
    except SimulationLimitError as error:
        raise _stop(f"{str(error).split(';')[0]} in {place}") from error
    output = read_output(network, recording)
    seen = supervise(network, recording, output, labels, config)
    with np.errstate(over="ignore", invalid="ignore"):  # told below
        loss = loss_of_output(network, recording, seen.output, labels, config.loss)
    if not math.isfinite(loss.value):
        raise _stop(f"the loss is {loss.value} in {place}")
    d_output, options = seen.split(loss.d_output)
    gradients = engine.backward(
        network,
        recording,
        d_output,
        d_potential_end=loss.d_potential_end,
        buffers=buffers,
        **_slope_options(config),
        **options,
    )
    _require_finite(network, gradients.weights, place)
    by_parameters = state.parameters.gradients(gradients.weights)
    state.optimizer.update(state.parameters.arrays, by_parameters, lr)
    try:
        state.parameters.settle()
    except RunError as error:
        raise _stop(f"{error} in {place}, expected it above 0") from error
    return Step(
        recording,
        predict(network, output),
        loss.per_sample,
        loss.d_output if seen.is_by_time else None,
    )


def _slope_options(config: Config) -> dict[str, float]:
    """Return the departures from the exact gradient, as the engines call them."""
    neuron = config.network.neuron
    options = {
        name: getattr(neuron, name)
        for name in ("derivative_clip", "slope_clip", "exponential_slope")
    }
    return {name: value for name, value in options.items() if value is not None}


def _require_finite(
    network: Network, by_weight: list[np.ndarray], place: Place
) -> None:
    """Refuse gradients that are NaN or have a square beyond their float type."""
    for (_, layer), gradient in zip(network.spiking_layers, by_weight, strict=True):
        flat = gradient.ravel()
        with np.errstate(over="ignore", invalid="ignore"):
            square = float(np.dot(flat, flat))
        if not math.isfinite(square):
            what = "infinite" if math.isinf(square) else "NaN"
            raise _stop(f"the gradient of {layer.name} is {what} in {place}")


def _stop(what: str) -> RunError:
    return RunError(
        f"train: {what}; lower optimizer.lr, or set optimizer.gradient_clip or "
        "network.neuron.slope_clip; the last finished epoch is in the checkpoint"
    )
