"""Write what a placement gained, as text and as plain JSON data."""

from __future__ import annotations

from typing import Any

from hwmodel.placing.place import Placement
from hwmodel.units import format_quantity


def placement_dict(placement: Placement, n_samples: int) -> dict[str, Any]:
    """Turn a placement's record into plain data for ``json.dumps``.

    Parameters
    ----------
    placement : Placement
        How cores were placed.
    n_samples : int
        Measured inferences.

    Returns
    -------
    dict
        Values are means per inference; ``None`` if they are not known.
    """

    def mean(value: float | None) -> float | None:
        return None if value is None else value / n_samples

    return {
        "method": placement.method,
        "objective": placement.objective,
        "casting": placement.casting,
        "seed": placement.seed,
        "value": mean(placement.value),
        "row_major": mean(placement.row_major),
        "gain": placement.gain,
        "lower_bound": mean(placement.bound),
    }


def placement_text(placement: Placement, n_samples: int) -> str:
    """Say in one line what a placement gained.

    Parameters
    ----------
    placement : Placement
        How cores were placed.
    n_samples : int
        Measured inferences.

    Returns
    -------
    str
        Method, value, row-major's value, lower bound.
    """
    if placement.value is None or placement.row_major is None:
        return f"{placement.method}, not judged: there is no traffic"
    values = [placement.value, placement.row_major, placement.bound or 0.0]
    reached, rows, bound = (_quantity(v / n_samples, placement) for v in values)
    return (
        f"{placement.method}: {reached} {_unit(placement)} ({placement.casting}), "
        f"row-major {rows}, gain {placement.gain:.1%}, lower bound {bound}"
    )


def _quantity(value: float, placement: Placement) -> str:
    if placement.objective == "energy":
        return format_quantity(value, "J")
    return f"{value:,.1f}".removesuffix(".0")


def _unit(placement: Placement) -> str:
    return {"hops": "hops", "energy": "for hops and chips"}.get(
        placement.objective, "packets on the busiest link"
    )
