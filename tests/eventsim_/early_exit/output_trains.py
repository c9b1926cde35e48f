"""Random output spikes with ties, and networks that read them."""

import numpy as np
from eventsim_.circuits import trains

from eventsim.network import Layer, Network, Neuron
from eventsim.spikes import join_samples
from eventsim.topology import Dense

T_END = 8.0
N_CLASSES = 3


def reader(readout="spike_count", n_classes=N_CLASSES, t_end=T_END):
    """A network of one layer, for its readout and duration."""
    layer = Layer(
        "out",
        Dense((2,), n_classes),
        Neuron("if_delta", "static"),
        np.ones((2, n_classes)),
        np.ones(n_classes),
    )
    return Network((2,), (layer,), 1.0, readout, t_end)


def samples(*events, n_classes=N_CLASSES):
    """Trains from lists of (time, class), one list for each sample."""
    return join_samples([trains(list(one), n_classes) for one in events])


def random_output(seed, batch=12, *, ties=True, most=14, n_classes=N_CLASSES):
    """Output spikes; with ties, times are multiples of 1/2 and some spikes repeat.

    The first sample is silent, in the second one two classes are level for ever.
    """
    rng = np.random.default_rng(seed)
    parts = [[], [(1.25, 0), (1.25, 1)]]
    for _ in range(batch - 2):
        n = int(rng.integers(0, most))
        time = rng.uniform(0, T_END, n)
        if ties:
            time = np.floor(2 * time) / 2
        favourite = rng.integers(n_classes)
        neuron = np.where(rng.random(n) < 0.4, favourite, rng.integers(0, n_classes, n))
        parts.append(list(zip(time.tolist(), neuron.tolist(), strict=True)))
    return samples(*parts, n_classes=n_classes)
