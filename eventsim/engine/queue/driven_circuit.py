"""A network whose input are currents, as a circuit: one set of currents per sample."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from eventsim.circuit import Circuit
from eventsim.engine.input_currents import (
    before_first_neurons,
    by_values,
    by_weights,
    currents_of,
    first_driven,
    to_network_input,
)
from eventsim.engine.layer_dynamics import drive_scale_of
from eventsim.engine.queue.circuit_adjoint import CircuitGradients, circuit_gradients
from eventsim.engine.queue.circuit_tables import circuit_tables
from eventsim.network import Network
from eventsim.neurons.constants import RateGradient
from eventsim.spikes import SpikeTrains


@dataclass(frozen=True)
class InputDrive:
    """What the input of every sample does to the first neurons.

    Parameters
    ----------
    values : ndarray, shape (batch, *shape before the first neurons)
        Inputs of the first layer with neurons.
    given : ndarray, shape (batch, n_driven)
        Currents that they give to its neurons, which come first in the circuit.
    currents : ndarray, shape (batch, n_neurons)
        All currents of all neurons.
    """

    values: np.ndarray
    given: np.ndarray
    currents: np.ndarray


@dataclass(frozen=True)
class InputDriveGradients:
    """Derivatives through the input currents.

    Parameters
    ----------
    weight : ndarray, shape ``topology.weight_shape``
        By the weights of the first layer with neurons.
    scale : float
        By the drive per unit of current, as far as input currents have it.
    current : ndarray, shape (batch, *input shape)
        By the inputs of the network.
    """

    weight: np.ndarray
    scale: float
    current: np.ndarray


def input_drive(network: Network, circuit: Circuit, inputs: np.ndarray) -> InputDrive:
    """Return what drives the neurons of a circuit.

    Parameters
    ----------
    network : Network
        Its input are currents.
    circuit : Circuit
        The network, unrolled.
    inputs : ndarray, shape (batch, *input shape)
        Input currents.

    Returns
    -------
    InputDrive
        In float64.
    """
    values = before_first_neurons(network, inputs)
    given = currents_of(network.layers[first_driven(network) - 1], values)
    given = given.astype(np.float64, copy=False)
    own = [np.broadcast_to(p.current, p.size) for p in circuit.populations]
    currents = np.tile(np.concatenate(own).astype(np.float64), (len(given), 1))
    currents[:, : given.shape[1]] += given
    return InputDrive(values, given, currents)


def driven_gradients(
    network: Network,
    circuit: Circuit,
    drive: InputDrive,
    spikes: SpikeTrains,
    d_time: np.ndarray,
    *,
    slope_clip: float,
    exponential_slope: float | None,
) -> tuple[CircuitGradients, InputDriveGradients]:
    """Differentiate a loss, sample by sample.

    Parameters
    ----------
    network, circuit
        As in `input_drive`.
    drive : InputDrive
        Of the run.
    spikes : SpikeTrains
        All spikes of all neurons.
    d_time : ndarray, shape (n_spikes,)
        dL/dT of each of them, all else fixed.
    slope_clip, exponential_slope
        See `eventsim.engine.queue.circuit_adjoint.circuit_gradients`.

    Returns
    -------
    CircuitGradients
        Summed over the samples.
    InputDriveGradients
        Through the input currents.
    """
    tables = circuit_tables(circuit)
    offsets, found = spikes.offsets, []
    no_input = np.zeros(2, np.int64)
    nothing = SpikeTrains(
        np.empty(0), np.empty(0, np.int32), no_input, circuit.n_inputs
    )
    for b, currents in enumerate(drive.currents):
        found.append(
            circuit_gradients(
                tables.driven_by(currents),
                nothing,
                spikes.samples(b, b + 1),
                d_time[offsets[b] : offsets[b + 1]],
                slope_clip=slope_clip,
                exponential_slope=exponential_slope,
            )
        )
    layer = network.layers[first_driven(network) - 1]
    by_drive = np.stack([by.drive[: drive.given.shape[1]] for by in found])
    by_current = by_drive * drive_scale_of(layer)
    through_input = InputDriveGradients(
        by_weights(layer, drive.values, by_current),
        float(np.sum(by_drive * drive.given)),
        to_network_input(network, by_values(layer, by_current)),
    )
    return _summed(found), through_input


def _summed(found: list[CircuitGradients]) -> CircuitGradients:
    sums = {
        field.name: sum(getattr(by, field.name) for by in found)
        for field in fields(CircuitGradients)
        if field.name != "rates"
    }
    rates = zip(*(by.rates for by in found), strict=True)
    summed = (RateGradient(*np.sum(same, axis=0).tolist()) for same in rates)
    return CircuitGradients(**sums, rates=tuple(summed))
