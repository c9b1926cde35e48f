"""The command ``hwmodel export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hwmodel.commands.options import (
    CHIP,
    CUTTING,
    FORCE_MIXED,
    MODEL,
    PLACING,
    SET,
    STEPS_PER_WINDOW,
    TRACE,
    with_budget,
    with_options,
)
from hwmodel.commands.output import refuse_unwritable, say_written
from hwmodel.commands.reading import read_workload


@click.command(short_help="Write the mapped network for another simulator.")
@with_options(
    [MODEL, CHIP, *CUTTING, SET, *PLACING, STEPS_PER_WINDOW, TRACE, FORCE_MIXED]
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["sana-fe"]),
    default="sana-fe",
    show_default=True,
    help="Whose files.",
)
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where architecture.yaml, network.yaml and expected.json go.",
)
def export(
    model: Path,
    chip_name: str,
    overrides: tuple[str, ...],
    trace: Path | None,
    file_format: str,
    folder: Path,
    **options: Any,
) -> None:
    """Write chip, network, mapping and spikes as files of another simulator.

    Packets are unicast, as that simulator sends them; expected.json says what it should
    find.
    """
    from hwmodel.chip.chip import load_chip
    from hwmodel.estimate import estimate_workload
    from hwmodel.export.sana_fe import export_sana_fe

    refuse_unwritable(folder / "architecture.yaml")
    chip = load_chip(chip_name, overrides)
    workload, _ = read_workload(model, trace)
    result = estimate_workload(
        workload, chip, casting="unicast", **with_budget(options)
    )
    say_written(export_sana_fe(result, folder))
