"""The command ``hwmodel tables``."""

from __future__ import annotations

import click

from hwmodel.commands.options import JSON_FLAG
from hwmodel.commands.output import print_json


@click.command(short_help="Recompute the energy tables of Wei et al. 2023.")
@JSON_FLAG
def tables(as_json: bool) -> None:
    """Recompute the energy numbers of Wei et al. 2023 (Table 2, Eq. 12, Fig. 8)."""
    from hwmodel.report.paper import tables_dict, tables_text

    if as_json:
        print_json(tables_dict())
    else:
        click.echo(tables_text())
