"""Supervisory spikes: training lets the label's output neuron fire once more.

A silent output neuron has no spike time that a loss could move. In training, the
label's neuron is therefore given a spike at the last time, after its own spikes, at
which its potential still rises with some slope ([1]_ does so on a time grid, with an
absolute slope; here it is measured in thresholds per run, so that neither the scale
of the weights nor the unit of time matters). The
potential there is below the threshold; the spike's derivatives are those of a
crossing at that height:

    dt/dw_i = -psp(t - t_i) / slope,   dt/dt_i = w_i psp'(t - t_i) / slope,

so that an earlier spike is one of a larger potential. Nothing else changes: the
neuron is not reset, and answers and counts of spikes do not see the spike.

References
----------
.. [1] Y. Zhu, W. Fang, X. Xie, T. Huang, Z. Yu, "Exploring loss functions for
   time-based training strategy in spiking neural networks", NeurIPS 2023 (code).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.engine.neuron_adjoint_kernels import Rule
from eventsim.engine.sweep.forced_spike_kernels import find_forced, unrun_forced
from eventsim.engine.sweep.gathered_sweep import N_CHUNKS, GatheredLayer, input_arrays
from eventsim.errors import ShapeError
from eventsim.neurons.dynamics import Dynamics
from eventsim.spikes import SpikeTrains


@dataclass(frozen=True)
class ForcedSpikes:
    """At most one spike of one neuron in each sample.

    Parameters
    ----------
    neuron : ndarray, shape (batch,), int64
        The neuron of each sample.
    time : ndarray, shape (batch,), network time units
        When it is made to fire; ``inf`` = not at all.
    """

    neuron: np.ndarray
    time: np.ndarray


@dataclass(frozen=True)
class ForcedGradients:
    """What a loss on forced spikes adds to the gradients of a layer.

    Parameters
    ----------
    weight : ndarray, shape (n_weights,)
        By flat weights.
    drive : ndarray, shape (n_out,)
        By drives.
    input_time, value : ndarray, shape (n_input_spikes,)
        By times and values of the arriving spikes.
    """

    weight: np.ndarray
    drive: np.ndarray
    input_time: np.ndarray
    value: np.ndarray


def force_spikes(
    layer: GatheredLayer,
    arrived: SpikeTrains,
    spikes: SpikeTrains,
    neuron: np.ndarray,
    t_end: float,
    *,
    least_rise: float,
    only_if_silent: bool,
) -> ForcedSpikes:
    """Find where one neuron of each sample can be made to fire.

    Parameters
    ----------
    layer : GatheredLayer
        The neurons.
    arrived, spikes : SpikeTrains
        Input and spikes of the layer.
    neuron : ndarray, shape (batch,), int
        The neuron of each sample.
    t_end : float, network time units
        End of the run.
    least_rise : float, thresholds per run
        Least slope there, positive: how far the potential would rise in a run.
    only_if_silent : bool
        Leave neurons alone that fire by themselves.

    Returns
    -------
    ForcedSpikes
        Never before a spike of the neuron's own; none where it may not fire again
        (``max_spikes``).

    Raises
    ------
    ShapeError
        If the model has a refractory kernel or instantaneous synapses, or `neuron`
        does not name one neuron of the layer for each sample.
    """
    require_forcible(layer.dynamics)
    chosen = np.ascontiguousarray(neuron, np.int64)
    _require_one_each("neuron", chosen, arrived.batch)
    n_out = layer.fan_in.n_out
    wrong = np.flatnonzero((chosen < 0) | (chosen >= n_out))
    if wrong.size:
        raise ShapeError(
            f"supervisory spike: neuron[{wrong[0]}] is {chosen[wrong[0]]}; expected a "
            f"label from 0 to {n_out - 1}"
        )
    forced = np.empty(arrived.batch)
    find_forced(
        *layer.arrays,
        *input_arrays(layer, arrived),
        *_output_arrays(spikes),
        chosen,
        float(t_end),
        float(least_rise),
        bool(only_if_silent),
        forced,
    )
    return ForcedSpikes(chosen, forced)


def backward_forced(
    layer: GatheredLayer,
    arrived: SpikeTrains,
    spikes: SpikeTrains,
    forced: ForcedSpikes,
    d_time: np.ndarray,
    rule: Rule,
) -> ForcedGradients:
    """Differentiate a loss on forced spikes.

    Parameters
    ----------
    layer, arrived, spikes
        As in `force_spikes`.
    forced : ForcedSpikes
        What it returned.
    d_time : ndarray, shape (batch,)
        dL/dT of the forced spike of each sample; ignored where there is none.
    rule : Rule
        Options of the derivative at a crossing.

    Returns
    -------
    ForcedGradients
        Derivatives. Those by thresholds are left out: a threshold moves a forced
        spike only through the neuron's own spikes before it.

    Raises
    ------
    ShapeError
        If there is not one dL/dT for each sample.
    """
    _require_one_each("d_time", d_time, arrived.batch)
    table = layer.fan_in
    n_chunks = max(1, min(N_CHUNKS, arrived.batch))
    weight, drive = (
        np.zeros((n_chunks, table.n_weights)),
        np.zeros((n_chunks, table.n_out)),
    )
    by_time, by_value = np.zeros(arrived.time.size), np.zeros(arrived.time.size)
    unrun_forced(
        *layer.arrays,
        *input_arrays(layer, arrived),
        *_output_arrays(spikes),
        forced.neuron,
        forced.time,
        np.ascontiguousarray(d_time, np.float64),
        table.slot,
        rule,
        weight,
        drive,
        by_time,
        by_value,
    )
    return ForcedGradients(weight.sum(axis=0), drive.sum(axis=0), by_time, by_value)


def require_forcible(dynamics: Dynamics) -> None:
    """Refuse a model whose neurons cannot be given supervisory spikes.

    Parameters
    ----------
    dynamics : Dynamics
        Constants of the model.

    Raises
    ------
    ShapeError
        If it has a refractory kernel or instantaneous synapses.
    """
    if dynamics.recoil != 0 or dynamics.kick != 0:
        has_kernel = dynamics.recoil != 0
        what = "a refractory kernel" if has_kernel else "instantaneous synapses"
        raise ShapeError(
            f"supervisory spike: the output neurons have {what}; expected a model "
            "without; leave training.supervisory_spike out or use another model"
        )


def _require_one_each(name: str, array: np.ndarray, batch: int) -> None:
    if array.shape != (batch,):
        raise ShapeError(
            f"supervisory spike: {name} has shape {array.shape}; expected ({batch},), "
            "one for each sample"
        )


def _output_arrays(spikes: SpikeTrains) -> tuple[np.ndarray, ...]:
    return (
        np.ascontiguousarray(spikes.time, np.float64),
        np.ascontiguousarray(spikes.neuron, np.int32),
        np.ascontiguousarray(spikes.offsets, np.int64),
    )
