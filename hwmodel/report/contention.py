"""Write a run of packets on the mesh as text and as plain JSON data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from tabulate import tabulate

from hwmodel import __version__
from hwmodel.contention import MeshRun
from hwmodel.mesh.grid import DIRECTIONS as GRID_STEPS
from hwmodel.noc.contention import BusiestLink
from hwmodel.noc.simulate import DIRECTIONS
from hwmodel.report.lines import remarks, wrapped
from hwmodel.report.mapping import grid_text
from hwmodel.units import format_quantity


def contention_dict(run: MeshRun) -> dict[str, Any]:
    """Turn a run into plain data for ``json.dumps``; times in s.

    Parameters
    ----------
    run : MeshRun
        From `hwmodel.contention.run_on_mesh`.

    Returns
    -------
    dict
        Latencies of all deliveries, the busiest link, inferences one by one, and the
        fast estimate with its error.
    """
    found, grid = run.contention, run.mapping.grid
    each, estimate = found.simulation.inferences, found.estimate
    return {
        "version": __version__,
        "chip": run.chip.name,
        "mesh": [grid.width, grid.height],
        "casting": run.casting,
        "casting_origin": run.casting_origin,
        "injection": "at the end of each step" if run.in_steps else "when fired",
        "step_s": run.step,
        "timing": asdict(run.timing),
        "n_samples": run.n_samples,
        "packets": found.n_packets,
        "deliveries": found.n_deliveries,
        "hops": found.hops,
        "latency_s": None if found.latency is None else asdict(found.latency),
        "worst_link": None if found.busiest_link is None else _link(found.busiest_link),
        "most_waiting": found.most_waiting,
        "busiest_core": asdict(run.work),
        "inferences": [
            {
                "inference": int(each.inference[i]),
                "last_delivery_s": float(each.last_delivery[i]),
                "makespan_s": float(each.makespan[i]),
                "mean_latency_s": float(each.mean[i]),
                "mean_congestion_s": float(each.mean_congestion[i]),
                "estimated_mean_latency_s": _number(estimate.mean_latency[i]),
                "estimate_is_valid": bool(estimate.is_valid[i]),
                "estimate_error": _number(found.error.mean_latency[i]),
            }
            for i in range(each.inference.size)
        ],
        "notes": list(run.notes),
    }


def _link(link: BusiestLink) -> dict[str, Any]:
    start, end = _ends(link)
    return {
        "from": list(start),
        "to": list(end),
        "packets": link.packets,
        "busy_share": link.busy_share,
    }


def _ends(link: BusiestLink) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the routers (x, y) that a link leads from and to."""
    dx, dy = GRID_STEPS["mesh"][DIRECTIONS.index(link.direction)]
    return (link.x, link.y), (link.x + dx, link.y + dy)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def contention_text(run: MeshRun) -> str:
    """Write a run for people.

    Parameters
    ----------
    run : MeshRun
        From `hwmodel.contention.run_on_mesh`.

    Returns
    -------
    str
        Several lines.
    """
    found, grid = run.contention, run.mapping.grid
    when = "at the ends of time steps" if run.in_steps else "when neurons fire"
    head = (
        f"{run.chip.name}: {found.n_packets:,} packets of {run.n_samples} "
        f"inference{'s' * (run.n_samples > 1)} on {grid_text(grid)} ({run.casting}), "
        f"sent {when}"
    )
    blocks = ["\n".join(wrapped(head, 2))]
    if found.latency is None:
        blocks.append("no packets: nothing travels")
    else:
        text = _estimate_lines(run).splitlines()
        broken = "\n".join(part for line in text for part in wrapped(line, 2))
        blocks += [_latency_table(run), broken]
    blocks.append(_work_line(run))
    casting = f"packets are {run.casting}, {run.casting_origin}"
    blocks.append(remarks((), (casting, *run.notes)))
    return "\n\n".join(blocks)


def _latency_table(run: MeshRun) -> str:
    found = run.contention
    latency = found.latency
    assert latency is not None
    rows = [
        ["deliveries", f"{found.n_deliveries:,}"],
        ["hops", f"{found.hops:,}"],
        ["latency, mean", _seconds(latency.mean)],
        ["mean on an empty mesh", _seconds(latency.mean_empty)],
        ["mean wait for others", _seconds(latency.mean_congestion)],
        ["latency, median", _seconds(latency.p50)],
        ["latency, 95 %", _seconds(latency.p95)],
        ["latency, 99 %", _seconds(latency.p99)],
        ["latency, longest", _seconds(latency.largest)],
        ["longest wait", _seconds(latency.largest_congestion)],
        ["longest inference on the mesh", _seconds(latency.longest_makespan)],
        ["most packets in one buffer", f"{found.most_waiting:,}"],
    ]
    if run.in_steps:
        share = latency.largest / run.step
        text = f"{share:.2%}" if share <= 1 else f"{share:,.4g} steps"
        rows.append(["longest latency / time step", text])
    link = found.busiest_link
    if link is not None:
        (x, y), (to_x, to_y) = _ends(link)
        place = f"({x}, {y}) to ({to_x}, {to_y})"
        rows.append(
            [
                "busiest link",
                f"{place}: {link.packets:,} packets, busy {link.busy_share:.2%}",
            ]
        )
    return tabulate(rows, tablefmt="plain", colalign=("left", "right"))


def _estimate_lines(run: MeshRun) -> str:
    estimate, error = run.contention.estimate, run.contention.error
    valid = estimate.is_valid
    if not valid.any():
        return (
            "estimate from loads: valid for none of the inferences, whose packets come "
            "in volleys\nor are too many for a link"
        )
    errors, bound = error.mean_latency[valid], error.makespan
    return (
        f"estimate from loads: valid for {valid.sum()} of {valid.size} inferences; its "
        f"mean latency is off by {errors.mean():+.1%} ({errors.min():+.1%} to "
        f"{errors.max():+.1%})\nits least possible time on the mesh is "
        f"{-bound.max():.1%} to {-bound.min():.1%} below the simulated one"
    )


def _work_line(run: MeshRun) -> str:
    work = run.work
    if work.seconds is None:
        return f"busiest core       unknown: {work.reason}"
    return (
        f"busiest core       {_seconds(work.seconds)} of work per inference (core "
        f"{work.core})"
    )


def _seconds(value: float) -> str:
    return format_quantity(value, "s")
