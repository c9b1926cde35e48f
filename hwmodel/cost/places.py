"""Where the energy is spent: what cores and links use themselves.

Not every joule has one place. A core is given its synaptic operations, neuron updates
and spikes; a link its hops, and the crossing between chips if it is one. Packets sent
and taken in, routers and the static energy are left to the total.
"""

from __future__ import annotations

import numpy as np

from hwmodel.chip.chip import Chip
from hwmodel.chip.constants import Action
from hwmodel.mesh.loads import LinkLoads
from hwmodel.traffic.counts import ActionCounts

OF_CORES: tuple[Action, ...] = ("sop", "neuron_update", "spike")
"""Actions that happen in one core."""

OF_LINKS: tuple[Action, ...] = ("hop", "hop_y", "chip_crossing")
"""Actions that happen on one link."""


def core_energy(
    chip: Chip, counts: ActionCounts, neurons_per_core: np.ndarray, steps: int
) -> np.ndarray:
    """Price what happens in each core.

    Parameters
    ----------
    chip : Chip
        Prices; those it has not are 0.
    counts : ActionCounts
        Counts over all measured inferences.
    neurons_per_core : ndarray, shape (n_cores,), int64
        Copies included; for chips that update every neuron in every step.
    steps : int
        Time steps of an inference.

    Returns
    -------
    ndarray, shape (n_cores,), J per inference
        Their sum is that of the terms `OF_CORES` of the total energy.
    """
    sops = counts.sops_per_core / counts.n_samples
    event_driven = chip.execution == "event-driven"
    updates = sops if event_driven else neurons_per_core * float(steps)
    spikes = counts.spikes_per_core / counts.n_samples
    return (
        sops * price(chip, "sop")
        + updates * price(chip, "neuron_update")
        + spikes * price(chip, "spike")
    )


def link_energy(chip: Chip, loads: LinkLoads, n_samples: int) -> np.ndarray:
    """Price what happens on each link.

    Parameters
    ----------
    chip : Chip
        Prices; those it has not are 0.
    loads : LinkLoads
        Packets over all measured inferences.
    n_samples : int
        How many.

    Returns
    -------
    ndarray, shape of ``loads.packets``, J per inference
        Their sum is that of the terms `OF_LINKS` of the total energy.
    """
    along_x = price(chip, "hop")
    along_y = along_x if chip.energy.hop_y is None else price(chip, "hop_y")
    by_direction = np.array(
        [along_x if dy == 0 else along_y for _, dy in loads.grid.directions]
    )
    crossing = loads.leaves_chip * price(chip, "chip_crossing")
    return loads.packets / n_samples * (by_direction[:, None, None] + crossing)


def price(chip: Chip, action: Action) -> float:
    """Return the price of an action.

    Parameters
    ----------
    chip : Chip
        Prices.
    action : str
        One of `hwmodel.chip.constants.ACTIONS`.

    Returns
    -------
    float, J
        0 if the chip's energy law has no such term, or it is included in another. An
        unknown price is 0 too: a bill has been written, so it did not happen.
    """
    constant = chip.constants.get(f"energy.{action}")
    return 0.0 if constant is None or constant.value is None else constant.value
