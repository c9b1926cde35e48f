"""Write the recomputed tables of Wei et al. 2023 as text and as plain JSON data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

from tabulate import tabulate

from hwmodel.fig_8 import MappedReading, fig_8
from hwmodel.paper_tables import Comparison, comparisons, eq_12, table_2

Table = Literal["table-2", "eq-12", "fig-8"]
"""What is recomputed, as it is asked for."""


def tables_dict(which: Table | None = None) -> dict[str, Any]:
    """Return all tables, or one, as plain data for ``json.dumps``.

    Parameters
    ----------
    which : {"table-2", "eq-12", "fig-8"}, optional
        All by default.

    Returns
    -------
    dict
        ``table_2``; ``eq_12`` and ``comparisons``; ``fig_8``: lists of rows; energies
        in J.
    """
    rows: dict[str, Sequence[Any]] = {}
    if which in (None, "table-2"):
        rows |= {"table_2": table_2()}
    if which in (None, "eq-12"):
        rows |= {"eq_12": eq_12(), "comparisons": comparisons()}
    if which in (None, "fig-8"):
        rows |= {"fig_8": fig_8()}
    return {name: [asdict(row) for row in found] for name, found in rows.items()}


def tables_text(which: Table | None = None, every_row: bool = False) -> str:
    """Write all tables, or one, for people.

    Parameters
    ----------
    which : {"table-2", "eq-12", "fig-8"}, optional
        All by default.
    every_row : bool
        Show each reading of Fig. 8 by itself.

    Returns
    -------
    str
        Several lines.
    """
    blocks = []
    if which in (None, "table-2"):
        blocks.append(_table_2_text())
    if which in (None, "eq-12"):
        blocks.append(_eq_12_text())
    if which in (None, "fig-8"):
        blocks.append(_fig_8_text(every_row))
    return "\n\n".join(blocks)


def _table_2_text() -> str:
    cells = [
        [
            cell.coding,
            cell.steps,
            f"{cell.spikes / 1e6:g} M",
            cell.chip,
            f"{cell.computed:.5f}",
            f"{cell.printed:.4f}",
            "same" if cell.difference == 0 else f"{cell.difference:+.4f}",
        ]
        for cell in table_2()
    ]
    n_same = sum(row[-1] == "same" for row in cells)
    heads = ["coding", "steps", "spikes", "chip", "computed", "printed", "difference"]
    align = ("left", "right", "right", "left", "right", "right", "right")
    return "\n\n".join(
        [
            "Table 2, normalised energy (Eq. 11)",
            tabulate(cells, heads, colalign=align, disable_numparse=True),
            f"{n_same} of {len(cells)} cells agree to the last printed digit.",
        ]
    )


def _eq_12_text() -> str:
    readings = [
        [r.reading, f"{r.computed * 1e6:.2f} uJ", f"{r.printed * 1e6:.2f} uJ"]
        for r in eq_12()
    ]
    others = [
        [c.what, _shown(c.computed, c), _shown(c.printed, c)] for c in comparisons()
    ]
    right = ("left", "right", "right")
    return "\n\n".join(
        [
            "Eq. 12, energy per frame on CanMore",
            tabulate(readings, ["reading", "computed", "printed"], colalign=right),
            "Section 4.4.2 and Fig. 8",
            tabulate(others, ["", "computed", "printed"], colalign=right),
        ]
    )


def _fig_8_text(every_row: bool) -> str:
    readings = fig_8()
    table = _mapped_table(readings) if every_row else _ranges_table(readings)
    blocks = [
        "Fig. 8, hops and energy per frame of networks mapped on CanMore",
        table,
        _MAPPED,
        _CAVEAT,
    ]
    if not every_row:
        blocks.insert(2, _RANGES.format(n=len(readings)))
    return "\n\n".join(blocks)


def _ranges_table(readings: list[MappedReading]) -> str:
    """Sum up the readings of each network, partition and casting in a row."""
    groups: dict[tuple[str, str, str], list[MappedReading]] = {}
    for r in readings:
        groups.setdefault((r.network, r.partition, r.casting), []).append(r)
    rows = []
    for (network, partition, casting), group in groups.items():
        fewest = min(group, key=lambda r: r.hops)
        most = max(group, key=lambda r: r.hops)
        # the first mesh of each is the smallest square one, if there is a choice
        typical = next(r for r in group if r.after_pool == "same")
        cut = partition.removeprefix("along ")
        row = [network, cut, casting, str(len(group))]
        row += [f"{r.hops / 1e3:.0f} K" for r in (fewest, typical, most)]
        rows.append([*row, *(f"{r.per_spike * 1e6:.1f} uJ" for r in (fewest, most))])
    heads = ["network", "cut along", "casting", "readings", "fewest hops"]
    heads += ["typical", "most hops", "E, fewest", "E, most"]
    align = ("left", "left", "left", *["right"] * 6)
    return tabulate(rows, heads, colalign=align, disable_numparse=True)


def _mapped_table(readings: list[MappedReading]) -> str:
    rows = [
        [
            r.network,
            r.partition.removeprefix("along "),
            r.after_pool,
            r.mesh,
            r.casting,
            f"{r.hops / 1e3:.0f} K",
            f"{(r.hops + r.input_hops) / 1e3:.0f} K",
            f"{r.per_spike * 1e6:.1f} uJ",
            f"{r.per_sop * 1e6:.0f} uJ",
        ]
        for r in readings
    ]
    heads = [
        "network",
        "cut along",
        "after pool",
        "mesh",
        "casting",
        "hops",
        "with input",
    ]
    return tabulate(
        rows,
        [*heads, "E per spike", "E per SOP"],
        colalign=("left", "left", "left", "right", "left", *["right"] * 4),
        disable_numparse=True,
    )


def _shown(value: float | None, row: Comparison) -> str:
    if value is None:
        return "-"
    if row.unit == "J/frame":
        return f"{value * 1e6:.3f} uJ"
    return f"{value / 1e6:.1f} M" if row.unit == "SOP" else f"{value:.2%}"


_RANGES = """\
Each row sums up readings that differ in what passes a pool ('same', 'any') and in the
mesh; typical is 'same' on the smallest square mesh. E is paid by spikes.
'hwmodel tables fig-8 --all' prints all {n} readings."""

_MAPPED = """\
Printed: 454 K hops (as 45.4 M), 71 K spikes (as 71 M), 50.36 uJ. E is 20 pJ a spike or
a synaptic operation, 100 pJ a hop and 3.52 uJ static, without the input. 'least' counts
one hop for each core that a spike reaches; with the same groups, no placement or
casting can have fewer. The paper cuts along features."""

_CAVEAT = """\
Caveat: Eq. 12 multiplies an energy per synaptic operation by a number of spikes. One
spike makes as many synaptic operations as the neuron has outgoing synapses. Read as
spikes, 71 K fits VGG11's sparsity and 50.36 uJ lies inside the rounding of the inputs.
454 K hops then are fewer than a spike of VGG11 needs under the paper's own partition by
our count: half of the best multicast above, a seventh of unicast. They are as many as
the cores that spikes reach if a pool passes on its rate (459 K), or as one packet a
spike over the mean distance of a square mesh (6 to 7 links). Cut along space, which the
paper does not say, VGG11 makes 343 K ('same') to 548 K ('any') hops by multicast on
13x13, and 454 K lie between. Read as synaptic operations, 71 M lies between the counts
for 'same' and 'any', but 20 pJ each cost more than the 163.65 uJ the paper compares
with, and 45.4 M hops exceed unicast on each of the square meshes. The paper does not
say which is meant. 'hwmodel estimate' charges energy.sop per synaptic operation."""
