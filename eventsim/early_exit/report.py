"""An analysis of early exit as plain numbers, as tables of text and as CSV files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from eventsim.atomic_write import replacing
from eventsim.early_exit.accuracy_curve import CLOSE_TO_FINAL
from eventsim.early_exit.analysis import ExitAnalysis
from eventsim.early_exit.published import PUBLISHED, BestSoFar
from eventsim.network import Network

CURVE_POINTS = 200
EVERY_EPOCHS = 10


def to_dict(network: Network, analysis: ExitAnalysis) -> dict[str, Any]:
    """Return an analysis as numbers, lists and dictionaries, for JSON.

    Parameters
    ----------
    network : Network
        What was analysed.
    analysis : ExitAnalysis
        What was found.

    Returns
    -------
    dict
        The accuracy over time is sampled at equal steps.
    """
    times = network.duration * np.arange(CURVE_POINTS + 1) / CURVE_POINTS
    names = ["input", *(layer.name for layer in network.layers)]
    sizes = [int(np.prod(network.input_shape))]
    sizes += [layer.n_neurons for layer in network.layers]
    full = analysis.full
    return {
        "n_samples": analysis.n_samples,
        "duration": network.duration,
        "readout": network.readout,
        "smoothing": analysis.smoothing,
        "full": {
            "accuracy": full.accuracy,
            "unanswered": full.unanswered,
            "spikes": full.spikes,
            "sops": full.sops,
        },
        "latency": analysis.curve.latency(),
        "points": [asdict(point) for point in analysis.points],
        "curve": [
            {"time": time, "accuracy": accuracy}
            for time, accuracy in zip(
                times.tolist(), analysis.curve.at(times).tolist(), strict=True
            )
        ],
        "layers": [
            {"layer": k, "name": name, "neurons": size, "spikes": spikes}
            for k, (name, size, spikes) in enumerate(
                zip(names, sizes, full.layer_spikes, strict=True)
            )
        ],
        "layer_spikes": _layer_spikes(names, analysis),
        "calibration": [
            {
                "time": one.time,
                "error": one.error,
                "silent": one.silent,
                "bins": [
                    {"n_samples": n, "probability": p, "accuracy": a}
                    for n, p, a in zip(
                        one.n_samples.tolist(),
                        one.probability.tolist(),
                        one.accuracy.tolist(),
                        strict=True,
                    )
                ],
            }
            for one in analysis.calibrations
        ],
        "protocol": [
            {"rule": name, **asdict(found)}
            for name, found in analysis.published.items()
        ],
    }


def _layer_spikes(names: list[str], analysis: ExitAnalysis) -> list[dict[str, Any]]:
    """Return the spikes of every layer up to the decisions of every setting."""
    n, full = analysis.n_samples, analysis.full.layer_spikes
    return [
        {
            "policy": point.policy,
            "value": point.value,
            "window": point.window,
            "layer": k,
            "name": name,
            "spikes": total / n,
            "saved": 1 - total / n / full[k] if full[k] else 0.0,
        }
        for point, found in zip(analysis.points, analysis.outcomes, strict=True)
        for k, (name, total) in enumerate(
            zip(names, found.layer_spikes.tolist(), strict=True)
        )
    ]


def format_report(result: dict[str, Any]) -> str:
    """Return what `to_dict` returned as tables to read."""
    full, duration = result["full"], result["duration"]
    latency = result["latency"]
    late = "never" if latency is None else f"{latency:.4g}"
    lines = [
        f"{result['n_samples']} samples, runs up to {duration:g}, readout "
        f"{result['readout']}: accuracy {full['accuracy']:.2%}, "
        f"{full['spikes']:.4g} spikes and {full['sops']:.5g} SOPs per sample; "
        f"{CLOSE_TO_FINAL:.0%} of the final accuracy at {late}",
        "",
        _points(result["points"]),
        "",
        _protocol(result["protocol"]),
        "",
        f"calibration error of the probability (smoothing {result['smoothing']:.4g}): "
        + ", ".join(
            f"{c['error']:.4f} at {c['time']:g} ({c['silent']:.1%} silent)"
            for c in result["calibration"]
        ),
    ]
    if result.get("stopped"):
        lines += ["", _stopped(result["stopped"])]
    if result.get("training"):
        lines += ["", _training(result["training"])]
    return "\n".join(lines)


def setting(point: dict[str, Any]) -> str:
    """Return a policy with its parameters as one word."""
    value = "" if point["value"] is None else f" {point['value']:g}"
    window = "" if point["window"] is None else f" W={point['window']:g}"
    return f"{point['policy']}{value}{window}"


def _points(points: list[dict[str, Any]]) -> str:
    rows = [
        [
            setting(p),
            _share(p["accuracy"]),
            _share(p["undecided"]),
            p["mean_time"],
            p["median_time"],
            p["p95_time"],
            p["p99_time"],
            p["spikes"],
            _share(p["spikes_saved"]),
            p["sops"],
            _share(p["sops_saved"]),
        ]
        for p in points
    ]
    headers = ["policy", "accuracy", "undecided", "mean t", "median", "p95", "p99",
               "spikes", "saved", "SOPs", "saved"]  # fmt: skip
    return tabulate(rows, headers=headers, floatfmt=".4g", stralign="right")


def _protocol(protocol: list[dict[str, Any]]) -> str:
    rows = [
        [
            p["rule"],
            _share(p["accuracy"]),
            p["time"],
            p["time_from_zero"],
            _share(p["undecided"]),
        ]
        for p in protocol
    ]
    headers = ["protocol of Zhu et al. 2023", "accuracy", "time / T", "from 0",
               "undecided"]  # fmt: skip
    return tabulate(rows, headers=headers, floatfmt=".4g")


def _stopped(stopped: list[dict[str, Any]]) -> str:
    rows = [
        [
            setting(s),
            _share(s["same_decisions"]),
            _share(s["same_counts"]),
            s["events"],
            _share(s["events_saved"]),
            1000 * s["seconds"],
            1000 * s["full_seconds"],
        ]
        for s in stopped
    ]
    headers = ["really stopped", "same decisions", "same counts", "events", "saved",
               "ms (median)", "full run"]  # fmt: skip
    return tabulate(rows, headers=headers, floatfmt=".4g", stralign="right")


def training_rows(history: Sequence[BestSoFar], dataset: str) -> list[dict[str, Any]]:
    """Return every tenth epoch and the last one, beside the published table.

    Parameters
    ----------
    history : sequence of BestSoFar
        Of all epochs.
    dataset : str
        Name of the data set.

    Returns
    -------
    list of dict
        Published numbers are those of MNIST, ``None`` for other sets and epochs.
    """
    is_published = dataset == "mnist"
    last = history[-1].epoch if history else 0
    rows = []
    for best in history:
        if best.epoch % EVERY_EPOCHS and best.epoch != last:
            continue
        accuracy, time = (is_published and PUBLISHED.get(best.epoch)) or (None, None)
        rows.append(
            {
                **asdict(best),
                "published_accuracy": accuracy,
                "published_time": time,
            }
        )
    return rows


def _training(rows: list[dict[str, Any]]) -> str:
    table = [
        [
            row["epoch"],
            row["protocol"],
            _share(row["accuracy"]),
            row["time"],
            row["time_from_zero"],
            _share(row["published_accuracy"]),
            row["published_time"],
        ]
        for row in rows
    ]
    headers = ["epoch", "protocol", "best accuracy", "fastest time / T", "from 0",
               "published", "published"]  # fmt: skip
    align = ["right", "left", *["right"] * 5]
    text = tabulate(table, headers=headers, floatfmt=".3f", colalign=align)
    is_published = any(row["published_time"] is not None for row in rows)
    note = "\npublished: Zhu et al. 2023, appendix, Table 5" if is_published else ""
    return text + note


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def write_csv(place: Path, result: dict[str, Any]) -> list[Path]:
    """Write the tables of a report.

    Parameters
    ----------
    place : Path
        A file that ends with ``.csv`` gets the settings; a folder gets a file for
        each table.
    result : dict
        What `to_dict` returned.

    Returns
    -------
    list of Path
        Files that were written.

    Raises
    ------
    RunError
        If a file cannot be written.
    """
    if place.suffix == ".csv":
        return [write_table(place, result["points"])]
    bins = [
        {"time": one["time"], "bin": k, **row}
        for one in result["calibration"]
        for k, row in enumerate(one["bins"])
    ]
    tables = {
        "points": result["points"],
        "curve": result["curve"],
        "layers": result["layers"],
        "layer_spikes": result["layer_spikes"],
        "calibration": bins,
        "protocol": result["protocol"],
        "stopped": result.get("stopped"),
        "training": result.get("training"),
    }
    return [
        write_table(place / f"{name}.csv", rows)
        for name, rows in tables.items()
        if rows
    ]


def write_table(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows with the same keys, at least one, as CSV; return the path."""
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
