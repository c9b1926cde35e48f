"""Price the counts: Eq. 12 in joules and the dimensionless Eq. 11.

References
----------
W. Wei et al., "Temporal-Coded Spiking Neural Networks with Dynamic Firing Threshold:
Learning with Event-Driven Backpropagation", ICCV 2023, section 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwmodel.chip.chip import Chip, Normalised
from hwmodel.cost.latency import Latency
from hwmodel.errors import ChipError
from hwmodel.traffic.counts import ActionCounts, Casting


@dataclass(frozen=True)
class Energy:
    """Energy of one inference.

    Parameters
    ----------
    sop, hop, static : float, J
        Synaptic operations; hops; what does not depend on events.
    """

    sop: float
    hop: float
    static: float = 0.0

    @property
    def total(self) -> float:
        """Sum of the three."""
        return self.sop + self.hop + self.static


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
    return Energy(sop * sops, hop * hops, static)


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
        unknown), and `force` is off.
    """
    priced = [
        name
        for name, constant in chip.constants.items()
        if name.startswith("energy.")
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


def price(
    chip: Chip,
    counts: ActionCounts,
    casting: Casting,
    duration: Latency,
    n_chips: int = 1,
) -> tuple[Energy, tuple[Energy, ...]]:
    """Price the counts of a workload.

    Parameters
    ----------
    chip : Chip
        Prices.
    counts : ActionCounts
        Counts over all measured inferences.
    casting : {"multicast", "unicast"}
        Whose hops are paid.
    duration : Latency
        For a static price in watts.
    n_chips : int
        Chips that draw the static power.

    Returns
    -------
    total : Energy, J per inference
        The whole network.
    layers : tuple of Energy, J per inference
        Dynamic energy caused by the spikes each layer receives; static is 0.

    Raises
    ------
    ChipError
        If a price that is needed is unknown.
    """
    hops = counts.transport(casting).hops
    sop = hop = 0.0
    if counts.sops:
        sop = chip.require("energy.sop", f"{counts.sops} synaptic operations need it")
    if hops:
        hop = chip.require("energy.hop", f"{hops} hops need it")
    static = _static_energy(chip, duration, n_chips)
    n = counts.n_samples
    layers = tuple(
        linear_energy(
            layer.sops / n, layer.transport(casting).hops / n, sop, hop, static=0.0
        )
        for layer in counts.layers
    )
    return linear_energy(counts.sops / n, hops / n, sop, hop, static), layers


def _static_energy(chip: Chip, duration: Latency, n_chips: int) -> float:
    static = chip.require("energy.static", "every inference needs it")
    if chip.energy.static.unit == "J/frame":
        return static
    if duration.seconds is None:
        chip.require("timing.step", "energy.static in W needs a latency")
        raise AssertionError("a known step gives a latency")
    return static * n_chips * duration.seconds
