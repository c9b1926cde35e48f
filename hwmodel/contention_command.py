"""The command ``hwmodel contention``: parse, call, print. No heavy imports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from hwmodel.options import (
    MAPPING,
    STEPS_PER_WINDOW,
    budget_of,
    require_measured,
    with_options,
)


@click.command(short_help="Simulate packets that wait for each other on the mesh.")
@with_options([*MAPPING, STEPS_PER_WINDOW])
@click.option(
    "--trace",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="Spikes from 'eventsim evaluate MODEL --trace' or 'simulate'.",
)
def contention(
    model: Path,
    trace: Path,
    chip_name: str,
    mesh: tuple[int, int] | None,
    overrides: tuple[str, ...],
    as_json: bool,
    placement: str,
    placement_iterations: int | None,
    placement_seconds: float | None,
    steps_per_window: int,
    **options: Any,
) -> None:
    """Send the spikes of a trace over the mesh of a chip, all at their times.

    MODEL is a model.h5 written by 'eventsim train', or the folder that holds it. Every
    packet is simulated: latencies, waits, the busiest link, and how far the fast
    estimate from loads is off. The chip needs timing.step, timing.hop and timing.link.
    """
    from eventsim.model_file import read_model
    from hwmodel.chip.chip import load_chip
    from hwmodel.contention import run_on_mesh
    from hwmodel.on_chip import place_layers
    from hwmodel.report.contention import contention_dict, contention_text
    from hwmodel.workload.trace import read_trace
    from hwmodel.workload.workload import from_trace

    require_measured(model)
    chip = load_chip(chip_name, overrides)
    network = read_model(model)
    spikes = read_trace(trace, network.network)
    workload = from_trace(network, spikes)
    options["budget"] = budget_of(placement_iterations, placement_seconds)
    placed = place_layers(
        workload.layers,
        chip,
        mesh,
        workload,
        steps_per_window=steps_per_window,
        method=placement,
        **options,
    )
    run = run_on_mesh(
        network,
        spikes,
        chip,
        placed.mapping,
        casting=options["casting"],
        input_port=options["input_port"],
        steps_per_window=steps_per_window,
    )
    if as_json:
        click.echo(json.dumps(contention_dict(run), indent=2, allow_nan=False))
    else:
        click.echo(contention_text(run))
