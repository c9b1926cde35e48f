"""The command ``hwmodel early-exit``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwmodel.commands.options import (
    CASTING,
    CUTTING,
    FORCE_MIXED,
    JSON_FLAG,
    MODEL,
    PLACING,
    STEPS_PER_WINDOW,
    with_budget,
    with_options,
)
from hwmodel.commands.output import print_json, refuse_unwritable, say_written
from hwmodel.commands.reading import read_traced, require_measured

if TYPE_CHECKING:
    from hwmodel.early_exit.analysis import ExitReport


@click.command("early-exit", short_help="Price runs that answer early.")
@MODEL
@click.option(
    "--trace",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE.npz",
    help="Spikes and labels from 'eventsim evaluate MODEL --trace'.",
)
@click.option(
    "--chip",
    "chip_names",
    required=True,
    multiple=True,
    metavar="NAME|FILE",
    help="Preset (see 'hwmodel chips') or YAML file; may be given several times.",
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME[=SETTING]",
    help="first_spike, leader, margin, confidence or fixed_time, without a setting "
    "swept; may be given several times. [all are swept]",
)
@click.option(
    "--all",
    "every_setting",
    is_flag=True,
    help="Print every setting; without it and without --policy a short table.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="[CHIP:]FIELD=VALUE",
    help="Set a field of all chips, or of one: canmore:energy.hop=2.3pJ:marginal.",
)
@click.option(
    "--csv",
    "csv_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write points.csv and curve.csv into this folder.",
)
@click.option(
    "--plot",
    "plot_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write energy_accuracy.png, over_time.png and, of several chips, "
    "chips.png into this folder.",
)
@with_options([*CUTTING, CASTING, *PLACING, JSON_FLAG, STEPS_PER_WINDOW, FORCE_MIXED])
def early_exit(
    model: Path,
    trace: Path,
    chip_names: tuple[str, ...],
    policies: tuple[str, ...],
    every_setting: bool,
    overrides: tuple[str, ...],
    csv_dir: Path | None,
    plot_dir: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Print what runs cost that stop as soon as a policy has decided.

    MODEL is a model.h5 written by 'eventsim train', or the folder that holds it. A chip
    that cannot be priced is named in an error line; the others are reported, and the
    exit code is 1.
    """
    from hwmodel.report.early_exit import exits_dict, exits_text

    refuse_unwritable(
        csv_dir and csv_dir / "points.csv", plot_dir and plot_dir / "over_time.png"
    )
    report = _priced(model, trace, chip_names, overrides, policies, options)
    for name, error in report.not_priced:
        click.echo(f"error: {error} ({name} is left out)", err=True)
    if as_json:
        print_json(exits_dict(report))
    elif report.chips:
        click.echo(exits_text(report, short=not (policies or every_setting)))
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

    from hwmodel.early_exit.analysis import price_exits
    from hwmodel.early_exit.chip_names import load_chips

    require_measured(path)
    chips = load_chips(chip_names, overrides)
    model, spikes = read_traced(path, trace)
    total = spikes.n_samples * len(chips)
    with tqdm(
        total=total, desc="priced", unit="sample", leave=False, disable=None
    ) as bar:
        return price_exits(
            model,
            spikes,
            chips,
            policies,
            on_samples=bar.update,
            **with_budget(options),
        )


def _write(report: ExitReport, csv_dir: Path | None, plot_dir: Path | None) -> None:
    if csv_dir is not None:
        from hwmodel.report.early_exit import write_exits

        say_written(write_exits(csv_dir, report))
    if plot_dir is not None:
        from hwmodel.report.early_exit_plots import plot_exits

        say_written(plot_exits(report, plot_dir))
