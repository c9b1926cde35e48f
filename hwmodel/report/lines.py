"""Long lines of text reports: broken between words, continued under their beginning."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

WIDTH = 88
"""Columns of running text in reports; tables may be wider."""


def wrapped(text: str, indent: int = 0, head: str = "") -> list[str]:
    """Break a text into lines of at most `WIDTH` columns.

    Parameters
    ----------
    text : str
        One paragraph. Words longer than a line, such as paths, stay whole.
    indent : int
        Spaces before all lines but the first.
    head : str
        What stands before the text on the first line.

    Returns
    -------
    list of str
        Without line ends.
    """
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def remarks(warnings: Iterable[str], notes: Iterable[str]) -> str:
    """Write warnings and notes.

    Parameters
    ----------
    warnings, notes : iterable of str
        One paragraph each.

    Returns
    -------
    str
        Several lines; empty if there is nothing to say.
    """
    lines = [line for text in warnings for line in wrapped(text, 2, "warning: ")]
    lines += [line for text in notes for line in wrapped(text, 2, "note: ")]
    return "\n".join(lines)
