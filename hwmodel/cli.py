"""The command ``hwmodel``: parse, call, print. No arithmetic, no heavy imports."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hwmodel import __version__


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


class _Pair(click.ParamType):
    """Two whole numbers with a separator, such as 8x8 or 0,3."""

    def __init__(self, name: str, separator: str, least: int) -> None:
        self.name = name
        self.separator = separator
        self.least = least

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        match = re.fullmatch(rf"(\d{{1,6}}){self.separator}(\d{{1,6}})", str(value))
        if match is None or min(int(match[1]), int(match[2])) < self.least:
            self.fail(
                f"'{value}' is not of the form {self.name} with whole numbers of at "
                f"least {self.least}",
                param,
                ctx,
            )
        return int(match[1]), int(match[2])


def _with(options: list[Callable[..., Any]]) -> Callable[..., Any]:
    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_MAPPING = [
    click.argument("model", type=click.Path(path_type=Path)),
    click.option(
        "--chip",
        "chip_name",
        required=True,
        metavar="NAME|FILE",
        help="Preset (see 'hwmodel chips') or YAML file.",
    ),
    click.option(
        "--mesh",
        type=_Pair("WxH", "x", 1),
        metavar="WxH",
        help="Mesh size instead of the chip's.",
    ),
    click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="FIELD=VALUE",
        help="Set a field of the chip, for example energy.hop=2.3pJ:marginal.",
    ),
    _JSON,
]


_STEPS = click.option(
    "--steps-per-window",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Time steps a firing window is divided into.",
)
_PORT = click.option(
    "--input-port",
    type=_Pair("X,Y", ",", 0),
    default="0,0",
    show_default=True,
    metavar="X,Y",
    help="Router where input spikes enter the mesh.",
)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hwmodel")
def commands() -> None:
    """Estimate what a spiking network costs on a neuromorphic chip.

    MODEL is a model.h5 written by 'eventsim train', the folder that holds it, or a
    YAML file that declares layers and spike rates.
    """


@commands.command()
@_with(_MAPPING)
@click.option(
    "--casting",
    type=click.Choice(["multicast", "unicast"]),
    default="multicast",
    show_default=True,
    help="Whose hops are paid; both are counted.",
)
@_STEPS
@_PORT
@click.option(
    "--plot",
    "plot_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write energy.png and mesh.png into this folder.",
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
    plot_dir: Path | None,
    csv_dir: Path | None,
    html_file: Path | None,
    **options: Any,
) -> None:
    """Print energy, hops and latency of one inference."""
    from eventsim.model_file import read_model
    from hwmodel.chip.chip import load_chip
    from hwmodel.estimate import estimate_workload
    from hwmodel.report.text import to_dict, to_text
    from hwmodel.workload.declared import is_declared, read_declared
    from hwmodel.workload.workload import from_model

    chip = load_chip(chip_name, overrides)
    declared = is_declared(model)
    workload = read_declared(model) if declared else from_model(read_model(model))
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

        write_html(result, html_file, title=model.resolve().name)
        click.echo(f"wrote {html_file}", err=True)


@commands.command(name="map")
@_with(_MAPPING)
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
    csv_file: Path | None,
) -> None:
    """Print which neurons live on which core, and where the core is."""
    from eventsim.model_file import read_model
    from hwmodel.chip.chip import load_chip
    from hwmodel.estimate import map_layers
    from hwmodel.report.text import map_rows, map_text
    from hwmodel.workload.declared import is_declared, read_declared
    from hwmodel.workload.workload import layers_of

    if is_declared(model):
        layers = read_declared(model).layers
    else:
        layers = layers_of(read_model(model).network)
    mapping = map_layers(layers, load_chip(chip_name, overrides), mesh)
    if as_json:
        data = {
            "mesh": [mapping.grid.width, mapping.grid.height],
            "cores": map_rows(mapping, layers),
        }
        click.echo(_dump(data))
    else:
        click.echo(map_text(mapping, layers))
    if csv_file is not None:
        from hwmodel.report.csv_files import write_map_csv

        write_map_csv(mapping, layers, csv_file)
        click.echo(f"wrote {csv_file}", err=True)


@commands.command(short_help="Write the mapped network for another simulator.")
@_with(_MAPPING[:-1])
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
@_STEPS
@_PORT
def export(
    model: Path,
    chip_name: str,
    mesh: tuple[int, int] | None,
    overrides: tuple[str, ...],
    file_format: str,
    folder: Path,
    **options: Any,
) -> None:
    """Write chip, network, mapping and spikes as files of another simulator.

    Packets are unicast, as that simulator sends them; expected.json says what it should
    find.
    """
    from eventsim.model_file import read_model
    from hwmodel.chip.chip import load_chip
    from hwmodel.estimate import estimate_workload
    from hwmodel.export.sana_fe import export_sana_fe
    from hwmodel.workload.declared import is_declared, read_declared
    from hwmodel.workload.workload import from_model

    chip = load_chip(chip_name, overrides)
    declared = is_declared(model)
    workload = read_declared(model) if declared else from_model(read_model(model))
    estimate = estimate_workload(
        workload, chip, casting="unicast", mesh=mesh, **options
    )
    for path in export_sana_fe(estimate, folder):
        click.echo(f"wrote {path}", err=True)


@commands.command(short_help="List the chips, or show the constants of one.")
@click.argument("name", required=False)
@_JSON
def chips(name: str | None, as_json: bool) -> None:
    """List the presets, or show every constant of one (or of a YAML file)."""
    from hwmodel.chip.chip import load_chip
    from hwmodel.chip.files import preset_names
    from hwmodel.report.chips import chip_dict, chip_text

    if name is not None:
        chip = load_chip(name)
        click.echo(_dump(chip_dict(chip)) if as_json else chip_text(chip))
        return
    presets = [load_chip(preset) for preset in preset_names()]
    if as_json:
        click.echo(_dump([chip_dict(chip) for chip in presets]))
        return
    for chip in presets:
        click.echo(f"{chip.name:<12} {chip.description} ({chip.technology})")


@commands.command(short_help="Recompute the energy tables of Wei et al. 2023.")
@_JSON
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
