"""The directive ``command-reference``: usage and options, read from click."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click
from docutils import nodes
from docutils.parsers.rst import Directive


class CommandReference(Directive):
    """Write the help of a click group and of each of its commands.

    The argument is ``module:attribute program``.
    """

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Return one section for each command."""
        where, program = self.arguments
        module, _, attribute = where.partition(":")
        group = getattr(import_module(module), attribute)
        context = click.Context(
            group, info_name=program, terminal_width=80, **group.context_settings
        )
        result = self._command(group, context, program)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            below = click.Context(command, info_name=name, parent=context)
            result += self._command(command, below, f"{program} {name}")
        return result

    def _command(
        self, command: click.Command, context: click.Context, title: str
    ) -> list[nodes.Node]:
        section = nodes.section(ids=[nodes.make_id(title)], names=[title])
        text = command.get_help(context)
        section += nodes.title(text=title)
        section += nodes.literal_block(text, text, language="text")
        return [section]


def setup(app: Any) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("command-reference", CommandReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
