"""The command ``hwmodel chips``."""

from __future__ import annotations

import click

from hwmodel.commands.options import JSON_FLAG
from hwmodel.commands.output import print_json


@click.command(short_help="List the chips, or show the constants of one.")
@click.argument("name", required=False)
@JSON_FLAG
def chips(name: str | None, as_json: bool) -> None:
    """List the presets, or show every constant of one (or of a YAML file)."""
    from hwmodel.chip.chip import load_chip
    from hwmodel.chip.files import preset_names
    from hwmodel.report.chips import chip_dict, chip_list, chip_text

    if name is not None:
        chip = load_chip(name)
        if as_json:
            print_json(chip_dict(chip))
        else:
            click.echo(chip_text(chip))
        return
    presets = [load_chip(preset) for preset in preset_names()]
    if as_json:
        print_json([chip_dict(chip) for chip in presets])
    else:
        click.echo(chip_list(presets))
