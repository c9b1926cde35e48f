"""Price the counts: Eq. 12 in joules and the dimensionless Eq. 11.

References
----------
W. Wei et al., "Temporal-Coded Spiking Neural Networks with Dynamic Firing Threshold:
Learning with Event-Driven Backpropagation", ICCV 2023, section 4.4.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import numpy as np

from hwmodel.chip.chip import Chip, Normalised
from hwmodel.cost.bill import Bill, values_of
from hwmodel.errors import ChipError


@dataclass(frozen=True)
class Energy:
    """Energy of one inference, by what it is spent on.

    Parameters
    ----------
    sop, neuron_update, spike, axon_in, axon_out, router, chip_crossing : float, J
        What `hwmodel.chip.constants.ACTIONS` names.
    hop : float, J
        All hops, those that change the row too.
    static : float, J
        What does not depend on events.
    """

    sop: float = 0.0
    neuron_update: float = 0.0
    spike: float = 0.0
    axon_in: float = 0.0
    axon_out: float = 0.0
    router: float = 0.0
    hop: float = 0.0
    chip_crossing: float = 0.0
    static: float = 0.0

    @property
    def terms(self) -> dict[str, float]:
        """Every term by its name, J."""
        return asdict(self)

    @property
    def other(self) -> float:
        """Sum of what is neither a synaptic operation nor a hop nor static."""
        shown = ("sop", "hop", "static")
        return sum(joules for name, joules in self.terms.items() if name not in shown)

    @property
    def total(self) -> float:
        """Sum of all terms."""
        return sum(self.terms.values())


def linear_energy(
    sops: float, hops: float, sop: float, hop: float, static: float
) -> Energy:
    """Evaluate Eq. 12, ``E_SOP * SOPs + E_Hop * Hops + E_Static``.

    Parameters
    ----------
    sops, hops : float, per inference
        Synaptic operations and hops.
    sop, hop : float, J
        Energy of one of each.
    static : float, J
        Static energy of one inference.

    Returns
    -------
    Energy
        Its three terms.
    """
    return Energy(sop=sop * sops, hop=hop * hops, static=static)


def normalised_energy(coefficients: Normalised, steps: float, spikes: float) -> float:
    """Evaluate Eq. 11 relative to its reference.

    Parameters
    ----------
    coefficients : Normalised
        Static and dynamic share and the reference's steps and spikes.
    steps, spikes : float, per inference
        Time steps and spikes of the network.

    Returns
    -------
    float, dimensionless
        ``static * steps / reference_steps + dynamic * spikes / reference_spikes``.

    Notes
    -----
    Each term is divided by its own reference before they are added; this is what
    reproduces Table 2. Dividing the sum of Eq. 11 by the sum of the reference does not.
    """
    return (
        coefficients.static * steps / coefficients.reference_steps
        + coefficients.dynamic * spikes / coefficients.reference_spikes
    )


def check_mixing(chip: Chip, force: bool = False) -> list[str]:
    """Refuse to add another cost to an average cost, which contains it already.

    Parameters
    ----------
    chip : Chip
        Prices.
    force : bool
        Allow it.

    Returns
    -------
    list of str
        What was forced, in words.

    Raises
    ------
    ChipError
        If a price that is not zero is an average, another price is not zero (or is
        unknown), and `force` is off. Hops between chips are no part of the average of
        one chip and may be paid next to it.
    """
    priced = [
        name
        for name, constant in chip.constants.items()
        if name.startswith("energy.")
        and name != "energy.chip_crossing"
        and constant.included_in is None
        and constant.value != 0
    ]
    averages = [name for name in priced if chip.constants[name].kind == "average"]
    if not averages or len(priced) == 1:
        return []
    average = averages[0]
    others = [name for name in priced if name != average]
    what = (
        f"{average} is an average, which already contains all other power; "
        f"{' and '.join(others)} would be paid twice"
    )
    if not force:
        raise ChipError(
            f"chip {chip.name}: {what}; expected an average price alone, or only "
            f"marginal and static prices; set the kind with the price (--set "
            f"{average}=2pJ:marginal) or alone (--set {average}.kind=marginal) if it "
            f"is marginal, price {others[0]} as 0, or pass --force-mixed to add them "
            "up all the same"
        )
    return [f"forced: {what}"]


def pay(chip: Chip, bill: Bill) -> tuple[Energy, tuple[Energy, ...]]:
    """Pay a bill with the values of a chip.

    Parameters
    ----------
    chip : Chip
        Prices.
    bill : Bill
        From `hwmodel.cost.bill.bill_of`, for the same chip.

    Returns
    -------
    total : Energy, J per inference
        The whole network.
    layers : tuple of Energy, J per inference
        Dynamic energy caused by the spikes each layer receives; static is 0.
    """
    values = values_of(chip, bill)
    joules = bill.dynamic(values)
    static = float(bill.static(values))
    total = _energy(bill, joules.sum(axis=0), static)
    return total, tuple(_energy(bill, row, 0.0) for row in joules)


def _energy(bill: Bill, joules: np.ndarray, static: float) -> Energy:
    terms = dict.fromkeys((f.name for f in fields(Energy)), 0.0)
    for action, energy in zip(bill.actions, joules.tolist(), strict=True):
        terms["hop" if action == "hop_y" else action] += energy
    return Energy(**{**terms, "static": static})
