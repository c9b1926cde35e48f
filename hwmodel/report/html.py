"""Write an estimate as one HTML file: tables, a map of the mesh, playback of a trace.

The file holds its style, its script and its data, and loads nothing else. Whatever
comes from a model or a chip file reaches the page as JSON and is shown as text.
"""

from __future__ import annotations

import html
import json
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from eventsim.atomic_write import replacing
from hwmodel import __version__
from hwmodel.chip.chip import Chip
from hwmodel.chip.constants import ACTIONS
from hwmodel.cost.places import OF_CORES, OF_LINKS
from hwmodel.errors import WorkloadError
from hwmodel.estimate import Estimate
from hwmodel.playback import Playback
from hwmodel.report.chips import price_text
from hwmodel.report.text import to_dict

_SCRIPTS = ("elements.js", "tables.js", "summary.js", "mesh.js", "main.js")


def write_html(
    estimate: Estimate,
    path: Path,
    title: str,
    playback: Playback | None = None,
    no_playback: str | None = None,
) -> None:
    """Write an estimate as one HTML file.

    Parameters
    ----------
    estimate : Estimate
        From `hwmodel.estimate.estimate_workload`.
    path : Path
        Replaced at once when the page is complete.
    title : str
        Head of the page, for example the name of the model.
    playback : Playback, optional
        Traffic to play.
    no_playback : str, optional
        Why there is none, for the reader; by default what the estimate tells.

    Raises
    ------
    WorkloadError
        If the playback does not fit the estimate.
    RunError
        If the file cannot be written.
    """
    page = html_page(estimate, title, playback, no_playback)
    with replacing(Path(path)) as temporary:
        temporary.write_text(page, "utf-8")


def html_page(
    estimate: Estimate,
    title: str,
    playback: Playback | None = None,
    no_playback: str | None = None,
) -> str:
    """Make the page; see `write_html`.

    Parameters
    ----------
    estimate : Estimate
        From `hwmodel.estimate.estimate_workload`.
    title : str
        Head of the page.
    playback : Playback, optional
        Traffic to play.
    no_playback : str, optional
        Why there is none, for the reader; by default what the estimate tells.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    WorkloadError
        If the playback does not fit the estimate.
    """
    parts = resources.files("hwmodel.report") / "page"
    script = "\n".join((parts / name).read_text("utf-8") for name in _SCRIPTS)
    return Template((parts / "page.html").read_text("utf-8")).substitute(
        title=html.escape(title),
        version=html.escape(__version__),
        style=(parts / "page.css").read_text("utf-8"),
        script=f'(() => {{\n"use strict";\n{script}}})();\n',
        data=_safe_json(
            {
                **_page_data(estimate),
                "playback": None if playback is None else _playback(playback, estimate),
                "no_playback": no_playback or _nothing_to_play(estimate),
            }
        ),
    )


def _safe_json(data: dict[str, Any]) -> str:
    """Write JSON that cannot end the script element it is put in."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def _page_data(estimate: Estimate) -> dict[str, Any]:
    counts, part = estimate.counts, estimate.mapping.partition
    loads = counts.link_loads(estimate.casting)
    used = loads.packets > 0
    steps = np.array(loads.grid.directions)[np.nonzero(used)[0]]
    return {
        "estimate": to_dict(estimate),
        "topology": loads.grid.topology,
        "cores_per_router": loads.grid.cores_per_router,
        "core_layer": part.layer_of_core.tolist(),
        "layer_numbers": [layer.number for layer in estimate.workload.layers],
        "core_energy_j": estimate.core_energy.tolist(),
        "link_steps": steps.tolist(),
        "link_energy_j": estimate.used_link_energy.tolist(),
        "titles": {**ACTIONS, "static": "static"},
        "prices": _prices(estimate.chip),
        "places": {
            "cores": _place("A core", OF_CORES, estimate),
            "links": _place("A link", OF_LINKS, estimate),
        },
    }


def _nothing_to_play(estimate: Estimate) -> str:
    """Say why a report has no traffic over time, if nobody said it better."""
    if estimate.workload.provenance.get("declared"):
        return "spikes are declared, so nobody knows when they are fired"
    return "traffic over time needs a trace of the model's spikes (--trace FILE.npz)"


def _prices(chip: Chip) -> dict[str, str]:
    texts = {
        name.removeprefix("energy."): price_text(
            c.value, c.unit, c.included_in
        ).replace(" u", " µ")
        for name, c in chip.constants.items()
        if name.startswith("energy.")
    }
    if "hop_y" in texts:
        texts["hop"] += f", {texts.pop('hop_y')}"
    return texts


def _place(owner: str, actions: tuple[str, ...], estimate: Estimate) -> str:
    """Say which part of the energy is that of cores or of links."""
    charged = [a for a in actions if a in estimate.bill.actions]
    if not charged:
        return f"{owner} is given no energy: the chip has no price for what it does."
    named = ", ".join(ACTIONS[a] for a in charged)
    return f"{owner} is given the energy of its own actions: {named}."


def _playback(playback: Playback, estimate: Estimate) -> dict[str, Any]:
    n_bins = len(playback.bin_edges_s) - 1
    loads = estimate.counts.link_loads(estimate.casting)
    shapes = {
        "core_spikes": (n_bins, estimate.mapping.partition.n_cores),
        "link_packets": (n_bins, int(np.count_nonzero(loads.packets))),
    }
    if n_bins < 1 or not (np.diff(playback.bin_edges_s) > 0).all():
        raise WorkloadError(
            f"playback: bin_edges_s has {n_bins + 1} values from "
            f"{playback.bin_edges_s[:1]}; expected at least two, increasing; make the "
            "bins from the span of the trace"
        )
    for name, shape in shapes.items():
        if getattr(playback, name).shape != shape:
            raise WorkloadError(
                f"playback: {name} has shape {getattr(playback, name).shape}; expected "
                f"{shape}, bins by what the estimate uses; bin the trace of the same "
                "mapping"
            )
    return {
        "bin_edges_s": playback.bin_edges_s.tolist(),
        **{name: getattr(playback, name).tolist() for name in shapes},
    }
