"""The command ``eventsim quantise``: parse, call, print."""

from __future__ import annotations

import json
from typing import Any

import click


@click.command()
@click.argument("model", type=click.Path())
@click.option(
    "--bits", required=True, type=int, metavar="B", help="Bits of a weight, 2 to 16."
)
@click.option(
    "--per",
    default="layer",
    show_default=True,
    type=click.Choice(["layer", "channel"]),
    help="What has a step of its own: each layer, or each unit or channel.",
)
@click.option(
    "--fine-tune",
    default=0,
    type=click.IntRange(0),
    metavar="EPOCHS",
    help="Train so long with rounded weights [0].",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="a.b=c",
    help="Change one setting of fine-tuning.",
)
@click.option("--data-dir", metavar="DIR", help="Folder with the data files.")
@click.option("--out", metavar="DIR", help="Folder to write [one in MODEL's folder].")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def quantise(model: str, bits: int, as_json: bool, **options: Any) -> None:
    """Round the weights of MODEL (a model.h5 or a run directory) to B bits.

    A weight becomes a whole number of steps, at most 2^(B-1) - 1 either way; zero stays
    zero. Writes DIR/model.h5 and DIR/summary.json with the accuracy before and after.
    """
    from eventsim.quantise import format_result, quantise_model

    result = quantise_model(model, bits, quiet=as_json, **options)
    if as_json:
        click.echo(
            json.dumps({"folder": str(result.folder), **result.summary}, indent=2)
        )
    else:
        click.echo(format_result(result))
