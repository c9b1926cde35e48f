"""The command ``hwmodel map``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hwmodel.commands.options import MAPPING, with_budget, with_options
from hwmodel.commands.output import print_json, refuse_unwritable, say_written


@click.command(name="map")
@with_options(MAPPING)
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the table of cores into this file.",
)
def map_command(
    model: Path,
    chip_name: str,
    mesh: tuple[int, int] | None,
    overrides: tuple[str, ...],
    as_json: bool,
    placement: str,
    csv_file: Path | None,
    **options: Any,
) -> None:
    """Print which neurons live on which core, and where the core is."""
    from eventsim.model_file import read_model
    from hwmodel.chip.chip import load_chip
    from hwmodel.on_chip import place_layers
    from hwmodel.report.lines import wrapped
    from hwmodel.report.mapping import map_rows, map_text
    from hwmodel.report.placement import placement_dict, placement_text
    from hwmodel.workload.declared import is_declared, read_declared
    from hwmodel.workload.workload import from_model, layers_of

    refuse_unwritable(csv_file)
    workload = None
    if is_declared(model):
        workload = read_declared(model)
        layers = workload.layers
    else:
        network = read_model(model)
        layers = layers_of(network.network)
        if placement != "row-major" and network.activity is not None:
            workload = from_model(network)
    chip = load_chip(chip_name, overrides)
    placed = place_layers(
        layers, chip, mesh, workload, method=placement, **with_budget(options)
    )
    mapping, n_samples = placed.mapping, workload.n_samples if workload else 1
    origin = chip.cast(options["casting"]).origin
    if as_json:
        data = {
            "mesh": [mapping.grid.width, mapping.grid.height],
            "casting_origin": origin,
            "placement": placement_dict(placed, n_samples),
            "cores": map_rows(mapping, layers),
        }
        print_json(data)
    else:
        click.echo(map_text(mapping, layers))
        if placement != "row-major":
            text = f"{placement_text(placed, n_samples)}; {placed.casting}, {origin}"
            click.echo("\n" + "\n".join(wrapped(text, 2)))
    if csv_file is not None:
        from hwmodel.report.csv_files import write_map_csv

        write_map_csv(mapping, layers, csv_file)
        say_written([csv_file])
