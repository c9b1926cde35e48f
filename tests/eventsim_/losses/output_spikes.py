"""Output spikes for the tests of losses, and differences of their values."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from eventsim.spikes import SpikeTrains

N_CLASSES = 3
DURATION = 2.0
STEP = 1 / 8
"""Random spike times are multiples of this; a grid of it is then exact."""


def trains(*samples, n_classes=N_CLASSES):
    """Build trains from lists of (time, neuron) or (time, neuron, mass)."""
    rows = [sorted(sample, key=lambda spike: spike[0]) for sample in samples]
    spikes = [spike for row in rows for spike in row]
    has_masses = any(len(spike) == 3 for spike in spikes)
    return SpikeTrains(
        np.array([spike[0] for spike in spikes], float),
        np.array([spike[1] for spike in spikes], np.int32),
        np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        n_classes,
        np.array([spike[2] for spike in spikes], float) if has_masses else None,
    )


def listed(spikes):
    """Return the (sample, time, neuron, mass) of each spike."""
    mass = np.ones(spikes.time.size) if spikes.value is None else spikes.value
    return list(zip(spikes.sample, spikes.time, spikes.neuron, mass, strict=True))


@st.composite
def cases(draw, *, with_masses=False, at_most=6):
    """Draw (spikes, labels) on the grid: ties, silence, spikes at both ends."""
    n_cells = round(DURATION / STEP)
    spike = st.tuples(
        st.integers(0, n_cells).map(lambda k: k * STEP),
        st.integers(0, N_CLASSES - 1),
        *([st.sampled_from([0.25, 0.5, 1.0, 1.75])] if with_masses else []),
    )
    samples = draw(st.lists(st.lists(spike, max_size=at_most), min_size=1, max_size=3))
    labels = [draw(st.integers(0, N_CLASSES - 1)) for _ in samples]
    return trains(*samples), np.array(labels)


def random_case(seed, *, batch=4, n_spikes=7, n_classes=N_CLASSES):
    """Return spikes at any time, with masses, and labels."""
    rng = np.random.default_rng(seed)
    samples = [
        [
            (rng.uniform(0, DURATION), rng.integers(n_classes), rng.uniform(0.5, 1.5))
            for _ in range(rng.integers(1, n_spikes + 1))
        ]
        for _ in range(batch)
    ]
    return trains(*samples, n_classes=n_classes), rng.integers(0, n_classes, batch)


def by_masses(value, spikes, step=1e-6):
    """Return central differences of ``value(spikes)`` by the mass of each spike."""
    mass = np.ones(spikes.time.size) if spikes.value is None else spikes.value
    found = []
    for k in range(mass.size):
        change = step * (np.arange(mass.size) == k)
        above, below = (replace(spikes, value=mass + s * change) for s in (1, -1))
        found.append((value(above) - value(below)) / (2 * step))
    return np.array(found)


def by_times(value, spikes, step=1e-6):
    """Return central differences of ``value(spikes)`` by the time of each spike."""
    found = []
    for k in range(spikes.time.size):
        sides = []
        for sign in (1, -1):
            samples = [[] for _ in range(spikes.batch)]
            for j, (b, time, neuron, mass) in enumerate(listed(spikes)):
                moved = time + sign * step * (j == k)
                samples[b].append((moved, neuron, mass))
            sides.append(value(trains(*samples, n_classes=spikes.n_neurons)))
        found.append((sides[0] - sides[1]) / (2 * step))
    return np.array(found)


def recent_counts(spikes, sample, t, window):
    """Return the mass of each neuron's spikes in (t - window, t]."""
    counts = np.zeros(spikes.n_neurons)
    for b, time, neuron, mass in listed(spikes):
        if b == sample and t - window < time <= t:
            counts[neuron] += mass
    return counts


def mean_over_grid(function):
    """Return the mean over time of a function that is constant between grid points."""
    n_cells = round(DURATION / STEP)
    return sum(function((k + 0.5) * STEP) for k in range(n_cells)) / n_cells


def entry(spikes, sample, neuron):
    """Return which spikes belong to a neuron of a sample, bool."""
    return (spikes.sample == sample) & (spikes.neuron == neuron)
