"""The command ``hwmodel``: parse, call, print. No arithmetic, no heavy imports."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwmodel import __version__
from hwmodel.early_exit_command import early_exit_command

if TYPE_CHECKING:
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
        "--split",
        type=click.Choice(["features", "space", "both", "search"]),
        default="features",
        show_default=True,
        help="How layers are cut into cores; 'search' takes the fewest cores.",
    ),
    click.option(
        "--limits",
        type=click.Choice(["core", "silicon"]),
        default="core",
        show_default=True,
        help="Cores as the mapping rule has them, or within what the silicon holds.",
    ),
    click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="FIELD=VALUE",
        help="Set a field of the chip, for example energy.hop=2.3pJ:marginal or "
        "energy.hop.high=3pJ.",
    ),
    click.option(
        "--casting",
        type=click.Choice(["multicast", "unicast"]),
        default="multicast",
        show_default=True,
        help="Whose hops are paid, and placed for; both are counted.",
    ),
    click.option(
        "--input-port",
        type=_Pair("X,Y", ",", 0),
        default="0,0",
        show_default=True,
        metavar="X,Y",
        help="Router where input spikes enter the mesh.",
    ),
    click.option(
        "--placement",
        type=click.Choice(
            ["row-major", "snake", "hilbert", "spectral", "greedy", "annealing"]
        ),
        default="row-major",
        show_default=True,
        help="How cores find their places; the last three look at the traffic.",
    ),
    click.option(
        "--objective",
        type=click.Choice(["hops", "energy", "worst-link"]),
        default="hops",
        show_default=True,
        help="What the placement makes small.",
    ),
    click.option(
        "--placement-iterations",
        type=click.IntRange(min=1),
        metavar="N",
        help="Swaps that greedy and annealing try.",
    ),
    click.option(
        "--placement-seconds",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Time that greedy and annealing take; results then depend on it.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0, max=2**63 - 1),
        default=0,
        show_default=True,
        help="Seed of all random numbers: the placement's and those of --draws.",
    ),
    _JSON,
]


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
    "--steps-per-window",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Time steps a firing window is divided into.",
)
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
    from hwmodel.placing.search import Budget
    from hwmodel.report.text import to_dict, to_text

    chip = load_chip(chip_name, overrides)
    workload = _workload(model, trace)
    options["budget"] = Budget(placement_iterations, placement_seconds)
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


def _workload(path: Path, trace: Path | None) -> Workload:
    from eventsim.model_file import read_model
    from hwmodel.workload.declared import is_declared, read_declared
    from hwmodel.workload.trace import read_trace
    from hwmodel.workload.workload import from_model, from_trace

    if is_declared(path):
        if trace is not None:
            raise click.UsageError(
                f"--trace goes with a model.h5; '{path}' declares its spikes"
            )
        return read_declared(path)
    model = read_model(path)
    if trace is None:
        return from_model(model)
    return from_trace(model, read_trace(trace, model.network))


commands.add_command(early_exit_command(estimate.params))


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
    from hwmodel.placing.search import Budget
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
    options["budget"] = Budget(placement_iterations, placement_seconds)
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


@commands.command(short_help="List the chips, or show the constants of one.")
@click.argument("name", required=False)
@_JSON
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
