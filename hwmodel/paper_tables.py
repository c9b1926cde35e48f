"""Recompute the energy numbers of Wei et al. 2023 and set them beside the printed ones.

Constants of the chips come from the presets, formulas from `hwmodel.cost.energy`. What
is written here is only what the paper prints: the inputs of its tables and the results
to compare with.

References
----------
W. Wei et al., "Temporal-Coded Spiking Neural Networks with Dynamic Firing Threshold:
Learning with Event-Driven Backpropagation", ICCV 2023, Table 2, Eq. 12, Fig. 8.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwmodel.chip.chip import load_chip
from hwmodel.cost.energy import linear_energy, normalised_energy
from hwmodel.units import format_quantity

CHIPS = ("truenorth", "spinnaker")
"""Columns of Table 2."""


@dataclass(frozen=True)
class CodingRow:
    """A row of Table 2 as printed.

    Parameters
    ----------
    coding : str
        Its name.
    steps : int
        Time steps.
    spikes : float, per inference
        Spikes.
    printed : tuple of float, dimensionless
        Normalised energy on each of `CHIPS`.
    """

    coding: str
    steps: int
    spikes: float
    printed: tuple[float, float]


TABLE_2 = (
    CodingRow("Rate", 512, 2.612e6, (1.0, 1.0)),
    CodingRow("Phase", 1500, 35.196e6, (7.1476, 9.6785)),
    CodingRow("Burst", 1125, 6.92e6, (2.3781, 2.4865)),
    CodingRow("TTFS (T2FSNN)", 680, 0.069e6, (0.8074, 0.4950)),
    CodingRow("TTFS (Park 2021)", 544, 0.067e6, (0.6478, 0.3989)),
    CodingRow("DTA-TTFS", 160, 0.073e6, (0.1987, 0.1304)),
)

PRINTED_DECIMALS = 4
"""Decimals of Table 2."""

EQ12_SPIKES, EQ12_HOPS = 71e6, 45.4e6
"""Spikes and hops per frame as printed under Eq. 12."""

EQ12_HALF_UNITS = (0.5e6, 0.05e6, 0.005e-6)
"""Half of the last printed digit of the spikes, the hops and the static energy (J)."""

EQ12_PRINTED = 50.36e-6
"""Energy per frame as printed, J."""

ESSER_PRINTED, SAVING_PRINTED = 163.65e-6, 0.692
"""Energy per frame of Esser et al. 2016 (J) and the saving over it, as printed."""

ESSER_POWER, ESSER_FRAME_RATE = 204.4e-3, 1249.0
"""Power (W) and frame rate (1/s) of that network, read second-hand."""

VGG11_SPARSITY = 0.4387
"""Spikes per neuron of VGG11 on CIFAR-10, Table 1."""

VGG11_CONV = (
    (32, 3, 64),
    (16, 64, 128),
    (8, 128, 256),
    (8, 256, 256),
    (4, 256, 512),
    (4, 512, 512),
    (2, 512, 512),
    (2, 512, 512),
)
"""Map side, input and output channels of VGG11's 3x3 convolutions on CIFAR-10."""

VGG11_DENSE = ((512, 4096), (4096, 4096), (4096, 10))
"""Inputs and outputs of its dense layers."""


@dataclass(frozen=True)
class Cell:
    """A cell of Table 2, recomputed.

    Parameters
    ----------
    coding, chip : str
        Row and column.
    steps : int
        Time steps.
    spikes : float, per inference
        Spikes.
    computed, printed : float, dimensionless
        Normalised energy.
    difference : float, dimensionless
        Computed, rounded as printed, minus printed.
    """

    coding: str
    chip: str
    steps: int
    spikes: float
    computed: float
    printed: float
    difference: float


@dataclass(frozen=True)
class Reading:
    """One way to read the numbers under Eq. 12.

    Parameters
    ----------
    reading : str
        What is assumed.
    spikes, hops : float, per frame
        Counts.
    sop_energy, hop_energy : float, J
        Prices.
    computed, printed : float, J/frame
        Totals.
    """

    reading: str
    spikes: float
    hops: float
    sop_energy: float
    hop_energy: float
    computed: float
    printed: float


@dataclass(frozen=True)
class Comparison:
    """Another printed number, recomputed.

    Parameters
    ----------
    what : str
        What it is and what it was computed from.
    computed : float, in `unit`
        Our value.
    printed : float or None, in `unit`
        The paper's value, if it prints one.
    unit : str
        ``"J/frame"``, ``"SOP"``, or empty for a share.
    """

    what: str
    computed: float
    printed: float | None
    unit: str


def table_2() -> list[Cell]:
    """Recompute Table 2 with Eq. 11.

    Returns
    -------
    list of Cell
        Six codings on two chips.
    """
    cells = []
    for row in TABLE_2:
        for name, printed in zip(CHIPS, row.printed, strict=True):
            coefficients = load_chip(name).normalised
            assert coefficients is not None  # both presets have them
            computed = normalised_energy(coefficients, row.steps, row.spikes)
            difference = round(round(computed, PRINTED_DECIMALS) - printed, 10)
            cells.append(
                Cell(
                    row.coding,
                    name,
                    row.steps,
                    row.spikes,
                    computed,
                    printed,
                    difference,
                )
            )
    return cells


def _canmore_prices() -> tuple[float, float, float]:
    """Return the SOP, hop (J) and static (J/frame) price; none may be unknown."""
    chip = load_chip("canmore")
    why = "the tables of the paper need it"
    return (
        chip.require("energy.sop", why),
        chip.require("energy.hop", why),
        chip.require("energy.static", why),
    )


def eq_12() -> list[Reading]:
    """Recompute Eq. 12 under each reading of its inputs.

    Returns
    -------
    list of Reading
        As printed; counts in thousands; counts with 72 K spikes; smaller energies.
    """
    sop, hop, static = _canmore_prices()
    cases = [
        ("as printed: 71 M spikes, 45.4 M hops", 1.0, 1.0, 1.0, 1.0),
        ("counts read as 71 K and 454 K", 1e3, 1e2, 1.0, 1.0),
        ("counts read as 72 K and 454 K", 1e3 * 71 / 72, 1e2, 1.0, 1.0),
        ("energies read as 20 fJ and 1 pJ", 1.0, 1.0, 1e3, 1e2),
    ]
    readings = []
    for name, spike_scale, hop_scale, sop_scale, hop_energy_scale in cases:
        spikes, hops = EQ12_SPIKES / spike_scale, EQ12_HOPS / hop_scale
        total = linear_energy(
            spikes, hops, sop / sop_scale, hop / hop_energy_scale, static
        ).total
        readings.append(
            Reading(
                name,
                spikes,
                hops,
                sop / sop_scale,
                hop / hop_energy_scale,
                total,
                EQ12_PRINTED,
            )
        )
    return readings


def rounding_interval() -> tuple[float, float]:
    """Bound Eq. 12 over all inputs that print as 71 K, 454 K and 3.52 uJ.

    Returns
    -------
    tuple of float, J
        Least and greatest total.
    """
    sop, hop, static = _canmore_prices()
    spikes_half, hops_half, static_half = EQ12_HALF_UNITS
    low, high = (
        linear_energy(
            (EQ12_SPIKES + sign * spikes_half) / 1e3,
            (EQ12_HOPS + sign * hops_half) / 1e2,
            sop,
            hop,
            static + sign * static_half,
        ).total
        for sign in (-1, 1)
    )
    return low, high


def vgg11_sops() -> float:
    """Estimate the synaptic operations of VGG11 from its connections and sparsity.

    Returns
    -------
    float, per frame
        Multiply-accumulates, borders counted as if full, times spikes per neuron.
    """
    conv = sum(side * side * 9 * n_in * n_out for side, n_in, n_out in VGG11_CONV)
    return (conv + sum(n_in * n_out for n_in, n_out in VGG11_DENSE)) * VGG11_SPARSITY


def comparisons() -> list[Comparison]:
    """Recompute the other numbers of section 4.4.2 and Fig. 8.

    Returns
    -------
    list of Comparison
        Esser's energy, the saving, the rounding interval, the price of VGG11's SOPs.
    """
    low, high = rounding_interval()
    counts_read = eq_12()[1].computed
    sop, _, _ = _canmore_prices()
    return [
        Comparison(
            "Esser et al. 2016: 204.4 mW / 1249 frames per second",
            ESSER_POWER / ESSER_FRAME_RATE,
            ESSER_PRINTED,
            "J/frame",
        ),
        Comparison(
            f"saving over it, from the printed {format_quantity(EQ12_PRINTED, 'J')}",
            1 - EQ12_PRINTED / ESSER_PRINTED,
            SAVING_PRINTED,
            "",
        ),
        Comparison(
            f"saving over it, from the computed {format_quantity(counts_read, 'J')}",
            1 - counts_read / ESSER_PRINTED,
            SAVING_PRINTED,
            "",
        ),
        Comparison(
            "least total that rounds to 71 K, 454 K, 3.52 uJ",
            low,
            EQ12_PRINTED,
            "J/frame",
        ),
        Comparison("greatest total that rounds to them", high, EQ12_PRINTED, "J/frame"),
        Comparison("SOPs of VGG11: connections x 0.4387", vgg11_sops(), None, "SOP"),
        Comparison(
            "their energy at the paper's price per SOP",
            vgg11_sops() * sop,
            None,
            "J/frame",
        ),
    ]
