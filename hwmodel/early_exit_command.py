"""The command ``hwmodel early-exit``: parse, call, print. No heavy imports."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwmodel.options import budget_of, require_measured

if TYPE_CHECKING:
    from hwmodel.early_exit.analysis import ExitReport

_HELP = """Print what runs cost that stop as soon as a policy has decided.

MODEL is a model.h5 written by 'eventsim train', or the folder that holds it. A chip
that cannot be priced is named in an error line; the others are reported, and the exit
code is 1.
"""

_OWN: list[click.Parameter] = [
    click.Option(
        ["--trace"],
        type=click.Path(path_type=Path),
        required=True,
        metavar="FILE.npz",
        help="Spikes and labels from 'eventsim evaluate MODEL --trace'.",
    ),
    click.Option(
        ["--chip", "chip_names"],
        required=True,
        multiple=True,
        metavar="NAME|FILE",
        help="Preset (see 'hwmodel chips') or YAML file; may be given several times.",
    ),
    click.Option(
        ["--policy", "policies"],
        multiple=True,
        metavar="NAME[=SETTING]",
        help="first_spike, leader, margin, confidence or fixed_time, without a setting "
        "swept; may be given several times. [all are swept]",
    ),
    click.Option(
        ["--set", "overrides"],
        multiple=True,
        metavar="[CHIP:]FIELD=VALUE",
        help="Set a field of all chips, or of one: canmore:energy.hop=2.3pJ:marginal.",
    ),
    click.Option(
        ["--csv", "csv_dir"],
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Write points.csv and curve.csv into this folder.",
    ),
    click.Option(
        ["--plot", "plot_dir"],
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Write energy_accuracy.png, over_time.png and, of several chips, "
        "chips.png into this folder.",
    ),
]

_SHARED = (
    "mesh",
    "split",
    "limits",
    "casting",
    "steps_per_window",
    "input_port",
    "placement",
    "objective",
    "placement_iterations",
    "placement_seconds",
    "seed",
    "force_mixed",
    "as_json",
)
"""Parameters that mean what they mean to ``hwmodel estimate``."""


def early_exit_command(of_estimate: Sequence[click.Parameter]) -> click.Command:
    """Build the command.

    Parameters
    ----------
    of_estimate : sequence of click.Parameter
        Those of ``hwmodel estimate``; what says how a chip runs a network is taken
        from there.

    Returns
    -------
    click.Command
        ``early-exit``.
    """
    model = [one for one in of_estimate if one.name == "model"]
    shared = [one for one in of_estimate if one.name in _SHARED]
    return click.Command(
        "early-exit",
        params=[*model, *_OWN, *shared],
        callback=_early_exit,
        help=_HELP,
        short_help="Price runs that answer early.",
    )


def _early_exit(
    model: Path,
    trace: Path,
    chip_names: tuple[str, ...],
    policies: tuple[str, ...],
    overrides: tuple[str, ...],
    csv_dir: Path | None,
    plot_dir: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    from eventsim.atomic_write import require_writable
    from hwmodel.report.early_exit import exits_dict, exits_text

    if csv_dir is not None:
        require_writable(csv_dir / "points.csv")
    if plot_dir is not None:
        require_writable(plot_dir / "over_time.png")
    report = _priced(model, trace, chip_names, overrides, policies, options)
    for name, error in report.not_priced:
        click.echo(f"error: {error} ({name} is left out)", err=True)
    if as_json:
        click.echo(json.dumps(exits_dict(report), indent=2, allow_nan=False))
    elif report.chips:
        click.echo(exits_text(report))
    if report.chips:
        _write(report, csv_dir, plot_dir)
    if report.not_priced:
        sys.exit(1)


def _priced(
    path: Path,
    trace: Path,
    chip_names: tuple[str, ...],
    overrides: tuple[str, ...],
    policies: tuple[str, ...],
    options: dict[str, Any],
) -> ExitReport:
    from tqdm import tqdm

    from eventsim.model_file import read_model
    from hwmodel.early_exit.analysis import price_exits
    from hwmodel.early_exit.chip_names import load_chips
    from hwmodel.workload.trace import read_trace

    require_measured(path)
    iterations = options.pop("placement_iterations")
    options["budget"] = budget_of(iterations, options.pop("placement_seconds"))
    chips = load_chips(chip_names, overrides)
    model = read_model(path)
    spikes = read_trace(trace, model.network)
    total = spikes.n_samples * len(chips)
    with tqdm(
        total=total, desc="priced", unit="sample", leave=False, disable=None
    ) as bar:
        return price_exits(
            model, spikes, chips, policies, on_samples=bar.update, **options
        )


def _write(report: ExitReport, csv_dir: Path | None, plot_dir: Path | None) -> None:
    paths: list[Path] = []
    if csv_dir is not None:
        from hwmodel.report.early_exit import write_exits

        paths += write_exits(csv_dir, report)
    if plot_dir is not None:
        from hwmodel.report.early_exit_plots import plot_exits

        paths += plot_exits(report, plot_dir)
    for path in paths:
        click.echo(f"wrote {path}", err=True)
