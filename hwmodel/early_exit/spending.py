"""Price what has happened by some times: joules of every sample, exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eventsim.network import Network
from hwmodel.cost.bill import values_of
from hwmodel.cost.energy import Energy
from hwmodel.cost.latency import steps_begun
from hwmodel.early_exit.counting import counts_until
from hwmodel.early_exit.effects import COLUMNS, effects_of, hop_seconds
from hwmodel.estimate import Estimate
from hwmodel.workload.trace import SpikeTrace


@dataclass(frozen=True)
class Spending:
    """What each sample has cost by some times.

    Parameters
    ----------
    energy : ndarray, shape (n_times, n_samples), J
        All terms, the static one included.
    terms : tuple of Energy, J per inference
        Means over the samples at each time, by what they are spent on.
    steps : ndarray, shape (n_times, n_samples), int64
        Time steps that have begun.
    in_flight : ndarray, shape (n_times, n_samples), int64
        Packets that have been sent to a core and are not there yet; of a multicast
        packet one for each of its cores.
    """

    energy: np.ndarray
    terms: tuple[Energy, ...]
    steps: np.ndarray
    in_flight: np.ndarray


def spending_until(
    full: Estimate,
    network: Network,
    trace: SpikeTrace,
    times: np.ndarray,
    steps_per_window: int,
    on_samples: Callable[[int], object] | None = None,
) -> Spending:
    """Pay for every sample of a trace up to some times.

    Parameters
    ----------
    full : Estimate
        Of the whole trace: mapping, chip, casting and the prices that are paid.
    network : Network
        The model that fired.
    trace : SpikeTrace
        Its spikes.
    times : ndarray, shape (n_times, n_samples), network time units
        From 0 to the end of the run.
    steps_per_window : int
        Time steps a firing window is divided into; that of `full`.
    on_samples : callable, optional
        Called with a number of samples when they are done.

    Returns
    -------
    Spending
        At the end of the run its mean is the energy of `full`.

    Notes
    -----
    What happens at a time is paid. Packets are paid when they leave, synaptic
    operations and what cores take in when they arrive, spikes when they fire, neuron
    updates and static watts for the time steps that have begun, and joules per frame
    once, whatever the time.
    """
    chip, bill = full.chip, full.bill
    effects = effects_of(
        network,
        full.mapping,
        chip,
        full.casting,
        full.input_port,
        units_per_second(full, network, steps_per_window),
    )
    neurons = sum(layer.neurons + layer.copies for layer in full.counts.layers)
    values = values_of(chip, bill)
    price = {action: values[f"energy.{action}"] for action in bill.actions}
    steps = steps_begun(times / network.time_window, steps_per_window)
    static = _static(full, values, steps)
    energy = np.array(static)
    in_flight = np.empty(times.shape, dtype=np.int64)
    sums = np.zeros((len(times), len(bill.actions)), dtype=np.int64)
    for part in counts_until(effects, trace.trains, times, trace.duration):
        samples = slice(part.first, part.stop)
        by_name = dict(zip(COLUMNS, np.moveaxis(part.counts, -1, 0), strict=True))
        in_flight[:, samples] = by_name["sent"] - by_name["axon_in"]
        by_name["neuron_update"] = by_name["sop"]
        if chip.execution == "time-stepped":
            by_name["neuron_update"] = steps[:, samples] * neurons
        for i, action in enumerate(bill.actions):
            energy[:, samples] += by_name[action] * price[action]
            sums[:, i] += by_name[action].sum(axis=1)
        if on_samples is not None:
            on_samples(part.stop - part.first)
    means = sums / trace.n_samples
    terms = []
    for row, mean_static in zip(means.tolist(), static.mean(axis=1), strict=True):
        named = {"static": float(mean_static)}
        for action, often in zip(bill.actions, row, strict=True):
            name = "hop" if action == "hop_y" else action
            named[name] = named.get(name, 0.0) + often * price[action]
        terms.append(Energy(**named))
    return Spending(energy, tuple(terms), steps, in_flight)


def units_per_second(
    full: Estimate, network: Network, steps_per_window: int
) -> float | None:
    """Return how many network time units pass on the chip in a second.

    Parameters
    ----------
    full : Estimate
        Its chip says how long a step is and how long hops take.
    network : Network
        Its time window is divided into steps.
    steps_per_window : int
        Number of these steps.

    Returns
    -------
    float or None
        ``None`` if a duration is unknown: then packets travel in no time.
    """
    step = full.chip.timing.step.value
    if step is None or hop_seconds(full.chip) is None:
        return None
    return network.time_window / (steps_per_window * step)


def _static(full: Estimate, values: dict[str, float], steps: np.ndarray) -> np.ndarray:
    """Return the static energy of each sample, J, same shape as the steps."""
    price = values["energy.static"]
    if full.bill.static_unit == "J/frame":
        return np.full(steps.shape, price)
    return price * full.n_chips * (values["timing.step"] * steps)
