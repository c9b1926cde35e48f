"""The command ``hwmodel contention``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hwmodel.commands.options import (
    MAPPING,
    STEPS_PER_WINDOW,
    with_budget,
    with_options,
)
from hwmodel.commands.output import print_json, say_compiling
from hwmodel.commands.reading import read_traced, require_measured


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
    steps_per_window: int,
    **options: Any,
) -> None:
    """Send the spikes of a trace over the mesh of a chip, all at their times.

    MODEL is a model.h5 written by 'eventsim train', or the folder that holds it. Every
    packet is simulated: latencies, waits, the busiest link, and how far the fast
    estimate from loads is off. The chip needs timing.step, timing.hop and timing.link.
    """
    from hwmodel.chip.chip import load_chip
    from hwmodel.contention import run_on_mesh
    from hwmodel.noc.mesh_kernels import advance
    from hwmodel.on_chip import place_layers
    from hwmodel.report.contention import contention_dict, contention_text
    from hwmodel.workload.workload import from_trace

    require_measured(model)
    chip = load_chip(chip_name, overrides)
    network, spikes = read_traced(model, trace)
    workload = from_trace(network, spikes)
    placed = place_layers(
        workload.layers,
        chip,
        mesh,
        workload,
        steps_per_window=steps_per_window,
        method=placement,
        **with_budget(options),
    )
    say_compiling(advance)
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
        print_json(contention_dict(run))
    else:
        click.echo(contention_text(run))
