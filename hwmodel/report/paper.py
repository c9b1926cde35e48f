"""Write the recomputed tables of Wei et al. 2023 as text and as plain JSON data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from hwmodel.paper_tables import Comparison, comparisons, eq_12, table_2


def tables_dict() -> dict[str, Any]:
    """Return all tables as plain data for ``json.dumps``.

    Returns
    -------
    dict
        ``table_2``, ``eq_12``, ``comparisons``: lists of rows; energies in J.
    """
    return {
        "table_2": [asdict(cell) for cell in table_2()],
        "eq_12": [asdict(reading) for reading in eq_12()],
        "comparisons": [asdict(row) for row in comparisons()],
    }


def tables_text() -> str:
    """Write all tables for people.

    Returns
    -------
    str
        Several lines.
    """
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
            "Table 2, normalised energy (Eq. 11)",
            tabulate(
                cells,
                [
                    "coding",
                    "steps",
                    "spikes",
                    "chip",
                    "computed",
                    "printed",
                    "difference",
                ],
                colalign=("left", "right", "right", "left", "right", "right", "right"),
                disable_numparse=True,
            ),
            f"{n_same} of {len(cells)} cells agree to the last printed digit.",
            "Eq. 12, energy per frame on CanMore",
            tabulate(readings, ["reading", "computed", "printed"], colalign=right),
            "Section 4.4.2 and Fig. 8",
            tabulate(others, ["", "computed", "printed"], colalign=right),
            _CAVEAT,
        ]
    )


def _shown(value: float | None, row: Comparison) -> str:
    if value is None:
        return "-"
    if row.unit == "J/frame":
        return f"{value * 1e6:.3f} uJ"
    return f"{value / 1e6:.1f} M" if row.unit == "SOP" else f"{value:.2%}"


_CAVEAT = """\
Caveat: Eq. 12 multiplies an energy per synaptic operation by a number of spikes. One
spike makes as many synaptic operations as the neuron has outgoing synapses. Read as
spikes, 71 K fits VGG11's sparsity and 454 K hops fit a mesh, and 50.36 uJ lies inside
the rounding of the inputs. Read as synaptic operations, 71 M fits VGG11's connections,
but 20 pJ each cost more than the 163.65 uJ the paper compares with. The paper does not
say which is meant. 'hwmodel estimate' charges energy.sop per synaptic operation."""
