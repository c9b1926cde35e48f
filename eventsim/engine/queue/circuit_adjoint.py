"""Exact gradients of the spike times of a circuit.

Everything is computed from the spikes alone, whichever queue found them: what
arrives where is listed again, every neuron is run through its events again, and
then all is walked back in reverse order, see
`eventsim.engine.queue.circuit_adjoint_kernels`.

Memory of one sample: 16 bytes for each arrival that comes before its neuron's last
spike, and 64 for each spike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eventsim.engine.neuron_adjoint_kernels import (
    GRAZING,
    N_SUMS,
    REFRACTORY,
    Rule,
)
from eventsim.engine.queue.circuit_adjoint_kernels import (
    Cells,
    Totals,
    Windows,
    run_windows,
    unrun_windows,
)
from eventsim.engine.queue.circuit_arrival_kernels import (
    Arrivals,
    Sent,
    Wires,
    count_arrivals,
    list_arrivals,
)
from eventsim.engine.queue.circuit_tables import CircuitTables
from eventsim.engine.spike_gradients import check_slopes
from eventsim.errors import ShapeError
from eventsim.neurons.constants import RateGradient
from eventsim.spikes import SpikeTrains

MAX_ARRIVALS = 200_000_000
LARGEST_INDEX = 2**31 - 1


@dataclass(frozen=True)
class CircuitGradients:
    """Derivatives of a loss, summed over the samples but for the inputs.

    Parameters
    ----------
    weight, delay : ndarray, shape (n_connections,)
        By each connection, in the order of the circuit's projections.
    theta, current, drive : ndarray, shape (n_neurons,)
        By each neuron's threshold and constant current; the drive is the current in
        units of the potential per time.
    rates : tuple of RateGradient
        By the constants of each population; a model's ``by_time_constants`` makes
        derivatives by its time constants from them.
    refractory : ndarray, shape (n_populations,)
        By the refractory period, where there is one.
    input_time, input_value : ndarray, shape (n_input_spikes,)
        By the time and value of each input spike.
    n_grazing : int
        Threshold crossings with hardly any slope that the loss depends on.
    """

    weight: np.ndarray
    delay: np.ndarray
    theta: np.ndarray
    current: np.ndarray
    drive: np.ndarray
    rates: tuple[RateGradient, ...]
    refractory: np.ndarray
    input_time: np.ndarray
    input_value: np.ndarray
    n_grazing: int


def circuit_gradients(
    tables: CircuitTables,
    inputs: SpikeTrains,
    spikes: SpikeTrains,
    d_time: np.ndarray,
    *,
    slope_clip: float = math.inf,
    exponential_slope: float | None = None,
    max_arrivals: int = MAX_ARRIVALS,
) -> CircuitGradients:
    """Differentiate a loss that depends on the spike times of a circuit.

    Parameters
    ----------
    tables : CircuitTables
        The circuit.
    inputs : SpikeTrains
        Input spikes; neuron numbers are input channels.
    spikes : SpikeTrains
        All spikes of all neurons that a queue found for these inputs.
    d_time : ndarray, shape (n_spikes,)
        dL/dT of each of them, all else fixed; 0 where the loss does not see it.
    slope_clip : float, network time units per unit of potential
        Largest 1/slope at a crossing; ``inf`` is exact.
    exponential_slope : float or None, network time units
        Time constant of the exponential slope, see
        `eventsim.engine.sweep.gathered_sweep.gathered_backward`; ``None`` is exact.
        Spikes without a slope, which instantaneous inputs set off, are left alone.
    max_arrivals : int
        Most arrivals of one sample that may be listed.

    Returns
    -------
    CircuitGradients
        Exact where the number and order of events stays as it is.

    Raises
    ------
    ShapeError
        If the arrays do not fit together, a delay is lost in the rounding of times,
        an option does not fit the neurons, or there are more arrivals than
        `max_arrivals`.

    References
    ----------
    .. [1] T. C. Wunderlich, C. Pehle, "Event-based backpropagation can compute exact
       gradients for spiking neural networks", Sci. Rep. 11, 2021.
    """
    _check(tables, inputs, spikes, d_time)
    for number, d in enumerate(tables.dynamics):
        has_slope = d.kick == 0 or bool(np.any(tables.drive[tables.group == number]))
        check_slopes("circuit", d, slope_clip, exponential_slope if has_slope else None)
    rule = Rule(float(slope_clip), float(exponential_slope or 0), True)
    n_connections, n_neurons = tables.target.size, tables.n_neurons
    n_groups = len(tables.dynamics)
    weight, delay = np.zeros(n_connections), np.zeros(n_connections)
    theta, drive = np.zeros(n_neurons), np.zeros(n_neurons)
    sums = np.zeros((n_groups, N_SUMS))
    input_time, input_value = np.zeros(inputs.time.size), np.zeros(inputs.time.size)
    for b in range(inputs.batch):
        sent, origin = _sent(tables, inputs, spikes, b)
        n_given = inputs.offsets[b + 1] - inputs.offsets[b]
        own = np.concatenate(
            [np.zeros(n_given), d_time[spikes.offsets[b] : spikes.offsets[b + 1]]]
        )
        to = Totals(
            weight,
            delay,
            own[origin].astype(np.float64),
            np.zeros(origin.size),
            theta,
            drive,
            sums,
            np.zeros(origin.size),
        )
        _unrun_sample(tables, sent, to, rule, max_arrivals)
        is_input = origin < n_given
        places = inputs.offsets[b] + origin[is_input]
        input_time[places] = to.time[is_input]
        input_value[places] = to.value[is_input]
    by_connection = np.empty((2, n_connections))
    by_connection[:, tables.given] = weight, delay
    current = tables.drive / tables.drive_scale
    by_scale = np.bincount(tables.group, current * drive, n_groups)
    return CircuitGradients(
        weight=by_connection[0],
        delay=by_connection[1],
        theta=theta,
        current=drive * tables.drive_scale,
        drive=drive,
        rates=tuple(
            RateGradient(*map(float, (*row[:REFRACTORY], scale)))
            for row, scale in zip(sums, by_scale, strict=True)
        ),
        refractory=sums[:, REFRACTORY].copy(),
        input_time=input_time,
        input_value=input_value,
        n_grazing=int(sums[:, GRAZING].sum()),
    )


def _sent(
    tables: CircuitTables, inputs: SpikeTrains, spikes: SpikeTrains, b: int
) -> tuple[Sent, np.ndarray]:
    """Return a sample's spikes in the order of sending, and where they came from."""
    given = slice(inputs.offsets[b], inputs.offsets[b + 1])
    found = slice(spikes.offsets[b], spikes.offsets[b + 1])
    values = np.ones(inputs.time.size) if inputs.value is None else inputs.value
    n_given = inputs.time[given].size
    time = np.concatenate([inputs.time[given], spikes.time[found]], dtype=np.float64)
    node = np.concatenate(
        [inputs.neuron[given], spikes.neuron[found] + tables.n_inputs], dtype=np.int64
    )
    value = np.ones(time.size)
    value[:n_given] = values[given]
    level = np.full(time.size, -1)
    level[n_given:] = tables.level[spikes.neuron[found]]
    order = np.lexsort((node, level, time))
    return Sent(time[order], node[order], value[order]), order


def _unrun_sample(
    tables: CircuitTables, sent: Sent, to: Totals, rule: Rule, max_arrivals: int
) -> None:
    wires = Wires(
        tables.n_inputs, tables.offsets, tables.target, tables.weight, tables.delay
    )
    cells = Cells(
        tables.group,
        tables.theta,
        tables.drive,
        np.array([tuple(map(float, d)) for d in tables.dynamics]),
    )
    is_neuron = sent.node >= tables.n_inputs
    last_spike = np.full(tables.n_neurons, -np.inf)
    np.maximum.at(
        last_spike, sent.node[is_neuron] - tables.n_inputs, sent.time[is_neuron]
    )
    counts = np.zeros(tables.n_neurons, np.int64)
    lost = count_arrivals(wires, sent, last_spike, counts)
    if lost >= 0:
        raise ShapeError(
            f"circuit: connection {tables.given[lost]} has a delay of "
            f"{tables.delay[lost]}, which does not change its spike times; expected 0 "
            "or a delay that is not lost in rounding"
        )
    offsets = np.concatenate([[0], np.cumsum(counts)])
    n = int(offsets[-1])
    if n > max_arrivals:
        raise ShapeError(
            f"circuit: {n} arrivals have to be listed for the gradients of one sample; "
            f"expected at most {max_arrivals} ({16 * n / 1e9:.1f} GB are needed); "
            "shorten the run or raise max_arrivals"
        )
    arrivals = Arrivals(
        offsets, np.empty(n), np.empty(n, np.int32), np.empty(n, np.int32)
    )
    list_arrivals(wires, sent, last_spike, arrivals)
    n_sent = sent.time.size
    windows = Windows(
        tables.group,
        np.full(n_sent, -1, np.int64),
        np.zeros(n_sent, np.int64),
        np.empty((n_sent, 4)),
    )
    most = run_windows(wires, cells, sent, arrivals, windows)
    unrun_windows(wires, cells, sent, arrivals, windows, most, rule, to)


def _check(
    tables: CircuitTables, inputs: SpikeTrains, spikes: SpikeTrains, d_time: np.ndarray
) -> None:
    for what, trains, n in (
        ("input spikes", inputs, tables.n_inputs),
        ("spikes", spikes, tables.n_neurons),
    ):
        if trains.n_neurons != n:
            raise ShapeError(
                f"circuit: the {what} have {trains.n_neurons} channels; expected {n}"
            )
    if inputs.batch != spikes.batch:
        raise ShapeError(
            f"circuit: there are {inputs.batch} samples of input spikes and "
            f"{spikes.batch} of spikes; expected the same number"
        )
    if d_time.shape != spikes.time.shape:
        raise ShapeError(
            f"circuit: d_time has shape {d_time.shape}; expected {spikes.time.shape}, "
            "one number for every spike"
        )
    if max(tables.target.size, inputs.time.size + spikes.time.size) > LARGEST_INDEX:
        raise ShapeError(
            f"circuit: more than {LARGEST_INDEX} connections or spikes; expected fewer"
        )
