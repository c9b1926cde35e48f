"""Every spike of some samples, simulated once, to evaluate any policy from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eventsim.batches import SAMPLES_AT_ONCE, evaluation_batches
from eventsim.config.schema import Config
from eventsim.datasets.records import Split
from eventsim.early_exit.policies import require_output_spikes
from eventsim.engine import choose_engine, trains_of
from eventsim.engine.buffers import Buffers
from eventsim.errors import DataError
from eventsim.network import Network
from eventsim.spikes import SpikeTrains


@dataclass(frozen=True)
class Trace:
    """What a network did with some samples, up to its ``duration``.

    Parameters
    ----------
    network : Network
        What ran.
    trains : tuple of SpikeTrains
        Spikes of the input, then of every layer.
    labels : ndarray, shape (batch,), int
        True classes.
    currents : ndarray, shape (batch, *input shape), or None
        Input of a network that is driven by currents; it has no input spikes.
    """

    network: Network
    trains: tuple[SpikeTrains, ...]
    labels: np.ndarray
    currents: np.ndarray | None = None

    @property
    def output(self) -> SpikeTrains:
        """Spikes of the output layer."""
        return self.trains[-1]

    def samples(self, first: int, stop: int) -> Trace:
        """Return the trace of some of the samples."""
        return Trace(
            self.network,
            tuple(train.samples(first, stop) for train in self.trains),
            self.labels[first:stop],
            None if self.currents is None else self.currents[first:stop],
        )


def record_traces(
    network: Network,
    split: Split,
    config: Config,
) -> Iterator[Trace]:
    """Simulate the samples of a split once, in float64.

    Parameters
    ----------
    network : Network
        Any whose output spikes are read.
    split : Split
        Samples; at least one.
    config : Config
        Encoding.

    Yields
    ------
    Trace
        `SAMPLES_AT_ONCE` samples, in order.

    Raises
    ------
    ShapeError
        If potentials are read or the engine cannot run the network.
    DataError
        If there is no sample.
    SimulationLimitError
        If there are more spikes than allowed.
    """
    require_output_spikes(network)
    if len(split) == 0:
        raise DataError(
            "early exit: the set of samples is empty; expected at least one"
        )
    network = network.astype(np.float64)
    run, buffers = choose_engine(network), Buffers()
    for activation, labels in evaluation_batches(
        split, config, np.float64, SAMPLES_AT_ONCE
    ):
        recording = run.forward(network, activation, buffers)
        currents = activation if network.input == "currents" else None
        yield Trace(network, trains_of(network, recording), labels, currents)
