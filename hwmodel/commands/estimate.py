"""The command ``hwmodel estimate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwmodel.commands.options import (
    FORCE_MIXED,
    MAPPING,
    STEPS_PER_WINDOW,
    TRACE,
    with_budget,
    with_options,
)
from hwmodel.commands.output import print_json, refuse_unwritable, say_written
from hwmodel.commands.reading import read_workload

if TYPE_CHECKING:
    from eventsim.model_file import ModelFile
    from hwmodel.estimate import Estimate
    from hwmodel.playback import Playback
    from hwmodel.workload.trace import SpikeTrace


@click.command()
@with_options([*MAPPING, STEPS_PER_WINDOW, TRACE])
@click.option(
    "--plot",
    "plot_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write energy.png, mesh.png and, of constants with bounds, sensitivity.png "
    "into this folder.",
)
@click.option(
    "--draws",
    "n_draws",
    type=click.IntRange(0, 1_000_000),
    default=0,
    metavar="N",
    help="Draw the constants from their bounds N times and show the totals.",
)
@click.option(
    "--csv",
    "csv_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write layers.csv, cores.csv and links.csv into this folder.",
)
@click.option(
    "--html",
    "html_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a report that a browser opens from disk: tables and a map of the mesh.",
)
@click.option(
    "--strict", is_flag=True, help="Refuse what the physical chip cannot hold."
)
@FORCE_MIXED
def estimate(
    model: Path,
    chip_name: str,
    overrides: tuple[str, ...],
    as_json: bool,
    trace: Path | None,
    plot_dir: Path | None,
    csv_dir: Path | None,
    html_file: Path | None,
    **options: Any,
) -> None:
    """Print energy, hops and latency of one inference."""
    from hwmodel.chip.chip import load_chip
    from hwmodel.estimate import estimate_workload
    from hwmodel.report.text import to_dict, to_text

    refuse_unwritable(
        plot_dir and plot_dir / "energy.png",
        csv_dir and csv_dir / "layers.csv",
        html_file,
    )
    chip = load_chip(chip_name, overrides)
    workload, traced = read_workload(model, trace)
    result = estimate_workload(workload, chip, **with_budget(options))
    if as_json and result.workload.provenance.get("offline_fallback"):
        click.echo(f"warning: {result.warnings[0]}", err=True)
    if as_json:
        print_json(to_dict(result))
    else:
        click.echo(to_text(result))
    if plot_dir is not None:
        from hwmodel.report.plots import plot_estimate

        say_written(plot_estimate(result, plot_dir))
    if csv_dir is not None:
        from hwmodel.report.csv_files import write_csv

        say_written(write_csv(result, csv_dir))
    if html_file is not None:
        from hwmodel.report.html import write_html

        name = model.resolve().name
        write_html(result, html_file, name, *_playback(traced, result))
        say_written([html_file])


def _playback(
    traced: tuple[ModelFile, SpikeTrace] | None, result: Estimate
) -> tuple[Playback | None, str | None]:
    """Return the traffic over time, or why a trace that was given cannot be played."""
    from hwmodel.errors import HwmodelError
    from hwmodel.playback import playback_of

    if traced is None:
        return None, None
    try:
        return playback_of(*traced, result), None
    except HwmodelError as error:
        click.echo(f"note: no playback in the report: {error}", err=True)
        return None, str(error)
