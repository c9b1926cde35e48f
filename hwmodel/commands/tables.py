"""The command ``hwmodel tables``."""

from __future__ import annotations

from typing import Any

import click

from hwmodel.commands.options import JSON_FLAG
from hwmodel.commands.output import print_json

TABLES = ("table-2", "eq-12", "fig-8")


@click.command(short_help="Recompute the energy tables of Wei et al. 2023.")
@click.argument(
    "which",
    required=False,
    type=click.Choice(TABLES),
    metavar=f"[{'|'.join(TABLES)}]",
)
@click.option("--all", "every_row", is_flag=True, help="Print every reading of Fig. 8.")
@JSON_FLAG
def tables(which: Any, every_row: bool, as_json: bool) -> None:
    """Recompute the energy numbers of Wei et al. 2023: all, or those of one place.

    Fig. 8 depends on choices that the paper leaves open; the text shows the range of
    each rule of partition and casting, --json and --all every reading.
    """
    from hwmodel.report.paper import tables_dict, tables_text

    if every_row and which not in (None, "fig-8"):
        raise click.UsageError(
            f"--all has no effect on {which}; expected fig-8, or no name, with it"
        )
    if as_json:
        print_json(tables_dict(which))
    else:
        click.echo(tables_text(which, every_row))
