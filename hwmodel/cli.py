"""The command ``hwmodel``: parse, call, print. No arithmetic, no heavy imports."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwmodel import __version__
from hwmodel.contention_command import contention
from hwmodel.early_exit_command import early_exit_command
from hwmodel.options import (
    CASTING,
    JSON_FLAG,
    MAPPING,
    STEPS_PER_WINDOW,
    budget_of,
    with_options,
)

if TYPE_CHECKING:
    from eventsim.model_file import ModelFile
    from hwmodel.estimate import Estimate
    from hwmodel.playback import Playback
    from hwmodel.workload.trace import SpikeTrace
    from hwmodel.workload.workload import Workload


class _Commands(click.Group):
    """Show the errors of both packages as one line and exit with code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        from eventsim.errors import EventsimError
        from hwmodel.errors import HwmodelError

        try:
            return super().invoke(ctx)
        except (EventsimError, HwmodelError) as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(1)
        except MemoryError as error:
            click.echo(
                f"error: there is not enough memory ({error}); expected a smaller "
                "mesh, network or trace",
                err=True,
            )
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hwmodel")
def commands() -> None:
    """Estimate what a spiking network costs on a neuromorphic chip.

    MODEL is a model.h5 written by 'eventsim train', the folder that holds it, or a
    YAML file that declares layers and spike rates.
    """


@commands.command()
@with_options([*MAPPING, STEPS_PER_WINDOW])
@click.option(
    "--trace",
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="Take the spikes from 'eventsim evaluate MODEL --trace' or 'simulate'.",
)
@click.option(
    "--plot",
    "plot_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write energy.png, mesh.png and sensitivity.png into this folder.",
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
@click.option(
    "--force-mixed",
    is_flag=True,
    help="Add other prices to an average price, which contains them.",
)
def estimate(
    model: Path,
    chip_name: str,
    mesh: tuple[int, int] | None,
    overrides: tuple[str, ...],
    as_json: bool,
    trace: Path | None,
    plot_dir: Path | None,
    placement_iterations: int | None,
    placement_seconds: float | None,
    csv_dir: Path | None,
    html_file: Path | None,
    **options: Any,
) -> None:
    """Print energy, hops and latency of one inference."""
    from hwmodel.chip.chip import load_chip
    from hwmodel.estimate import estimate_workload
    from hwmodel.report.text import to_dict, to_text

    _require_writable(plot_dir, csv_dir, html_file)
    chip = load_chip(chip_name, overrides)
    workload, traced = _workload(model, trace)
    options["budget"] = budget_of(placement_iterations, placement_seconds)
    result = estimate_workload(workload, chip, mesh=mesh, **options)
    if result.workload.provenance.get("offline_fallback"):
        click.echo(f"warning: {result.warnings[0]}", err=True)
    click.echo(_dump(to_dict(result)) if as_json else to_text(result))
    if plot_dir is not None:
        from hwmodel.report.plots import plot_estimate

        for path in plot_estimate(result, plot_dir):
            click.echo(f"wrote {path}", err=True)
    if csv_dir is not None:
        from hwmodel.report.csv_files import write_csv

        for path in write_csv(result, csv_dir):
            click.echo(f"wrote {path}", err=True)
    if html_file is not None:
        from hwmodel.report.html import write_html

        name = model.resolve().name
        write_html(result, html_file, name, *_playback(traced, result))
        click.echo(f"wrote {html_file}", err=True)


def _require_writable(
    plot_dir: Path | None, csv_dir: Path | None, html_file: Path | None
) -> None:
    """Refuse what cannot be written before anything is computed."""
    from eventsim.atomic_write import require_writable

    if plot_dir is not None:
        require_writable(plot_dir / "energy.png")
    if csv_dir is not None:
        require_writable(csv_dir / "layers.csv")
    if html_file is not None:
        require_writable(html_file)


def _workload(
    path: Path, trace: Path | None
) -> tuple[Workload, tuple[ModelFile, SpikeTrace] | None]:
    """Read the workload, and the model with its trace if there is one."""
    from eventsim.model_file import read_model
    from hwmodel.workload.declared import is_declared, read_declared
    from hwmodel.workload.trace import read_trace
    from hwmodel.workload.workload import from_model, from_trace

    if is_declared(path):
        if trace is not None:
            raise click.UsageError(
                f"--trace goes with a model.h5; '{path}' declares its spikes"
            )
        return read_declared(path), None
    model = read_model(path)
    if trace is None:
        return from_model(model), None
    spikes = read_trace(trace, model.network)
    return from_trace(model, spikes), (model, spikes)


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


commands.add_command(contention)
commands.add_command(early_exit_command(estimate.params))


@commands.command(name="map")
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
    placement_iterations: int | None,
    placement_seconds: float | None,
    csv_file: Path | None,
    **options: Any,
) -> None:
    """Print which neurons live on which core, and where the core is."""
    from eventsim.model_file import read_model
    from hwmodel.chip.chip import load_chip
    from hwmodel.on_chip import place_layers
    from hwmodel.report.mapping import map_rows, map_text
    from hwmodel.report.placement import placement_dict, placement_text
    from hwmodel.workload.declared import is_declared, read_declared
    from hwmodel.workload.workload import from_model, layers_of

    workload = None
    if is_declared(model):
        workload = read_declared(model)
        layers = workload.layers
    else:
        network = read_model(model)
        layers = layers_of(network.network)
        if placement != "row-major" and network.activity is not None:
            workload = from_model(network)
    options["budget"] = budget_of(placement_iterations, placement_seconds)
    options["method"] = placement
    chip = load_chip(chip_name, overrides)
    placed = place_layers(layers, chip, mesh, workload, **options)
    mapping, n_samples = placed.mapping, workload.n_samples if workload else 1
    if as_json:
        data = {
            "mesh": [mapping.grid.width, mapping.grid.height],
            "placement": placement_dict(placed, n_samples),
            "cores": map_rows(mapping, layers),
        }
        click.echo(_dump(data))
    else:
        click.echo(map_text(mapping, layers))
        if placement != "row-major":
            click.echo(f"\n{placement_text(placed, n_samples)}")
    if csv_file is not None:
        from hwmodel.report.csv_files import write_map_csv

        write_map_csv(mapping, layers, csv_file)
        click.echo(f"wrote {csv_file}", err=True)


@commands.command(short_help="Write the mapped network for another simulator.")
@with_options([o for o in MAPPING if o not in (CASTING, JSON_FLAG)])
@STEPS_PER_WINDOW
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
    file_format: str,
    folder: Path,
    placement_iterations: int | None,
    placement_seconds: float | None,
    **options: Any,
) -> None:
    """Write chip, network, mapping and spikes as files of another simulator.

    Packets are unicast, as that simulator sends them; expected.json says what it should
    find.
    """
    from hwmodel.chip.chip import load_chip
    from hwmodel.estimate import estimate_workload
    from hwmodel.export.sana_fe import export_sana_fe

    chip = load_chip(chip_name, overrides)
    options["budget"] = budget_of(placement_iterations, placement_seconds)
    workload, _ = _workload(model, None)
    result = estimate_workload(workload, chip, casting="unicast", **options)
    for path in export_sana_fe(result, folder):
        click.echo(f"wrote {path}", err=True)


@commands.command(short_help="List the chips, or show the constants of one.")
@click.argument("name", required=False)
@JSON_FLAG
def chips(name: str | None, as_json: bool) -> None:
    """List the presets, or show every constant of one (or of a YAML file)."""
    from hwmodel.chip.chip import load_chip
    from hwmodel.chip.files import preset_names
    from hwmodel.report.chips import chip_dict, chip_list, chip_text

    if name is not None:
        chip = load_chip(name)
        click.echo(_dump(chip_dict(chip)) if as_json else chip_text(chip))
        return
    presets = [load_chip(preset) for preset in preset_names()]
    if as_json:
        click.echo(_dump([chip_dict(chip) for chip in presets]))
    else:
        click.echo(chip_list(presets))


@commands.command(short_help="Recompute the energy tables of Wei et al. 2023.")
@JSON_FLAG
def tables(as_json: bool) -> None:
    """Recompute the energy numbers of Wei et al. 2023 (Table 2, Eq. 12, Fig. 8)."""
    from hwmodel.report.paper import tables_dict, tables_text

    click.echo(_dump(tables_dict()) if as_json else tables_text())


def _dump(data: Any) -> str:
    return json.dumps(data, indent=2, allow_nan=False)


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : list of str, optional
        Arguments without the program name; those of the process by default.

    Returns
    -------
    int
        Never returns normally: exits with 0 (done), 1 (error) or 2 (usage).
    """
    return commands.main(args=argv, prog_name="hwmodel")


if __name__ == "__main__":
    sys.exit(main())
