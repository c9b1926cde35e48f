"""What the event queues ask of a run, and the error of one that does not end."""

from __future__ import annotations

import math

import numpy as np

from eventsim.circuit import Circuit
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.spikes import SpikeTrains

MAX_EVENTS = 100_000_000


def limit_error(
    circuit: Circuit, max_events: int, time: float, partial: SpikeTrains
) -> SimulationLimitError:
    """Return the error of a run that has too many events.

    Parameters
    ----------
    circuit : Circuit
        What ran.
    max_events : int
        How many events were allowed.
    time : float, network time units
        How far the run came.
    partial : SpikeTrains
        What it found; kept in the error.

    Returns
    -------
    SimulationLimitError
        To be raised.
    """
    counts = partial.counts()
    busiest = [int(k) for k in np.argsort(-counts, kind="stable")[:3] if counts[k] > 0]
    names = ", ".join(
        f"{circuit.name_of(circuit.n_inputs + k)} ({counts[k]})" for k in busiest
    )
    return SimulationLimitError(
        f"simulate: {max_events} events were done by t = {time:g} and more are to "
        f"come; most spikes: {names or 'none at all'}; raise max_events, end the run "
        "earlier, or weaken the loops that keep the circuit going",
        partial,
    )


def check_circuit_run(circuit: Circuit, spikes: SpikeTrains, t_end: float) -> None:
    """Refuse input spikes that do not fit a circuit.

    Parameters
    ----------
    circuit : Circuit
        What is to run.
    spikes : SpikeTrains
        Input spikes; neuron numbers are input channels.
    t_end : float, network time units
        End of the run.

    Raises
    ------
    ShapeError
        If the number of channels differs, a spike comes before 0, or `t_end` is not
        a positive number.
    """
    if not (0 < t_end < math.inf):
        raise ShapeError(f"simulate: t_end is {t_end}; expected a positive number")
    if spikes.n_neurons != circuit.n_inputs:
        raise ShapeError(
            f"simulate: the spikes have {spikes.n_neurons} channels; expected "
            f"{circuit.n_inputs}, the inputs of the circuit"
        )
    if spikes.time.size and spikes.time.min() < 0:
        raise ShapeError(
            f"simulate: an input spike comes at {spikes.time.min()}; expected times "
            "from 0 on"
        )
