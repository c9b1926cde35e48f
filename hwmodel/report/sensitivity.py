"""Write how sure a total is: its interval, drawn totals, and what each price does."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from hwmodel.estimate import Estimate
from hwmodel.report.chips import bounds_text
from hwmodel.units import format_quantity


def uncertainty_dict(estimate: Estimate) -> dict[str, Any]:
    """Turn the uncertainty of an estimate into plain data.

    Parameters
    ----------
    estimate : Estimate
        From `hwmodel.estimate.estimate_model`.

    Returns
    -------
    dict
        Keys energy_interval_j, sensitivity, monte_carlo; energies in J.
    """
    result, constants = estimate.uncertainty, estimate.chip.constants
    return {
        "energy_interval_j": [result.low, result.high],
        "sensitivity": [
            {
                "constant": swing.constant,
                "value": constants[swing.constant].value,
                "low": constants[swing.constant].low,
                "high": constants[swing.constant].high,
                "unit": constants[swing.constant].unit,
                "share": swing.share,
                "total_low_j": swing.low,
                "total_high_j": swing.high,
            }
            for swing in result.swings
        ],
        "monte_carlo": None if result.draws is None else asdict(result.draws),
    }


def uncertainty_lines(estimate: Estimate) -> list[str]:
    """Write the interval of the total, what has no bounds, and the drawn totals.

    Parameters
    ----------
    estimate : Estimate
        From `hwmodel.estimate.estimate_model`.

    Returns
    -------
    list of str
        One line each.
    """
    result = estimate.uncertainty
    bounded = [s for s in result.swings if s.low is not None]
    unbounded = ", ".join(result.without_bounds)
    lines = []
    if bounded:
        low, high, less, more = (
            format_quantity(e, "J")
            for e in (
                result.low,
                result.high,
                result.total - result.low,
                result.high - result.total,
            )
        )
        lines.append(
            f"interval           {low} to {high} ({less} less to {more} more), if "
            "every constant lies within its bounds"
        )
    if unbounded:
        lines.append(f"no bounds known    {unbounded}")
    draws = result.draws
    if draws is not None and not bounded:
        lines.append("drawn              nothing: no constant has bounds")
    elif draws is not None:
        mean, deviation, p5, p50, p95 = (
            format_quantity(e, "J")
            for e in (draws.mean, draws.deviation, draws.p5, draws.p50, draws.p95)
        )
        lines.append(
            f"drawn              mean {mean}, deviation {deviation}; 5 % below {p5}, "
            f"50 % below {p50}, 95 % below {p95} ({draws.n} draws, seed {draws.seed})"
        )
    return lines


def sensitivity_table(estimate: Estimate) -> str:
    """Write what each constant with bounds does to the total.

    Parameters
    ----------
    estimate : Estimate
        From `hwmodel.estimate.estimate_model`.

    Returns
    -------
    str
        A table, the constant that matters most first; empty if none has bounds.
    """
    constants, total = estimate.chip.constants, estimate.uncertainty.total
    rows = [
        [
            swing.constant,
            bounds_text(constants[swing.constant]),
            f"{swing.share:.1%}",
            format_quantity(total - swing.low, "J"),
            format_quantity(swing.high - total, "J"),
        ]
        for swing in estimate.uncertainty.swings
        if swing.low is not None and swing.high is not None
    ]
    if not rows:
        return ""
    heads = ["sensitivity", "bounds", "share", "total less by", "more by"]
    align = ["left", *["right"] * 4]
    return tabulate(rows, heads, "simple", colalign=align, disable_numparse=True)
