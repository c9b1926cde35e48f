"""The bill of an inference: how often each priced action happens, layer by layer.

A bill holds counts only. Prices come in when it is evaluated, so that the same bill can
be paid with the published values, with their bounds, or with many drawn values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwmodel.chip.casting import Casting
from hwmodel.chip.chip import Chip
from hwmodel.chip.constants import ACTIONS, Action
from hwmodel.cost.latency import Latency
from hwmodel.traffic.counts import ActionCounts, LayerCounts


@dataclass(frozen=True)
class Bill:
    """What has to be paid for one inference.

    Parameters
    ----------
    actions : tuple of str
        Actions the chip's energy law has a price for.
    counts : ndarray, shape (n_layers, n_actions), per inference
        How often each happens because of the spikes a layer receives.
    static_unit : {"W", "J/frame"}
        Unit of the static constant.
    n_chips : int
        Chips that draw the static power.
    steps : int
        Time steps that they draw it for.
    """

    actions: tuple[Action, ...]
    counts: np.ndarray
    static_unit: str
    n_chips: int
    steps: int

    @property
    def constants(self) -> tuple[str, ...]:
        """Dotted names of the constants that `evaluate` needs a value of."""
        times = ("timing.step",) if self.static_unit == "W" else ()
        return (*(f"energy.{a}" for a in self.actions), "energy.static", *times)

    def dynamic(self, values: Mapping[str, float]) -> np.ndarray:
        """Pay for the actions.

        Parameters
        ----------
        values : mapping of str to float, SI
            Values of `constants`.

        Returns
        -------
        ndarray, shape (n_layers, n_actions), J per inference
            Energy of each action in each layer.
        """
        return self.counts * np.array([values[f"energy.{a}"] for a in self.actions])

    def static(
        self, values: Mapping[str, float] | Mapping[str, np.ndarray]
    ) -> float | np.ndarray:
        """Pay for what does not depend on events; J per inference."""
        if self.static_unit == "J/frame":
            return values["energy.static"]
        seconds = values["timing.step"] * self.steps
        return values["energy.static"] * self.n_chips * seconds

    def total(
        self, values: Mapping[str, float] | Mapping[str, np.ndarray]
    ) -> float | np.ndarray:
        """Pay for everything.

        Parameters
        ----------
        values : mapping of str to float or to ndarray of one shape, SI
            Values of `constants`.

        Returns
        -------
        float or ndarray of that shape, J per inference
            The total.
        """
        often = self.counts.sum(axis=0)
        dynamic = sum(
            values[f"energy.{action}"] * n
            for action, n in zip(self.actions, often.tolist(), strict=True)
        )
        return dynamic + self.static(values)


def values_of(chip: Chip, bill: Bill) -> dict[str, float]:
    """Return the values a chip gives the constants of its bill.

    Parameters
    ----------
    chip : Chip
        Prices.
    bill : Bill
        From `bill_of`, for the same chip.

    Returns
    -------
    dict of str to float, SI
        By dotted name, for `Bill.total`. An unknown one is 0: it is the price of
        something that did not happen, `bill_of` saw to it.
    """
    return {name: chip.constants[name].value or 0.0 for name in bill.constants}


def bill_of(
    chip: Chip,
    counts: ActionCounts,
    casting: Casting,
    duration: Latency,
    n_chips: int = 1,
) -> Bill:
    """Write the bill of a workload on a chip.

    Parameters
    ----------
    chip : Chip
        Says which actions have a price.
    counts : ActionCounts
        Counts over all measured inferences.
    casting : {"multicast", "unicast"}
        Whose packets and hops are paid.
    duration : Latency
        Steps, for a static price in watts and for neurons updated in every step.
    n_chips : int
        Chips that draw the static power.

    Returns
    -------
    Bill
        Counts per inference.

    Raises
    ------
    ChipError
        If the price of something that happened is unknown.

    Notes
    -----
    Every packet passes the router it starts from and one more with each hop. Packets of
    the network's input are sent by the host and not by a core.
    """
    actions = tuple(a for a in ACTIONS if getattr(chip.energy, a) is not None)
    rows = [
        _layer_counts(chip, counts, i, casting, duration.steps)
        for i in range(len(counts.layers))
    ]
    table = np.array([[row[a] for a in actions] for row in rows], dtype=np.float64)
    for action, number in zip(actions, table.sum(axis=0), strict=True):
        if number:
            what = f"{number:.6g} {ACTIONS[action]} per inference need it"
            chip.require(f"energy.{action}", what)
    chip.require("energy.static", "every inference needs it")
    unit = chip.energy.static.unit
    if unit == "W":
        chip.require("timing.step", "energy.static in W needs a latency")
    return Bill(actions, table, unit, n_chips, duration.steps)


def _layer_counts(
    chip: Chip, counts: ActionCounts, i: int, casting: Casting, steps: int
) -> dict[Action, float]:
    layer, n = counts.layers[i], counts.n_samples
    paid = layer.transport(casting)
    hops_y = paid.hops_y if chip.energy.hop_y is not None else 0
    totals: dict[Action, float] = {
        "sop": layer.sops,
        "neuron_update": _neuron_updates(chip, layer, n * steps),
        "spike": layer.spikes_out + layer.copy_spikes,
        "axon_in": layer.unicast.packets,
        "axon_out": 0 if i == 0 else paid.packets,
        "router": paid.packets + paid.hops,
        "hop": paid.hops - hops_y,
        "hop_y": hops_y,
        "chip_crossing": paid.chip_crossings,
    }
    return {action: total / n for action, total in totals.items()}


def _neuron_updates(chip: Chip, layer: LayerCounts, steps: int) -> int:
    if chip.execution == "event-driven":
        return layer.sops
    return (layer.neurons + layer.copies) * steps
