"""The command ``eventsim early-exit``: parse, call, print."""

from __future__ import annotations

import json
from typing import Any

import click


@click.command("early-exit")
@click.argument(
    "models", metavar="MODEL...", type=click.Path(), nargs=-1, required=True
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME[=X]",
    help="first_spike, leader, margin, confidence or fixed_time; =X for one setting "
    "instead of a sweep [all].",
)
@click.option("--data-dir", metavar="DIR", help="Folder with the data files.")
@click.option(
    "--split",
    default="test",
    show_default=True,
    type=click.Choice(["test", "validation"]),
    help="Which samples.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="First N samples.")
@click.option(
    "--window",
    "windows",
    multiple=True,
    type=float,
    metavar="W",
    help="Confidence: count spikes in (t - W, t] [all so far].",
)
@click.option(
    "--smoothing",
    type=float,
    metavar="E",
    help="Confidence: spikes added to each class [1 / number of classes].",
)
@click.option(
    "--stop", is_flag=True, help="Also stop real runs on the queue, for each setting."
)
@click.option("--csv", metavar="FILE.csv|DIR", help="Write the tables.")
@click.option("--plot", metavar="DIR", help="Draw pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def early_exit(
    models: tuple[str, ...], policies: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Show how early MODEL can answer, and what that saves.

    MODEL is a model.h5 or a run directory. It is simulated once in float64; every
    policy is evaluated from that: accuracy, decision times, spikes and synaptic
    operations. Several models are shown one after the other and compared.
    """
    from eventsim.early_exit.command import early_exit_model
    from eventsim.early_exit.compare import compare_models, format_comparison
    from eventsim.early_exit.report import format_report

    found: Any
    if len(models) == 1:
        found = early_exit_model(models[0], policies, quiet=as_json, **options)
        text = format_report(found)
    else:
        found = compare_models(models, policies, quiet=as_json, **options)
        text = format_comparison(found)
    click.echo(json.dumps(found, indent=2, allow_nan=False) if as_json else text)
