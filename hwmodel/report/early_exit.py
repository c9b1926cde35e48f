"""Write early exit on chips as text, as plain JSON data and as CSV files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from hwmodel import __version__
from hwmodel.early_exit.analysis import ChipExits, ExitPoint, ExitReport
from hwmodel.early_exit.short_list import MARGIN, short_list
from hwmodel.report.csv_table import write_rows
from hwmodel.report.lines import remarks, wrapped
from hwmodel.report.mapping import grid_text
from hwmodel.units import format_quantity

HEADS = [
    "policy",
    "accuracy",
    "undecided",
    "mean\ntime",
    "steps",
    "latency",
    "energy",
    "saved",
    "median",
    "p95",
    "in\nflight",
]


def exits_dict(report: ExitReport) -> dict[str, Any]:
    """Turn early exit on chips into plain data for ``json.dumps``.

    Parameters
    ----------
    report : ExitReport
        From `hwmodel.early_exit.analysis.price_exits`.

    Returns
    -------
    dict
        Energies in J, latencies in s, times in network time units; means over the
        samples.
    """
    network = report.network
    return {
        "version": __version__,
        "trace": report.trace.path,
        "n_samples": report.trace.n_samples,
        "readout": network.readout,
        "duration": network.duration,
        "time_window": network.time_window,
        "steps_per_window": report.steps_per_window,
        "chips": [_chip(report, chip) for chip in report.chips],
        "front": [
            {
                "chip": chip.full.chip.name,
                "policy": point.policy,
                "value": point.value,
                "accuracy": point.accuracy,
                "latency_s": point.latency,
                "energy_j": point.mean_energy,
            }
            for chip, point in _front_of_all(report)
        ],
        "not_priced": [
            {"chip": name, "error": error} for name, error in report.not_priced
        ],
    }


def _chip(report: ExitReport, chip: ChipExits) -> dict[str, Any]:
    full = chip.full
    return {
        "chip": full.chip.name,
        "casting": full.casting,
        "casting_origin": full.casting_origin,
        "cores": full.mapping.partition.n_cores,
        "chips": full.n_chips,
        "mesh": [full.mapping.grid.width, full.mapping.grid.height],
        "static_unit": full.bill.static_unit,
        "travel": chip.travel,
        "points": [_point(chip, point) for point in chip.points],
        "curve": _curve(report, chip),
        "warnings": list(full.warnings),
        "notes": [*_notes(chip), *full.notes],
    }


def _point(chip: ChipExits, point: ExitPoint) -> dict[str, Any]:
    terms = {
        name: joules
        for name, joules in point.energy.terms.items()
        if name in (*chip.full.bill.actions, "static")
    }
    return {
        "policy": point.policy,
        "value": point.value,
        "accuracy": point.accuracy,
        "undecided": point.undecided,
        "mean_time": point.mean_time,
        "mean_windows": point.mean_windows,
        "mean_steps": point.mean_steps,
        "latency_s": point.latency,
        "energy_j": {**terms, "total": point.mean_energy},
        "median_energy_j": point.median_energy,
        "p95_energy_j": point.p95_energy,
        "p99_energy_j": point.p99_energy,
        "saved": point.saved,
        "in_flight": point.in_flight,
        "on_front": point.is_best,
        "on_front_of_all": point.is_best_of_all,
    }


def _curve(report: ExitReport, chip: ChipExits) -> list[dict[str, Any]]:
    """Return one entry for each time: all runs are cut there."""
    step = chip.full.chip.timing.step.value
    rows = zip(
        report.times.tolist(),
        chip.curve_steps.tolist(),
        report.accuracy.tolist(),
        chip.curve_energy.tolist(),
        chip.curve_in_flight.tolist(),
        strict=True,
    )
    return [
        {
            "time": time,
            "windows": time / report.network.time_window,
            "steps": steps,
            "latency_s": None if step is None else steps * step,
            "accuracy": accuracy,
            "energy_j": energy,
            "in_flight": in_flight,
        }
        for time, steps, accuracy, energy, in_flight in rows
    ]


def _front_of_all(report: ExitReport) -> list[tuple[ChipExits, ExitPoint]]:
    """List the points that no point of any chip beats, the cheapest first."""
    found = [
        (chip, point)
        for chip in report.chips
        for point in chip.points
        if point.is_best_of_all
    ]
    return sorted(found, key=lambda pair: pair[1].mean_energy)


def _notes(chip: ChipExits) -> list[str]:
    notes = [f"packets are {chip.full.casting}, {chip.full.casting_origin}"]
    notes.append(chip.travel)
    if chip.full.bill.static_unit == "J/frame" and chip.full.energy.static:
        notes.append(
            "the static energy is a price per frame: it is paid whole at any time of "
            "decision, and no exit saves it"
        )
    if chip.points[0].latency is None:
        notes.append(
            "without a latency in seconds the chip is not on the front of all chips"
        )
    return notes


def exits_text(report: ExitReport, short: bool = False) -> str:
    """Write early exit on chips for people.

    Parameters
    ----------
    report : ExitReport
        From `hwmodel.early_exit.analysis.price_exits`.
    short : bool
        Show the settings of `hwmodel.early_exit.short_list.short_list` only.

    Returns
    -------
    str
        A table for each chip, one of the points that no other of any chip beats, and
        what is to be said of all chips.
    """
    network, n = report.network, report.trace.n_samples
    windows = network.duration / network.time_window
    end = f"{windows:g} window{'s' * (windows != 1)} of {report.steps_per_window} steps"
    head = [
        *wrapped(
            f"early exit, means of {n} inference{'s' * (n > 1)} of trace "
            f"'{report.trace.path}'"
        ),
        *wrapped(
            f"runs end at time {network.duration:g} ({end}), readout {network.readout}"
        ),
        "* not beaten in energy, accuracy and latency by another setting of the chip",
    ]
    if short and report.chips:
        n_settings = len(report.chips[0].points)
        head += wrapped(_SHORT.format(n=n_settings, margin=100 * MARGIN))
    doubts = _shared([chip.full.warnings for chip in report.chips])
    notes = _shared([[*_notes(chip), *chip.full.notes] for chip in report.chips])
    said = {*doubts, *notes}
    blocks = ["\n".join(head), *(_chip_text(c, short, said) for c in report.chips)]
    if len(report.chips) > 1:
        blocks.append(_front_text(report, short))
        blocks.append(remarks(doubts, notes))
    return "\n\n".join(block for block in blocks if block)


_SHORT = (
    "shown of {n} settings: each policy's cheapest that is as accurate as full runs, "
    "and its cheapest at most {margin:g} percentage points below (if neither, its most "
    "accurate); --all prints all"
)


def _shared(remarks_of_chips: Sequence[Sequence[str]]) -> list[str]:
    """List what is to be said of every chip, if there are several."""
    if len(remarks_of_chips) < 2:
        return []
    first, *others = remarks_of_chips
    return [text for text in first if all(text in other for other in others)]


def setting(point: ExitPoint) -> str:
    """Name a point: its policy, and its parameter if it has one."""
    if point.value is None:
        return point.policy
    return f"{point.policy} {point.value:g}"


def _chip_text(chip: ChipExits, short: bool, shared: Collection[str]) -> str:
    full = chip.full
    points = short_list(chip.points) if short else chip.points
    rows = [
        [
            setting(point) + " *" * point.is_best,
            f"{point.accuracy:.2%}",
            f"{point.undecided:.2%}",
            f"{point.mean_time:.4g}",
            f"{point.mean_steps:.4g}",
            _seconds(point),
            format_quantity(point.mean_energy, "J"),
            f"{point.saved:.1%}",
            format_quantity(point.median_energy, "J"),
            format_quantity(point.p95_energy, "J"),
            f"{point.in_flight:.4g}",
        ]
        for point in points
    ]
    align = ["left", *["right"] * (len(HEADS) - 1)]
    table = tabulate(rows, HEADS, "simple", colalign=align, disable_numparse=True)
    n_cores = full.mapping.partition.n_cores
    title = (
        f"{full.chip.name}: {n_cores} core{'s' * (n_cores != 1)} on "
        f"{grid_text(full.mapping.grid)}, {full.casting}"
    )
    notes = [text for text in (*_notes(chip), *full.notes) if text not in shared]
    warnings = [text for text in full.warnings if text not in shared]
    blocks = [title, table, remarks(warnings, notes)]
    return "\n\n".join(block for block in blocks if block)


def _seconds(point: ExitPoint) -> str:
    return "-" if point.latency is None else format_quantity(point.latency, "s")


def _front_text(report: ExitReport, short: bool) -> str:
    front = _front_of_all(report)
    shown = front
    if short:
        shown = [(c, p) for c, p in front if p in short_list(c.points)]
    rows = [
        [
            chip.full.chip.name,
            setting(point),
            f"{point.accuracy:.2%}",
            _seconds(point),
            format_quantity(point.mean_energy, "J"),
        ]
        for chip, point in shown
    ]
    heads = ["front of all chips", "policy", "accuracy", "latency", "energy"]
    align = ["left", "left", "right", "right", "right"]
    if not front:
        return "front of all chips: none, no chip has a known timing.step"
    table = tabulate(rows, heads, "simple", colalign=align, disable_numparse=True)
    if len(shown) == len(front):
        return table
    return f"{table}\n\n{len(shown)} of the {len(front)} points of this front"


def _csv_row(chip: str, row: dict[str, Any]) -> dict[str, Any]:
    """Name the chip, and the mean count as in all CSV files."""
    names = {"in_flight": "in_flight_per_inference"}
    return {"chip": chip, **{names.get(name, name): x for name, x in row.items()}}


def write_exits(folder: Path, report: ExitReport) -> list[Path]:
    """Write ``points.csv`` and ``curve.csv``, a line for each chip and setting or time.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    report : ExitReport
        From `hwmodel.early_exit.analysis.price_exits`.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    RunError
        If a file cannot be written.
    """
    points, curve = [], []
    for chip in exits_dict(report)["chips"]:
        for point in chip["points"]:
            point["energy_j"] = point["energy_j"]["total"]
            points.append(_csv_row(chip["chip"], point))
        curve += [_csv_row(chip["chip"], row) for row in chip["curve"]]
    paths = [folder / "points.csv", folder / "curve.csv"]
    for path, rows in zip(paths, (points, curve), strict=True):
        write_rows(path, list(rows[0]), rows)
    return paths
