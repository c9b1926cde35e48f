"""The command ``hwmodel``: its commands, its errors, its exit codes."""

from __future__ import annotations

import sys
from typing import Any

import click

from hwmodel import __version__
from hwmodel.commands.chips import chips
from hwmodel.commands.contention import contention
from hwmodel.commands.early_exit import early_exit
from hwmodel.commands.estimate import estimate
from hwmodel.commands.export import export
from hwmodel.commands.map import map_command
from hwmodel.commands.tables import tables


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


for command in (chips, contention, early_exit, estimate, export, map_command, tables):
    commands.add_command(command)


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
